//! The project's own commands: `cargo xtask test`, `corpus`, `bench`, `soak`.
#![forbid(unsafe_code)]

mod bench;
mod corpus;
mod setup;
mod soak;
mod step;
mod test;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  test          everything that must pass, on a fresh machine too: installs missing system packages where it may
  setup         only the installing
  corpus [--own-profile] [NAME]...
                applications of crates.io, built by the engine and by cargo and compared; with a fast profile, or each
                with its own
  bench [NAME]  the figures of the project, each beside its peer: block, noop, cold, graph, image,
                ingest, kv, kv-rw, language, plan, ripgrep [PAIRS]
  soak [MIN]    the long runs: losses of power, fuzzing of everything that reads text, MIN minutes each (default 10); a
                thousand ends at any step of the store's writing, three hundred killed builds";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let done = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["test"] => test::run(),
        ["setup"] => setup::run(),
        ["corpus", ref names @ ..] => corpus::run(names),
        ["bench"] => bench::run(None),
        ["bench", name] => bench::run(Some(name)),
        ["bench", "ripgrep", pairs] => match pairs.parse() {
            Ok(pairs) => bench::ripgrep(pairs),
            Err(_) => Err(format!("`{pairs}` isn't a number of pairs")),
        },
        ["soak"] => soak::run("10"),
        ["soak", minutes] => soak::run(minutes),
        _ => Err(USAGE.to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}
