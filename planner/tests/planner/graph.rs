//! The device graph and the values of keys.

use uk_backends::Target;
use uk_diagnostic::Sources;
use uk_planner::device::{DeviceGraph, GraphKey, ParamValue, crates_for_all_targets};
use uk_planner::generate::main_rs;
use uk_planner::{Provenance, names};

use crate::support::{Desk, EXAMPLE, unikernel};

const EVERYTHING: &str = include_str!("everything.kdl");

fn graph(desk: &mut Desk, text: &str, target: Target) -> DeviceGraph {
    desk.check(text, EXAMPLE, target).unwrap_or_else(|faults| panic!("{}", desk.draw(&faults)))
}

fn key<'g>(graph: &'g DeviceGraph, name: &str) -> &'g GraphKey {
    graph.keys().iter().find(|k| names::same(&k.name, name)).unwrap_or_else(|| panic!("no key `{name}`"))
}

const STORE: &str = "unikernel store\nkey port type=u16 default=80\ndevice one generic-kv-ro dir=a\ndevice two generic-kv-ro \
                     dir=b kv_ro=direct\njob main entry=\"store::start\" {\n    one one as=kv-ro\n    two two as=kv-ro\n}\n";

/// Each source of values in turn: the later wins, and is named.
#[test]
fn the_later_source_wins() {
    let mut desk = Desk::default();
    let provenance = |desk: &mut Desk, name: &str| {
        let graph = graph(desk, STORE, Target::Unix);
        let key = key(&graph, name);
        (key.value.as_ref().expect("it has a value").to_string(), key.provenance)
    };
    let is = |value: &str, provenance| (value.to_owned(), provenance);
    assert_eq!(provenance(&mut desk, "one.kv_ro"), is("crunch", Provenance::Catalogue));
    assert_eq!(provenance(&mut desk, "two.kv-ro"), is("direct", Provenance::Manifest));
    assert_eq!(provenance(&mut desk, "port"), is("80", Provenance::Manifest));
    desk.settings.environment("UK_KEY_KV_RO", "crunch", &mut desk.sources);
    desk.settings.environment("UK_KEY_PORT", "81", &mut desk.sources);
    assert_eq!(provenance(&mut desk, "two.kv_ro"), is("crunch", Provenance::Environment));
    assert_eq!(provenance(&mut desk, "port"), is("81", Provenance::Environment));
    desk.settings.environment("UK_KEY_ONE_KV_RO", "direct", &mut desk.sources);
    assert_eq!(provenance(&mut desk, "one.kv_ro"), is("direct", Provenance::Environment));
    desk.set("kv-ro=crunch").expect("once");
    desk.set("two.kv_ro=direct").expect("once");
    assert_eq!(provenance(&mut desk, "one.kv_ro"), is("crunch", Provenance::CommandLine));
    assert_eq!(provenance(&mut desk, "two.kv_ro"), is("direct", Provenance::CommandLine));
}

#[test]
fn a_choice_brings_only_what_it_takes() {
    let mut desk = Desk::default();
    let text = "unikernel net\ndevice card tap\ndevice stack generic-stack {\n    net card\n}\njob main entry=\"net::start\" {\n    \
                stack stack\n}\n";
    let direct = graph(&mut desk, text, Target::Unix);
    assert_eq!(direct.crates(), ["uk-net-tap", "uk-stack-direct", "uk-time"]);
    desk.set("stack=socket").expect("once");
    let socket = graph(&mut desk, text, Target::Unix);
    assert_eq!(socket.crates(), ["uk-stack-socket"]);
    assert_eq!(socket.warnings(), [], "the card is used, though not for this value");
    assert_eq!(
        socket.device(socket.jobs()[0].arguments.iter().map(device_of).next().expect("one")).resolved,
        "socket-stack"
    );
    let unikernel = unikernel(desk.manifest(text).0);
    let catalogue = desk.catalogue(EXAMPLE).expect("it is sound");
    let all: Vec<String> = crates_for_all_targets(&unikernel, &catalogue).into_iter().collect();
    assert_eq!(
        all,
        ["uk-net-tap", "uk-net-virtio", "uk-stack-direct", "uk-stack-socket", "uk-time"],
        "whatever is chosen, and the default that the manifest replaces: the lock stays as it is"
    );
}

fn device_of(argument: &uk_planner::device::JobArgument) -> uk_planner::device::DeviceId {
    match argument {
        uk_planner::device::JobArgument::Device(binding) => binding.device,
        uk_planner::device::JobArgument::Keys(_) => panic!("a device"),
    }
}

