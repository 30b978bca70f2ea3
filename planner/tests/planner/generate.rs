//! The generated texts, whole.

use crate::support::{Desk, EXAMPLE, SMALL};
use uk_backends::Target;
use uk_planner::generate::{key_table, main_rs, projection};
use uk_planner::{DeviceGraph, Manifest};

fn graph(text: &str, catalogue: &[(&str, &str)], target: Target) -> DeviceGraph {
    let mut desk = Desk::default();
    desk.check(text, catalogue, target).unwrap_or_else(|faults| panic!("{}", desk.draw(&faults)))
}

const HELLO_KEY: &str = include_str!("../../../examples/hello-key/unikernel.kdl");

#[test]
fn hello_on_unix() {
    let hello = graph(include_str!("../../../examples/hello/unikernel.kdl"), SMALL, Target::Unix);
    insta::assert_snapshot!(main_rs(&hello).text);
    assert_eq!(key_table(&hello), "pub static KEYS: &[uk_device::keys::Key<'static>] = &[];\n");
    assert_eq!(hello.crates(), ["uk-time"]);
    assert_eq!(hello.application(), "hello");
}

#[test]
fn hello_key_on_virtio() {
    let hello = graph(HELLO_KEY, SMALL, Target::Virtio);
    insta::assert_snapshot!(main_rs(&hello).text);
    insta::assert_snapshot!(key_table(&hello));
}

const EVERYTHING: &str = include_str!("everything.kdl");

#[test]
fn everything_on_unix() {
    let graph = graph(EVERYTHING, EXAMPLE, Target::Unix);
    insta::assert_snapshot!(main_rs(&graph).text);
    insta::assert_snapshot!(key_table(&graph));
    let names: Vec<&str> = graph.keys().iter().map(|k| k.name.as_str()).collect();
    insta::assert_debug_snapshot!(names);
}

#[test]
fn projection_is_what_the_macro_reads() {
    let mut desk = Desk::default();
    let (manifest, faults) = desk.manifest(EVERYTHING);
    assert_eq!(faults, []);
    let Some(Manifest::Unikernel(unikernel)) = manifest else { panic!("a unikernel") };
    let text = projection(&unikernel.keys);
    insta::assert_snapshot!(text);
    let read = uk_keys_syntax::read(&text).expect("the projection is a manifest of keys");
    assert_eq!(uk_keys_syntax::write(&read), text);
}

const ENDING: &str = r#"
interface log trait="x::Log"
interface disk trait="x::Disk"
implementation ring provides=log {
    targets all { crate x-ring connect="x_ring::connect" teardown="x_ring::flush" }
}
implementation journal provides=log {
    requires log
    targets all { crate x-journal connect="x_journal::connect" teardown="x_journal::close" }
}
implementation image provides=disk exclusive=#true {
    param file type=path exclusive=#true
    attach { file path=(param)file }
    targets all { crate x-image connect="x_image::open" }
}
"#;

const ENDS: &str = r#"
unikernel ends
device top journal { log ring }
device disk image file=disk.img
job main entry="ends::start" {
    log top
    disk disk
}
"#;

#[test]
fn shared_devices_are_torn_down_last_made_first() {
    let ends = graph(ENDS, &[("x", ENDING)], Target::Virtio);
    insta::assert_snapshot!(main_rs(&ends).text);
}

/// The generated main has names of its own, and Rust has words.
#[test]
fn devices_do_not_hide_names_of_the_generated_code() {
    for name in ["outcome", "values", "start", "match"] {
        let text = ENDS.replace("top", name);
        let main = main_rs(&graph(&text, &[("x", ENDING)], Target::Virtio)).text;
        assert!(main.contains(&format!("let {name}_ = uk_device::share(")), "{main}");
        assert!(main.contains(&format!("x_journal::close({name}_)")), "{main}");
    }
}

