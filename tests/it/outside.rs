//! Applications outside of this repository: `uk` and Rust are all that they need.

use crate::support::{Folder, MICROVM, UNIX, can_run, uk};

/// A source whose job logs `expression`.
fn logs(head: &str, expression: &str) -> String {
    format!(
        "#![no_std]\n\nuse uk_device::Time;\n{head}\n\n/// Says it.\npub async fn start(_time: impl Time) {{\n    \
         log::info!(\"{{}}\", {expression});\n}}\n"
    )
}

/// Builds and runs the application on both targets: it logs one line, which ends with `text`.
#[track_caller]
fn says(application: &Folder, text: &str) {
    for place in [UNIX, MICROVM] {
        if can_run(place) {
            let ran = uk(application.path(), ["run"].iter().chain(place)).run().ok();
            assert_eq!(ran.stdout.lines().count(), 1, "{ran}");
            assert!(ran.stdout.ends_with(&format!(" [application] {text}\n")), "{ran}");
        }
    }
}

#[test]
fn an_application_that_names_the_sdk_by_version_builds_and_runs() {
    // `scopeguard` is a crate of the registry that the images use anyway.
    let source = logs("", "*scopeguard::guard(\"by version\", |_| ())");
    let application =
        Folder::application("scopeguard = { version = \"1\", default-features = false }", &source);
    says(&application, "by version");
    assert!(application.read("unikernel.lock").contains("name = \"scopeguard\""));
    assert!(!application.read("Cargo.toml").contains("patch"), "the user's files are as they were");
    // What another clone gets with the lock file.
    uk(application.path(), ["build", "--locked"]).run().ok();
    uk(application.path(), ["build", "--locked", "--offline"]).run().ok();
}

#[test]
fn a_path_dependency_is_built_and_watched() {
    let application = Folder::application("friend = { path = \"friend\" }", &logs("", "friend::greeting()"));
    application.write(
        "friend/Cargo.toml",
        "[package]\nname = \"friend\"\nversion = \"0.3.1\"\nedition = \"2021\"\n",
    );
    let greeting = |text: &str| {
        let body =
            format!("#![no_std]\n/// Says it.\npub fn greeting() -> &'static str {{\n    \"{text}\"\n}}\n");
        application.write("friend/src/lib.rs", &body);
    };
    greeting("from a friend");
    says(&application, "from a friend");
    greeting("from the same friend");
    says(&application, "from the same friend");
}

#[test]
fn a_path_dependency_beside_the_application_is_built() {
    let both = Folder::empty();
    let application = Folder::application("", &logs("", "neighbour::NAME"));
    for file in ["unikernel.kdl", "src/lib.rs", "Cargo.toml"] {
        both.write(&format!("app/{file}"), &application.read(file));
    }
    both.edit("app/Cargo.toml", "log =", "neighbour = { path = \"../neighbour\" }\nlog =");
    both.write(
        "neighbour/Cargo.toml",
        "[package]\nname = \"neighbour\"\nversion = \"1.0.0\"\nedition = \"2024\"\n",
    );
    both.write(
        "neighbour/src/lib.rs",
        "#![no_std]\n/// It.\npub const NAME: &str = env!(\"CARGO_PKG_NAME\");\n",
    );
    let ran = uk(&both.join("app"), ["run"]).run().ok();
    assert!(ran.stdout.ends_with("] neighbour\n"), "{ran}");
}

#[test]
fn a_build_script_sets_cfg_and_env_and_generates_code() {
    let head = "include!(concat!(env!(\"OUT_DIR\"), \"/generated.rs\"));\n\
                #[cfg(not(chosen = \"yes\"))]\ncompile_error!(\"the build script's cfg is missing\");";
    let application =
        Folder::application("", &logs(head, "format_args!(\"{} {ANSWER}\", env!(\"MADE_BY\"))"));
    application.write("answer.txt", "41 + 1");
    application.write(
        "build.rs",
        r#"fn main() {
    println!("cargo::rerun-if-changed=answer.txt");
    println!("cargo::rustc-check-cfg=cfg(chosen, values(\"yes\"))");
    println!("cargo::rustc-cfg=chosen=\"yes\"");
    println!("cargo::rustc-env=MADE_BY={} on {}", std::env::var("CARGO_PKG_NAME").unwrap(), std::env::var("CARGO_CFG_TARGET_ARCH").unwrap());
    let answer = std::fs::read_to_string("answer.txt").unwrap().trim().to_owned();
    let out = std::path::PathBuf::from(std::env::var_os("OUT_DIR").unwrap());
    std::fs::write(out.join("generated.rs"), format!("const ANSWER: u32 = {answer};")).unwrap();
}
"#,
    );
    says(&application, &format!("app on {} 42", std::env::consts::ARCH));
    application.write("answer.txt", "40 + 3");
    says(&application, &format!("app on {} 43", std::env::consts::ARCH));
    // An edit that the script answers as before makes no other image.
    application.write("answer.txt", "40 + 3\n");
    let ran = uk(application.path(), ["build"]).run().ok();
    assert!(ran.did("run-script app") && !ran.did("pack"), "{ran}");
}

#[test]
fn a_macro_crate_of_ones_own_is_used() {
    let application = Folder::application(
        "shout = { path = \"shout\" }",
        &logs("use shout::shout;", "shout!(quiet words)"),
    );
    application.write(
        "shout/Cargo.toml",
        "[package]\nname = \"shout\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[lib]\nproc-macro = true\n",
    );
    application.write(
        "shout/src/lib.rs",
        "//! A macro.\nuse proc_macro::TokenStream;\n\n/// The words as a string, in capitals.\n#[proc_macro]\n\
         pub fn shout(words: TokenStream) -> TokenStream {\n    \
         format!(\"{:?}\", words.to_string().to_uppercase()).parse().expect(\"a literal\")\n}\n",
    );
    says(&application, "QUIET WORDS");
}

