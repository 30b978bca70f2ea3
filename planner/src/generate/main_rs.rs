//! `main.rs`: the devices made in order, then the jobs.

use std::fmt::Write as _;

use uk_diagnostic::Span;

use super::literal;
use crate::data::{Data, Place};
use crate::device::{Device, DeviceGraph, Job, JobArgument, Param, ParamValue};

/// The generated main, and where each of its lines comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MainRs {
    /// The Rust source.
    pub text: String,
    /// Line numbers, from 1, in ascending order, with the place in the manifest that they come from.
    pub lines: Vec<(u32, Span)>,
}

impl MainRs {
    /// The place in the manifest that line `number` (from 1) comes from.
    pub fn origin(&self, number: u32) -> Option<Span> {
        self.lines.binary_search_by_key(&number, |l| l.0).ok().map(|i| self.lines[i].1)
    }
}

/// Writes the main of `graph`. Its crate has the modules `main` and `keys` ([`key_table`]), and depends on `uk-device`,
/// the target's guest package, the application and the devices' crates.
///
/// [`key_table`]: super::key_table
pub fn main_rs(graph: &DeviceGraph) -> MainRs {
    let mut out = Writer::default();
    let guest = graph.target().guest_crate();
    let name = literal::text(&graph.name().text);
    let application = literal::text(graph.application());
    if graph.target().is_freestanding() {
        out.line("#![no_std]", None);
        out.line("#![no_main]", None);
        out.line("", None);
    }
    out.line("mod keys;", None);
    out.line("", None);
    if graph.devices().iter().any(|device| embedded(device).next().is_some()) {
        out.line("#[repr(align(16))]", None);
        out.line("struct Aligned<T: ?Sized>(T);", None);
        out.line("", None);
    }
    out.line(
        &format!(
            "{guest}::entry!(name: {name}, application: {application}, keys: keys::KEYS, start: start);"
        ),
        Some(graph.name().span),
    );
    out.line("", None);
    let values = if uses_values(graph) { "values" } else { "_values" };
    out.line(
        &format!("async fn start({values}: &'static uk_device::keys::Values) -> uk_device::Result {{"),
        None,
    );
    for device in graph.devices() {
        out.device(graph, device);
    }
    // Shared devices end when every job has, the last made first.
    let ending = || graph.devices().iter().rev().filter_map(|d| Some((d, d.teardown.as_ref()?)));
    let (open, close) = if ending().next().is_some() { ("let mut outcome = ", ";") } else { ("", "") };
    match graph.jobs() {
        [one] => {
            let name = literal::text(&one.name.text);
            out.line(&format!("    {open}{guest}::alone("), Some(one.span));
            out.line(&format!("        {name},"), Some(one.span));
            out.call(graph, one, "        ", ",");
            out.line("    )", Some(one.span));
            out.line(&format!("    .await{close}"), None);
        }
        several => {
            out.line(&format!("    {open}{guest}::jobs(["), None);
            for job in several {
                let name = literal::text(&job.name.text);
                out.line(&format!("        {guest}::job("), Some(job.span));
                out.line(&format!("            {name},"), Some(job.span));
                out.call(graph, job, "            ", ",");
                out.line("        ),", Some(job.span));
            }
            out.line("    ])", None);
            out.line(&format!("    .await{close}"), None);
        }
    }
    for (device, teardown) in ending() {
        let line =
            format!("    outcome = outcome.and(uk_device::finish({teardown}({}).await));", device.variable);
        out.line(&line, Some(device.span));
    }
    if !close.is_empty() {
        out.line("    outcome", None);
    }
    out.line("}", None);
    MainRs { text: out.text, lines: out.lines }
}

fn uses_values(graph: &DeviceGraph) -> bool {
    let in_job = |job: &Job| job.arguments.iter().any(|a| matches!(a, JobArgument::Keys(_)));
    let in_device = |device: &Device| device.params.iter().any(|p| matches!(p.value, ParamValue::Key(_)));
    graph.jobs().iter().any(in_job) || graph.devices().iter().any(in_device)
}

#[derive(Default)]
struct Writer {
    text: String,
    lines: Vec<(u32, Span)>,
    count: u32,
}

impl Writer {
    fn line(&mut self, line: &str, from: Option<Span>) {
        self.count += 1;
        self.text.push_str(line);
        self.text.push('\n');
        self.lines.extend(from.map(|span| (self.count, span)));
    }

    /// `let disk = uk_block_unix::open("disk.img").await?;`, an argument a line so that each has its own origin.
    fn device(&mut self, graph: &DeviceGraph, device: &Device) {
        let (open, close) = if device.exclusive { ("", "") } else { ("uk_device::share(", ")") };
        let mut head = format!("    let {} = {open}{}(", device.variable, device.connect);
        let plain = device.params.is_empty() && device.bindings.is_empty() && device.attachments.is_empty();
        if plain && embedded(device).next().is_none() {
            let _ = write!(head, ").await?{close};");
            return self.line(&head, Some(device.span));
        }
        self.line(&head, Some(device.span));
        for param in &device.params {
            let line = format!("        {},", argument(graph, param));
            self.line(&line, Some(param.span.unwrap_or(device.span)));
        }
        for data in embedded(device) {
            let file = literal::text(&device.embedded(data));
            let line = format!(
                "        {{ static DATA: &Aligned<[u8]> = &Aligned(*include_bytes!({file})); &DATA.0 }},"
            );
            self.line(&line, Some(data.span));
        }
        for binding in &device.bindings {
            let line = format!("        {},", graph.device(binding.device).variable);
            self.line(&line, Some(binding.span));
        }
        for attachment in &device.attachments {
            let [name, id, path] = [&attachment.name, &attachment.id, attachment.path()].map(literal::text);
            let line = format!("        uk_device::Attachment::new({name}, {id}, {path}),");
            self.line(&line, Some(device.span));
        }
        self.line(&format!("    ).await?{close};"), Some(device.span));
    }

    /// The call of a job's function, without `.await`.
    fn call(&mut self, graph: &DeviceGraph, job: &Job, indent: &str, end: &str) {
        if job.arguments.is_empty() {
            return self.line(&format!("{indent}{}(){end}", job.entry), Some(job.entry_span));
        }
        self.line(&format!("{indent}{}(", job.entry), Some(job.entry_span));
        for argument in &job.arguments {
            match argument {
                JobArgument::Keys(span) => {
                    self.line(
                        &format!("{indent}    uk_device::FromValues::from_values(values),"),
                        Some(*span),
                    );
                }
                JobArgument::Device(binding) => {
                    let line = format!("{indent}    {},", graph.device(binding.device).variable);
                    self.line(&line, Some(binding.span));
                }
            }
        }
        self.line(&format!("{indent}){end}"), Some(job.entry_span));
    }
}

/// The data of a device that go into the image.
fn embedded(device: &Device) -> impl Iterator<Item = &Data> {
    device.data.iter().filter(|data| data.place == Place::Image)
}

fn argument(graph: &DeviceGraph, param: &Param) -> String {
    match &param.value {
        ParamValue::Absent => "None".to_owned(),
        ParamValue::Fixed(value) if param.optional => format!("Some({})", literal::value(value, &param.ty)),
        ParamValue::Fixed(value) => literal::value(value, &param.ty),
        ParamValue::Key(id) => {
            let name = literal::text(&graph.key(*id).name);
            if param.optional { format!("values.optional({name})") } else { format!("values.get({name})") }
        }
    }
}
