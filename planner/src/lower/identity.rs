//! What a unit is called by the compiler, and when two units are one node.

use uk_action::{Digest, Encode, Hash, Sink};

use crate::units::{Crates, Lto, Mode, Origin, Package, Profile, Unit};

/// The two identities of a unit.
pub(super) struct Identity {
    /// 16 hexadecimal digits for `-C metadata` and file names: from names, versions, features and profile, never from a
    /// path or the sources' content, so that an edit changes no symbol name.
    pub metadata: String,
    /// Equal for units that would be equal actions, across unikernels and targets.
    pub interned: Digest,
}

/// The identities of every unit of a resolution.
pub(super) fn identities(crates: &Crates, keys: &str) -> Vec<Identity> {
    let mut done: Vec<(Digest, Digest)> = Vec::with_capacity(crates.units.len());
    for unit in &crates.units {
        let package = &crates.packages[unit.package];
        let names = Hash::of(&Named { package, unit, below: &done });
        let dependencies = unit.dependencies.iter().map(|d| done[d.unit].1).collect();
        let application = matches!(package.origin, Origin::Local { application: true, .. });
        let keys = if application { keys } else { "" };
        let interned = Hash::of(&Interned { names, source: package.origin.digest(), dependencies, keys });
        done.push((names, interned));
    }
    done.into_iter()
        .map(|(names, interned)| Identity { metadata: names.to_string()[..16].to_owned(), interned })
        .collect()
}

/// Names a generated file's node by its content.
pub(super) fn generated(name: &'static str, text: &str) -> Digest {
    Hash::of(&Generated { name, text })
}

/// Names the node that reads the directives of the build script whose run is `run`, for one link if `link` says for which.
pub(super) fn directives(run: &Digest, link: Option<&str>) -> Digest {
    Hash::of(&DirectivesOf { run, link })
}

struct Named<'a> {
    package: &'a Package,
    unit: &'a Unit,
    below: &'a [(Digest, Digest)],
}

impl Encode for Named<'_> {
    fn encode<S: Sink>(&self, sink: &mut S) {
        let Named { package, unit, below } = self;
        sink.record("uk-unit", 2);
        sink.text("name", &package.facts.name);
        sink.text("version", &package.facts.version);
        sink.text(
            "source",
            if let Origin::Fixed { source, .. } = &package.origin { source } else { "local" },
        );
        sink.text("crate", &unit.crate_name);
        sink.text("target", &unit.target);
        sink.number("primary", u64::from(package.primary));
        let (mode, number) = match unit.mode {
            Mode::Library => ("library", 0),
            Mode::ProcMacro => ("proc-macro", 1),
            Mode::BuildScript => ("build-script", 2),
            Mode::RunBuildScript => ("run-build-script", 3),
            Mode::Program => ("program", 4),
        };
        sink.variant("mode", mode, number);
        sink.number("host", u64::from(unit.host));
        sink.sequence("features", unit.features.len());
        unit.features.iter().for_each(|f| sink.text("feature", f));
        unit.profile.encode(sink);
        sink.sequence("dependencies", unit.dependencies.len());
        for dependency in &unit.dependencies {
            sink.text("name", &dependency.name);
            sink.digest("unit", &below[dependency.unit].0);
        }
    }
}

impl Encode for Profile {
    fn encode<S: Sink>(&self, sink: &mut S) {
        sink.text("opt-level", &self.opt_level);
        sink.text("debuginfo", &self.debuginfo);
        sink.number("debug-assertions", u64::from(self.debug_assertions));
        sink.number("overflow-checks", u64::from(self.overflow_checks));
        sink.number("panic-abort", u64::from(self.panic_abort));
        // No compiler is given zero.
        sink.number("codegen-units", u64::from(self.codegen_units.unwrap_or(0)));
        match &self.lto {
            Lto::Object => sink.variant("lto", "object", 0),
            Lto::Both => sink.variant("lto", "both", 1),
            Lto::Bitcode => sink.variant("lto", "bitcode", 2),
            Lto::Link(how) => {
                sink.variant("lto", "link", 3);
                sink.text("how", how);
            }
        }
        sink.text("strip", self.strip.as_deref().unwrap_or_default());
        sink.number("frame-pointers", u64::from(self.frame_pointers));
    }
}

struct Interned<'a> {
    names: Digest,
    source: Digest,
    dependencies: Vec<Digest>,
    keys: &'a str,
}

impl Encode for Interned<'_> {
    fn encode<S: Sink>(&self, sink: &mut S) {
        sink.record("uk-interned-unit", 1);
        sink.digest("names", &self.names);
        sink.digest("source", &self.source);
        sink.sequence("dependencies", self.dependencies.len());
        self.dependencies.iter().for_each(|d| sink.digest("dependency", d));
        sink.text("keys", self.keys);
    }
}

struct Generated<'a> {
    name: &'static str,
    text: &'a str,
}

impl Encode for Generated<'_> {
    fn encode<S: Sink>(&self, sink: &mut S) {
        sink.record("uk-interned-file", 1);
        sink.text("name", self.name);
        sink.text("text", self.text);
    }
}

struct DirectivesOf<'a> {
    run: &'a Digest,
    link: Option<&'a str>,
}

impl Encode for DirectivesOf<'_> {
    fn encode<S: Sink>(&self, sink: &mut S) {
        sink.record("uk-interned-directives", 2);
        sink.digest("run", self.run);
        sink.sequence("link", usize::from(self.link.is_some()));
        self.link.iter().for_each(|link| sink.text("link", link));
    }
}
