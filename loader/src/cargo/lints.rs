//! `[lints]`, which cargo's unit graph doesn't hold.

use std::path::{Path, PathBuf};

use toml::{Table, Value};
use uk_diagnostic::{Code, Diagnostic};

use crate::Result;

/// The compiler arguments for the `[lints]` of the package in `folder`, those that it inherits from its workspace among
/// them, in cargo's order: a lint behind the groups of lower priority that it is in.
///
/// # Errors
/// `UK0401` where a manifest can't be read. Cargo has read them all before.
pub(super) fn arguments(folder: &Path) -> Result<Vec<String>> {
    let manifest = read(&folder.join("Cargo.toml"))?;
    let Some(own) = table(&manifest, "lints") else { return Ok(Vec::new()) };
    if own.get("workspace").and_then(Value::as_bool) != Some(true) {
        return Ok(flags(own));
    }
    let workspace = match workspace_above(folder, &manifest)? {
        Some(workspace) => workspace,
        None => return Ok(Vec::new()),
    };
    let lints = table(&workspace, "workspace").and_then(|w| table(w, "lints"));
    Ok(lints.map(flags).unwrap_or_default())
}

/// The manifest of the workspace that a package belongs to.
fn workspace_above(folder: &Path, manifest: &Table) -> Result<Option<Table>> {
    if table(manifest, "workspace").is_some() {
        return Ok(Some(manifest.clone()));
    }
    let named = table(manifest, "package").and_then(|p| p.get("workspace")).and_then(Value::as_str);
    if let Some(named) = named {
        return read(&folder.join(named).join("Cargo.toml")).map(Some);
    }
    let above = folder.ancestors().skip(1).map(|f| f.join("Cargo.toml")).filter(|f| f.is_file());
    for path in above {
        let manifest = read(&path)?;
        if table(&manifest, "workspace").is_some() {
            return Ok(Some(manifest));
        }
    }
    Ok(None)
}

fn read(path: &PathBuf) -> Result<Table> {
    let unreadable = |cause: String| {
        Box::new(
            Diagnostic::error(Code::CargoFailed, format!("`{}` can't be read: {cause}", path.display()))
                .help("its `[lints]` are wanted"),
        )
    };
    let text = std::fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
    text.parse().map_err(|error: toml::de::Error| unreadable(error.to_string()))
}

fn table<'t>(table: &'t Table, name: &str) -> Option<&'t Table> {
    table.get(name)?.as_table()
}

fn flags(lints: &Table) -> Vec<String> {
    let mut all = Vec::new();
    let mut cfgs = Vec::new();
    // Cargo keeps its own to itself.
    for (tool, lints) in lints.iter().filter(|(tool, _)| *tool != "cargo") {
        for (name, config) in lints.as_table().into_iter().flatten() {
            let level = config.get("level").unwrap_or(config).as_str().unwrap_or_default();
            if !["forbid", "deny", "warn", "allow"].contains(&level) {
                continue;
            }
            let priority = config.get("priority").and_then(Value::as_integer).unwrap_or(0);
            let lint = if tool == "rust" { name.clone() } else { format!("{tool}::{name}") };
            all.push((priority, std::cmp::Reverse(name), format!("--{level}={lint}")));
            if tool == "rust" && name == "unexpected_cfgs" {
                let checked = config.get("check-cfg").and_then(Value::as_array).into_iter().flatten();
                cfgs.extend(checked.filter_map(|c| Some(format!("--check-cfg={}", c.as_str()?))));
            }
        }
    }
    all.sort();
    all.into_iter().map(|(_, _, flag)| flag).chain(cfgs).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lints_become_arguments_in_the_order_of_their_priorities() {
        let text = "[rust]\nunsafe_code = \"forbid\"\nunused = { level = \"warn\", priority = -1 }\n\
            unexpected_cfgs = { level = \"deny\", check-cfg = [\"cfg(loom)\", \"cfg(x, values(\\\"y\\\"))\"] }\n\
            [clippy]\nall = \"deny\"\n[cargo]\nim_a_teapot = \"warn\"\n";
        let flags = flags(&text.parse().expect("TOML"));
        assert_eq!(
            flags,
            [
                "--warn=unused",
                "--forbid=unsafe_code",
                "--deny=unexpected_cfgs",
                "--deny=clippy::all",
                "--check-cfg=cfg(loom)",
                "--check-cfg=cfg(x, values(\"y\"))",
            ]
        );
    }
}
