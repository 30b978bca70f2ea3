//! What a build script's standard output asks for.
//!
//! Source of the directives: the Cargo Book, "Build Scripts", and what cargo 1.95 does with what isn't told there. Both
//! spellings are read, `cargo::KEY=VALUE` and the older `cargo:KEY=VALUE`, where an unknown key is metadata for dependents.

/// A build script's output, sorted by whom it is for. Each field is a file's text, one item a line.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Directives {
    /// `--cfg` and the like, for the package's own crates.
    pub cfg: String,
    /// `-l` arguments, for the package's library; for its programs if it has none.
    pub libs: String,
    /// `-L` arguments, for everything that is linked with the package.
    pub search: String,
    /// `NAME=VALUE` for the package's own crates.
    pub env: String,
    /// `DEP_LINKS_KEY=VALUE` for the build scripts of dependents.
    pub metadata: String,
    /// Linker arguments for the one link that was asked about.
    pub link: String,
}

/// What a build script that printed `stdout` wants the user to know, whether it can be read otherwise or not.
pub fn warnings(stdout: &[u8]) -> Vec<String> {
    let lines = stdout.split(|byte| *byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok());
    lines.filter_map(warning).map(str::to_owned).collect()
}

/// The text of a line that is a warning to the user.
pub fn warning(line: &str) -> Option<&str> {
    let line = line.trim();
    line.strip_prefix("cargo::warning=").or_else(|| line.strip_prefix("cargo:warning="))
}

/// The text of a line that says why the script fails. `cargo:error=`, the older spelling, is metadata.
pub fn error(line: &str) -> Option<&str> {
    line.trim().strip_prefix("cargo::error=")
}