#[test]
fn equal_shared_devices_are_one_and_exclusive_ones_are_not() {
    let mut desk = Desk::default();
    let graph = graph(
        &mut desk,
        "unikernel twins\ndevice b crunch dir=t\ndevice a crunch dir=t\ndevice c crunch dir=u\ndevice x ramdisk\ndevice y \
         ramdisk\njob main entry=\"twins::start\" {\n    a a as=kv-ro\n    b b as=kv-ro\n    c c as=kv-ro\n    x x as=block\n    \
         y y as=block\n}\n",
        Target::Virtio,
    );
    let names: Vec<&str> = graph.devices().iter().map(|d| d.name.as_str()).collect();
    assert_eq!(names, ["a", "c", "x", "y"]);
    let aliases: Vec<&str> = graph.devices()[0].aliases.iter().map(|n| n.text.as_str()).collect();
    assert_eq!(aliases, ["b"]);
}

#[test]
fn a_param_can_follow_a_key() {
    let mut desk = Desk::default();
    let text = "unikernel k\nkey space type=size default=\"1MiB\"\nkey fixed type=size stage=build default=\"2MiB\"\ndevice a ramdisk \
                size=(key)space\ndevice b ramdisk size=(key)fixed\njob main entry=\"k::start\" {\n    a a as=block\n    b b as=block\n}\n";
    let graph = graph(&mut desk, text, Target::Unix);
    let value = |at: usize| &graph.devices()[at].params[0].value;
    assert!(matches!(value(0), ParamValue::Key(id) if graph.key(*id).name == "space"));
    assert!(matches!(value(1), ParamValue::Fixed(size) if size.to_string() == "2MiB"));
    let text = main_rs(&graph).text;
    assert!(text.contains("values.get(\"space\")") && text.contains("2097152u64"), "{text}");
}

/// Each line of the main that names something of the manifest leads to it.
#[test]
fn generated_lines_lead_to_the_manifest() {
    let mut desk = Desk::default();
    let graph = graph(&mut desk, EVERYTHING, Target::Unix);
    let main = main_rs(&graph);
    let origin = |what: &str| {
        let line =
            main.text.lines().position(|l| l.contains(what)).unwrap_or_else(|| panic!("no `{what}`")) + 1;
        main.origin(line as u32).map(|span| place(&desk.sources, span))
    };
    assert_eq!(origin("uk_kv_crunch::connect").as_deref(), Some("device assets generic-kv-ro dir=t"));
    assert_eq!(origin("\"disk.img\"").as_deref(), Some("\"disk.img\""));
    assert_eq!(
        origin("uk_net_tap::open").as_deref(),
        Some("default-network"),
        "the catalogue's line that names it"
    );
    assert_eq!(origin("from_values").as_deref(), Some("keys"));
    assert_eq!(origin("everything::start").as_deref(), Some("\"everything::start\""));
    assert_eq!(origin("                stack,").as_deref(), Some("stack stack"));
    assert_eq!(origin("mod keys"), None);
}

fn place(sources: &Sources, span: uk_diagnostic::Span) -> String {
    sources.get(span.source).text[span.range()].to_owned()
}

#[test]
fn settings_for_several_unikernels_need_one_that_knows_them() {
    let mut desk = Desk::default();
    desk.settings.for_several();
    desk.set("port=81").expect("once");
    desk.set("one.kv_ro=direct").expect("once");
    desk.set("prot=82").expect("once");
    let hello = graph(&mut desk, "unikernel hello\njob main entry=\"hello::start\"\n", Target::Unix);
    let store = graph(&mut desk, STORE, Target::Unix);
    assert_eq!(key(&store, "port").value.as_ref().map(ToString::to_string).as_deref(), Some("81"));
    let unknown = desk.settings.unknown([&hello, &store].into_iter().flat_map(|g| g.known_keys()));
    assert_eq!(unknown.iter().map(|f| f.message.as_str()).collect::<Vec<_>>(), ["there is no key `prot`"]);
}

/// A port and an unrelated number may be equal; two ports may not.
#[test]
fn what_is_exclusive_goes_by_its_name() {
    let catalogue = r#"
interface net trait="x::Net"
implementation listen provides=net exclusive=#true {
    param port type=u16 exclusive=#true
    targets all { crate x-listen connect="x_listen::open" }
}
implementation bus provides=net exclusive=#true {
    param slot type=u16 exclusive=#true
    targets all { crate x-bus connect="x_bus::open" }
}"#;
    let codes = |second: &str| {
        let text = format!(
            "unikernel x\ndevice a listen port=80\ndevice b {second}\njob main entry=\"x::start\" {{\n    a a as=net\n    b b as=net\n}}\n"
        );
        let faults =
            Desk::default().check(&text, &[("x", catalogue)], Target::Unix).err().unwrap_or_default();
        faults.iter().map(|f| f.code.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(codes("bus slot=80"), [""; 0]);
    assert_eq!(codes("listen port=80"), ["UK0308"]);
}
