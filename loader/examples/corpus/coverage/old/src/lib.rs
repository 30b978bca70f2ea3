//! Of the first edition.
/// A word of later ones.
pub fn async() -> &'static str {
    "2015"
}
