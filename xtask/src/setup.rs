//! What the tests need of the system, installed where that may be done.

use std::path::Path;
use std::process::Command;

use crate::step::{self, Done};

/// A program that the tests run, and Debian's package that brings it.
const PROGRAMS: [(&str, &str); 5] = [
    ("qemu-system-x86_64", "qemu-system-x86"),
    ("cc", "gcc"),
    ("git", "git"),
    ("make", "make"),
    ("unshare", "util-linux"),
];
/// A file that linking needs, and Debian's package that brings it.
const FILES: [(&str, &str); 1] = [("/usr/include/stdlib.h", "libc6-dev")];

/// Installs what is missing, or says how.
pub fn run() -> Done {
    let mut missing: Vec<&str> =
        PROGRAMS.iter().filter(|(p, _)| !on_path(p)).map(|(_, package)| *package).collect();
    missing.extend(FILES.iter().filter(|(f, _)| !Path::new(f).exists()).map(|(_, package)| *package));
    install(&missing)
}

/// Installs one program that only some task needs.
pub fn program(program: &str, package: &'static str) -> Done {
    if on_path(program) { Ok(()) } else { install(&[package]) }
}

fn install(missing: &[&str]) -> Done {
    if missing.is_empty() {
        return Ok(());
    }
    let by_hand = format!("apt-get install --no-install-recommends {}", missing.join(" "));
    let root = step::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0");
    if !root || !on_path("apt-get") {
        return Err(format!("missing: {}; install with:\n\n    {by_hand}\n", missing.join(", ")));
    }
    let apt = || {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    step::run("refreshing the package lists", apt().args(["update", "-qq"]))?;
    let mut install = apt();
    install.args(["install", "-y", "-qq", "--no-install-recommends"]).args(missing);
    step::run(&by_hand, &mut install)
}

fn on_path(program: &str) -> bool {
    std::env::var_os("PATH")
        .is_some_and(|path| std::env::split_paths(&path).any(|f| f.join(program).is_file()))
}
