//! Crates that need `std` where there is none.

use crate::support::{Folder, uk};

/// An application that uses the crate `needy` of the package `needy-things`, which needs `std` where its feature `std` is
/// on, as it is by default, or `always`.
fn with_needy(wish: &str, always: bool) -> Folder {
    let folder = Folder::application(
        &format!("needy-things = {{ path = \"needy\"{wish} }}"),
        "#![no_std]\nuse uk_device::Time;\n/// Asks.\npub async fn start(_: impl Time) {\n    log::info!(\"{}\", needy::count());\n}\n",
    );
    folder.write(
        "needy/Cargo.toml",
        "[package]\nname = \"needy-things\"\nversion = \"0.3.0\"\nedition = \"2024\"\n\n[lib]\nname = \"needy\"\n\n\
         [features]\ndefault = [\"std\"]\nstd = []\n",
    );
    let head = if always { "" } else { "#![cfg_attr(not(feature = \"std\"), no_std)]\n" };
    folder.write(
        "needy/src/lib.rs",
        &format!("{head}#[cfg(feature = \"std\")]\nuse std as _;\n/// Needs it.\npub fn count() -> usize {{\n    1\n}}\n"),
    );
    folder
}

fn refused(folder: &Folder) -> String {
    let said = uk(folder.path(), ["build", "--target", "virtio"]).run().fails(1, &["UK0603"]);
    assert!(!folder.join("dist").exists(), "no artifact");
    assert!(said.contains("the crate `needy-things 0.3.0` needs `std`"), "{said}");
    assert!(said.contains("help: ") && said.contains("or build for `unix`"), "{said}");
    said
}

#[test]
fn a_crate_that_needs_std_is_named_by_its_package_with_what_turns_it_off() {
    let folder = with_needy("", false);
    let said = refused(&folder);
    let line = "`needy-things = { version = \"0.3.0\", default-features = false }` in `Cargo.toml`";
    assert!(said.contains(line), "{said}");
    uk(folder.path(), ["build", "--target", "unix"]).run().ok();
    folder.edit("Cargo.toml", "path = \"needy\"", "path = \"needy\", default-features = false");
    uk(folder.path(), ["build", "--target", "virtio"]).run().ok();
}

#[test]
fn nobody_is_told_to_turn_off_what_is_off() {
    let said = refused(&with_needy(", default-features = false, features = [\"std\"]", false));
    assert!(said.contains("its feature `std`") && said.contains("in `Cargo.toml`"), "{said}");
    assert!(!said.contains("default-features"), "{said}");
    let said = refused(&with_needy(", default-features = false", true));
    assert!(
        !said.contains("feature") && said.contains("put another crate in its place in `Cargo.toml`"),
        "{said}"
    );
}

#[test]
fn an_application_without_no_std_is_told_so() {
    let folder = Folder::application(
        "",
        "use uk_device::Time;\n/// Asks.\npub async fn start(_: impl Time) {\n    log::info!(\"{}\", std::env::args().count());\n}\n",
    );
    let said = uk(folder.path(), ["build", "--target", "virtio"]).run().fails(1, &["UK0603"]);
    assert!(said.contains("the crate `app` needs `std`") && said.contains("write `#![no_std]`"), "{said}");
}
