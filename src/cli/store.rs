//! `uk store ...`.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

/// What to do with the store.
#[derive(Debug, Subcommand)]
pub enum Store {
    /// Show what is in the store.
    Stats {
        /// How to show it.
        #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
        format: Report,
    },
    /// Compare everything with its name; move away what is damaged or incomplete, so that the next build makes it again.
    ///
    /// Ends with 1 when something was found.
    Verify {
        /// How to show it.
        #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
        format: Report,
    },
    /// Remove what no artifact in a `dist/` needs.
    Gc {
        /// Leave what was made within so many days.
        #[arg(long, value_name = "N")]
        keep_days: Option<u32>,
        /// Leave as much as fits into SIZE, as `500M` or `20G`; the oldest goes first.
        #[arg(long, value_name = "SIZE", value_parser = size)]
        max_size: Option<u64>,
        /// Only say what would be removed.
        #[arg(long)]
        dry_run: bool,
        /// How to show it.
        #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
        format: Report,
    },
    /// Write an artifact with everything that it was made by, signed, to standard output.
    Export {
        /// A file in a `dist/`, or the digest of a record or an object.
        artifact: String,
    },
    /// Take what `uk store export` wrote, if its signer is trusted.
    Import {
        /// The archive; `-` for standard input.
        file: PathBuf,
        /// Trust this public key, besides your own and those in `trusted-keys`; may stand several times.
        #[arg(long, value_name = "KEY")]
        trust: Vec<String>,
        /// Refuse more than SIZE.
        #[arg(long, value_name = "SIZE", value_parser = size, default_value = "16G")]
        max_size: u64,
    },
    /// Show your public key; make the key that `uk store export` signs with when there is none.
    Key,
}

/// How to show what was found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Report {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// Reads a number of bytes, with a power of 1024 behind it.
fn size(text: &str) -> Result<u64, String> {
    let wrong = || format!("`{text}` isn't a size: a number is wanted, and K, M, G or T behind it");
    let digits = text.trim_end_matches("iB").trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match text[digits.len()..].trim_end_matches("iB") {
        "" | "B" => 1,
        "K" | "k" => 1 << 10,
        "M" => 1 << 20,
        "G" => 1 << 30,
        "T" => 1_u64 << 40,
        _ => return Err(wrong()),
    };
    digits.parse::<u64>().ok().and_then(|number| number.checked_mul(factor)).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_are_powers_of_1024() {
        assert_eq!(
            ["0", "12", "3K", "500M", "20G", "1T", "2GiB"].map(size),
            [0, 12, 3 << 10, 500 << 20, 20 << 30, 1 << 40, 2 << 30].map(Ok)
        );
        for wrong in ["", "G", "-1", "1.5G", "1X", "1GG", "99999999999T", "20 G"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
