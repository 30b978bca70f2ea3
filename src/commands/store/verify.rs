//! `uk store verify`.

use std::process::ExitCode;

use serde::Serialize;
use uk_store::{Store, Verified};

use super::{JSON, count, json};
use crate::cli::Report as Format;
use crate::failure::Failure;
use crate::ui::Ui;

#[derive(Serialize)]
struct JsonVerified<'a> {
    version: u32,
    objects: usize,
    records: usize,
    incomplete: usize,
    sdk: usize,
    roots: usize,
    findings: Vec<JsonFinding<'a>>,
}

#[derive(Serialize)]
struct JsonFinding<'a> {
    path: String,
    what: &'a str,
    done: &'a str,
}

/// Looks at everything; 1 when something wasn't as it should be.
pub(super) fn run(store: &Store, format: Format, ui: Ui) -> Result<ExitCode, Failure> {
    let verified = store.verify().map_err(|error| error.diagnostic())?;
    ui.output(&match format {
        Format::Json => to_json(&verified),
        Format::Text => text(&verified),
    })?;
    Ok(ExitCode::from(u8::from(!verified.findings.is_empty())))
}

fn to_json(verified: &Verified) -> String {
    let findings = verified.findings.iter().map(|finding| JsonFinding {
        path: finding.path.display().to_string(),
        what: finding.what,
        done: finding.done,
    });
    json(&JsonVerified {
        version: JSON,
        objects: verified.objects,
        records: verified.records,
        incomplete: verified.incomplete,
        sdk: verified.fixed,
        roots: verified.roots,
        findings: findings.collect(),
    })
}

fn text(verified: &Verified) -> String {
    let mut text = String::new();
    for finding in &verified.findings {
        text.push_str(&format!("{} {}: {}\n", finding.path.display(), finding.what, finding.done));
    }
    let objects = count(verified.objects, "object");
    let records = count(verified.records, "record");
    let roots = count(verified.roots, "root");
    let found = match verified.findings.len() {
        0 => "all sound".to_owned(),
        number => count(number, "finding"),
    };
    text.push_str(&format!("{objects}, {records} and {roots} looked at: {found}\n"));
    text
}
