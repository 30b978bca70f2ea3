//! What this package was given.
#![deny(warnings)]

include!(concat!(env!("OUT_DIR"), "/generated.rs"));

/// What the build script saw.
pub const SEEN: &str = include_str!(concat!(env!("OUT_DIR"), "/seen.txt"));
const BLOB: &[u8] = include_bytes!("../data/blob.bin");

#[cfg(not(chosen = "yes"))]
compile_error!("the build script chose it");

/// The library's part.
pub fn report() -> String {
    // Allowed by `[lints]`, denied above otherwise.
    let unused = cfg!(known_by_lints);
    let features = [
        cfg!(feature = "default"),
        cfg!(feature = "extra"),
        cfg!(feature = "never"),
        cfg!(feature = "kept.dot"),
        cfg!(feature = "weak"),
    ];
    format!(
        "library\n{}seen by the build script\n{SEEN}{GENERATED} {BLOB:?} {} {}\nfeatures {features:?}\n\
         both {}, renamed {}, native {}, shapes {}, old {}, {}\nassertions {}\n",
        shout::variables!(),
        env!("TOLD"),
        env!("TRIMMED"),
        both::FEATURES,
        format_args!("{:?}", renamed::FEATURES),
        native::answer(),
        shapes::corners(),
        old::r#async(),
        shout::words!("data/words.txt"),
        cfg!(debug_assertions),
    )
}
