//! What cargo's refusals mean, where they are about a lock file or a crate's bytes.

use std::path::Path;

use uk_diagnostic::{Code, Diagnostic};

use crate::shown;

/// The diagnostic for `said`, the words of a cargo that resolved by the lock file `lock`; nothing if they are about
/// something else.
pub(super) fn explain(said: &str, lock: &Path) -> Option<Diagnostic> {
    let lock = lock.display();
    let quoted = |after: &str| said.split_once(after)?.1.split_once('`').map(|(name, _)| name);
    if said.contains("failed to parse lock file") {
        let cause = said.split_once("Caused by:").map_or(said, |(_, cause)| cause);
        return Some(
            Diagnostic::error(Code::UnreadableLock, format!("`{lock}` can't be read"))
                .note(unindented(cause))
                .help("take it from the last commit, or remove it: then crates are chosen anew"),
        );
    }
    // "checksum for `NAME vVERSION` changed between lock files", "... could not be calculated, ..."
    if let Some(krate) = quoted("checksum for `") {
        return Some(
            Diagnostic::error(
                Code::ChecksumMismatch,
                format!("`{}` isn't the crate that `{lock}` names: its checksum differs", plain(krate)),
            )
            .note("the registry has other bytes under this name and version, or the lock file was changed")
            .help(
                "take the lock file from the last commit; if it is as it was, find out who changed the crate",
            ),
        );
    }
    // "failed to verify the checksum of `NAME vVERSION`"
    if let Some(krate) = quoted("failed to verify the checksum of `") {
        return Some(
            Diagnostic::error(
                Code::ChecksumMismatch,
                format!("`{}`, as it was downloaded, isn't what its registry says that it is", plain(krate)),
            )
            .note("the checksum of the bytes differs: they were damaged or changed on the way")
            .help("try again; behind a mirror or proxy, ask whoever runs it"),
        );
    }
    // "As a reminder, you're using offline mode (--offline) ...": the registry may have others.
    let offline = |line: &str| line.starts_with("As a reminder, ") && line.contains("--offline");
    let Some((_, rest)) = said.split_once("failed to select a version for the requirement `") else {
        // Or "... attempting to make an HTTP request, but --offline was specified".
        let missing = |line: &str| offline(line) || line.contains("but --offline was specified");
        return said.lines().any(missing).then(|| {
            let own = said.lines().filter(|line| !line.contains(" of package `uk-root ") && !offline(line));
            Diagnostic::error(
                Code::CargoFailed,
                "not all crates that the application needs are on this machine",
            )
            .note(own.collect::<Vec<_>>().join("\n"))
            .help("run it once without `--offline`: then cargo fetches them")
        });
    };
    let (requirement, rest) = rest.split_once('`')?;
    let name = requirement.split(' ').next()?;
    // "... `NAME = "..."` (locked to VERSION)": what is behind other names there are other packages' versions.
    if let Some((version, _)) = rest.strip_prefix(" (locked to ").and_then(|rest| rest.split_once(')')) {
        return Some(
            Diagnostic::error(
                Code::StaleLock,
                format!("`{lock}` names `{name} {version}`, which can't be had or isn't what is asked for"),
            )
            .note(said.to_owned())
            .help(
                "take the lock file from the last commit, or remove that package from it: then it is chosen anew",
            ),
        );
    }
    // "required by package `NAME vVERSION (FOLDER)`", or without the last for one of a registry
    let by = quoted("required by package `")?;
    let (by, folder) = by.split_once(" (").unwrap_or((by, ""));
    let help = match folder.strip_suffix(')').filter(|folder| folder.starts_with('/')) {
        Some(folder) => {
            format!("ask for another version in `{}`", shown(&Path::new(folder).join("Cargo.toml")))
        }
        None => format!("ask for another version of `{}`", plain(by)),
    };
    let (here, help) = match said.lines().any(offline) {
        true => (
            " that is on this machine",
            format!("leave `--offline` out, so that others are looked for; or {help}"),
        ),
        false => ("", help),
    };
    let own = said.lines().filter(|line| !line.contains(" of package `uk-root ") && !offline(line));
    Some(
        Diagnostic::error(
            Code::CargoFailed,
            format!("no version of `{name}`{here} fits `{requirement}`, which `{}` asks for", plain(by)),
        )
        .note(own.collect::<Vec<_>>().join("\n"))
        .help(help),
    )
}

/// `NAME VERSION` for cargo's `NAME vVERSION`.
fn plain(krate: &str) -> String {
    krate.replacen(" v", " ", 1)
}

fn unindented(text: &str) -> String {
    let lines = text.trim_matches('\n').lines();
    lines.map(|line| line.strip_prefix("  ").unwrap_or(line)).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_cargo_get_their_codes_and_name_the_crate() {
        let cases = [
            (
                "checksum for `scopeguard v1.2.0` changed between lock files\n\nthis could be ...",
                Code::ChecksumMismatch,
                "`scopeguard 1.2.0` isn't the crate that `a/unikernel.lock` names",
            ),
            (
                "failed to download replaced source registry `crates-io`\n\nCaused by:\n  failed to verify the checksum of `log v0.4.1`",
                Code::ChecksumMismatch,
                "`log 0.4.1`, as it was downloaded",
            ),
            (
                "failed to select a version for the requirement `log = \"^1\"` (locked to 1.2.77)\ncandidate versions ...",
                Code::StaleLock,
                "names `log 1.2.77`",
            ),
            (
                "failed to select a version for the requirement `log = \"^99\"`\nrequired by package `hello v0.1.0 (/x)`\n    \
                 ... which satisfies path dependency `hello` (locked to 0.1.0) of package `uk-root v0.0.0 (/x/.uk/cargo/root)`",
                Code::CargoFailed,
                "no version of `log` fits `log = \"^99\"`, which `hello 0.1.0` asks for",
            ),
            (
                "failed to select a version for the requirement `log = \"^99\"`\nrequired by package `friend v1.0.0`\n    \
                 ... which satisfies dependency `friend = \"^1\"` (locked to 1.0.0) of package `hello v0.1.0 (/x)`",
                Code::CargoFailed,
                "which `friend 1.0.0` asks for",
            ),
            (
                "failed to parse lock file at: /x/.uk/cargo/root/Cargo.lock\n\nCaused by:\n  TOML parse error at line 3",
                Code::UnreadableLock,
                "`a/unikernel.lock` can't be read",
            ),
            (
                "no matching package named `log` found\nlocation searched: crates.io index\n\
                 As a reminder, you're using offline mode (--offline) which can sometimes ...",
                Code::CargoFailed,
                "not all crates that the application needs are on this machine",
            ),
            (
                "failed to download `log v0.4.29`\n\nCaused by:\n  attempting to make an HTTP request, but --offline was specified",
                Code::CargoFailed,
                "not all crates that the application needs are on this machine",
            ),
        ];
        for (said, code, part) in cases {
            let diagnostic = explain(said, Path::new("a/unikernel.lock")).expect("it is known");
            assert_eq!(diagnostic.code, code);
            assert!(diagnostic.message.contains(part), "{}", diagnostic.message);
        }
        assert!(explain("no matching package named `x` found", Path::new("l")).is_none());
    }
}
