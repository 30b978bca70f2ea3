//! `cargo xtask bench`: each figure of the project beside its peer, medians over interleaved pairs.

mod block;
mod cold;
mod graph;
mod image;
mod ingest;
mod kv;
mod kv_rw;
mod language;
mod noop;
mod plan;
mod ripgrep;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::setup;
use crate::step::{self, Done, cargo, repository};

/// A benchmark and its name.
type Bench = (&'static str, fn() -> Done);

/// Runs the benchmark `name`, or all.
pub fn run(name: Option<&str>) -> Done {
    setup::run()?;
    step::run("building uk", cargo().args(["build", "--release", "--quiet"]))?;
    let all: [Bench; 11] = [
        ("block", block::run),
        ("noop", noop::run),
        ("cold", cold::run),
        ("graph", graph::run),
        ("image", image::run),
        ("ingest", ingest::run),
        ("kv", kv::run),
        ("kv-rw", kv_rw::run),
        ("language", language::run),
        ("plan", plan::run),
        ("ripgrep", || ripgrep::run(ripgrep::PAIRS)),
    ];
    let chosen: Vec<_> = all.into_iter().filter(|(n, _)| name.is_none_or(|wanted| wanted == *n)).collect();
    if chosen.is_empty() {
        return Err(format!(
            "there is no benchmark `{}`: block, noop, cold, graph, image, ingest, kv, kv-rw, language, plan, ripgrep",
            name.unwrap_or_default()
        ));
    }
    chosen.into_iter().try_for_each(|(_, bench)| bench())
}

/// A build of ripgrep from nothing, `pairs` times beside cargo's.
pub fn ripgrep(pairs: usize) -> Done {
    ripgrep::run(pairs)
}

/// The `uk` under test.
fn uk() -> PathBuf {
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| repository().join("target"), PathBuf::from);
    target.join("release/uk")
}

/// A folder that is removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Result<Self, String> {
        let path = std::env::temp_dir().join(format!("uk-bench-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Self(path))
    }

    /// A copy of an example, outside of the repository as a user's project is.
    fn example(&self, name: &str) -> Result<PathBuf, String> {
        self.project(&format!("examples/{name}"))
    }

    /// The same of any project of the repository.
    fn project(&self, folder: &str) -> Result<PathBuf, String> {
        let from = repository().join(folder);
        let to = self.0.join(from.file_name().unwrap_or_default());
        copy(&from, &to).map_err(|error| format!("{}: {error}", from.display()))?;
        // The example finds the SDK beside it; a copy has to be told where that is.
        let manifest = to.join("Cargo.toml");
        let text = std::fs::read_to_string(&manifest).map_err(|e| e.to_string())?;
        let devices = repository().join("devices").display().to_string();
        let text = text.replace("../../../devices", &devices).replace("../../devices", &devices);
        std::fs::write(&manifest, text).map_err(|e| e.to_string())?;
        Ok(to)
    }
}

/// Copies a project without what was made in it.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let name = entry.file_name();
        if entry.file_type()?.is_file() {
            std::fs::copy(entry.path(), to.join(name))?;
        } else if !["target", "dist", ".uk"].iter().any(|made| name == *made) {
            copy(&entry.path(), &to.join(name))?;
        }
    }
    Ok(())
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// `uk` in `folder` with the store `store`.
fn uk_in(folder: &Path, store: &Path, words: &[&str]) -> Command {
    let mut command = Command::new(uk());
    command.arg("-C").arg(folder).args(words).env("UK_STORE", store);
    typed(&mut command);
    command
}

/// Gives a command the environment of somebody who types it, without what cargo and rustup add for a benchmark. The choice of a
/// toolchain stays: both sides of a pair are to use the same.
fn typed(command: &mut Command) {
    for name in ["CARGO", "LD_LIBRARY_PATH", "RUST_RECURSION_COUNT"] {
        command.env_remove(name);
    }
}

/// Wall time of a command that must succeed.
fn wall(command: &mut Command) -> Result<Duration, String> {
    let start = Instant::now();
    step::output(command)?;
    Ok(start.elapsed())
}

/// User and system time of a command and all its descendants, to the clock tick (10 ms).
fn cpu(command: &mut Command) -> Result<Duration, String> {
    let before = children_ticks()?;
    step::output(command)?;
    // Linux counts 100 ticks a second for user space, on every machine that this runs on (sysconf(_SC_CLK_TCK)).
    Ok(Duration::from_millis((children_ticks()? - before) * 10))
}

/// `cutime` + `cstime` of `/proc/self/stat` (proc(5), fields 16 and 17).
fn children_ticks() -> Result<u64, String> {
    let stat = std::fs::read_to_string("/proc/self/stat").map_err(|error| error.to_string())?;
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or_default().split(' ').collect();
    let field = |i: usize| {
        fields.get(i).and_then(|f| f.parse::<u64>().ok()).ok_or("/proc/self/stat has another form")
    };
    Ok(field(13)? + field(14)?)
}

/// Medians of two measurements that take turns.
fn pairs(
    rounds: usize,
    mut one: impl FnMut() -> Result<Duration, String>,
    mut other: impl FnMut() -> Result<Duration, String>,
) -> Result<(Duration, Duration), String> {
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        a.push(one()?);
        b.push(other()?);
    }
    Ok((median(a), median(b)))
}

fn median(mut all: Vec<Duration>) -> Duration {
    all.sort();
    all[all.len() / 2]
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
