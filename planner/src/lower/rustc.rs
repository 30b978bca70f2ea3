//! One crate: the `rustc` call that compiles it.

use std::cell::RefCell;
use std::collections::HashSet;
use std::sync::Arc;

use uk_action::{Action, ActionId, Arg, Command, Input, Kind, Output, OutputKind};

use super::{CC, DEPS, Lowering, OUT, RUST, Units, input, script};
use crate::units::{Crates, Lto, Mode, Origin, Unit};

/// What a path in debug information and messages starts with, in place of the sandbox's own.
const REMAPPED: &str = "/uk";

/// The action that compiles the unit `index`. `link` reads what the build script of its package says of its link.
pub(super) fn compile(
    lowering: &Lowering<'_>,
    units: &Units<'_>,
    index: usize,
    keys: ActionId,
    link: Option<ActionId>,
) -> Action {
    let crates = units.crates;
    let unit = &crates.units[index];
    let package = &crates.packages[unit.package];
    let folder = units.package(index);
    let local = matches!(package.origin, Origin::Local { .. });
    let application = matches!(package.origin, Origin::Local { application: true, .. });

    let mut call = Call::new(lowering);
    call.crate_flags(&unit.crate_name, &unit.edition);
    // The user's own sources are named as from their package, those of others with the package's name before them.
    call.push(if local {
        Arg::from(unit.source.clone())
    } else {
        Arg::path(format!("{folder}/{}", unit.source))
    });
    call.text(match unit.mode {
        Mode::Library => "--crate-type=lib",
        Mode::ProcMacro => "--crate-type=proc-macro",
        Mode::BuildScript | Mode::RunBuildScript | Mode::Program => "--crate-type=bin",
    });
    call.texts(["--emit=link", "--error-format=human", "--color=always"]);
    call.profile(unit);
    if unit.mode == Mode::ProcMacro {
        call.text("-Cprefer-dynamic");
    }
    for feature in &unit.features {
        call.texts(["--cfg", &format!("feature=\"{feature}\"")]);
    }
    if local {
        call.text("--check-cfg=cfg(docsrs,test)");
        let features: Vec<String> = package.facts.features.iter().map(|f| format!("{f:?}")).collect();
        call.text(&format!("--check-cfg=cfg(feature, values({}))", features.join(", ")));
        call.texts(&package.facts.lints);
    } else {
        call.text("--cap-lints=allow");
    }
    let id = &units.ids[index].metadata;
    // No other has these.
    call.push(format!("-Cmetadata={id}").into());
    call.push(format!("-Cextra-filename=-{id}").into());
    call.out_dir();
    call.externs(units, &unit.dependencies);
    if unit.mode == Mode::ProcMacro {
        call.texts(["--extern", "proc_macro"]);
    }
    if unit.mode != Mode::Library {
        call.host_linker(lowering);
    }

    let mut env = package_env(units, index);
    env.push(("CARGO_CRATE_NAME".to_owned(), unit.crate_name.clone().into()));
    if unit.mode == Mode::Program {
        env.push(("CARGO_BIN_NAME".to_owned(), unit.target.clone().into()));
    }
    if package.primary {
        env.push(("CARGO_PRIMARY_PACKAGE".to_owned(), "1".into()));
    }
    call.inputs.push(units.sources(index));
    call.inputs.extend(units.libraries(&units.closure[index]));
    if application {
        env.push(("UK_KEYS".to_owned(), Arg::path("keys.kdl")));
        call.inputs.push(input("keys.kdl", keys, 0));
    }
    script::apply(units, index, link, &mut call, &mut env);
    env.sort_by(|a, b| a.0.cmp(&b.0));
    Action {
        kind: match unit.mode {
            Mode::BuildScript => Kind::CompileScript,
            Mode::Program => Kind::Link,
            _ => Kind::Compile,
        },
        label: units.label(index),
        span: None,
        outputs: vec![Output { path: format!("{OUT}/{}", units.file(index)), kind: OutputKind::File }],
        command: Command::Run {
            argv: call.argv,
            env,
            cwd: folder,
            stdout: None,
            arg_files: call.arg_files,
            env_files: call.env_files,
        },
        inputs: call.inputs,
    }
}

/// What command lines have in common, each word once however many have it.
pub(super) struct Words {
    rustc: Arg,
    remap: Arg,
    texts: RefCell<HashSet<Arc<str>>>,
}

impl Words {
    pub fn new() -> Self {
        Self {
            rustc: Arg::path(format!("{RUST}/bin/rustc")),
            remap: Arg::path_in("--remap-path-prefix=", "", format!("={REMAPPED}")),
            texts: RefCell::default(),
        }
    }

    fn text(&self, text: &str) -> Arg {
        let mut texts = self.texts.borrow_mut();
        if let Some(known) = texts.get(text) {
            return Arg::Text(known.clone());
        }
        let new: Arc<str> = text.into();
        texts.insert(new.clone());
        Arg::Text(new)
    }
}

/// A `rustc` call that grows.
pub(super) struct Call<'h> {
    triple: &'h str,
    words: &'h Words,
    pub argv: Vec<Arg>,
    pub inputs: Vec<Input>,
    pub arg_files: Vec<String>,
    pub env_files: Vec<String>,
}

impl<'h> Call<'h> {
    /// A call of the toolchain's `rustc`.
    pub fn new(lowering: &'h Lowering<'_>) -> Self {
        Self {
            triple: &lowering.host.triple,
            words: &lowering.words,
            argv: vec![lowering.words.rustc.clone()],
            inputs: vec![input(RUST, lowering.rust, 0)],
            arg_files: Vec::new(),
            env_files: Vec::new(),
        }
    }