#[test]
fn features_and_renamed_dependencies_are_as_cargo_says() {
    let dependencies = "kept = { package = \"kept-crate\", path = \"kept\", default-features = false, features = [\"loud\"] }";
    let application = Folder::application(dependencies, &logs("", "kept::TEXT"));
    application.write(
        "kept/Cargo.toml",
        "[package]\nname = \"kept-crate\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
         [features]\ndefault = [\"quiet\"]\nquiet = []\nloud = []\n",
    );
    application.write(
        "kept/src/lib.rs",
        "#![no_std]\n#[cfg(feature = \"quiet\")]\ncompile_error!(\"not asked for\");\n\
         /// It.\n#[cfg(feature = \"loud\")]\npub const TEXT: &str = \"loud\";\n",
    );
    says(&application, "loud");
}

#[test]
fn a_device_of_a_third_party_is_found_and_given() {
    let application = Folder::application("uk-dice = { path = \"dice\" }", "");
    application.write(
        "src/lib.rs",
        "#![no_std]\nuse uk_dice::Dice;\n\n/// Rolls.\npub async fn start(dice: impl Dice) {\n    \
         log::info!(\"rolled {}\", dice.roll());\n}\n",
    );
    application
        .write("unikernel.kdl", "unikernel app\n\njob main entry=\"app::start\" {\n    dice fair-dice\n}\n");
    application.write(
        "dice/Cargo.toml",
        "[package]\nname = \"uk-dice\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
         [package.metadata.uk]\ndevices = \"device.kdl\"\n\n[dependencies]\nuk-device = \"0.1\"\n",
    );
    application.write(
        "dice/device.kdl",
        "interface dice trait=\"uk_dice::Dice\" doc=\"Dice.\"\n\n\
         implementation fair-dice provides=dice {\n    doc \"Chosen by a fair roll.\"\n    \
         targets all { crate uk-dice connect=\"uk_dice::connect\" }\n}\n",
    );
    application.write(
        "dice/src/lib.rs",
        "//! Dice.\n#![no_std]\n\n/// Dice.\npub trait Dice {\n    /// From 1 to 6.\n    fn roll(&self) -> u8;\n}\n\n\
         /// Fair.\npub struct Four;\n\nimpl Dice for Four {\n    fn roll(&self) -> u8 {\n        4\n    }\n}\n\n\
         impl<T: Dice> Dice for &T {\n    fn roll(&self) -> u8 {\n        (**self).roll()\n    }\n}\n\n\
         /// Connects.\npub async fn connect() -> uk_device::Result<Four> {\n    Ok(Four)\n}\n",
    );
    says(&application, "rolled 4");
}

#[test]
fn a_member_of_a_cargo_workspace_inherits_from_it() {
    let workspace = Folder::empty();
    workspace.write(
        "Cargo.toml",
        "[workspace]\nmembers = [\"apps/*\", \"libs/*\"]\nresolver = \"3\"\n\n\
         [workspace.package]\nversion = \"0.7.2\"\nedition = \"2021\"\n\n\
         [workspace.dependencies]\nlog = \"0.4\"\nuk-device = \"0.1\"\n\
         common = { path = \"libs/common\" }\n\n[workspace.lints.rust]\nunused = \"warn\"\n",
    );
    workspace.write(
        "apps/one/Cargo.toml",
        "[package]\nname = \"one-app\"\nversion.workspace = true\nedition.workspace = true\nbuild = \"make.rs\"\n\n\
         [lib]\nname = \"the_lib\"\npath = \"source/start.rs\"\n\n[lints]\nworkspace = true\n\n\
         [dependencies]\nlog.workspace = true\nuk-device.workspace = true\ncommon.workspace = true\n",
    );
    workspace
        .write("apps/one/make.rs", "fn main() {\n    println!(\"cargo::rustc-env=FROM=a script\");\n}\n");
    workspace.write("apps/one/source/start.rs", "#![no_std]\n//! It.\nmod inner;\npub use inner::go;\n");
    workspace.write(
        "apps/one/source/inner.rs",
        "use uk_device::Time;\n\n/// Says it.\npub async fn go(_: impl Time) {\n    \
         log::info!(\"{} {} {}\", common::DATA, env!(\"CARGO_PKG_VERSION\"), env!(\"FROM\"));\n}\n",
    );
    workspace.write(
        "apps/one/unikernel.kdl",
        "unikernel one\njob main entry=\"the_lib::go\" {\n    time default-time\n}\n",
    );
    workspace.write(
        "libs/common/Cargo.toml",
        "[package]\nname = \"common\"\nversion.workspace = true\nedition.workspace = true\n",
    );
    workspace.write(
        "libs/common/src/lib.rs",
        "#![no_std]\n/// It.\npub const DATA: &str = include_str!(\"../data.txt\");\n",
    );
    workspace.write("libs/common/data.txt", "data");
    let run = || uk(&workspace.join("apps/one"), ["run"]).run().ok();
    let ran = run();
    assert!(ran.stdout.ends_with("] data 0.7.2 a script\n"), "{ran}");
    // What is inherited is watched, and so is what is included.
    workspace.edit("Cargo.toml", "0.7.2", "0.7.3");
    workspace.write("libs/common/data.txt", "more data");
    let ran = run();
    assert!(ran.stdout.ends_with("] more data 0.7.3 a script\n"), "{ran}");
    assert!(!workspace.join("Cargo.lock").exists(), "the user's files are as they were");
}
