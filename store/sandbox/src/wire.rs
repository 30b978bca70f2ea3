//! A plan as bytes, between two processes of the same program: no version, no stability.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use crate::{Plan, Rule, Step, Walls, Watch};

pub(crate) fn encode(plan: &Plan) -> Vec<u8> {
    let mut out = Out(Vec::with_capacity(8192));
    match &plan.walls {
        Walls::None => out.number(0),
        Walls::Namespaces { base, steps } => {
            out.number(1);
            out.path(base);
            out.number(steps.len() as u64);
            steps.iter().for_each(|step| out.step(step));
        }
        Walls::Landlock { rules } => {
            out.number(2);
            out.number(rules.len() as u64);
            for Rule { path, writable } in rules {
                out.path(path);
                out.number(u64::from(*writable));
            }
        }
    }
    out.number(plan.argv.len() as u64);
    plan.argv.iter().for_each(|word| out.text(word));
    out.number(plan.env.len() as u64);
    for (name, value) in &plan.env {
        out.text(name);
        out.text(value);
    }
    out.path(&plan.cwd);
    out.number(plan.memory.unwrap_or(0));
    out.number(u64::from(plan.jobs.is_some()));
    plan.jobs.iter().flatten().for_each(|end| out.path(end));
    out.path(&plan.fault);
    match &plan.watch {
        None => out.number(0),
        Some(Watch::Refusals(file)) => {
            out.number(1);
            out.path(file);
        }
        Some(Watch::Clock(seconds)) => {
            out.number(2);
            out.number(*seconds);
        }
    }
    out.0
}

pub(crate) fn decode(bytes: &[u8]) -> Option<Plan> {
    let mut from = In(bytes);
    let walls = match from.number()? {
        0 => Walls::None,
        1 => {
            let base = from.path()?;
            let steps = (0..from.number()?).map(|_| from.step()).collect::<Option<_>>()?;
            Walls::Namespaces { base, steps }
        }
        2 => {
            let rules = (0..from.number()?)
                .map(|_| Some(Rule { path: from.path()?, writable: from.number()? != 0 }))
                .collect::<Option<_>>()?;
            Walls::Landlock { rules }
        }
        _ => return None,
    };
    let argv = (0..from.number()?).map(|_| from.text()).collect::<Option<_>>()?;
    let env = (0..from.number()?).map(|_| Some((from.text()?, from.text()?))).collect::<Option<_>>()?;
    let cwd = from.path()?;
    let memory = Some(from.number()?).filter(|bytes| *bytes > 0);
    let jobs = match from.number()? {
        0 => None,
        _ => Some([from.path()?, from.path()?]),
    };
    let fault = from.path()?;
    let watch = match from.number()? {
        0 => None,
        1 => Some(Watch::Refusals(from.path()?)),
        2 => Some(Watch::Clock(from.number()?)),
        _ => return None,
    };
    from.0.is_empty().then_some(Plan { walls, argv, env, cwd, memory, jobs, fault, watch })
}

struct Out(Vec<u8>);

impl Out {
    fn number(&mut self, number: u64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn text(&mut self, text: &OsStr) {
        self.bytes(text.as_bytes());
    }

    fn path(&mut self, path: &Path) {
        self.text(path.as_os_str());
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Folder(path) => {
                self.number(0);
                self.path(path);
            }
            Step::File(path, content) => {
                self.number(1);
                self.path(path);
                self.bytes(content);
            }
            Step::Link { at, target } => {
                self.number(2);
                self.path(at);
                self.path(target);
            }
            Step::Bind { from, at, writable } => {
                self.number(3);
                self.path(from);
                self.path(at);
                self.number(u64::from(*writable));
            }
            Step::Device(name) => {
                self.number(4);
                self.bytes(name.as_bytes());
            }
            Step::Unpack { archive, sum, at, writable } => {
                self.number(5);
                self.path(archive);
                self.bytes(sum.as_bytes());
                self.path(at);
                self.number(u64::from(*writable));
            }
        }
    }
}

struct In<'b>(&'b [u8]);

impl<'b> In<'b> {
    fn number(&mut self) -> Option<u64> {
        let (head, tail) = self.0.split_first_chunk()?;
        self.0 = tail;
        Some(u64::from_le_bytes(*head))
    }

    fn bytes(&mut self) -> Option<&'b [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (head, tail) = self.0.split_at_checked(length)?;
        self.0 = tail;
        Some(head)
    }

    fn text(&mut self) -> Option<OsString> {
        Some(OsString::from_vec(self.bytes()?.to_vec()))
    }

    fn word(&mut self) -> Option<String> {
        String::from_utf8(self.bytes()?.to_vec()).ok()
    }

    fn path(&mut self) -> Option<PathBuf> {
        self.text().map(PathBuf::from)
    }

    fn step(&mut self) -> Option<Step> {
        Some(match self.number()? {
            0 => Step::Folder(self.path()?),
            1 => Step::File(self.path()?, self.bytes()?.to_vec()),
            2 => Step::Link { at: self.path()?, target: self.path()? },
            3 => Step::Bind { from: self.path()?, at: self.path()?, writable: self.number()? != 0 },
            4 => Step::Device(self.word()?),
            5 => Step::Unpack {
                archive: self.path()?,
                sum: self.word()?,
                at: self.path()?,
                writable: self.number()? != 0,
            },
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_comes_back_as_it_was_and_nothing_shorter_is_one() {
        let steps = vec![
            Step::Folder("/a".into()),
            Step::File("/a/b".into(), vec![0, 1, 255]),
            Step::Link { at: "/l".into(), target: "a/b".into() },
            Step::Bind { from: "/usr".into(), at: "/usr".into(), writable: true },
            Step::Device("null".into()),
            Step::Unpack { archive: "/a.crate".into(), sum: "0f".into(), at: "/s".into(), writable: true },
        ];
        let rules = vec![Rule { path: "/x".into(), writable: false }];
        let all = [Walls::None, Walls::Namespaces { base: "/base".into(), steps }, Walls::Landlock { rules }];
        for walls in all {
            let plan = Plan {
                walls,
                argv: vec!["/bin/true".into(), OsString::from_vec(vec![0xff])],
                env: vec![("A".into(), "".into())],
                cwd: "/".into(),
                memory: Some(1 << 40),
                jobs: Some(["/r".into(), "/w".into()]),
                fault: "/fault".into(),
                watch: Some(Watch::Clock(1 << 33)),
            };
            let bytes = encode(&plan);
            assert_eq!(decode(&bytes).as_ref(), Some(&plan));
            (0..bytes.len()).for_each(|end| assert_eq!(decode(&bytes[..end]), None));
        }
    }
}
