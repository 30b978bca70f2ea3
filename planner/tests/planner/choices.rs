//! Choices by keys: a key that has no value, or one that no arm is for, is told and never becomes another device.

use uk_backends::Target;
use uk_diagnostic::Code;

use crate::support::{Desk, SMALL};

const BASE: &str = r#"
interface log trait="x::Log"
implementation ring provides=log { targets all { crate x-ring connect="x_ring::connect" } }
implementation disk provides=log { targets all { crate x-disk connect="x_disk::connect" } }
"#;

const MANIFEST: &str =
    "unikernel hello\njob main entry=\"hello::start\" {\n    time default-time\n    log chosen\n}\n";

/// The codes of what is said about the catalogue with `more`, or about the manifest that uses `chosen` from it.
fn codes(more: &str, set: &[&str]) -> (Vec<Code>, String) {
    let mut desk = Desk::default();
    for pair in set {
        desk.set(pair).expect("a value for a key");
    }
    let text = format!("{BASE}{more}");
    let texts: Vec<(&str, &str)> = SMALL.iter().copied().chain([("x", text.as_str())]).collect();
    crate::exercise::device_file(&text);
    let faults = desk.check(MANIFEST, &texts, Target::Unix).err().unwrap_or_default();
    (faults.iter().map(|f| f.code).collect(), desk.draw(&faults))
}

const BY_MODE: &str = "choose (key)mode { ring { use ring }; disk { use disk } }";

#[test]
fn a_key_to_choose_by_has_a_value() {
    let key = |rest: &str| {
        format!(
            "implementation chosen provides=log {{ key mode type=enum stage=build{rest} {{ option ring; option disk }}; {BY_MODE} }}"
        )
    };
    let (none, drawn) = codes(&key(""), &[]);
    assert_eq!(none, [Code::UncoveredChoice]);
    insta::assert_snapshot!(drawn);
    assert_eq!(codes(&key(" default=ring"), &[]).0, []);
    assert_eq!(codes(&key(" required=#true"), &[]).0, [Code::MissingKey]);
    assert_eq!(codes(&key(" required=#true"), &["mode=disk"]).0, []);
}

/// The key that is chosen by is passed on by another implementation, which declares it otherwise.
#[test]
fn a_key_that_is_passed_on_is_looked_at_too() {
    let passed = |outer: &str| {
        format!(
            "implementation inner provides=log {{ key mode type=enum stage=build default=ring {{ option ring; option disk }}; {BY_MODE} }}\n\
             implementation chosen provides=log {{ {outer}; use inner mode=(key)how }}"
        )
    };
    let options = "{ option ring; option disk }";
    let (missing, drawn) = codes(&passed(&format!("key how type=enum stage=build {options}")), &[]);
    assert_eq!(missing, [Code::MissingKey]);
    insta::assert_snapshot!(drawn);
    let (given, _) = codes(&passed(&format!("key how type=enum stage=build {options}")), &["how=disk"]);
    assert_eq!(given, []);
    let (other, _) =
        codes(&passed("key how type=enum stage=build default=tape { option ring; option tape }"), &[]);
    assert_eq!(other, [Code::InvalidReference]);
    let (text, _) = codes(&passed("key how type=string stage=build default=tape"), &[]);
    assert_eq!(text, [Code::InvalidReference]);
    let (late, _) = codes(&passed(&format!("key how type=enum default=ring {options}")), &[]);
    assert_eq!(late, [Code::KeyStage]);
}

#[test]
fn a_choice_that_the_target_lacks_names_the_key() {
    let choice = "implementation chosen provides=log { key mode type=enum stage=build default=ring { option ring; option disk }; \
                  choose (key)mode { ring { choose target { virtio { use ring } } }; disk { use disk } } }";
    let (codes, drawn) = codes(choice, &[]);
    assert_eq!(codes, [Code::UnsupportedTarget]);
    assert!(drawn.contains("`chosen` exists there only with another `mode`"), "{drawn}");
}
