//! The same sources make the same bytes, whoever builds them, where and when.

use std::path::{Path, PathBuf};

use crate::support::{Folder, uk};

/// Where cargo keeps what it has downloaded.
fn cargo_home() -> PathBuf {
    std::env::var_os("CARGO_HOME").map(PathBuf::from).unwrap_or_else(|| home().join(".cargo"))
}

fn home() -> PathBuf {
    std::env::home_dir().expect("every user has one")
}

/// Another user's home: nothing in it but the downloads that the first build has made, as archives.
fn other_home() -> Folder {
    let home = Folder::empty();
    let ours = cargo_home();
    for file in ["config.toml", "config"] {
        if ours.join(file).exists() {
            home.write(&format!(".cargo/{file}"), "");
            std::fs::copy(ours.join(file), home.join(".cargo").join(file)).expect("files can be copied");
        }
    }
    std::fs::create_dir_all(home.join(".cargo/registry")).expect("folders can be made");
    for part in ["index", "cache"] {
        let link = home.join(".cargo/registry").join(part);
        std::os::unix::fs::symlink(ours.join("registry").join(part), link).expect("links can be made");
    }
    home
}

/// Builds for every target through a shell with another umask, and gives the artifacts.
fn build(
    folder: &Folder,
    store: &Path,
    home: &Folder,
    zone: &str,
    locale: &str,
    umask: &str,
) -> Vec<Vec<u8>> {
    let rustup = std::env::var_os("RUSTUP_HOME").map_or_else(|| self::home().join(".rustup"), PathBuf::from);
    let script = format!("umask {umask}; exec \"$@\"");
    uk(folder.path(), ["build", "--target", "unix", "--target", "virtio"])
        .store(store)
        .env("HOME", home.path())
        .env("CARGO_HOME", home.join(".cargo"))
        .env("RUSTUP_HOME", rustup)
        .env("TZ", zone)
        .env("LC_ALL", locale)
        .through("sh", &["-c", &script, "sh"])
        .run()
        .ok();
    let made = ["", ".debug", ".virtio", ".virtio.debug"];
    made.iter().map(|end| folder.bytes(&format!("dist/hello-key{end}"))).collect()
}

#[test]
fn two_users_two_folders_two_stores_make_the_same_bytes() {
    let one = Folder::example("hello-key");
    // Resolves and downloads, so that the builds themselves need no network.
    uk(one.path(), ["plan"]).run().ok();
    let elsewhere = Folder::empty();
    let deep = elsewhere.join("a folder, deeper/and with a longer name/hello key");
    crate::support::copy(one.path(), &deep);
    let two = Folder::copy(&deep);
    let stores = [Folder::empty(), Folder::empty()];
    let homes = [other_home(), other_home()];
    let a = build(&one, stores[0].path(), &homes[0], "UTC", "C", "022");
    let b = build(&two, &stores[1].join("nested/store"), &homes[1], "Pacific/Auckland", "C.UTF-8", "077");
    for (index, name) in ["unix", "unix debug", "virtio", "virtio debug"].iter().enumerate() {
        assert!(a[index] == b[index], "{name} differs");
        for path in [one.path(), two.path(), stores[0].path(), homes[0].path()] {
            let path = path.as_os_str().as_encoded_bytes();
            assert!(
                !a[index].windows(path.len()).any(|part| part == path),
                "{name} holds a path of the builder"
            );
        }
    }
}

#[test]
fn one_job_and_many_make_the_same_bytes() {
    let artifact = |jobs: &str| {
        let (folder, store) = (Folder::example("hello"), Folder::empty());
        uk(folder.path(), ["build", "-j", jobs]).store(store.path()).run().ok();
        folder.bytes("dist/hello.debug")
    };
    assert!(artifact("1") == artifact("8"));
}
