//! The `run` steps of hooks.

use std::sync::Arc;

use uk_action::{Action, ActionId, Arg, Command, Input, Kind, LocalTree, Output, OutputKind, Source};

use super::{Lowering, Tool, given, identity, input};
use crate::hooks::Make;
use crate::manifest::{Program, Run};

/// Where a sandbox has the project's files; programs run there, so that paths mean what they mean beside the manifest.
const PROJECT: &str = "project";
/// Where programs of the host are looked for: their places on the host.
const PATH: &str = "/usr/bin:/bin:/usr/sbin:/sbin";

/// What a `run` step stands on.
#[derive(Debug)]
pub struct HookInputs {
    /// The project's files that it reads, its program among them.
    pub local: Arc<LocalTree>,
    /// The programs of the host that it calls: its own first if that is one, then what interprets its program, then its tools.
    pub tools: Vec<Tool>,
    /// What other steps make: the path, the action and which of its outputs.
    pub made: Vec<(String, ActionId, u32)>,
}

impl Lowering<'_> {
    /// Adds the action of `run`, a step of `make`.
    pub fn hook(&mut self, make: &Make, run: &Run, from: HookInputs) -> ActionId {
        let HookInputs { local, tools, made } = from;
        let place = |path: &str| format!("{PROJECT}/{path}");
        let tool = |tool: &Tool| format!("tools/{}", tool.label);
        let program = match (&run.program, tools.first()) {
            (Program::Host(_), Some(first)) => tool(first),
            (Program::Project(path), _) => place(&path.text),
            (Program::Host(name), None) => name.text.clone(),
        };
        let mut inputs: Vec<Input> = Vec::new();
        for needed in &tools {
            let key = identity::generated("tool", &format!("{} {}", needed.path.display(), needed.identity));
            let action = self.intern(key, || given(needed));
            if !inputs.iter().any(|input| *input.path == *tool(needed)) {
                inputs.push(input(tool(needed), action, 0));
            }
        }
        if !local.tree.entries().is_empty() {
            inputs.push(Input { path: PROJECT.into(), source: Source::Local(local) });
        }
        inputs.extend(made.iter().map(|(path, action, index)| input(place(path), *action, *index)));
        let mut argv = vec![Arg::path(program)];
        argv.extend(run.arguments.iter().map(|argument| Arg::from(argument.text.as_str())));
        let env = [("LC_ALL", "C"), ("PATH", PATH), ("SOURCE_DATE_EPOCH", "0"), ("TZ", "UTC")];
        self.graph.add(Action {
            kind: Kind::Hook,
            label: make.hook.clone(),
            span: Some(run.span),
            command: Command::Run {
                argv,
                env: env.map(|(name, value)| (name.to_owned(), value.into())).to_vec(),
                cwd: PROJECT.to_owned(),
                stdout: None,
                arg_files: Vec::new(),
                env_files: Vec::new(),
            },
            inputs,
            outputs: run
                .outputs
                .iter()
                .map(|output| Output {
                    path: place(&output.path.text),
                    kind: if output.folder { OutputKind::Tree } else { OutputKind::File },
                })
                .collect(),
        })
    }
}
