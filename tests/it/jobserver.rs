//! Jobs that build steps share with what they run.

use std::path::Path;
use std::sync::Arc;

use uk_action::{
    Action, ActionId, Class, Command, Digest, Graph, HostPath, Input, Kind, Output, OutputKind, Shown, Source,
};
use uk_store::{Builtins, Cancel, Event, Observer, Options, Report, Sandboxing, Store, realise};

use crate::hermetic::has;
use crate::support::{Folder, token, uk};

struct Nothing;

impl Builtins for Nothing {
    fn run(&self, name: &str, _: &[String], _: &Path) -> Result<(), String> {
        Err(format!("there is no builtin `{name}`"))
    }
}

impl Observer for Nothing {
    fn event(&self, _: Event) {}
}

/// Takes all tokens that are there.
const TAKE: &str = "dd if=/proc/self/fd/100 bs=64 count=1 iflag=nonblock 2>/dev/null || true";

/// Steps that each write the file `out/text` with what they see, one after the other.
fn graph(steps: &[(Kind, &str)]) -> (Graph, Vec<ActionId>) {
    let mut graph = Graph::default();
    let host = ["/bin", "/lib", "/lib64", "/usr"].map(HostPath::same).to_vec();
    let host = graph.add(Action {
        kind: Kind::Toolchain,
        label: "host".into(),
        span: None,
        command: Command::Given {
            path: "/usr/bin".into(),
            identity: Digest::of(b"host"),
            shown: Arc::new(Shown { host, ..Shown::default() }),
        },
        inputs: Vec::new(),
        outputs: vec![Output { path: "tool".into(), kind: OutputKind::File }],
    });
    let mut ids = Vec::<ActionId>::new();
    for (kind, script) in steps {
        let input =
            |path: &str, action| Input { path: path.into(), source: Source::Output { action, index: 0 } };
        let before = ids.last().map(|before| input("before", *before));
        ids.push(graph.add(Action {
            kind: *kind,
            label: format!("step {}", ids.len()),
            span: None,
            command: Command::Run {
                argv: vec!["/bin/sh".into(), "-euc".into(), (*script).into()],
                env: vec![("PATH".into(), "/usr/bin:/bin".into())],
                cwd: String::new(),
                stdout: Some("out/text".into()),
                arg_files: Vec::new(),
                env_files: Vec::new(),
            },
            inputs: before.into_iter().chain([input("host", host)]).collect(),
            outputs: vec![Output { path: "out/text".into(), kind: OutputKind::File }],
        }));
    }
    (graph, ids)
}

fn store(folder: &Folder, class: Class) -> Store {
    let wanted = Sandboxing { launcher: Some(env!("CARGO_BIN_EXE_uk").into()), class: Some(class) };
    Store::open(&folder.join("store")).expect("a new store").with_sandboxing(wanted)
}

#[track_caller]
fn build(store: &Store, (graph, steps): &(Graph, Vec<ActionId>), jobs: usize) -> Report {
    let options = Options { jobs, ..Options::default() };
    let report = realise(graph, steps, store, &options, &Nothing, &Nothing, &Cancel::default());
    report.unwrap_or_else(|failure| {
        let logs = failure.faults.iter().map(|fault| String::from_utf8_lossy(&fault.log));
        panic!("{:?}: {}", failure.faults.len(), logs.collect::<String>())
    })
}

fn said(store: &Store, report: &Report, step: ActionId) -> String {
    let bytes = store.read(report.outputs(step)[0].digest).expect("a root's output is there");
    String::from_utf8(bytes).expect("text")
}

/// Every class that passes the pipe on and that this machine has.
fn classes() -> impl Iterator<Item = Class> {
    [Class::Namespaces, Class::Landlock].into_iter().filter(|class| has(class.name()))
}

#[test]
fn compilers_and_build_scripts_share_the_jobs_that_nobody_does() {
    let give = "printf %s \"$taken\" > /proc/self/fd/101";
    let see = format!("taken=$({TAKE}); {give}; echo \"$taken $CARGO_MAKEFLAGS\"; {TAKE}");
    for class in classes() {
        for (jobs, free) in [(1, ""), (2, "+"), (5, "++++")] {
            let folder = Folder::empty();
            let store = store(&folder, class);
            let steps = graph(&[(Kind::RunScript, &see), (Kind::Compile, &see)]);
            let report = build(&store, &steps, jobs);
            let expected = format!("{free} -j --jobserver-fds=100,101 --jobserver-auth=100,101\n{free}");
            for step in &steps.1 {
                assert_eq!(said(&store, &report, *step), expected, "{class:?}, {jobs} jobs");
            }
            // No key knows how many there were.
            assert_eq!(build(&store, &steps, jobs + 1).executed, 0);
        }
    }
}

