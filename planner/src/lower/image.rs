//! The generated main: compiled, linked and packed.

use uk_action::{Action, ActionId, Arg, Command, Kind, Output, OutputKind};
use uk_backends::{Linker, Target};
use uk_diagnostic::Span;

use super::rustc::Call;
use super::script::{plain_env, search};
use super::{Lowering, OUT, RUST, Units, generate, identity, input};
use crate::units::{Crates, Mode};

/// What is specific to one unikernel on one target: the texts that were generated for it.
#[derive(Debug, Clone, Copy)]
pub struct Wiring<'a> {
    /// The artifact's name without the target's suffix.
    pub name: &'a str,
    /// The target.
    pub target: Target,
    /// `main.rs`.
    pub main: &'a str,
    /// `keys.rs`, with the baked defaults.
    pub keys: &'a str,
    /// What the application's `keys!` sees.
    pub projection: &'a str,
    /// Data that the main takes into the image: from its folder, a path and the node that makes them.
    pub data: &'a [(String, ActionId)],
    /// The manifest line of the unikernel.
    pub span: Option<Span>,
}

/// The nodes of a finished unikernel. Each has one output.
#[derive(Debug, Clone, Copy)]
pub struct Image {
    /// The linked program with its debug information.
    pub link: ActionId,
    /// The artifact: the program without it.
    pub pack: ActionId,
}

impl Lowering<'_> {
    /// Adds everything that `wiring` needs, and returns its last nodes.
    pub fn image(&mut self, crates: &Crates, wiring: &Wiring<'_>) -> Image {
        let units = self.units(crates, wiring.projection);
        let link = self.link(&units, wiring);
        let link = self.graph.add(link);
        let pack = pack(self, wiring, link);
        Image { link, pack: self.graph.add(pack) }
    }

    fn link(&mut self, units: &Units<'_>, wiring: &Wiring<'_>) -> Action {
        let crates = units.crates;
        let mut file = |name: &'static str, text: &str| {
            self.intern(identity::generated(name, text), || generate(name, text.to_owned()))
        };
        let sources = [("main.rs", file("main.rs", wiring.main)), ("keys.rs", file("keys.rs", wiring.keys))];
        let script = match wiring.target.linker() {
            Linker::Host => None,
            Linker::Lld { script } => Some(file("link.ld", script)),
        };

        let mut call = Call::new(self);
        let name: String =
            wiring.name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        call.crate_flags(&name, "2024");
        call.text("main.rs");
        call.texts([
            "--crate-type=bin",
            "--emit=link",
            "--error-format=json",
            "--json=diagnostic-rendered-ansi",
        ]);
        // The profile of the libraries: all of an image's crates have one.
        let library =
            crates.root.iter().map(|d| &crates.units[d.unit]).find(|u| u.mode == Mode::Library && !u.host);
        if let Some(unit) = library {
            call.profile(unit);
        }
        call.texts(wiring.target.link_args());
        call.externs(units, &crates.root);
        match script {
            None => call.host_linker(self),
            Some(script) => {
                let lld = format!("{RUST}/lib/rustlib/{}/bin/rust-lld", self.host.triple);
                call.at("-Clinker=", &lld);
                call.at("-Clink-arg=-T", "main/link.ld");
                call.inputs.push(input("main/link.ld", script, 0));
            }
        }
        let output = format!("{OUT}/{}", wiring.name);
        call.text("-o");
        call.push(Arg::path(output.clone()));

        let mut closure: Vec<usize> = crates.root.iter().map(|d| d.unit).collect();
        closure.extend(crates.root.iter().flat_map(|d| &units.closure[d.unit]));
        closure.sort_unstable();
        closure.dedup();
        call.inputs.extend(units.libraries(&closure));
        search(units, &closure, &mut call);
        call.inputs.extend(sources.map(|(name, action)| input(format!("main/{name}"), action, 0)));
        let data = wiring.data.iter();
        call.inputs.extend(data.map(|(name, action)| input(format!("main/{name}"), *action, 0)));
        Action {
            kind: Kind::Link,
            label: artifact(wiring),
            span: wiring.span,
            outputs: vec![Output { path: output, kind: OutputKind::File }],
            command: Command::Run {
                argv: call.argv,
                env: plain_env(),
                cwd: "main".to_owned(),
                stdout: None,
                arg_files: call.arg_files,
                env_files: call.env_files,
            },
            inputs: call.inputs,
        }
    }
}

fn artifact(wiring: &Wiring<'_>) -> String {
    format!("{}{}", wiring.name, wiring.target.suffix())
}

/// The artifact: the program less its symbols and debug information, which stay in the link's output. A program of the
/// host names that file, `NAME.debug`: its own backtraces and debuggers read it where it lies beside the program.
fn pack(lowering: &Lowering<'_>, wiring: &Wiring<'_>, link: ActionId) -> Action {
    let output = format!("{OUT}/{}", artifact(wiring));
    let objcopy = format!("{RUST}/lib/rustlib/{}/bin/rust-objcopy", lowering.host.triple);
    let linked = format!("{}.debug", artifact(wiring));
    let mut argv = vec![Arg::path(objcopy), "--strip-all".into()];
    if wiring.target.is_freestanding() {
        // Loaders of images read segments. `uk run` symbolises from the link's output.
        argv.push("--strip-sections".into());
    } else if !lowering.host.triple.contains("apple") {
        // Mach-O has other means.
        let before = "--add-gnu-debuglink=".to_owned();
        argv.push(Arg::path_in(before, linked.clone(), ""));
    }
    argv.extend([Arg::path(linked.clone()), Arg::path(output.clone())]);
    let mut env = plain_env();
    // The toolchain's `rust-objcopy` doesn't find the toolchain's own libLLVM by itself.
    env.push(("LD_LIBRARY_PATH".to_owned(), Arg::path(format!("{RUST}/lib"))));
    env.sort_by(|a, b| a.0.cmp(&b.0));
    Action {
        kind: Kind::Pack,
        label: artifact(wiring),
        span: wiring.span,
        outputs: vec![Output { path: output, kind: OutputKind::File }],
        command: Command::Run {
            argv,
            env,
            cwd: String::new(),
            stdout: None,
            arg_files: Vec::new(),
            env_files: Vec::new(),
        },
        inputs: vec![input(RUST, lowering.rust, 0), input(linked, link, 0)],
    }
}
