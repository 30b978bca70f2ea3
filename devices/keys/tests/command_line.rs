//! Command lines: what runs, what is an error, and what `--help` says.

use proptest::prelude::*;
use uk_keys::words::{quote, split};
use uk_keys::{Filter, Key, Kind, Level, Outcome, Stage, Values, nearest, parse};

static KEYS: &[Key] = &[
    Key { default: Some("Hello World!"), doc: "How to say hello.", ..Key::new("hello", Kind::Str) },
    Key { default: Some("8080"), doc: "The port.", ..Key::new("port", Kind::U16) },
    Key { default: Some("false"), doc: "Whether to say more.", ..Key::new("verbose", Kind::Bool) },
    Key {
        stage: Stage::Build,
        default: Some("crunch"),
        doc: "Which implementation serves the directory.",
        ..Key::new("kv_ro", Kind::Enum(&["crunch", "archive", "fat", "direct"]))
    },
    Key { stage: Stage::Run, secret: true, doc: "The token.", ..Key::new("api-token", Kind::U32) },
    Key { doc: "Peers.", ..Key::new("peers", Kind::List(&Kind::Ipv4)) },
];

static NEEDY: &[Key] = &[Key { required: true, doc: "The name.", ..Key::new("name", Kind::Str) }];

fn run(table: &[Key], args: &[&str]) -> Result<Values, String> {
    match parse("demo", table, args) {
        Outcome::Run(values) => Ok(values),
        Outcome::Help(text) => panic!("help: {text}"),
        Outcome::Usage(error) => Err(error.to_string()),
    }
}

#[test]
fn values_are_read_in_all_ways_of_writing_them() {
    let values = run(KEYS, &[]).expect("defaults suffice");
    assert_eq!(values.get::<&str>("hello"), "Hello World!");
    assert_eq!(values.get::<u16>("port"), 8080);
    assert!(!values.get::<bool>("verbose"));
    assert_eq!(values.get::<&str>("kv-ro"), "crunch");
    assert_eq!(values.optional::<u32>("api_token"), None);
    assert_eq!(values.logs(), &Filter::default());

    let args = ["--hello", "a=b", "--port=80", "--verbose", "--api_token=7", "-l", "*:debug"];
    let values = run(KEYS, &args).expect("all are right");
    assert_eq!(values.get::<&str>("hello"), "a=b");
    assert_eq!(values.get::<u16>("port"), 80);
    assert!(values.get::<bool>("verbose"));
    assert_eq!(values.optional::<u32>("api-token"), Some(7));
    assert!(values.logs().enabled("net", Level::Debug));
    assert!(!format!("{values:?}").contains('7'), "{values:?}");

    let values = run(KEYS, &["--verbose=false", "--hello=--port", "--peers="]).expect("all are right");
    assert!(!values.get::<bool>("verbose"));
    assert_eq!(values.get::<&str>("hello"), "--port");
    assert!(values.get::<Vec<std::net::Ipv4Addr>>("peers").is_empty());
}

static WORDY: &[Key] = &[
    Key { doc: "The port.", ..Key::new("port", Kind::U16) },
    Key { stage: Stage::Run, default: Some(""), doc: "Words.", ..Key::new("args", Kind::List(&Kind::Str)) },
];

#[test]
fn words_belong_to_the_key_for_them() {
    for (args, port, words) in [
        (&[][..], None, &[][..]),
        (&["a,b", "", "c d"], None, &["a,b", "", "c d"]),
        (
            &["a", "--port", "80", "b", "--", "--port=1", "--", "-x", "--help"],
            Some(80),
            &["a", "b", "--port=1", "--", "-x", "--help"],
        ),
        (&["--args=a,b"], None, &["a", "b"]),
    ] {
        let values = run(WORDY, args).expect("all are right");
        assert_eq!(values.optional::<u16>("port"), port, "{args:?}");
        assert_eq!(values.get::<Vec<&str>>("args"), words, "{args:?}");
    }
    for (args, wanted) in [
        (&["--args=a", "b"][..], "`--args` is given twice; leave one out"),
        (&["a", "-x"], "unexpected word `-x`"),
        (&["a", "--prt=1"], "unknown key `prt`; did you mean `--port`?"),
    ] {
        let message = run(WORDY, args).expect_err("it is a mistake");
        assert!(message.starts_with(wanted), "{args:?}: {message}");
    }
    let Outcome::Help(text) = parse("demo", WORDY, ["a", "--help"]) else { panic!("it asks for help") };
    assert!(text.starts_with("usage: demo [--KEY=VALUE]... [--logs=LEVELS] [--] [WORD]...\n"), "{text}");
}

