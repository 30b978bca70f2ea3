//! How the planner grows: reads, resolves and writes the main of generated manifests, and of one with many faults.
//!
//! `cargo run --release -p uk-planner --example scale`

use std::fmt::Write as _;
use std::time::Instant;

use uk_backends::Target;
use uk_diagnostic::{Rendered, Sources};
use uk_planner::catalogue::Document;
use uk_planner::{Catalogue, Manifest, Settings, generate, resolve};

const CATALOGUE: &str = include_str!("../tests/planner/example.kdl");
const TIME: &str = include_str!("../../devices/time/device.kdl");

fn main() {
    let mut sources = Sources::default();
    let start = Instant::now();
    let documents = [("uk-time", TIME), ("uk-example", CATALOGUE)].map(|(package, text)| Document {
        package,
        source: sources.add(package, text),
        text,
    });
    let catalogue = Catalogue::parse(&documents).expect("the catalogue of the tests is sound");
    println!("catalogue: {:?}", start.elapsed());
    for count in [10, 100, 1_000, 10_000, 100_000] {
        devices(count, &catalogue);
    }
    faults(1_000, &catalogue);
}

/// A chain of devices, each with its own directory on its own disk.
fn devices(count: usize, catalogue: &Catalogue) {
    let mut text = String::from("unikernel big\n");
    for i in 0..count / 2 {
        let _ = writeln!(text, "device disk-{i} block-of-file file=\"disk-{i}.img\"");
        let _ = writeln!(text, "device files-{i} fat dir=\"t{i}\" {{\n    block disk-{i}\n}}");
    }
    text.push_str("job main entry=\"big::start\" {\n");
    for i in 0..count / 2 {
        let _ = writeln!(text, "    files-{i} files-{i} as=kv-ro");
    }
    text.push_str("}\n");
    let mut sources = Sources::default();
    let source = sources.add("unikernel.kdl", text.as_str());
    let start = Instant::now();
    let (nodes, _) = uk_planner::syntax::parse(source, &text);
    let syntax = start.elapsed();
    drop(nodes);
    let start = Instant::now();
    let manifest = Manifest::parse(source, &text).expect("the generated manifest is sound");
    let parsed = start.elapsed();
    let Manifest::Unikernel(unikernel) = manifest else { unreachable!("it has a unikernel") };
    let start = Instant::now();
    let graph = resolve(&unikernel, catalogue, Target::Virtio, &Settings::default()).expect("it resolves");
    let resolved = start.elapsed();
    let start = Instant::now();
    let main = generate::main_rs(&graph);
    let generated = start.elapsed();
    println!(
        "{count:>7} devices, {:>8} bytes: syntax {syntax:>11.3?}, manifest (with syntax) {parsed:>11.3?}, resolve \
         {resolved:>11.3?}, main {generated:>11.3?} ({} lines), together {:>11.3?}",
        text.len(),
        main.text.lines().count(),
        parsed + resolved + generated
    );
}

/// Every other device has a fault.
fn faults(count: usize, catalogue: &Catalogue) {
    let mut text = String::from("unikernel faulty\n");
    for i in 0..count {
        let _ = writeln!(text, "device disk-{i} block-of-file file=\"disk-{i}.img\"");
    }
    text.push_str("job main entry=\"big::start\" {\n");
    for i in 0..count {
        let _ = writeln!(text, "    d{i} dsik-{i} as=block");
    }
    text.push_str("}\n");
    let mut sources = Sources::default();
    let source = sources.add("unikernel.kdl", text.as_str());
    let start = Instant::now();
    let (manifest, mut faults) = Manifest::parse_partial(source, &text);
    if let Some(Manifest::Unikernel(unikernel)) = manifest {
        faults.extend(
            resolve(&unikernel, catalogue, Target::Unix, &Settings::default()).err().unwrap_or_default(),
        );
    }
    let found = start.elapsed();
    let start = Instant::now();
    let handler = miette::GraphicalReportHandler::new();
    let mut drawn = String::new();
    for fault in &faults {
        let _ = handler.render_report(&mut drawn, &Rendered::new(fault, &sources));
    }
    println!(
        "{} faults: found in {found:?}, drawn in {:?} ({} bytes)",
        faults.len(),
        start.elapsed(),
        drawn.len()
    );
}
