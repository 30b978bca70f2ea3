//! The globs by which a manifest names files that are sources, whatever git ignores.

use std::path::Path;

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// Globs in order: the last that fits a file says whether it is taken, and one with a `!` before it takes it not.
pub(crate) struct Globs(Vec<Gitignore>);

/// What is wrong with `glob`, if it can't be read.
pub fn glob_fault(glob: &str) -> Option<String> {
    read(Path::new("/"), glob).err().map(|error| match error {
        ignore::Error::Glob { err, .. } => err,
        other => other.to_string(),
    })
}

fn read(folder: &Path, glob: &str) -> Result<Gitignore, ignore::Error> {
    let mut builder = GitignoreBuilder::new(folder);
    // A `/` before a name is what keeps it to the top folder here.
    let (mark, path) = glob.strip_prefix('!').map_or(("", glob), |path| ("!", path));
    let line = match path.strip_prefix("./") {
        Some(name) => format!("{mark}/{name}"),
        None => glob.to_owned(),
    };
    builder.allow_unclosed_class(false).add_line(None, &line)?;
    builder.build()
}

impl Globs {
    /// Reads `globs` for files of `folder`.
    pub fn new(folder: &Path, globs: &[String]) -> Result<Self, ignore::Error> {
        globs.iter().map(|glob| read(folder, glob)).collect::<Result<_, _>>().map(Self)
    }

    /// Which of `files` are taken, and the indices of the globs that fit none.
    pub fn take(&self, files: Vec<String>) -> (Vec<String>, Vec<usize>) {
        let mut fits = vec![false; self.0.len()];
        let taken = files.into_iter().filter(|file| {
            let mut taken = false;
            for (glob, fits) in self.0.iter().zip(&mut fits) {
                match glob.matched(file, false) {
                    Match::None => continue,
                    Match::Ignore(_) => taken = true,
                    Match::Whitelist(_) => taken = false,
                }
                *fits = true;
            }
            taken
        });
        let taken = taken.collect();
        (taken, (0..fits.len()).filter(|&glob| !fits[glob]).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_glob_that_fits_decides_and_those_that_fit_nothing_are_known() {
        let globs = ["gen/*.html", "*.css", "!gen/b.html", "gen", "#x"].map(str::to_owned);
        let globs = Globs::new(Path::new("/project"), &globs).expect("they can be read");
        let files = ["gen/a.html", "gen/b.html", "gen/deep/c.html", "deep/d.css"].map(str::to_owned);
        let (taken, unfit) = globs.take(files.to_vec());
        assert_eq!(taken, ["gen/a.html", "deep/d.css"]);
        assert_eq!(unfit, [3, 4]);
    }

    #[test]
    fn a_name_fits_in_every_folder_and_one_behind_a_dot_in_the_top_folder_alone() {
        let take = |globs: &[&str]| {
            let globs: Vec<String> = globs.iter().map(|&glob| glob.to_owned()).collect();
            let globs = Globs::new(Path::new("/project"), &globs).expect("they can be read");
            globs.take(["a.css", "deep/a.css"].map(str::to_owned).to_vec()).0
        };
        assert_eq!(take(&["a.css"]), ["a.css", "deep/a.css"]);
        assert_eq!(take(&["./a.css"]), ["a.css"]);
        assert_eq!(take(&["*.css", "!./*.css"]), ["deep/a.css"]);
    }

    #[test]
    fn a_glob_that_cannot_be_read_says_why() {
        assert_eq!(glob_fault("gen/**/*.{html,css}"), None);
        assert!(glob_fault("gen/[a").is_some_and(|why| why.contains("unclosed character class")));
    }
}