#[test]
fn other_steps_have_no_part_in_it() {
    let see = "echo \"${CARGO_MAKEFLAGS-none}\"; test -e /proc/self/fd/100 || echo closed";
    for class in classes() {
        let folder = Folder::empty();
        let store = store(&folder, class);
        let steps = graph(&[(Kind::Pack, see)]);
        let report = build(&store, &steps, 2);
        assert_eq!(said(&store, &report, steps.1[0]), "none\nclosed\n");
    }
}

#[test]
fn a_process_that_is_killed_takes_no_job_with_it() {
    let killed = format!("sh -c '{TAKE}; kill -9 $$' || true");
    for class in classes() {
        let folder = Folder::empty();
        let store = store(&folder, class);
        let steps = graph(&[(Kind::RunScript, &killed), (Kind::RunScript, TAKE)]);
        let report = build(&store, &steps, 3);
        assert_eq!(said(&store, &report, steps.1[0]), "++");
        assert_eq!(said(&store, &report, steps.1[1]), "++");
    }
}

#[test]
fn make_does_as_much_at_once_as_there_are_jobs() {
    // Each target waits for another one to have begun, and says how many there are at that moment.
    let recipe = "@touch now.$@; \
        for i in $$(seq 100); do test $$(ls now.* done.* 2>/dev/null | wc -l) -ge 2 && break; sleep 0.1; done; \
        ls now.* | wc -l >> counts; mv now.$@ done.$@";
    let script = format!(
        "cd \"$TMPDIR\"; printf '%s\\n' 'all: a b c d' 'a b c d: ; {recipe}' > Makefile; \
         MAKEFLAGS=\"$CARGO_MAKEFLAGS\" make >&2; sort -n counts | tail -n 1; wc -l < counts"
    );
    for class in classes() {
        let folder = Folder::empty();
        let store = store(&folder, class);
        let steps = graph(&[(Kind::RunScript, &script)]);
        let report = build(&store, &steps, 2);
        assert_eq!(said(&store, &report, steps.1[0]), "2\n4\n", "{class:?}");
    }
}

#[test]
fn more_jobs_than_the_system_has_descriptors_for_are_an_error() {
    let folder = Folder::example("hello");
    uk(folder.path(), ["build"]).run().ok();
    let text = folder.read("src/lib.rs");
    folder.write("src/lib.rs", &format!("{text}// {}\n", token()));
    let mut said = Vec::new();
    let built = (6..64).any(|limit| {
        let script = format!("ulimit -n {limit}; exec \"$@\"");
        let ran = uk(folder.path(), ["build", "-j", "4096"]).through("sh", &["-c", &script, "sh"]).run();
        let code = ran.status.code();
        assert!(code == Some(0) || code == Some(1) && !ran.codes().is_empty(), "with {limit}: {ran}");
        // Wherever descriptors ran out.
        let advice = format!("raise the limit of open files, which is {limit}: `ulimit -n {}`", 2 * limit);
        let advised = ran.stderr.contains(&advice) || !ran.stderr.contains("Too many open files");
        assert!(advised, "with {limit}: {ran}");
        said.push(ran.stderr);
        code == Some(0)
    });
    assert!(built, "{said:?}");
    let begun = said.iter().find(|said| said.contains("can't be begun"));
    assert!(begun.is_some_and(|said| said.contains("UK0601") && said.contains("ulimit -n")), "{said:?}");
}

#[test]
fn without_threads_a_build_is_an_error() {
    let folder = Folder::example("hello");
    uk(folder.path(), ["build"]).run().ok();
    let text = folder.read("src/lib.rs");
    folder.write("src/lib.rs", &format!("{text}// {}\n", token()));
    // No address space has room for such a stack.
    let ran = uk(folder.path(), ["build"]).env("RUST_MIN_STACK", (1_u64 << 62).to_string()).run();
    let said = ran.fails(1, &["UK0601"]);
    assert!(said.contains("can't be begun") && said.contains("`ulimit -u 4096`"), "{said}");
    assert!(!said.contains("ulimit -n"), "files are not what it lacks: {said}");
}
