//! Values of secrets are in no message, whatever is wrong with them.

use uk_backends::Target;
use uk_diagnostic::{Code, Diagnostic};

use crate::support::{Desk, SMALL};

const TEXT: &str = "hunter2";

const CATALOGUE: &str = r#"
interface vault trait="x::Vault"
implementation safe provides=vault {
    key pass type=string secret=#true
    targets all { crate x-safe connect="x_safe::connect" }
}
implementation counter provides=vault {
    key token type=u16
    targets all { crate x-counter connect="x_counter::connect" }
}
implementation given provides=vault { use safe pass=hunter2 }
"#;

fn said(manifest: &str, set: &[&str], environment: &[&str]) -> (Vec<Code>, String) {
    let mut desk = Desk::default();
    let mut faults: Vec<Diagnostic> = set.iter().filter_map(|pair| desk.set(pair).err()).collect();
    for variable in environment {
        desk.settings.environment(variable, TEXT, &mut desk.sources);
    }
    let texts: Vec<(&str, &str)> = SMALL.iter().copied().chain([("x", CATALOGUE)]).collect();
    faults.extend(desk.check(manifest, &texts, Target::Unix).err().unwrap_or_default());
    (faults.iter().map(|f| f.code).collect(), desk.draw(&faults))
}

/// A manifest, what `--set` gives, variables, and what is said.
type Case<'c> = (&'c str, &'c [&'c str], &'c [&'c str], &'c [Code]);

#[test]
fn a_secret_is_in_no_message() {
    let token = "unikernel hello\nkey token type=u16 secret=#true\njob main entry=\"a::b\"\n";
    let both = "unikernel hello\nkey token type=string secret=#true\njob main entry=\"a::b\" {\n    vault counter\n}\n";
    let device = "unikernel hello\njob main entry=\"a::b\" {\n    vault safe\n}\n";
    let in_use = "unikernel hello\njob main entry=\"a::b\" {\n    vault given\n}\n";
    let broken = "unikernel hello\nkey token type=string secret=#true stage=build\njob main entry=\"a::b\"\n";
    let cases: [Case<'_>; 9] = [
        (token, &["token=hunter2"], &[], &[Code::KeyStage]),
        (token, &[], &["UK_KEY_TOKEN"], &[Code::KeyStage]),
        (token, &["tokne=hunter2"], &[], &[Code::UnknownKey]),
        (token, &["token=hunter2", "token=hunter2"], &[], &[Code::DuplicateNode, Code::KeyStage]),
        (both, &["token=hunter2"], &[], &[Code::InvalidKeyValue, Code::KeyStage]),
        (device, &["pass=hunter2"], &[], &[Code::KeyStage]),
        (device, &["safe.pass=hunter2"], &["UK_KEY_PASS"], &[Code::KeyStage, Code::KeyStage]),
        (in_use, &[], &[], &[Code::KeyStage]),
        (broken, &["token=hunter2"], &[], &[Code::InvalidKey]),
    ];
    let mut all = String::new();
    for (manifest, set, environment, codes) in cases {
        let (found, drawn) = said(manifest, set, environment);
        assert!(!drawn.contains(TEXT), "{drawn}");
        assert_eq!(found, codes, "{drawn}");
        all.push_str(&drawn);
    }
    insta::assert_snapshot!(all);
}

/// The line itself may hold the secret: it isn't shown.
#[test]
fn a_device_cannot_be_given_a_secret() {
    let manifest =
        "unikernel hello\ndevice mine safe pass=hunter2\njob main entry=\"a::b\" {\n    vault mine\n}\n";
    let (codes, drawn) = said(manifest, &[], &[]);
    assert_eq!(codes, [Code::KeyStage]);
    assert!(!drawn.contains(TEXT), "{drawn}");
}
