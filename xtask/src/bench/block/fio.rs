//! What `fio` does in a pass.

use std::path::Path;
use std::process::Command;

use crate::step;

/// MiB in a second of `fio` in the pass `name`, as `random-read-4096-32`, on `image`, which stays in the page cache.
pub(super) fn rate(image: &Path, name: &str, mib: u64) -> Result<f64, String> {
    let parts: Vec<&str> = name.split('-').collect();
    let [order, what, size, depth] = parts[..] else { return Err(format!("no pass is called {name}")) };
    let random = if order == "random" { "rand" } else { "" };
    let engine = if depth == "1" { "psync" } else { "io_uring" };
    let mib = if size == "4096" { mib / 4 } else { mib };
    let mut fio = Command::new("fio");
    fio.arg("--name=pass").arg(format!("--filename={}", image.display()));
    // Neither fio's own start nor a cold cache is to be measured.
    fio.args(["--thread", "--invalidate=0", "--output-format=json"]);
    fio.args([format!("--rw={random}{what}"), format!("--bs={size}"), format!("--iodepth={depth}")]);
    fio.args([format!("--ioengine={engine}"), format!("--size={mib}m")]);
    let said = step::output(&mut fio)?;
    let said: serde_json::Value =
        serde_json::from_str(said.get(said.find('{').unwrap_or(0)..).unwrap_or_default())
            .map_err(|error| format!("fio: {error}"))?;
    let bytes = said["jobs"][0][what]["bw_bytes"].as_f64();
    Ok(bytes.ok_or("fio says no rate")? / f64::from(1 << 20))
}
