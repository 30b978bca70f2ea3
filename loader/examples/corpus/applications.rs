//! The applications, and what is run of them.

/// An application.
pub struct Application {
    /// Its package.
    pub name: &'static str,
    /// The version.
    pub version: &'static str,
    /// What is chosen of its features.
    pub options: &'static [&'static str],
    /// What is run.
    pub runs: &'static [Run],
}

/// A run of a program in the sample tree.
pub struct Run {
    /// Program and arguments.
    pub words: &'static [&'static str],
    /// The file that is its standard input.
    pub stdin: &'static str,
    /// What it must say, so that two programs that fail alike are found out.
    pub says: &'static str,
    /// Whether times or the order of lines differ from run to run.
    pub unsteady: bool,
}

const fn run(words: &'static [&'static str], says: &'static str) -> Run {
    Run { words, stdin: "", says, unsteady: false }
}

const fn reads(words: &'static [&'static str], stdin: &'static str, says: &'static str) -> Run {
    Run { words, stdin, says, unsteady: false }
}

const fn unsteady(words: &'static [&'static str], says: &'static str) -> Run {
    Run { words, stdin: "", says, unsteady: true }
}

const fn application(name: &'static str, version: &'static str, runs: &'static [Run]) -> Application {
    Application { name, version, options: &[], runs }
}

/// All of them. The first is ours, in `coverage/`: it uses what cargo offers to packages, and prints what it was given.
pub const ALL: [Application; 19] = [
    application(
        "coverage",
        "1.2.3-pre.4+build.5",
        &[run(&["one"], "[111, 222, 333] Ok(\"unwinds\")"), run(&["two-words"], "[111, 222, 444] a = b")],
    ),
    application(
        "ripgrep",
        "15.2.0",
        &[
            run(&["rg", "--version"], "ripgrep 15.2.0"),
            run(&["rg", "--help"], "USAGE"),
            run(&["rg", "--sort=path", "-n", "hel+o"], "src/deep/script.py:2:def hello():"),
            run(&["rg", "--sort=path", "--hidden", "-c", "-e", "hello", "-e", "^[A-C]"], "people.csv:3"),
            run(&["rg", "nothing of the kind"], "exit status: 1"),
        ],
    ),
    application(
        "oxipng",
        "10.2.1",
        &[
            run(&["oxipng", "--version"], "oxipng 10.2.1"),
            run(&["oxipng", "--help"], "Usage"),
            run(&["oxipng", "-o6", "--stdout", "picture.png"], "PNG"),
        ],
    ),
    application(
        "fd-find",
        "10.5.0",
        &[
            run(&["fd", "--version"], "fd 10.5.0"),
            run(&["fd", "--help"], "Usage"),
            unsteady(&["fd", "--hidden", "-e", "rs", "-e", "py", "-e", "txt"], "src/main.rs"),
        ],
    ),
    application(
        "bat",
        "0.26.1",
        &[
            run(&["bat", "--version"], "bat 0.26.1"),
            run(&["bat", "--help"], "Usage"),
            run(
                &[
                    "bat",
                    "--color=always",
                    "--style=full",
                    "--paging=never",
                    "src/main.rs",
                    "src/deep/script.py",
                ],
                "main",
            ),
            run(&["bat", "--list-languages"], "Rust"),
        ],
    ),
    application(
        "hyperfine",
        "1.20.0",
        &[
            run(&["hyperfine", "--version"], "hyperfine 1.20.0"),
            run(&["hyperfine", "--help"], "Usage"),
            unsteady(&["hyperfine", "--style=basic", "--runs=2", "--shell=none", "sleep 0.1"], "sleep"),
        ],
    ),
    application(
        "tokei",
        "15.0.0",
        &[
            run(&["tokei", "--version"], "tokei 15.0.0"),
            run(&["tokei", "--help"], "Usage"),
            run(&["tokei", "--sort=lines"], "Python"),
        ],
    ),
    application(
        "hexyl",
        "0.17.0",
        &[
            run(&["hexyl", "--version"], "hexyl 0.17.0"),
            run(&["hexyl", "--help"], "Usage"),
            run(&["hexyl", "--color=always", "bytes.bin"], "00000240"),
        ],
    ),
    application(
        "eza",
        "0.23.5",
        &[
            run(&["eza", "--version"], "v0.23.5"),
            run(&["eza", "--help"], "Usage"),
            run(&["eza", "--tree", "--all", "--long", "--bytes", "."], "script.py"),
        ],
    ),
    application(
        "just",
        "1.59.0",
        &[
            run(&["just", "--version"], "just 1.59.0"),
            run(&["just", "--help"], "Usage"),
            run(&["just", "--list"], "hello"),
            run(&["just", "who=there", "twice"], "hello there\nagain"),
        ],
    ),
    application(
        "zoxide",
        "0.10.0",
        &[
            run(&["zoxide", "--version"], "zoxide 0.10.0"),
            run(&["zoxide", "--help"], "Usage"),
            run(&["zoxide", "init", "bash"], "__zoxide"),
            run(&["zoxide", "query", "nowhere"], "no match found"),
        ],
    ),
    application(
        "sd",
        "1.0.0",
        &[
            run(&["sd", "--version"], "sd 1.0.0"),
            run(&["sd", "--help"], "Usage"),
            reads(&["sd", "(\\w+) (\\w+)", "$2 $1"], "words.txt", "quick the fox brown"),
        ],
    ),
    application(
        "xsv",
        "0.13.0",
        &[
            run(&["xsv", "--version"], "0.13.0"),
            run(&["xsv", "--help"], "Usage"),
            run(&["xsv", "stats", "people.csv"], "age,Integer"),
            run(&["xsv", "sort", "-s", "age", "-N", "people.csv"], "Bob,22,Rome"),
        ],
    ),
    application(
        "du-dust",
        "1.2.7",
        &[
            run(&["dust", "--version"], "1.2.7"),
            run(&["dust", "--help"], "Usage"),
            run(&["dust", "--no-colors", "--apparent-size", "--only-dir", "-w", "80", "src"], "deep"),
        ],
    ),
    application(
        "procs",
        "0.14.12",
        &[
            run(&["procs", "--version"], "procs 0.14.12"),
            run(&["procs", "--help"], "Usage"),
            run(&["procs", "--gen-config"], "columns"),
            run(&["procs", "--gen-completion-out", "bash"], "_procs"),
        ],
    ),
    application(
        "git-delta",
        "0.20.1",
        &[
            run(&["delta", "--version"], "delta 0.20.1"),
            run(&["delta", "--help"], "Usage"),
            reads(&["delta", "--no-gitconfig", "--paging=never", "--width=80"], "change.diff", "new"),
        ],
    ),
    application(
        "pastel",
        "0.12.0",
        &[
            run(&["pastel", "--version"], "pastel 0.12.0"),
            run(&["pastel", "--help"], "Usage"),
            run(&["pastel", "--force-color", "mix", "red", "blue"], "hsl"),
        ],
    ),
    application(
        "choose",
        "1.3.7",
        &[
            run(&["choose", "--version"], "choose 1.3.7"),
            run(&["choose", "--help"], "USAGE"),
            reads(&["choose", "1", "-1"], "words.txt", "quick fox"),
        ],
    ),
    application(
        "grex",
        "1.4.6",
        &[
            run(&["grex", "--version"], "grex 1.4.6"),
            run(&["grex", "--help"], "Usage"),
            run(&["grex", "abc", "abd", "abe"], "ab[c-e]"),
        ],
    ),
];
