//! Build steps behind walls: what they can't do, what they are told, and how the user learns of it.

use std::net::TcpListener;

use crate::support::{Folder, Ran, token, uk};

/// Whether this machine can put up walls of that class. Where it can't, says so even when output is captured, and fails
/// where `UK_REQUIRE_TARGETS` is set, as in CI.
pub fn has(class: &str) -> bool {
    let has = match class {
        "namespaces" => {
            let made = std::process::Command::new("unshare").args(["-Urnm", "true"]).output();
            made.is_ok_and(|made| made.status.success())
        }
        _ => std::fs::read_to_string("/sys/kernel/security/lsm").map_or(true, |all| all.contains("landlock")),
    };
    if !has {
        assert!(std::env::var_os("UK_REQUIRE_TARGETS").is_none(), "this machine has no {class}");
        use std::io::Write;
        let _ = writeln!(
            std::io::stderr(),
            "NOT RUN: a test of build steps behind {class}: this machine has none"
        );
    }
    has
}

/// `hello` with a build script that does this and then ends well.
fn with_script(deed: &str) -> Folder {
    let folder = Folder::example("hello");
    folder.write("build.rs", &format!("// {}\nfn main() {{\n    {deed}\n}}\n", token()));
    folder
}

fn build(folder: &Folder, class: &str, options: &[&str]) -> Ran {
    uk(folder.path(), ["build"].iter().chain(options)).env("UK_SANDBOX", class).run()
}

/// The build fails with this code and these words, and makes no artifact.
#[track_caller]
fn refused(ran: Ran, folder: &Folder, code: &str, parts: &[&str]) {
    let said = ran.fails(1, &[code]);
    for part in parts {
        assert!(said.contains(part), "`{part}` in:\n{said}");
    }
    assert!(!folder.join("dist").exists(), "no artifact");
}

#[test]
fn a_file_that_is_not_declared_is_not_there_and_is_named() {
    let secret = Folder::empty();
    secret.write("secret", "of this machine");
    let path = secret.join("secret");
    let folder = with_script(&format!("std::fs::read({path:?}).expect(\"the secret\");"));
    let named = format!("`{}`", path.display());
    let parts = ["the build script of `hello 0.1.0` failed", &named, "help: ", "UK_HOST_PATHS"];
    for class in ["namespaces", "landlock"] {
        if has(class) {
            refused(build(&folder, class, &[]), &folder, "UK0621", &parts);
        }
    }
    // Declared, it is there; and what it holds is in the key.
    if has("namespaces") {
        let declared =
            || uk(folder.path(), ["build"]).env("UK_SANDBOX", "namespaces").env("UK_HOST_PATHS", &path);
        declared().run().ok();
        assert_eq!(declared().run().ok().counts().0, 0);
        std::fs::rename(secret.join("secret"), secret.join("old")).expect("it is there");
        secret.write("secret", "another");
        assert!(declared().run().ok().did("run-script hello 0.1.0"));
    }
    build(&folder, "folder", &[]).ok();
}

#[test]
fn a_path_out_of_the_package_is_named_as_the_user_knows_it() {
    if !has("namespaces") {
        return;
    }
    let above = Folder::empty();
    above.write("shared.txt", "text");
    crate::support::copy(Folder::example("hello").path(), &above.join("hello"));
    above.write(
        "hello/build.rs",
        &format!("// {}\nfn main() {{ std::fs::read(\"../shared.txt\").expect(\"it\"); }}\n", token()),
    );
    let ran = uk(&above.join("hello"), ["build"]).env("UK_SANDBOX", "namespaces").run();
    let said = ran.fails(1, &["UK0621"]);
    assert!(said.contains(&format!("`{}`", above.join("shared.txt").display())), "{said}");
}

