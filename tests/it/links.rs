//! Links in a project.

use std::fs;
use std::os::unix::fs::symlink;

use crate::support::{Folder, uk};

/// A link `name` in `folder`.
fn link(folder: &Folder, name: &str, to: impl AsRef<std::path::Path>) {
    let _ = fs::remove_file(folder.join(name));
    symlink(to, folder.join(name)).expect("links can be made");
}

#[test]
fn a_link_that_leads_nowhere_is_told_where_an_image_belongs() {
    let folder = Folder::example("block");
    link(&folder, "disk.img", "nowhere/disk.img");
    let ran = uk(folder.path(), ["build"]).run().ok();
    let told = "`disk.img` is a link that leads nowhere, and is kept";
    assert!(ran.codes() == ["UK0609"] && ran.stderr.contains(told), "{ran}");
    let said = uk(folder.path(), ["run"]).run().fails(125, &["UK0609", "UK0707"]);
    assert!(said.contains("as `disk`: it is a link that leads nowhere"), "{said}");
    assert!(said.contains("help: make what it leads to, or give another"), "{said}");
    uk(folder.path(), ["run", "--fresh"]).run().ok();
    assert!(folder.join("disk.img").symlink_metadata().is_ok_and(|found| found.is_file()));
}
