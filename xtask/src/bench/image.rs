//! hello on `virtio`: its size, and how long QEMU takes from launch to the first line, beside a bare PVH stub.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{Scratch, ms, pairs, uk_in};
use crate::step::{self, Done, repository};

pub(super) fn run() -> Done {
    let scratch = Scratch::new("image")?;
    let hello = scratch.example("hello")?;
    step::output(&mut uk_in(&hello, &scratch.0.join("store"), &["build", "--target", "virtio"]))?;
    let image = hello.join("dist/hello.virtio");
    let size = std::fs::metadata(&image).map_err(|error| error.to_string())?.len();
    println!("hello on virtio, stripped: {size} bytes ({:.1} KB; goal: <= 40)", size as f64 / 1e3);
    let stub = stub(&scratch.0)?;
    let (uk, bare) = pairs(21, || first_line(&image), || first_line(&stub))?;
    println!("QEMU (TCG, microvm) from launch to the first line, median of 21 pairs");
    println!("  hello  {:6.1} ms", ms(uk));
    println!(
        "  stub   {:6.1} ms   (goal: hello <= 1.3 of it; hello / stub = {:.3})",
        ms(bare),
        ms(uk) / ms(bare)
    );
    Ok(())
}

/// The least that can print a line: no page tables, no heap.
fn stub(folder: &Path) -> Result<PathBuf, String> {
    let stub = folder.join("stub");
    let sysroot = step::output(Command::new("rustc").arg("--print=sysroot").current_dir(repository()))?;
    let lld = format!("{}/lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-lld", sysroot.trim());
    let mut rustc = Command::new("rustc");
    rustc.current_dir(repository()).arg("xtask/src/bench/stub.rs").arg("-o").arg(&stub);
    rustc.args([
        "--edition=2024",
        "-Cpanic=abort",
        "-Copt-level=s",
        "-Crelocation-model=static",
        "-Clinker-flavor=ld.lld",
    ]);
    rustc.arg(format!("-Clinker={lld}")).args(["-Clink-arg=-static", "-Clink-arg=--no-pie", "-Clink-arg=-n"]);
    rustc.args(["-Clink-arg=-Ttext=0x200000", "-Clink-arg=--entry=start32", "-Cstrip=symbols"]);
    step::output(&mut rustc)?;
    Ok(stub)
}

fn first_line(image: &Path) -> Result<Duration, String> {
    let mut qemu = Command::new("qemu-system-x86_64");
    qemu.args([
        "-nodefaults",
        "-no-user-config",
        "-display",
        "none",
        "-no-reboot",
        "-machine",
        "microvm,acpi=on",
    ]);
    qemu.args([
        "-accel",
        "tcg",
        "-m",
        "128M",
        "-serial",
        "stdio",
        "-device",
        "isa-debug-exit,iobase=0xf4,iosize=0x4",
    ]);
    let start = Instant::now();
    let mut child = qemu
        .arg("-kernel")
        .arg(image)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("qemu-system-x86_64: {error}"))?;
    let mut line = String::new();
    let out = child.stdout.take().ok_or("no standard output")?;
    let read = BufReader::new(out).read_line(&mut line).map_err(|error| error.to_string());
    let time = start.elapsed();
    let _ = child.kill();
    child.wait().map_err(|error| error.to_string())?;
    if read? == 0 { Err(format!("{} printed nothing", image.display())) } else { Ok(time) }
}