/// The files that the builtin [`super::DIRECTIVES`] makes of a build script's output.
///
/// # Errors
/// As [`Directives::parse`].
pub fn directive_files(stdout: &[u8], args: &[String]) -> Result<[(&'static str, String); 6], String> {
    let arg = |at: usize| args.get(at).map(String::as_str).unwrap_or_default();
    let Directives { cfg, libs, search, env, metadata, link } = Directives::parse(stdout, arg(0), arg(1))?;
    Ok([
        ("cfg", cfg),
        ("libs", libs),
        ("search", search),
        ("env", env),
        ("metadata", metadata),
        ("link", link),
    ])
}

impl Directives {
    /// Reads `stdout` of the build script of a package that links `links` (empty for none), for the link of `link`: `bin
    /// NAME`, `proc-macro`, or nothing.
    ///
    /// # Errors
    /// The texts of `cargo::error=`, and of directives that can't be read.
    pub fn parse(stdout: &[u8], links: &str, link: &str) -> Result<Self, String> {
        let mut all = Self::default();
        let mut errors = Vec::new();
        // As cargo does: what isn't text is no directive.
        for line in stdout.split(|byte| *byte == b'\n').filter_map(|line| std::str::from_utf8(line).ok()) {
            let line = line.trim();
            let (rest, modern) = match (line.strip_prefix("cargo::"), line.strip_prefix("cargo:")) {
                (Some(rest), _) => (rest, true),
                (None, Some(rest)) => (rest, false),
                (None, None) => continue,
            };
            if let Err(error) = all.directive(rest, modern, links, link) {
                errors.push(error);
            }
        }
        if errors.is_empty() { Ok(all) } else { Err(errors.join("\n")) }
    }

    fn directive(&mut self, rest: &str, modern: bool, links: &str, link: &str) -> Result<(), String> {
        let colons = if modern { "cargo::" } else { "cargo:" };
        let (key, value) = rest
            .split_once('=')
            .ok_or_else(|| format!("`{colons}{rest}` isn't a directive: `{colons}KEY=VALUE` is wanted"))?;
        match key {
            "rustc-cfg" => self.cfg("--cfg", value),
            "rustc-check-cfg" => self.cfg("--check-cfg", value),
            "rustc-link-lib" => self.library(value),
            "rustc-link-search" => self.folder(value),
            "rustc-flags" => self.words(value)?,
            "rustc-env" => self.variable(value)?,
            // Told by `warnings`.
            "warning" => {}
            "error" if modern => return Err(value.to_owned()),
            "metadata" if modern => match value.split_once('=') {
                Some((key, value)) => self.metadata(links, key, value),
                None => return Err(format!("`cargo::{rest}` isn't `cargo::metadata=KEY=VALUE`")),
            },
            // Every file of the package and the whole environment are inputs anyway.
            "rerun-if-changed" | "rerun-if-env-changed" => {}
            "rustc-link-arg" => self.link(link, |_| true, value),
            "rustc-link-arg-bins" => self.link(link, |link| link.starts_with("bin "), value),
            "rustc-link-arg-bin" => match value.split_once('=') {
                Some((bin, arg)) => self.link(link, |link| link.strip_prefix("bin ") == Some(bin), arg),
                None => return Err(format!("`{colons}{rest}` isn't `{colons}{key}=BIN=FLAG`")),
            },
            // For what `uk` doesn't build: dynamic libraries for other languages, tests.
            "rustc-cdylib-link-arg"
            | "rustc-link-arg-cdylib"
            | "rustc-link-arg-tests"
            | "rustc-link-arg-examples"
            | "rustc-link-arg-benches" => {}
            _ if modern => return Err(format!("`cargo::{rest}` isn't a directive that cargo knows")),
            _ => self.metadata(links, key, value),
        }
        Ok(())
    }

    fn cfg(&mut self, flag: &str, value: &str) {
        push(&mut self.cfg, flag);
        push(&mut self.cfg, value);
    }

    fn library(&mut self, name: &str) {
        push(&mut self.libs, "-l");
        push(&mut self.libs, name);
    }

    fn folder(&mut self, path: &str) {
        push(&mut self.search, "-L");
        push(&mut self.search, path);
    }

    fn link(&mut self, link: &str, is_for: impl Fn(&str) -> bool, arg: &str) {
        if !link.is_empty() && is_for(link) {
            push(&mut self.link, &format!("-Clink-arg={arg}"));
        }
    }

    /// `rustc-flags` allows `-l` and `-L` alone, each with its value beside it or as the next word.
    fn words(&mut self, text: &str) -> Result<(), String> {
        let mut words = text.split_whitespace();
        while let Some(word) = words.next() {
            let Some((flag, value)) =
                word.split_at_checked(2).filter(|(flag, _)| ["-l", "-L"].contains(flag))
            else {
                return Err(format!("`rustc-flags={text}`: only `-l` and `-L` may stand there"));
            };
            let value = if value.is_empty() { words.next() } else { Some(value) };
            let value = value.ok_or_else(|| format!("`rustc-flags={text}`: `{flag}` has no value"))?;
            if flag == "-l" { self.library(value) } else { self.folder(value) }
        }
        Ok(())
    }

    fn variable(&mut self, pair: &str) -> Result<(), String> {
        match pair.split_once('=') {
            None => Err(format!("`rustc-env={pair}` has no value")),
            // It would let stable compilers use what isn't stable; cargo refuses it too.
            Some(("RUSTC_BOOTSTRAP", _)) => {
                Err("a build script may not set `RUSTC_BOOTSTRAP`: it would make unstable features usable"
                    .to_owned())
            }
            Some(_) => {
                push(&mut self.env, pair);
                Ok(())
            }
        }
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
    use super::{Directives, directive_files, warnings};

    fn read(stdout: &str, link: &str) -> Directives {
        Directives::parse(stdout.as_bytes(), "my-z", link).expect("valid")
    }

    #[test]
    fn sorts_directives_by_whom_they_are_for() {
        let read = read(
            "noise\ncargo:rustc-cfg=fast\ncargo::rustc-check-cfg=cfg(fast)\ncargo:rerun-if-changed=x\n\
             cargo:rustc-link-lib=static=z\ncargo:rustc-link-search=native=/o\ncargo:rustc-env=A=b=c\n\
             cargo:root=/r\ncargo::metadata=include-dir=/i\ncargo:rustc-flags=-l m -L/q\ncargo:warning=old\n\
             cargo::warning=new\ncargo::rerun-if-env-changed=X\n",
            "",
        );
        assert_eq!(read.cfg, "--cfg\nfast\n--check-cfg\ncfg(fast)\n");
        assert_eq!(read.libs, "-l\nstatic=z\n-l\nm\n");
        assert_eq!(read.search, "-L\nnative=/o\n-L\n/q\n");
        assert_eq!(read.env, "A=b=c\n");
        assert_eq!(read.metadata, "DEP_MY_Z_ROOT=/r\nDEP_MY_Z_INCLUDE_DIR=/i\n");
        assert_eq!(read.link, "");
        assert_eq!(warnings(b"cargo:warning=old\nno\n  cargo::warning= new \ncargo::bad"), ["old", " new"]);
    }

    #[test]
    fn linker_arguments_go_to_the_links_that_they_are_for() {
        let all = "cargo::rustc-link-arg=-a\ncargo:rustc-link-arg-bins=-b\ncargo::rustc-link-arg-bin=one=-c=d\n\
                   cargo::rustc-link-arg-bin=two=-e\ncargo::rustc-link-arg-cdylib=-f\ncargo:rustc-cdylib-link-arg=-g\n\
                   cargo::rustc-link-arg-tests=-h\ncargo::rustc-link-arg-examples=-i\ncargo::rustc-link-arg-benches=-j\n";
        let link = |link: &str| read(all, link).link.replace("-Clink-arg=", "").replace('\n', " ");
        assert_eq!(link("bin one"), "-a -b -c=d ");
        assert_eq!(link("bin two"), "-a -b -e ");
        assert_eq!(link("proc-macro"), "-a ");
        assert_eq!(link(""), "");
        assert!(read(all, "bin one").metadata.is_empty());
    }

    #[test]
    fn reads_as_leniently_as_cargo() {
        let mixed = b"  cargo::rustc-env=A=b \t\r\n\xff\xfe cargo::nonsense\ncargo::rustc-env=B=  c\ncargo:error=a fact\n";
        let read = Directives::parse(mixed, "l", "").expect("valid");
        assert_eq!(read.env, "A=b\nB=  c\n");
        assert_eq!(read.metadata, "DEP_L_ERROR=a fact\n");
        // Without `links`, nobody can ask for metadata.
        assert_eq!(Directives::parse(mixed, "", "").expect("valid").metadata, "");
    }

    #[test]
    fn says_every_error() {
        let wrong = [
            ("cargo::error=no zlib", "no zlib"),
            ("cargo::frob=1", "`cargo::frob=1` isn't a directive that cargo knows"),
            ("cargo:warning", "`cargo:KEY=VALUE` is wanted"),
            ("cargo::warning", "`cargo::KEY=VALUE` is wanted"),
            ("cargo::metadata=x", "`cargo::metadata=KEY=VALUE`"),
            ("cargo:rustc-env=X", "has no value"),
            ("cargo:rustc-env=RUSTC_BOOTSTRAP=1", "`RUSTC_BOOTSTRAP`"),
            ("cargo:rustc-flags=-l m -C x", "only `-l` and `-L` may stand there"),
            ("cargo:rustc-flags=-l", "`-l` has no value"),
            ("cargo::rustc-link-arg-bin=one", "BIN=FLAG"),
        ];
        for (line, part) in wrong {
            let said = Directives::parse(line.as_bytes(), "", "").expect_err(line);
            assert!(said.contains(part), "{said}");
        }
        let all: Vec<&str> = wrong.iter().map(|(line, _)| *line).collect();
        let said = Directives::parse(all.join("\n").as_bytes(), "", "").expect_err("errors");
        assert_eq!(said.lines().count(), wrong.len());
    }

    #[test]
    fn files_are_named_as_the_actions_declare_them() {
        let args = ["l".to_owned(), "bin b".to_owned()];
        let files = directive_files(b"cargo:rustc-link-arg=-x\n", &args).expect("valid");
        let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, [&super::super::FILES[..], &[super::super::LINK]].concat());
        assert_eq!(files[5].1, "-Clink-arg=-x\n");
    }
}