#[test]
fn mistakes_say_what_to_type() {
    for (args, wanted) in [
        (&["--helo=x"][..], "unknown key `helo`; did you mean `--hello`?"),
        (&["--log=x"], "unknown key `log`; did you mean `--logs`?"),
        (&["--completely-else"], "unknown key `completely-else`; `--help` lists the keys"),
        (&["--port=http"], "`--port=http`: expected a whole number from 0 to 65535"),
        (&["--port"], "`--port` needs a value; write `--port=...`"),
        (&["--port", "--verbose"], "`--port` needs a value; write `--port=...`"),
        (&["--port=1", "--port=1"], "`--port` is given twice; leave one out"),
        (&["-l", "info", "--logs=info"], "`--logs` is given twice; leave one out"),
        (&["--kv_ro=fat"], "`kv_ro` is fixed in the image; rebuild with `uk build --set kv_ro=fat`"),
        (&["--kv-ro"], "`kv_ro` is fixed in the image; rebuild with `uk build --set kv_ro=...`"),
        (&["--api-token=x"], "`--api-token=...`: expected a whole number from 0 to 4294967295"),
        (&["hello"], "unexpected word `hello`; write keys as `--name=value`, and see `--help`"),
        (&["--"], "unexpected word `--`; write keys as `--name=value`, and see `--help`"),
        (&["-x"], "unexpected word `-x`; write keys as `--name=value`, and see `--help`"),
        (&["--verbose=maybe"], "`--verbose=maybe`: expected `true` or `false`"),
        (&["--logs=loud"], "`--logs=loud`: expected levels such as"),
        (&["--port=x", "--helo"], "`--port=x`"),
    ] {
        let message = run(KEYS, args).expect_err("it is a mistake");
        assert!(message.starts_with(wanted), "{args:?}: {message}");
    }
    let message = run(NEEDY, &[]).expect_err("a value is missing");
    assert_eq!(message, "the key `name` has no value; give one with `--name=...`");
}

#[test]
fn help_wins_and_shows_every_key() {
    let Outcome::Help(text) = parse("demo", KEYS, ["--nonsense", "--help"]) else { panic!("no help") };
    let wanted = "\
usage: demo [--KEY=VALUE]... [--logs=LEVELS]

keys:
  --hello=STRING     How to say hello. (default: Hello World!)
  --port=U16         The port. (default: 8080)
  --verbose=BOOL     Whether to say more. (default: false)
  --kv_ro=crunch|archive|fat|direct
                     Which implementation serves the directory. (fixed in the image: crunch)
  --api-token=U32    The token. (no default)
  --peers=IPV4,...   Peers. (no default)

options:
  -l, --logs=LEVELS  What is logged: ";
    assert!(text.starts_with(wanted), "{text}");
    let Outcome::Help(text) = parse("demo", NEEDY, ["-h"]) else { panic!("no help") };
    assert!(text.contains("--name=STRING      The name. (required)\n"), "{text}");
}