#[test]
fn a_step_sees_one_user_one_path_and_nothing_of_the_host() {
    if !has("namespaces") {
        return;
    }
    let folder = with_script(
        "use std::{env, fs};\n    \
         assert_eq!(env::current_dir().unwrap().to_str(), Some(\"/.uk-sandbox/hello-0.1.0\"));\n    \
         assert_eq!(env::var(\"SOURCE_DATE_EPOCH\").as_deref(), Ok(\"0\"));\n    \
         assert!(env::var(\"HOME\").is_err() && env::var(\"USER\").is_err());\n    \
         let status = fs::read_to_string(\"/proc/self/status\").unwrap();\n    \
         assert!(status.contains(\"\\nUid:\\t1000\\t1000\\t1000\\t1000\\n\"), \"{status}\");\n    \
         let mut top: Vec<_> = fs::read_dir(\"/\").unwrap().map(|e| e.unwrap().file_name()).collect();\n    \
         top.retain(|n| ![\".uk-sandbox\", \"bin\", \"dev\", \"etc\", \"lib\", \"lib64\", \"proc\", \"tmp\", \"usr\"]\
         .contains(&n.to_str().unwrap()));\n    \
         assert!(top.is_empty(), \"{top:?}\");\n    \
         assert!(!fs::exists(\"/usr/bin/env\").unwrap() && !fs::exists(\"/etc/passwd\").unwrap());\n    \
         let processes = fs::read_dir(\"/proc\").unwrap().filter(|e| e.as_ref().unwrap().file_name().to_str()\
         .unwrap().parse::<u32>().is_ok());\n    \
         assert_eq!(processes.count(), 2, \"the first process and this one\");\n    \
         let list = |path: &str| -> Vec<_> { fs::read_dir(path).unwrap().map(|e| e.unwrap().path()).collect() };\n    \
         for path in list(\"/proc\") {\n        \
             let name = path.file_name().unwrap().to_str().unwrap();\n        \
             let own = name == \"sys\" || path.is_symlink() || name.parse::<u32>().is_ok();\n        \
             let empty = if path.is_dir() { list(path.to_str().unwrap()).is_empty() } else { fs::read(&path).is_err() };\n        \
             assert!(own || empty, \"{path:?} tells of the machine\");\n    \
         }\n    \
         assert_eq!(list(\"/proc/sys\").len() + list(\"/proc/sys/vm\").len(), 2);\n    \
         let promised = fs::read_to_string(\"/proc/sys/vm/overcommit_memory\").unwrap();\n    \
         assert!([\"0\\n\", \"1\\n\", \"2\\n\"].contains(&&*promised), \"{promised:?}\");\n    \
         fs::write(\"/proc/sys/vm/overcommit_memory\", \"1\").expect_err(\"it can't be written\");\n    \
         fs::write(env::temp_dir().join(\"x\"), \"x\").unwrap();",
    );
    build(&folder, "namespaces", &[]).ok();
}

#[test]
fn a_build_script_has_no_network() {
    let server = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = server.local_addr().expect("it has one").to_string();
    let folder = with_script(&format!("std::net::TcpStream::connect({address:?}).expect(\"the server\");"));
    for class in ["namespaces", "landlock"] {
        if has(class) {
            let named = format!("`{address}`");
            let parts = ["the build script of `hello 0.1.0` failed", &named, "no network"];
            refused(build(&folder, class, &[]), &folder, "UK0623", &parts);
        }
    }
    // The address is a good one.
    build(&folder, "folder", &[]).ok();
}

#[test]
fn a_build_script_writes_to_its_own_folder_only() {
    for class in ["namespaces", "landlock"] {
        if !has(class) {
            continue;
        }
        let folder = with_script("std::fs::write(\"src/generated.rs\", \"\").expect(\"a source\");");
        let before = folder.listing();
        let parts =
            ["build script of `hello 0.1.0` changed its", "`hello-0.1.0/src/generated.rs`", "OUT_DIR"];
        refused(build(&folder, class, &[]), &folder, "UK0622", &parts);
        let after: Vec<_> = folder.listing().into_iter().filter(|path| !path.starts_with(".uk")).collect();
        let before: Vec<_> = before.into_iter().filter(|path| !path.starts_with(".uk")).collect();
        assert_eq!(after.iter().filter(|p| p.contains("generated")).count(), 0, "{after:?}");
        assert!(before.iter().all(|path| after.contains(path)));

        let outside = Folder::empty();
        let place = outside.join("written");
        let folder = with_script(&format!("std::fs::write({place:?}, \"\").expect(\"elsewhere\");"));
        let named = format!("`{}`", place.display());
        refused(build(&folder, class, &[]), &folder, "UK0622", &[&named]);
        assert!(!place.exists());
    }
}