    pub fn push(&mut self, arg: Arg) {
        self.argv.push(arg);
    }

    pub fn text(&mut self, text: &str) {
        self.argv.push(self.words.text(text));
    }

    pub fn texts<'t>(&mut self, texts: impl IntoIterator<Item = &'t (impl AsRef<str> + ?Sized + 't)>) {
        self.argv.extend(texts.into_iter().map(|t| self.words.text(t.as_ref())));
    }

    /// `before` and the absolute path of the sandbox's `path`.
    pub fn at(&mut self, before: &str, path: &str) {
        self.argv.push(Arg::path_in(before, path, ""));
    }

    pub fn crate_flags(&mut self, name: &str, edition: &str) {
        self.texts(["--crate-name", name]);
        self.text(&format!("--edition={edition}"));
        self.push(self.words.remap.clone());
    }

    /// Code generation: for an image one flag set for every library, whatever the target.
    pub fn profile(&mut self, unit: &Unit) {
        let on = |b: bool| if b { "on" } else { "off" };
        let profile = &unit.profile;
        self.text(&format!("-Copt-level={}", profile.opt_level));
        self.text(&format!("-Cdebuginfo={}", profile.debuginfo));
        self.text(&format!("-Cdebug-assertions={}", on(profile.debug_assertions)));
        self.text(&format!("-Coverflow-checks={}", on(profile.overflow_checks)));
        if let Some(units) = profile.codegen_units {
            self.text(&format!("-Ccodegen-units={units}"));
        }
        match &profile.lto {
            Lto::Object => self.text("-Cembed-bitcode=no"),
            Lto::Both => {}
            Lto::Bitcode => self.text("-Clinker-plugin-lto"),
            Lto::Link(how) => self.text(&format!("-Clto={how}")),
        }
        if let Some(strip) = &profile.strip {
            self.text(&format!("-Cstrip={strip}"));
        }
        if !unit.host {
            self.text(&format!("--target={}", self.triple));
        }
        if profile.frame_pointers {
            self.text("-Cforce-frame-pointers=yes");
        }
        if profile.panic_abort {
            self.text("-Cpanic=abort");
        }
    }

    /// Stages an input, once.
    pub fn stage(&mut self, input: Input) {
        if self.inputs.iter().all(|known| known.path != input.path) {
            self.inputs.push(input);
        }
    }

    pub fn out_dir(&mut self) {
        self.text("--out-dir");
        self.push(Arg::path(OUT));
    }

    pub fn externs(&mut self, units: &Units<'_>, dependencies: &[crate::units::Dependency]) {
        self.at("-Ldependency=", DEPS);
        for dependency in dependencies {
            if matches!(units.crates.units[dependency.unit].mode, Mode::Library | Mode::ProcMacro) {
                self.text("--extern");
                self.at(&format!("{}=", dependency.name), &format!("{DEPS}/{}", units.file(dependency.unit)));
            }
        }
    }

    /// Links with the host's C compiler driver.
    pub fn host_linker(&mut self, lowering: &Lowering<'_>) {
        self.at("-Clinker=", CC);
        self.text("-Clink-arg=-Wl,--build-id=none");
        self.inputs.push(input(CC, lowering.cc, 0));
    }
}

/// The variables that every crate of a package sees, not sorted.
pub(super) fn package_env(units: &Units<'_>, index: usize) -> Vec<(String, Arg)> {
    let Crates { packages, units: all, .. } = units.crates;
    let facts = &packages[all[index].package].facts;
    let mut env: Vec<(String, Arg)> = base_env();
    env.push(("CARGO".to_owned(), Arg::path(format!("{RUST}/bin/cargo"))));
    env.push(("CARGO_MANIFEST_DIR".to_owned(), Arg::path(units.package(index))));
    env.push(("CARGO_MANIFEST_PATH".to_owned(), Arg::path(format!("{}/Cargo.toml", units.package(index)))));
    env.push(("CARGO_PKG_NAME".to_owned(), facts.name.clone().into()));
    env.push(("CARGO_PKG_VERSION".to_owned(), facts.version.clone().into()));
    let (numbers, pre) =
        facts.version.split('+').next().and_then(|v| v.split_once('-')).unwrap_or((&facts.version, ""));
    let mut numbers = numbers.split(['.', '+']);
    for part in ["MAJOR", "MINOR", "PATCH"] {
        env.push((format!("CARGO_PKG_VERSION_{part}"), numbers.next().unwrap_or("0").into()));
    }
    env.push(("CARGO_PKG_VERSION_PRE".to_owned(), pre.into()));
    env.extend(facts.variables.iter().map(|(name, value)| (name.clone(), value.clone().into())));
    env
}

/// What every process of a build sees: nothing of the user's environment.
pub(super) fn base_env() -> Vec<(String, Arg)> {
    [("LC_ALL", "C"), ("PATH", "/usr/bin:/bin"), ("SOURCE_DATE_EPOCH", "0"), ("TZ", "UTC")]
        .map(|(name, value)| (name.to_owned(), value.into()))
        .to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_lines_share_their_words() {
        let words = Words::new();
        let texts = ["-Copt-level=s", "-Copt-level=s"].map(|text| words.text(text));
        let [Arg::Text(one), Arg::Text(other)] = texts else { panic!("they are texts") };
        assert!(Arc::ptr_eq(&one, &other));
    }
}
