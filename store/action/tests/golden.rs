//! The digests of one value of each kind: whoever changes an encoding sees it here, and raises its version.
//!
//! Keys are shared between machines and versions of `uk`; a change that this file doesn't show would mix them up.

use uk_action::{
    Action, Arg, Bytes, Class, Command, Digest, Entry, EntryKind, Explain, Graph, Input, Kind, Output,
    OutputKind, Produced, Seal, Source, Tree,
};

fn fixed(path: &str, text: &str) -> Input {
    Input {
        path: path.into(),
        source: Source::fixed("/not/encoded", Digest::of(text.as_bytes()), Seal::Trusted),
    }
}

fn run() -> Action {
    Action {
        kind: Kind::Compile,
        label: "not encoded".into(),
        span: None,
        command: Command::Run {
            argv: vec!["bin/rustc".into(), Arg::path_in("--out-dir=", "out", "/x")],
            env: vec![("NAME".into(), "value".into()), ("HERE".into(), Arg::path(""))],
            cwd: "src".into(),
            stdout: Some("printed".into()),
            arg_files: vec!["args".into()],
            env_files: vec!["env".into()],
        },
        inputs: vec![fixed("bin", "toolchain"), fixed("src", "source")],
        outputs: vec![
            Output { path: "out/lib.rlib".into(), kind: OutputKind::File },
            Output { path: "out/dir".into(), kind: OutputKind::Tree },
            Output { path: "printed".into(), kind: OutputKind::Text },
        ],
    }
}

fn key(action: &Action) -> String {
    let digests: Vec<Digest> = action
        .inputs
        .iter()
        .map(|input| match &input.source {
            Source::Fixed(fixed) => fixed.identity,
            _ => unreachable!("only fixed inputs here"),
        })
        .collect();
    action.key(&digests, Class::Folder).to_string()
}

fn with(command: Command) -> String {
    key(&Action { kind: Kind::Generate, command, inputs: vec![], ..run() })
}

fn tree() -> Tree {
    let file = |executable| EntryKind::File { digest: Digest::of(b"content"), executable };
    let entry = |path: &str, kind| Entry { path: path.into(), kind };
    Tree::new(vec![
        entry("src/lib.rs", file(false)),
        entry("build.sh", file(true)),
        entry("README", EntryKind::Link { target: "docs/README".into() }),
    ])
    .expect("a tree")
}

#[test]
fn keys_of_actions() {
    assert_eq!(key(&run()), "9f8f3a663aebf8274af9f6f1f59885e417a3c30264e7e448c900c410d105edf7");
    assert_eq!(
        with(Command::Write((*b"text").into())),
        "2776adc9878832f4eec719070485eeb724ca4e897cd1ce30b90e045b6d301770"
    );
    assert_eq!(
        with(Command::Given { path: "/x".into(), identity: Digest::of(b"it"), shown: Default::default() }),
        "87aec9a4e7387fd1c735b5fa9aeb454caa60b5a8c2fa487b4c60b8d375b346f2"
    );
    assert_eq!(
        with(Command::Builtin { name: "pack", version: 3, args: vec!["-x".into()] }),
        "73d43d40988418785f1e671f857f89796db5d0f1c83198982f2ef42cd0885ecb"
    );
}

#[test]
fn digests_of_objects() {
    assert_eq!(
        Digest::of(b"").to_string(),
        "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"
    );
    assert_eq!(
        Tree::default().digest().to_string(),
        "82b1ab62a2f50d1b00c314a374f6007a188888dde91e0906baeb3a97905d5c0b"
    );
    assert_eq!(
        tree().digest().to_string(),
        "df89190fad502b0df386d52060159c8beac3522d05858bb9724572eadbce1afd"
    );
    let program = Produced { digest: Digest::of(b"content"), size: 7, executable: true };
    assert_eq!(
        program.identity().to_string(),
        "68cf5c75a207208ff491b275a5977a201617ff6f6f804a9ec6a7410c30eb691f"
    );
}

#[test]
fn numbers_of_kinds() {
    let keys = Kind::ALL.map(|kind| key(&Action { kind, ..run() })[..8].to_owned());
    assert_eq!(
        keys.join(" "),
        "089b4fd1 f87b99d8 9f8f3a66 bfd30228 97700435 0954cd19 b3f104bd ea02f8cb 2920adab 998c8032"
    );
}

#[test]
fn the_explanation() {
    let digests = [Digest::of(b"toolchain"), Digest::of(b"source")];
    assert_eq!(
        Explain::of(&run().resolved(&digests, Class::Folder)),
        "\
uk-action v1
kind compile
command run
argv (2)
arg text
text \"bin/rustc\"
arg path
before \"--out-dir=\"
path \"out\"
after \"/x\"
env (2)
name \"NAME\"
arg text
text \"value\"
name \"HERE\"
arg path
before \"\"
path \"\"
after \"\"
cwd \"src\"
stdout (1)
stdout \"printed\"
arg-files (1)
arg-files \"args\"
env-files (1)
env-files \"env\"
class folder
inputs (2)
path \"bin\"
digest dd9765724d63cedb171573e96d87aad8c17ca281055f5b639c94761ea2da5c9e
path \"src\"
digest 7d1aa223722b2aaa89b92fc6b2ef0baa709c01eab9f8494b1de5c335f2750707
outputs (3)
path \"out/lib.rlib\"
kind file
path \"out/dir\"
kind tree
path \"printed\"
kind text
"
    );
}

#[test]
fn bytes_and_hash_are_the_same_walk() {
    let long = Command::Write(vec![7; 200_000].into());
    for command in [run().command, long] {
        let action = Action { command, ..run() };
        let digests = [Digest::of(b"toolchain"), Digest::of(b"source")];
        let bytes = Bytes::of(&action.resolved(&digests, Class::Folder));
        assert_eq!(Digest::of(&bytes), action.key(&digests, Class::Folder));
    }
}

#[test]
#[should_panic(expected = "needs an output that isn't there")]
fn a_graph_refuses_what_does_not_exist() {
    let mut graph = Graph::default();
    let first = graph.add(run());
    let input = Input { path: "x".into(), source: Source::Output { action: first, index: 3 } };
    graph.add(Action { inputs: vec![input], ..run() });
}

/// What a plan holds by the million.
#[test]
fn words_and_inputs_are_small() {
    assert!(size_of::<Arg>() <= 16, "an argument has {} bytes", size_of::<Arg>());
    assert!(size_of::<Input>() <= 32, "an input has {} bytes", size_of::<Input>());
}
