//! Macros that look at where they are used.
use proc_macro::TokenStream;
use std::path::Path;

fn literal(text: &str) -> TokenStream {
    format!("{text:?}").parse().unwrap()
}

/// What the compiler's environment says of the crate that is compiled: a line a variable.
#[proc_macro]
pub fn variables(_: TokenStream) -> TokenStream {
    let theirs = ["CARGO_HOME", "CARGO_MAKEFLAGS", "CARGO_TARGET_DIR"];
    let mut all: Vec<String> = std::env::vars()
        .filter(|(name, _)| name.starts_with("CARGO") && !theirs.contains(&name.as_str()) || name == "OUT_DIR")
        .map(|(name, value)| {
            let path = Path::new(&value);
            let file = path.file_name().filter(|_| path.is_absolute());
            format!("{name}={:?}\n", file.map_or(value.clone(), |file| file.to_string_lossy().into_owned()))
        })
        .collect();
    all.sort();
    all.push(format!("both, for the host: {}\n", both::FEATURES));
    literal(&all.concat())
}

/// A file of the package that uses it, in capitals.
#[proc_macro]
pub fn words(path: TokenStream) -> TokenStream {
    let path = path.to_string();
    let package = std::env::var_os("CARGO_MANIFEST_DIR").unwrap();
    let text = std::fs::read_to_string(Path::new(&package).join(path.trim_matches('"'))).unwrap();
    literal(&text.trim().to_uppercase())
}