#[test]
fn a_build_script_leaves_its_sources_as_they_were() {
    // Crates ask what a compiler can do, and rustc has a temporary folder where it is started; others write completions anew.
    let folder = with_script(
        "use std::{fs, process::{Command, Stdio}};\n    \
         let mut rustc = Command::new(std::env::var_os(\"RUSTC\").unwrap())\n        \
         .args([\"--crate-type=rlib\", \"--emit=metadata\", \"-o\", \"-\", \"-\"])\n        \
         .stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();\n    \
         std::io::Write::write_all(&mut rustc.stdin.take().unwrap(), b\"pub const X: u8 = 1;\").unwrap();\n    \
         assert!(rustc.wait().unwrap().success());\n    \
         fs::write(\"build.rs\", fs::read(\"build.rs\").unwrap()).unwrap();",
    );
    let classes: Vec<&str> =
        ["namespaces", "landlock"].into_iter().filter(|class| has(class)).chain(["folder"]).collect();
    // Of a crate that was copied out of cargo's folders with a submodule of its own.
    folder.write("vendor/lib/.git", "gitdir: ../../.git/modules/lib\n");
    folder.write(".cargo-ok", "{\"v\":1}");
    for class in &classes {
        build(&folder, class, &[]).ok();
    }
    let deeds = [
        ("build.rs", "write(\"build.rs\", \"\")"),
        ("x", "rename(\"build.rs\", \"x\")"),
        ("x", "write(\"x\", \"\")"),
        (".git", "write(\".git\", \"\")"),
    ];
    for (name, deed) in deeds {
        let folder = with_script(&format!("std::fs::{deed}.unwrap();"));
        let before = folder.read("build.rs");
        let named =
            format!("the build script of `hello 0.1.0` changed its package's sources: `hello-0.1.0/{name}`");
        for class in &classes {
            refused(build(&folder, class, &[]), &folder, "UK0622", &[&named, "OUT_DIR"]);
        }
        assert!(folder.read("build.rs") == before && (name == "build.rs" || !folder.join(name).exists()));
    }
}

#[test]
fn a_build_script_that_never_ends_is_ended() {
    for class in ["", "folder"] {
        let folder = with_script("loop { std::thread::sleep(std::time::Duration::from_secs(1)); }");
        // Long enough for a compiler on a busy machine, which is under the same limit.
        let ran = build(&folder, class, &["--timeout", "20"]);
        refused(
            ran,
            &folder,
            "UK0624",
            &["the build script of `hello 0.1.0` was ended after 20 s", "--timeout"],
        );
    }
}

#[test]
fn a_build_script_that_wants_too_much_memory_is_told_so() {
    if !has("namespaces") {
        return;
    }
    let folder = with_script("std::hint::black_box(Vec::<u8>::with_capacity(9 << 30));");
    let ran = build(&folder, "namespaces", &["--memory-limit", "8192"]);
    refused(ran, &folder, "UK0625", &["`hello 0.1.0` ran out of memory", "--memory-limit"]);
    // Too little even for the compiler's libraries.
    folder.write("build.rs", "fn main() {}\n");
    build(&folder, "namespaces", &[]).ok();
    std::fs::remove_dir_all(folder.join("dist")).expect("it was made");
    folder.write("build.rs", &format!("// {}\nfn main() {{}}\n", token()));
    let ran = build(&folder, "namespaces", &["--memory-limit", "64"]);
    refused(ran, &folder, "UK0625", &["`hello 0.1.0` ran out of memory", "--memory-limit"]);
    build(&folder, "namespaces", &["--memory-limit", "0"]).ok();
}

