//! Compiles C with the host's compiler.
use std::path::PathBuf;
use std::process::Command;

fn main() {
    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap());
    let here = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap());
    let run = |command: &mut Command| assert!(command.status().unwrap().success(), "{command:?}");
    run(Command::new("cc").args(["-c", "-fPIC", "-O1", "-I", "include", "src/native.c", "-o"]).arg(out.join("native.o")));
    run(Command::new("ar").arg("crs").arg(out.join("libnative.a")).arg(out.join("native.o")));
    println!("cargo:rustc-link-search=native={}", out.display());
    println!("cargo::rustc-link-lib=static=native");
    println!("cargo::metadata=include-dir={}", here.join("include").display());
    println!("cargo:old-key=value = with signs");
}
