//! `build` of a catalogue: data that go into the image, or into a file that a device of their own is given.

use uk_backends::Target;
use uk_planner::data::{Data, Place};
use uk_planner::device::ParamValue;
use uk_planner::generate::main_rs;

use crate::support::{Desk, SMALL};

const CATALOGUE: &str = r#"
interface files trait="x::Files"
interface disk trait="x::Disk"
implementation disk-of-file provides=disk exclusive=#true {
    param file type=path exclusive=#true
    attach { file path=(param)file }
    targets all { crate x-disk connect="x_disk::connect" }
}
implementation reader provides=files {
    requires disk
    targets all { crate x-reader connect="x_reader::connect" }
}
implementation table provides=files {
    param dir type=path
    build table embed=#true { crunch dir=(param)dir }
    targets all { crate x-table connect="x_table::connect" }
}
implementation either provides=files {
    param dir type=path
    key where type=enum default=image stage=build { option image; option disk }
    build tar { tar dir=(param)dir }
    choose (key)where {
        image { use table dir=(param)dir }
        disk { use reader { disk disk-of-file file=(build)tar } }
    }
}
"#;

const MANIFEST: &str = "unikernel hello\ndevice my_site either dir=t\njob main entry=\"hello::start\" {\n    \
                        time default-time\n    files my_site\n}\n";

fn graph(set: &[&str]) -> uk_planner::device::DeviceGraph {
    let mut desk = Desk::default();
    for pair in set {
        desk.set(pair).expect("a value for a key");
    }
    let texts: Vec<(&str, &str)> = SMALL.iter().copied().chain([("x", CATALOGUE)]).collect();
    desk.check(MANIFEST, &texts, Target::Unix).unwrap_or_else(|faults| panic!("{}", desk.draw(&faults)))
}

fn data(graph: &uk_planner::device::DeviceGraph) -> Vec<&Data> {
    graph.devices().iter().flat_map(|device| &device.data).collect()
}

#[test]
fn embedded_data_reach_the_function_as_bytes() {
    let graph = graph(&[]);
    let [one] = data(&graph)[..] else { panic!("the branch that isn't taken has no data: {graph:?}") };
    assert_eq!((one.tool.name(), &*one.folder, &one.place), ("crunch", "t", &Place::Image));
    let main = main_rs(&graph);
    let line = "        { static DATA: &Aligned<[u8]> = &Aligned(*include_bytes!(\"data/my_site.table\")); &DATA.0 },";
    let number = main.text.lines().position(|l| l == line).unwrap_or_else(|| panic!("{}", main.text));
    // A fault of that line is told at the manifest's `dir=t`.
    assert!(main.origin(number as u32 + 1).is_some());
}

#[test]
fn other_data_are_a_file_that_a_device_of_its_own_is_given() {
    let graph = graph(&["where=disk"]);
    let [one] = data(&graph)[..] else { panic!("one file: {graph:?}") };
    let path = "dist/hello-my-site.tar";
    assert_eq!((one.tool.name(), &one.place), ("tar", &Place::File(path.to_owned())));
    let disk = graph.devices().iter().find(|device| device.resolved == "disk-of-file").expect("it is made");
    assert_eq!(disk.name, "my_site-disk");
    assert_eq!(disk.attachments[0].path(), path);
    assert!(matches!(&disk.params[0].value, ParamValue::Fixed(value) if value.to_string() == path));
    let site = graph.devices().iter().find(|device| device.name == "my_site").expect("it is made");
    assert_eq!(graph.device(site.bindings[0].device).name, disk.name);
    assert!(!main_rs(&graph).text.contains("Aligned"));
}

/// What is said of the catalogue with `from` replaced by `to`.
fn said(from: &str, to: &str) -> Vec<(String, String)> {
    assert!(CATALOGUE.contains(from), "{from}");
    let text = CATALOGUE.replacen(from, to, 1);
    let mut desk = Desk::default();
    let texts: Vec<(&str, &str)> = SMALL.iter().copied().chain([("x", text.as_str())]).collect();
    let faults = desk.check(MANIFEST, &texts, Target::Unix).err().unwrap_or_default();
    faults.iter().map(|fault| (fault.code.to_string(), fault.message.clone())).collect()
}

#[test]
fn faults_of_builds_are_told() {
    let is = |from: &str, to: &str, code: &str, part: &str| {
        let said = said(from, to);
        assert!(said.iter().any(|(c, m)| c == code && m.contains(part)), "{from} -> {to}: {said:?}");
    };
    is("{ tar dir=(param)dir }", "{ zip dir=(param)dir }", "UK0201", "zip");
    is("{ tar dir=(param)dir }", "{ tar }", "UK0203", "needs the folder");
    is("{ tar dir=(param)dir }", "", "UK0203", "what makes the data");
    is("{ tar dir=(param)dir }", "{ tar dir=(param)dir; fat dir=(param)dir }", "UK0204", "one tool");
    is("{ tar dir=(param)dir }", "{ tar dir=(param)folder }", "UK0317", "no param `folder`");
    is("{ tar dir=(param)dir }", "{ tar dir=(key)where }", "UK0317", "known while building");
    is("{ tar dir=(param)dir }", "{ tar dir=\"../t\" }", "UK0212", "outside of the project");
    is("file=(build)tar", "file=(build)zip", "UK0317", "no build `zip`");
    is("file=(build)tar", "file=t", "UK0317", "nothing is given the data `tar`");
    is("file=(build)tar", "files=(build)tar", "UK0202", "no param `files`");
    is("disk disk-of-file file=(build)tar", "disk table dir=(build)tar", "UK0303", "provides `files`");
    is("build tar {", "build tar embed=#true {", "UK0317", "no build `tar`");
    let circle = "reader { disk disk-of-file file=(build)tar }";
    is(circle, "either dir=(build)tar", "UK0311", "uses itself");
}
