//! `uk store verify`.

use std::collections::BTreeMap;
use std::process::ExitCode;

use serde::Serialize;
use uk_store::{Store, Verified};

use super::{JSON, count, json};
use crate::cli::Report as Format;
use crate::failure::Failure;
use crate::ui::Ui;

/// Findings of one kind that are listed; `--format json` has all.
const MOST: usize = 10;

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
    let mut like: BTreeMap<&str, usize> = BTreeMap::new();
    for finding in &verified.findings {
        let seen = like.entry(finding.what).or_default();
        *seen += 1;
        if *seen <= MOST {
            text.push_str(&format!("{} {}: {}\n", finding.path.display(), finding.what, finding.done));
        }
    }
    // One record that is missing is in the copies of many builds.
    for (what, more) in like.into_iter().filter_map(|(what, seen)| Some((what, seen.checked_sub(MOST)?))) {
        if more > 0 {
            text.push_str(&format!("{more} more, each of which {what}\n"));
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use uk_store::Finding;

    #[test]
    fn of_many_findings_of_a_kind_the_first_are_named() {
        let finding =
            |number: usize, what| Finding { path: number.to_string().into(), what, done: "removed" };
        let many = (0..25).map(|number| finding(number, "is old"));
        let findings = many.chain([finding(25, "is damaged")]).collect();
        let text = text(&Verified { findings, ..Verified::default() });
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!((lines.len(), lines[9]), (13, "9 is old: removed"));
        assert_eq!(lines[10..12], ["25 is damaged: removed", "15 more, each of which is old"]);
        assert!(lines[12].ends_with("26 findings"), "{text}");
    }
}