#[test]
fn attachments_come_with_their_values() {
    let ends = graph(ENDS, &[("x", ENDING)], Target::Virtio);
    let all: Vec<String> = ends
        .devices()
        .iter()
        .flat_map(|d| &d.attachments)
        .map(|a| format!("{} {} {:?}", a.name, a.id, a.what))
        .collect();
    assert_eq!(all, [r#"disk disk File { path: "disk.img", read_only: false, sector_size: 512 }"#]);
}

#[test]
fn what_is_exclusive_or_unknown_cannot_be_torn_down_or_attached() {
    let mut desk = Desk::default();
    let catalogue = ENDING.replace("x_image::open\"", "x_image::open\" teardown=\"x_image::close\"");
    let faults =
        desk.check(ENDS, &[("x", &catalogue)], Target::Unix).expect_err("a teardown of what is gone");
    assert_eq!(faults.iter().map(|f| f.code.to_string()).collect::<Vec<_>>(), ["UK0204"]);
    let catalogue = ENDING.replace("{ file path", "{ flie path");
    let faults = desk.check(ENDS, &[("x", &catalogue)], Target::Unix).expect_err("an unknown kind");
    assert_eq!(faults.iter().map(|f| f.code.to_string()).collect::<Vec<_>>(), ["UK0201"]);
}

/// The codes of what is wrong with `ENDS` under a catalogue in which `from` reads `to`.
fn codes(from: &str, to: &str) -> Vec<String> {
    assert!(ENDING.contains(from));
    let catalogue = ENDING.replace(from, to);
    let faults = Desk::default().check(ENDS, &[("x", &catalogue)], Target::Unix).expect_err(to);
    faults.iter().map(|fault| fault.code.to_string()).collect()
}

#[test]
fn what_is_attached_must_be_known_and_of_the_right_type() {
    let param = "param file type=path exclusive=#true";
    for (from, to, code) in [
        ("path=(param)file", "", "UK0203"),
        ("path=(param)file", "path=(param)file colour=blue", "UK0202"),
        ("path=(param)file", "path=#true", "UK0205"),
        ("path=(param)file", "path=(param)file read-only=maybe", "UK0205"),
        ("path=(param)file", "path=(param)file read-only=(param)file", "UK0205"),
        ("path=(param)file", "path=(param)file sector-size=1000", "UK0307"),
        ("path=(param)file", "path=(param)file sector-size=131072", "UK0307"),
        ("file path=(param)file", "tap path=(param)file", "UK0202"),
        (param, "param file type=path optional=#true", "UK0317"),
    ] {
        assert!(codes(from, to).contains(&code.to_owned()), "{to}: {:?}", codes(from, to));
    }
    let key = ENDS
        .replace("file=disk.img", "file=(key)image")
        .replace("device top", "key image type=path default=disk.img\ndevice top");
    let faults = Desk::default().check(&key, &[("x", ENDING)], Target::Unix).expect_err("known at boot only");
    assert_eq!(faults.iter().map(|f| f.code.to_string()).collect::<Vec<_>>(), ["UK0313"]);
    let fixed = key.replace("type=path", "type=path stage=build");
    let ends = graph(&fixed, &[("x", ENDING)], Target::Unix);
    assert_eq!(ends.devices()[0].attachments[0].path(), "disk.img");
}

#[test]
fn attachments_that_would_be_one_are_a_fault() {
    let catalogue = ENDING.replace("attach {", "attach { file path=second.img;");
    let manifest = ENDS
        .replace("device disk", "device disk-2 image file=other.img\ndevice disk")
        .replace("    disk disk\n", "    disk disk\n    other disk-2 as=disk\n");
    let faults = Desk::default().check(&manifest, &[("x", &catalogue)], Target::Unix).expect_err("a clash");
    assert_eq!(faults.iter().map(|f| f.code.to_string()).collect::<Vec<_>>(), ["UK0310"]);
    let ends = graph(ENDS, &[("x", &catalogue)], Target::Unix);
    let names: Vec<&str> = ends.devices()[0].attachments.iter().map(|a| a.name.as_str()).collect();
    assert_eq!(names, ["disk", "disk-2"]);
}
