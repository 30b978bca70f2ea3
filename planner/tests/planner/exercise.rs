//! Any text through every stage: nothing may panic, and every place that is told lies within its text. Shared with the
//! fuzz targets.

use uk_backends::Target;
use uk_diagnostic::{Diagnostic, Sources};
use uk_planner::catalogue::{Catalogue, Document};
use uk_planner::device::{Binding, DeviceGraph, JobArgument, crates_for_all_targets};
use uk_planner::manifest::Manifest;
use uk_planner::{Settings, generate, resolve};

const TIME: &str = include_str!("time.kdl");
const EXAMPLE: &str = include_str!("example.kdl");

/// A manifest, with a sound catalogue.
pub fn manifest(text: &str) {
    let mut sources = Sources::default();
    let catalogue = match catalogue(&mut sources, &[("uk-time", TIME), ("uk-example", EXAMPLE)]) {
        Ok(catalogue) => catalogue,
        Err(faults) => panic!("the catalogue of the tests has faults: {faults:#?}"),
    };
    whole(text, &catalogue, &mut sources);
}

/// A catalogue, and a manifest that uses what the sound one has.
pub fn device_file(text: &str) {
    let mut sources = Sources::default();
    match catalogue(&mut sources, &[("uk-time", TIME), ("uk-fuzzed", text)]) {
        Ok(catalogue) => whole(include_str!("everything.kdl"), &catalogue, &mut sources),
        Err(faults) => places(&faults, &sources),
    }
}

fn catalogue(sources: &mut Sources, texts: &[(&str, &str)]) -> Result<Catalogue, Vec<Diagnostic>> {
    let documents: Vec<Document<'_>> = texts
        .iter()
        .map(|(package, text)| Document {
            package,
            source: sources.add(format!("{package}/device.kdl"), *text),
            text,
        })
        .collect();
    Catalogue::parse(&documents)
}

fn whole(text: &str, catalogue: &Catalogue, sources: &mut Sources) {
    let source = sources.add("unikernel.kdl", text);
    let (manifest, faults) = Manifest::parse_partial(source, text);
    places(&faults, sources);
    let Some(Manifest::Unikernel(unikernel)) = manifest else { return };
    let all = crates_for_all_targets(&unikernel, catalogue);
    for target in Target::ALL {
        match resolve(&unikernel, catalogue, target, &Settings::default()) {
            Ok(graph) => {
                assert!(faults.is_empty(), "a manifest with faults became a graph: {faults:#?}");
                places(graph.warnings(), sources);
                sound(&graph);
                assert!(graph.crates().iter().all(|c| all.contains(*c)), "a crate is outside of the lock");
            }
            Err(more) => {
                assert!(!(more.is_empty() && faults.is_empty()), "an error without a word");
                places(&more, sources);
            }
        }
    }
}

/// What the generated main relies on.
fn sound(graph: &DeviceGraph) {
    for (place, device) in graph.devices().iter().enumerate() {
        for binding in &device.bindings {
            assert!((binding.device.0 as usize) < place, "`{}` is made before what it needs", device.name);
            bound(graph, binding);
        }
    }
    for argument in graph.jobs().iter().flat_map(|job| &job.arguments) {
        if let JobArgument::Device(binding) = argument {
            bound(graph, binding);
        }
    }
    let main = generate::main_rs(graph);
    let count = main.text.lines().count() as u32;
    assert!(main.lines.windows(2).all(|pair| pair[0].0 < pair[1].0), "lines are in order");
    assert!(main.lines.iter().all(|(line, _)| (1..=count).contains(line)), "lines exist");
    generate::key_table(graph);
}

fn bound(graph: &DeviceGraph, binding: &Binding) {
    let device = graph.devices().get(binding.device.0 as usize).expect("what is bound is made");
    let canonical = |name: &str| name.replace('-', "_");
    assert_eq!(
        canonical(&device.interface),
        canonical(&binding.interface),
        "`{}` got `{}`",
        binding.requirement,
        device.name
    );
}

fn places(faults: &[Diagnostic], sources: &Sources) {
    for fault in faults {
        assert!(!fault.message.is_empty());
        for label in &fault.labels {
            let text = &sources.get(label.span.source).text;
            assert!(text.get(label.span.range()).is_some(), "{fault:#?} points outside of its text");
        }
    }
}
