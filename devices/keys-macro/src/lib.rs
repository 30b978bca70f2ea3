//! The `keys!` macro: a typed struct from the manifest's keys.
//!
//! It reads the file that the environment variable `UK_KEYS` names (relative to the compiler's working directory), or
//! else the `unikernel.kdl` beside the crate's `Cargo.toml`, which plain cargo and editors then use.
#![forbid(unsafe_code)]
#![deny(clippy::unwrap_used)]
#![warn(missing_docs)]

mod rust;

use std::path::{Path, PathBuf};
use std::{env, fs};

use proc_macro::TokenStream;

/// Declares `struct Keys` with a field for every `key` of the manifest, and one `enum` for every key of type `enum`,
/// named after the key: `key kv_ro type=enum` gives the field `kv_ro: KvRoKey`.
///
/// A key that has neither a default nor `required=#true` is an `Option`.
#[proc_macro]
pub fn keys(input: TokenStream) -> TokenStream {
    let expanded = if input.is_empty() { expand() } else { Err("`keys!()` takes no arguments".to_string()) };
    let source = expanded.unwrap_or_else(|message| format!("::core::compile_error!({message:?});"));
    source.parse().expect("what the macro writes is Rust")
}

fn expand() -> Result<String, String> {
    let (path, tracked) = match env::var_os("UK_KEYS") {
        Some(path) => (PathBuf::from(path), false),
        None => {
            let folder = env::var_os("CARGO_MANIFEST_DIR")
                .ok_or("`keys!` needs cargo or `uk`: neither UK_KEYS nor CARGO_MANIFEST_DIR is set")?;
            (Path::new(&folder).join("unikernel.kdl"), true)
        }
    };
    let shown = path.display();
    let text = fs::read_to_string(&path).map_err(|error| {
        format!("`keys!` reads the keys from `{shown}`: {error}; put the manifest beside Cargo.toml")
    })?;
    let keys = uk_keys_syntax::read(&text).map_err(|error| format!("{shown}, {error}"))?;
    let mut source = rust::keys(&keys).map_err(|error| format!("{shown}, {error}"))?;
    if tracked {
        // Cargo then knows that the crate depends on the manifest.
        let path = path.to_str().ok_or("the path of the manifest isn't UTF-8")?;
        source.push_str(&format!("const _: &[u8] = ::core::include_bytes!({path:?});\n"));
    }
    Ok(source)
}
