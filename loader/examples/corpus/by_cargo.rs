//! The same package built by cargo, and what its messages say of that.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::Failure;
use crate::by_uk::Script;

/// What was built: see [`crate::by_uk::Built`].
pub struct Built {
    pub units: Vec<String>,
    pub scripts: BTreeMap<String, Vec<Script>>,
}

/// Builds the programs of the package in `source` into `out`.
pub fn build(source: &Path, options: &[&str], target: &Path, out: &Path) -> Result<Built, Failure> {
    let mut command = Command::new("cargo");
    command.args(["build", "--release", "--bins", "--locked", "--message-format=json", "--quiet"]);
    command.args(options).arg("--target").arg(triple()?);
    command.current_dir(source).env("CARGO_TARGET_DIR", target);
    // What the engine's actions see, where a build script may write it into a program.
    command.env("SOURCE_DATE_EPOCH", "0").env("LC_ALL", "C").env("TZ", "UTC");
    // Nor does it show them the host's libraries: zlib would be found without `pkg-config`, too.
    command.env("PKG_CONFIG", "false").env("LIBZ_SYS_STATIC", "1");
    // Nor a repository that the sources happen to lie in.
    command.env("GIT_CEILING_DIRECTORIES", source.parent().unwrap_or(source));
    let output = command.output().map_err(|error| format!("cargo: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo's own build failed:\n{}", String::from_utf8_lossy(&output.stderr)));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let messages: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let folders = folders(&messages);

    let _ = std::fs::remove_dir_all(out);
    std::fs::create_dir_all(out).map_err(|error| format!("{}: {error}", out.display()))?;
    let mut built = Built { units: Vec::new(), scripts: BTreeMap::new() };
    for message in &messages {
        let package = package(message["package_id"].as_str().unwrap_or_default());
        match message["reason"].as_str() {
            Some("compiler-artifact") => {
                built.units.push(unit(&package, message));
                if let Some(program) = message["executable"].as_str()
                    && message["target"]["kind"][0] == "bin"
                {
                    let name = Path::new(program).file_name().unwrap_or_default();
                    std::fs::copy(program, out.join(name)).map_err(|error| format!("{program}: {error}"))?;
                }
            }
            Some("build-script-executed") => {
                let script = script(message, folders.get(package.as_str()).map_or("", |f| f.as_str()));
                built.scripts.entry(package).or_default().push(script);
            }
            _ => {}
        }
    }
    built.units.sort();
    built.scripts.values_mut().for_each(|scripts| scripts.sort());
    Ok(built)
}

/// The host's own.
fn triple() -> Result<String, Failure> {
    let output = Command::new("rustc").arg("-vV").output().map_err(|error| format!("rustc: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let triple = text.lines().find_map(|line| line.strip_prefix("host: "));
    triple.map(str::to_owned).ok_or_else(|| "`rustc -vV` names no host".to_owned())
}

/// `NAME VERSION` of a package id: `SOURCE#NAME@VERSION`, or `SOURCE/NAME#VERSION`.
fn package(id: &str) -> String {
    let (source, rest) = id.rsplit_once('#').unwrap_or(("", id));
    match rest.split_once('@') {
        Some((name, version)) => format!("{name} {version}"),
        None => format!("{} {rest}", source.rsplit('/').next().unwrap_or_default()),
    }
}

/// Each package's folder.
fn folders(messages: &[Value]) -> BTreeMap<String, String> {
    let folder = |message: &Value| {
        let manifest = message["manifest_path"].as_str()?;
        let package = package(message["package_id"].as_str()?);
        Some((package, manifest.strip_suffix("/Cargo.toml")?.to_owned()))
    };
    messages.iter().filter_map(folder).collect()
}

fn unit(package: &str, message: &Value) -> String {
    let target = &message["target"];
    let kind = match target["kind"][0].as_str().unwrap_or_default() {
        "rlib" | "dylib" | "cdylib" | "staticlib" => "lib",
        kind => kind,
    };
    let name = target["name"].as_str().unwrap_or_default().replace('-', "_");
    format!("{package} {kind} {name} {}", texts(&message["features"]).join(","))
}

fn script(message: &Value, folder: &str) -> Script {
    let out = message["out_dir"].as_str().unwrap_or_default();
    let plain = |text: String| match folder {
        "" => text.replace(out, "OUT"),
        folder => text.replace(out, "OUT").replace(folder, "PACKAGE"),
    };
    let sorted = |mut all: Vec<String>| {
        all = all.into_iter().map(plain).collect();
        all.sort();
        all
    };
    let pairs = message["env"].as_array().into_iter().flatten();
    let env = pairs.map(|pair| texts(pair).join("=")).collect();
    Script {
        cfgs: sorted(texts(&message["cfgs"])),
        libs: sorted(texts(&message["linked_libs"])),
        env: sorted(env),
    }
}

fn texts(array: &Value) -> Vec<String> {
    array.as_array().into_iter().flatten().filter_map(|v| v.as_str().map(str::to_owned)).collect()
}
