//! Properties of encodings.

use proptest::prelude::*;
use uk_action::{
    Action, Arg, Class, Command, Digest, Entry, EntryKind, Input, Kind, Output, OutputKind, Seal, Source,
    Tree,
};

fn arg() -> impl Strategy<Value = Arg> {
    let text = "[a-c/=]{0,3}";
    prop_oneof![
        text.prop_map(Arg::from),
        (text, text, text).prop_map(|(before, path, after)| Arg::path_in(before, path, after)),
    ]
}

fn texts() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec("[a-c]{0,2}", 0..3)
}

fn command() -> impl Strategy<Value = Command> {
    let env = prop::collection::vec(("[A-C]{1,2}", arg()), 0..3);
    let run = (
        prop::collection::vec(arg(), 0..3),
        env,
        "[a-c]{0,2}",
        prop::option::of("[a-c]{0,2}"),
        texts(),
        texts(),
    );
    prop_oneof![
        run.prop_map(|(argv, env, cwd, stdout, arg_files, env_files)| Command::Run {
            argv,
            env,
            cwd,
            stdout,
            arg_files,
            env_files
        }),
        prop::collection::vec(any::<u8>(), 0..4).prop_map(|bytes| Command::Write(bytes.into())),
        (any::<u8>(), 0..3_u32, texts()).prop_map(|(name, version, args)| Command::Builtin {
            name: if name % 2 == 0 { "pack" } else { "crunch" },
            version,
            args
        }),
        any::<u8>().prop_map(|it| Command::Given {
            path: "/".into(),
            identity: Digest::of(&[it]),
            shown: Default::default()
        }),
    ]
}

/// What is encoded of an action, with its inputs' digests.
fn action() -> impl Strategy<Value = (Action, Vec<Digest>)> {
    let input = ("[a-c]{1,2}", 0..4_u8);
    let output = ("[a-c]{1,2}", 0..3_u8);
    let parts = (
        0..Kind::ALL.len(),
        command(),
        prop::collection::vec(input, 0..3),
        prop::collection::vec(output, 0..3),
    );
    parts.prop_map(|(kind, command, inputs, outputs)| {
        let digests = inputs.iter().map(|(_, it)| Digest::of(&[*it])).collect();
        let inputs = inputs.into_iter().map(|(path, _)| Input {
            path: path.into(),
            source: Source::fixed("/", Digest::of(b""), Seal::Trusted),
        });
        let outputs = outputs.into_iter().map(|(path, kind)| Output {
            path,
            kind: [OutputKind::File, OutputKind::Tree, OutputKind::Text][kind as usize],
        });
        let action = Action {
            kind: Kind::ALL[kind],
            label: String::new(),
            span: None,
            command,
            inputs: inputs.collect(),
            outputs: outputs.collect(),
        };
        (action, digests)
    })
}

fn entry() -> impl Strategy<Value = Entry> {
    let kind = prop_oneof![
        (any::<u8>(), any::<bool>())
            .prop_map(|(it, executable)| EntryKind::File { digest: Digest::of(&[it]), executable }),
        "[a-z./é]{0,6}".prop_map(|target| EntryKind::Link { target }),
    ];
    ("[a-c.é/-]{1,6}", kind).prop_map(|(path, kind)| Entry { path, kind })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Small alphabets, so that near misses (a text that moves from one field to the next) are common.
    #[test]
    fn equal_keys_mean_equal_actions((a, a_digests) in action(), (b, b_digests) in action()) {
        let equal = a == b && a_digests == b_digests;
        prop_assert_eq!(a.key(&a_digests, Class::Folder) == b.key(&b_digests, Class::Folder), equal);
    }

    #[test]
    fn every_field_counts((a, digests) in action()) {
        let key = a.key(&digests, Class::Folder);
        for place in 0..digests.len() {
            let mut other = digests.clone();
            other[place] = Digest::of(b"other");
            prop_assert_ne!(a.key(&other, Class::Folder), key);
            let mut other = a.clone();
            other.inputs[place].path = format!("{}x", other.inputs[place].path).into();
            prop_assert_ne!(other.key(&digests, Class::Folder), key);
        }
        for place in 0..a.outputs.len() {
            let mut other = a.clone();
            other.outputs[place].path.push('x');
            prop_assert_ne!(other.key(&digests, Class::Folder), key);
        }
        for kind in Kind::ALL.into_iter().filter(|kind| *kind != a.kind) {
            prop_assert_ne!(Action { kind, ..a.clone() }.key(&digests, Class::Folder), key);
        }
        // What people call it, and where it comes from, don't.
        prop_assert_eq!(Action { label: "x".into(), ..a }.key(&digests, Class::Folder), key);
    }

    #[test]
    fn trees_come_back(entries in prop::collection::vec(entry(), 0..8)) {
        if let Ok(tree) = Tree::new(entries) {
            let bytes = tree.to_bytes();
            prop_assert_eq!(Digest::of(&bytes), tree.digest());
            prop_assert_eq!(Tree::from_bytes(&bytes).ok(), Some(tree));
        }
    }

    /// Any bytes: an error or the tree with that encoding, never a panic or an endless allocation.
    #[test]
    fn bytes_that_are_no_tree(entries in prop::collection::vec(entry(), 0..4), place: usize, value: u8) {
        if let Ok(tree) = Tree::new(entries) {
            let mut bytes = tree.to_bytes();
            let place = place % bytes.len();
            bytes[place] = value;
            if let Ok(other) = Tree::from_bytes(&bytes) {
                prop_assert_eq!(other.to_bytes(), bytes.clone());
            }
            prop_assert!(Tree::from_bytes(&bytes[..place]).is_err());
        }
    }

    #[test]
    fn digests_come_back(bytes: [u8; 32]) {
        let digest = Digest::from_bytes(bytes);
        prop_assert_eq!(digest.to_string().parse::<Digest>().ok(), Some(digest));
    }
}

#[test]
fn paths_that_cannot_stand() {
    let at = |path: &str| Entry { path: path.into(), kind: EntryKind::Link { target: String::new() } };
    for path in ["", "/a", "a/", "a//b", ".", "a/..", "../a", "a\0"] {
        assert!(Tree::new(vec![at(path)]).is_err(), "{path:?}");
    }
    assert!(Tree::new(vec![at("a"), at("a")]).is_err());
    assert!(Tree::new(vec![at("a/b"), at("a-"), at("a")]).is_err());
    assert!(Tree::new(vec![at("a/b"), at("a-"), at("ab")]).is_ok());
}