/// An application that uses a macro of the crate `panicky` in line 3; the macro does this.
fn with_macro(deed: &str) -> Folder {
    let folder = Folder::application(
        "panicky = { path = \"panicky\" }",
        &format!(
            "#![no_std]\n// {}\npanicky::fall!();\n/// Starts.\npub async fn start(_: impl uk_device::Time) {{}}\n",
            token()
        ),
    );
    folder.write(
        "panicky/Cargo.toml",
        "[package]\nname = \"panicky\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[lib]\nproc-macro = true\n",
    );
    let head =
        "/// Falls.\n#[proc_macro]\npub fn fall(_: proc_macro::TokenStream) -> proc_macro::TokenStream";
    folder.write("panicky/src/lib.rs", &format!("{head} {{\n    {deed}\n}}\n"));
    folder
}

#[test]
fn a_macro_that_panics_is_named_with_its_words() {
    let folder = with_macro("panic!(\"no ground\")");
    let parts =
        ["a macro panicked while `app 0.1.0` was compiled", "`panicky`", "no ground", "src/lib.rs:3:1"];
    refused(build(&folder, "", &[]), &folder, "UK0626", &parts);
}

#[test]
fn a_macro_that_reads_what_is_not_the_packages_is_told_where_that_goes() {
    let secret = Folder::empty();
    secret.write("secret", "of this machine");
    let folder = with_macro(&format!("panic!(\"{{:?}}\", std::fs::read({:?}))", secret.join("secret")));
    for class in ["namespaces", "landlock"] {
        if has(class) {
            let ran = build(&folder, class, &[]);
            let said = ran.stderr.clone();
            refused(ran, &folder, "UK0621", &["put the file into the package"]);
            assert!(!said.contains("UK_HOST_PATHS"), "{said}");
        }
    }
}

#[test]
fn a_compiler_that_a_signal_ends_is_told_with_the_signal_and_the_macros() {
    let raise = "unsafe extern \"C\" {\n        fn raise(signal: i32) -> i32;\n    }\n    \
                 // SAFETY: a number.\n    unsafe { raise(9) };\n    unreachable!()";
    for (deed, signal, help) in [
        ("std::process::abort()", "signal 6 (SIGABRT)", ""),
        (raise, "signal 9 (SIGKILL)", "takes too much memory"),
    ] {
        let folder = with_macro(deed);
        let message = format!("the compiler was ended by {signal} while `app 0.1.0` was compiled");
        let parts = [&*message, "the crates whose macros it can use: `panicky`", help];
        refused(build(&folder, "", &[]), &folder, "UK0601", &parts);
        let log = uk(folder.path(), ["log", "compile app"]).run().ok();
        assert!(log.stderr.contains("`compile app 0.1.0` failed and printed nothing"), "{log}");
    }
}

#[test]
fn a_compiler_that_a_macro_ended_well_is_told_with_the_macros() {
    let folder = with_macro("std::process::exit(0)");
    let parts = [
        "`app 0.1.0` ended well, but `out/libapp-",
        "the crates whose macros it can use: `panicky`",
        "a macro that ends its process ends the compiler",
    ];
    refused(build(&folder, "", &[]), &folder, "UK0605", &parts);
}

#[test]
fn every_class_makes_the_same_bytes_under_keys_of_its_own() {
    let folder = with_script("println!(\"cargo::rustc-env=WHERE={}\", std::env::var(\"OUT_DIR\").is_ok());");
    let mut artifacts = Vec::new();
    for class in ["namespaces", "landlock", "folder"] {
        if class != "folder" && !has(class) {
            continue;
        }
        let ran = build(&folder, class, &[]).ok();
        assert!(ran.did("compile hello 0.1.0"), "{ran}");
        artifacts.push(folder.bytes("dist/hello"));
    }
    assert!(artifacts.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn a_class_that_does_not_exist_is_refused() {
    let folder = Folder::example("hello");
    let said = build(&folder, "iron", &[]).fails(1, &["UK0620"]);
    assert!(said.contains("`iron`") && said.contains("`landlock`"), "{said}");
}
