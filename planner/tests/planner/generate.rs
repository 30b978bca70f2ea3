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
