//! What a build script's standard output asks for.
//!
//! Source of the directives: the Cargo Book, "Build Scripts". Both spellings are read, `cargo::KEY=VALUE` and the older
//! `cargo:KEY=VALUE`, where an unknown key is metadata for dependents.

/// A build script's output, sorted by whom it is for. Each field is a file's text, one item a line.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Directives {
    /// Compiler arguments for the package's own crates.
    pub flags: String,
    /// `-L` arguments for everything that is linked with the package.
    pub search: String,
    /// `NAME=VALUE` for the package's own crates.
    pub env: String,
    /// `DEP_LINKS_KEY=VALUE` for the build scripts of dependents.
    pub metadata: String,
}

impl Directives {
    /// Reads `stdout` of the build script of a package that links `links` (empty for none).
    ///
    /// # Errors
    /// The text of a `cargo::error=`, or a directive that can't be read.
    pub fn parse(stdout: &str, links: &str) -> Result<Self, String> {
        let mut all = Self::default();
        let mut errors = Vec::new();
        for line in stdout.lines() {
            let (rest, modern) = match (line.strip_prefix("cargo::"), line.strip_prefix("cargo:")) {
                (Some(rest), _) => (rest, true),
                (None, Some(rest)) => (rest, false),
                (None, None) => continue,
            };
            let Some((key, value)) = rest.split_once('=') else {
                if modern {
                    errors.push(format!("`{line}` isn't a directive: `cargo::KEY=VALUE` is wanted"));
                }
                continue;
            };
            match key {
                "rustc-cfg" => all.flags(["--cfg", value]),
                "rustc-check-cfg" => all.flags(["--check-cfg", value]),
                "rustc-link-lib" => all.flags(["-l", value]),
                "rustc-link-search" => {
                    all.flags(["-L", value]);
                    push(&mut all.search, "-L");
                    push(&mut all.search, value);
                }
                "rustc-flags" => all.words(value)?,
                "rustc-env" => push(&mut all.env, value),
                "error" => errors.push(value.to_owned()),
                "metadata" if modern => match value.split_once('=') {
                    Some((key, value)) => all.metadata(links, key, value),
                    None => errors.push(format!("`{line}` isn't `cargo::metadata=KEY=VALUE`")),
                },
                // Every file of the package and the whole environment are inputs anyway; the user's terminal isn't.
                "rerun-if-changed" | "rerun-if-env-changed" | "warning" => {}
                // Only for binaries and dynamic libraries of the package itself, which `uk` doesn't build.
                _ if key.starts_with("rustc-link-arg") || key == "rustc-cdylib-link-arg" => {}
                _ if modern => errors.push(format!("`{line}` isn't a directive that cargo knows")),
                _ => all.metadata(links, key, value),
            }
        }
        if errors.is_empty() { Ok(all) } else { Err(errors.join("\n")) }
    }

    fn flags<'t>(&mut self, flags: impl IntoIterator<Item = &'t str>) {
        flags.into_iter().for_each(|f| push(&mut self.flags, f));
    }

    /// `cargo::rustc-flags=` allows `-l` and `-L` alone, each with its value beside it or as the next word.
    fn words(&mut self, text: &str) -> Result<(), String> {
        let mut words = text.split_whitespace();
        while let Some(word) = words.next() {
            let flag = ["-l", "-L"].into_iter().find(|f| word.starts_with(f));
            let Some(flag) = flag else {
                return Err(format!("`rustc-flags={text}`: only `-l` and `-L` may stand there"));
            };
            let value = if word == flag { words.next().unwrap_or_default() } else { &word[2..] };
            self.flags([flag, value]);
            if flag == "-L" {
                push(&mut self.search, "-L");
                push(&mut self.search, value);
            }
        }
        Ok(())
    }

    fn metadata(&mut self, links: &str, key: &str, value: &str) {
        let upper = |s: &str| s.to_uppercase().replace('-', "_");
        if !links.is_empty() {
            push(&mut self.metadata, &format!("DEP_{}_{}={value}", upper(links), upper(key)));
        }
    }
}

fn push(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::Directives;

    #[test]
    fn sorts_directives_by_whom_they_are_for() {
        let text = "noise\ncargo:rustc-cfg=fast\ncargo::rustc-check-cfg=cfg(fast)\ncargo:rerun-if-changed=x\n\
            cargo:rustc-link-lib=static=z\ncargo:rustc-link-search=native=/o\ncargo:rustc-env=A=b=c\ncargo:root=/r\n\
            cargo::metadata=include-dir=/i\ncargo:rustc-flags=-l m -L/q\n";
        let read = Directives::parse(text, "my-z").expect("valid");
        assert_eq!(
            read.flags.lines().collect::<Vec<_>>().join(" "),
            "--cfg fast --check-cfg cfg(fast) -l static=z -L native=/o -l m -L /q"
        );
        assert_eq!(read.search, "-L\nnative=/o\n-L\n/q\n");
        assert_eq!(read.env, "A=b=c\n");
        assert_eq!(read.metadata, "DEP_MY_Z_ROOT=/r\nDEP_MY_Z_INCLUDE_DIR=/i\n");
    }

    #[test]
    fn says_every_error() {
        let said = Directives::parse("cargo::error=no zlib\ncargo::frob=1\ncargo::error=no pkg\n", "")
            .expect_err("errors");
        assert_eq!(said.lines().count(), 3);
        assert!(said.contains("no zlib") && said.contains("cargo::frob=1") && said.contains("no pkg"));
    }
}
