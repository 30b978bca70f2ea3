//! What a process sees of the machine beside its sandbox's folder.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::path::{Component, Path, PathBuf};

use uk_action::{Action, Class, HostPath, Shown};
use uk_sandbox::{Rule, Step, Walls};

use super::{Sandbox, TMP, Workplace};
use crate::StoreError;

/// Links that one path may lead through, as the kernel counts them.
const MOST_LINKS: usize = 40;
/// Devices that hold nothing of the machine.
const DEVICES: [&str; 5] = ["full", "null", "random", "urandom", "zero"];

/// Inputs that are shown where they are rather than copied, and what tools need of the host.
#[derive(Debug, Default)]
pub(super) struct View {
    /// By the input's path in the sandbox.
    inputs: BTreeMap<String, Stage>,
    host: Vec<HostPath>,
    /// Where links of the sandbox lead to, for those who must be let through.
    opened: Vec<PathBuf>,
}

/// What stands at an input's path.
#[derive(Debug)]
enum Stage {
    /// A copy, which nobody may write.
    Copy,
    /// A file or folder of the host.
    Host(PathBuf),
    /// What an archive holds.
    Archive { path: PathBuf, sum: String, writable: bool },
}

impl View {
    /// Shows `from` at the sandbox's `path`, where a file or folder stands for it.
    pub(super) fn show(&mut self, path: &str, from: PathBuf) {
        self.inputs.insert(path.to_owned(), Stage::Host(from));
    }

    /// Shows what an archive holds at the sandbox's `path`, where a folder stands for it.
    pub(super) fn unpack(&mut self, path: &str, archive: &Path, sum: &str, writable: bool) {
        let archive = Stage::Archive { path: archive.to_owned(), sum: sum.to_owned(), writable };
        self.inputs.insert(path.to_owned(), archive);
    }

    /// Lets nobody write to what was copied to the sandbox's `path`.
    pub(super) fn protect(&mut self, path: &str) {
        self.inputs.entry(path.to_owned()).or_insert(Stage::Copy);
    }

    /// Lets a process read `path` of the host.
    pub(super) fn open(&mut self, path: PathBuf) {
        self.opened.push(path);
    }

    /// Shows what a tool needs of the host.
    pub(super) fn show_host(&mut self, shown: &Shown) {
        self.host.extend_from_slice(&shown.host);
    }

    /// Where the bytes of an input are, if not in the sandbox's folder.
    pub(super) fn source(&self, path: &str) -> Option<&Path> {
        match self.inputs.get(path)? {
            Stage::Host(from) => Some(from),
            Stage::Copy | Stage::Archive { .. } => None,
        }
    }
}

impl Sandbox<'_> {
    /// The walls for `action`.
    pub(super) fn walls(&self, action: &Action) -> Result<Walls, StoreError> {
        Ok(match self.class {
            Class::Folder => Walls::None,
            Class::Landlock => Walls::Landlock { rules: self.rules(action) },
            Class::Namespaces => {
                Walls::Namespaces { base: self.store.empty_folder()?, steps: self.steps(action) }
            }
        })
    }

    fn steps(&self, action: &Action) -> Vec<Step> {
        let folder = |path: &str| Step::Folder(path.into());
        let link = |at: &str, target: &str| Step::Link { at: at.into(), target: target.into() };
        let mut steps = vec![folder("/dev"), folder("/tmp"), folder(Action::SANDBOX)];
        steps.extend(DEVICES.map(|name| Step::Device(name.to_owned())));
        for (number, name) in ["stdin", "stdout", "stderr"].iter().enumerate() {
            steps.push(link(&format!("/dev/{name}"), &format!("/proc/self/fd/{number}")));
        }
        steps.push(link("/dev/fd", "/proc/self/fd"));
        steps.push(link("/dev/shm", "/tmp"));
        let bind = |from: PathBuf, at: &str, writable| Step::Bind { from, at: PathBuf::from(at), writable };
        steps.push(bind(self.root.to_owned(), Action::SANDBOX, true));
        steps.push(bind(self.root.join(TMP), "/tmp", true));
        steps.extend(host_steps(&self.view.host));
        for (path, stage) in &self.view.inputs {
            let at = format!("{}/{path}", Action::SANDBOX);
            steps.push(match stage {
                Stage::Host(from) => bind(from.clone(), &at, false),
                // An output may lie in a copied input; then that one can't be protected.
                Stage::Copy
                    if action.outputs.iter().any(|output| Path::new(&output.path).starts_with(path)) =>
                {
                    continue;
                }
                Stage::Copy => bind(PathBuf::from(at.trim_start_matches('/')), &at, false),
                Stage::Archive { path, sum, writable } => Step::Unpack {
                    archive: path.clone(),
                    sum: sum.clone(),
                    at: at.into(),
                    writable: *writable,
                },
            });
        }
        steps
    }

    fn rules(&self, action: &Action) -> Vec<Rule> {
        let rule = |path: PathBuf, writable| Rule { path, writable };
        let mut rules = vec![rule(self.root.to_owned(), false), rule(self.root.join(TMP), true)];
        rules.push(rule("/proc".into(), false));
        rules.extend(DEVICES.map(|name| rule(Path::new("/dev").join(name), true)));
        rules.extend(self.view.opened.iter().map(|path| rule(path.clone(), false)));
        rules.extend(self.view.host.iter().map(|host| rule(host.at.clone(), false)));
        if let Some(Workplace::Copy(place, _)) = &self.workplace {
            rules.push(rule(self.root.join(place), true));
        }
        for output in &action.outputs {
            let path = self.root.join(&output.path);
            let place = match output.kind {
                uk_action::OutputKind::Tree => path,
                _ => path.parent().map_or_else(|| self.root.to_owned(), Path::to_owned),
            };
            rules.push(rule(place, true));
        }
        rules
    }
}