#[test]
fn filters_go_by_name() {
    let filter = Filter::parse("*:warning,net:debug,a_b:quiet,net:info").expect("it is a filter");
    assert!(filter.enabled("other", Level::Warning) && !filter.enabled("other", Level::Info));
    assert!(filter.enabled("net", Level::Info) && !filter.enabled("net", Level::Debug));
    assert!(!filter.enabled("a-b", Level::Error));
    assert_eq!(filter.highest(), Level::Debug);
    assert_eq!(Filter::parse("quiet").map(|filter| filter.highest()), Some(Level::Quiet));
    for wrong in ["", "x", "net:", ":info", "net:info,", "Info"] {
        assert_eq!(Filter::parse(wrong), None, "{wrong}");
    }
}

#[test]
fn slips_are_recognised() {
    for (name, wanted) in [("kv-r0", Some("kv_ro")), ("prot", Some("port")), ("zzzz", None), ("", None)] {
        assert_eq!(nearest(name, KEYS.iter().map(|key| key.name)), wanted, "{name}");
    }
}

#[test]
fn lines_are_split_as_in_a_shell() {
    for (line, wanted) in [
        ("", &[][..]),
        ("  a\t b\n", &["a", "b"]),
        ("'a b'c \"d 'e'\" f\\ g ''", &["a bc", "d 'e'", "f g", ""]),
        (r#""a\"b\\c\d""#, &[r#"a"b\c\d"#]),
        ("--x=1 virtio_mmio.device=512@0xfeb00e00:12 pci=off", &["--x=1"]),
        ("'virtio_mmio.device=x' \\pci=off", &["virtio_mmio.device=x", "pci=off"]),
    ] {
        assert_eq!(split(line).expect(line), wanted, "{line}");
    }
    for line in ["'a", "\"a", "a\\", "\"a\\"] {
        assert!(split(line).is_err(), "{line}");
    }
    assert_eq!(quote(["--hello=Bonjour", "a b", "a=b", "=a"]), "--hello=Bonjour 'a b' a=b '=a'");
}

/// What a shell makes of the arguments of `command`.
fn said_by_a_shell(command: &str) -> Vec<String> {
    let script = format!("set -- {command}; for word; do printf '%s\\0' \"$word\"; done");
    // Where its patterns fit files.
    let ran = std::process::Command::new("sh").args(["-c", &script]).current_dir("/").output().expect("sh");
    assert!(ran.status.success() && ran.stderr.is_empty(), "{script}: {ran:?}");
    let said = String::from_utf8(ran.stdout).expect("text");
    said.split_terminator('\0').map(str::to_owned).collect()
}

#[test]
fn a_shell_reads_quoted_words_as_they_are() {
    let mut words = vec![String::new(), "{a,b}".to_owned(), "~/a".to_owned(), "größer".to_owned()];
    for special in "$`'\"\\!*?[](){}<>|&;#~^% \n\t=".chars() {
        words.extend(["", "/"].map(|before| format!("{before}{special}")));
        words.extend(["", "b", "/b"].map(|behind| format!("a{special}{behind}")));
    }
    assert_eq!(said_by_a_shell(&quote(&words)), words);
    // In front, that could be a variable; a command that isn't there ends the shell with 127.
    for word in ["a=b", "_=/b", "a=b/c", "/a=b"] {
        let script = format!("PATH=; {}", quote([word]));
        let ran = std::process::Command::new("/bin/sh").args(["-c", &script]).output().expect("sh");
        assert_eq!(ran.status.code(), Some(127), "{script}: {ran:?}");
    }
}

proptest! {
    #[test]
    fn splitting_undoes_quoting(words in prop::collection::vec(prop_oneof![
        any::<String>(), "[ '\"\\\\\n\t=a]{0,6}", "(virtio_mmio\\.device=|pci=off)[a-z ]{0,3}",
    ], 0..6)) {
        prop_assert_eq!(split(&quote(&words)), Ok(words));
    }

    #[test]
    fn no_command_line_panics(args in prop::collection::vec(prop_oneof![
        any::<String>(), "(-l|--)?(hello|port|peers|logs|kv_ro|help)?=?[a-z0-9.,\\\\]{0,5}",
    ], 0..6)) {
        parse("demo", KEYS, &args);
        let _ = split(&args.join(" "));
    }
}