/// What stands at a path of a new root.
#[derive(Debug, PartialEq, Eq)]
enum Thing {
    Folder,
    Link(PathBuf),
    /// Something of the host: where it is, and whether it is a folder.
    Host(PathBuf, bool),
}

/// The folders, links and files that make every path of `host` lead where it leads on the host.
fn host_steps(host: &[HostPath]) -> Vec<Step> {
    let mut things = BTreeMap::new();
    let mut links = HashMap::new();
    for HostPath { at, from } in host {
        follow(at, from, &mut things, &mut links);
    }
    let mut steps = Vec::new();
    let mut above: Option<PathBuf> = None;
    for (path, thing) in things {
        // Everything below a folder of the host is there with it.
        if above.as_ref().is_some_and(|above| path.starts_with(above)) {
            continue;
        }
        match thing {
            Thing::Folder => steps.push(Step::Folder(path)),
            Thing::Link(target) => steps.push(Step::Link { at: path, target }),
            Thing::Host(from, true) => {
                above = Some(path.clone());
                steps.push(Step::Folder(path.clone()));
                steps.push(Step::Bind { from, at: path, writable: false });
            }
            Thing::Host(from, false) => {
                steps.push(Step::File(path.clone(), Vec::new()));
                steps.push(Step::Bind { from, at: path, writable: false });
            }
        }
    }
    steps
}

/// Notes what lies on the way to `at`, and what is there. What isn't there is left out.
fn follow(
    at: &Path,
    from: &Path,
    things: &mut BTreeMap<PathBuf, Thing>,
    links: &mut HashMap<PathBuf, Option<PathBuf>>,
) {
    let mut rest: Vec<OsString> = names(at);
    let mut here = PathBuf::from("/");
    let mut followed = 0;
    while let Some(name) = rest.pop() {
        if name == ".." {
            here.pop();
            continue;
        }
        here.push(name);
        let target = links.entry(here.clone()).or_insert_with(|| std::fs::read_link(&here).ok());
        if let Some(target) = target {
            followed += 1;
            if followed > MOST_LINKS {
                return;
            }
            things.entry(here.clone()).or_insert_with(|| Thing::Link(target.clone()));
            here.pop();
            if target.is_absolute() {
                here = PathBuf::from("/");
            }
            rest.extend(names(target));
        } else if rest.is_empty() {
            // Something else may be shown there than the host has.
            let source = if from == at { &here } else { from };
            let Ok(found) = std::fs::metadata(source) else { return };
            things.insert(here.clone(), Thing::Host(source.to_owned(), found.is_dir()));
        } else {
            things.entry(here.clone()).or_insert(Thing::Folder);
        }
    }
}

/// The names of a path, the last first.
fn names(path: &Path) -> Vec<OsString> {
    let name = |part: Component<'_>| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        Component::Prefix(_) | Component::RootDir | Component::CurDir => None,
    };
    let mut names: Vec<OsString> = path.components().filter_map(name).collect();
    names.reverse();
    names
}
