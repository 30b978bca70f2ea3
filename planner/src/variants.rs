//! Several values of a key in one command: `--set kv_ro=crunch,fat` is two unikernels.

use uk_keys::Kind;

use crate::catalogue::Catalogue;
use crate::manifest::Unikernel;
use crate::names;

/// One choice of values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variant {
    /// What follows each `--set`.
    pub pairs: Vec<String>,
    /// What the artifact's name gets: `+kv_ro=fat` for each key that has several values, else nothing.
    pub suffix: String,
}

/// More variants than this at once are taken for a mistake.
pub const MAX_VARIANTS: usize = 256;

/// Every variant that `pairs` (`KEY=VALUE`, the value of some keys a list with commas) asks for, in order. Where a comma
/// can be part of a value (text, paths, lists), it is.
///
/// # Errors
/// How many there would be, if that is more than [`MAX_VARIANTS`].
pub fn variants(
    pairs: &[String],
    unikernel: &Unikernel,
    catalogue: &Catalogue,
) -> Result<Vec<Variant>, usize> {
    let mut all = vec![Variant::default()];
    for pair in pairs {
        let values = match pair.split_once('=') {
            Some((name, values)) if values.contains(',') && splits(name, unikernel, catalogue) => values
                .split(',')
                .map(|value| (format!("{name}={value}"), format!("+{name}={value}")))
                .collect(),
            _ => vec![(pair.clone(), String::new())],
        };
        let count = all.len() * values.len();
        if count > MAX_VARIANTS {
            return Err(count);
        }
        let mut next = Vec::with_capacity(count);
        for variant in &all {
            for (pair, suffix) in &values {
                let mut variant = variant.clone();
                variant.pairs.push(pair.clone());
                // The suffix becomes part of a file name.
                variant.suffix.push_str(&suffix.replace(['/', ' '], "_"));
                next.push(variant);
            }
        }
        all = next;
    }
    Ok(all)
}

/// Whether a comma can't be part of a value of the key `name`.
fn splits(name: &str, unikernel: &Unikernel, catalogue: &Catalogue) -> bool {
    let short = name.rsplit('.').next().unwrap_or(name);
    let of_devices = catalogue.implementations().iter().flat_map(|i| &i.keys);
    let mut keys =
        unikernel.keys.iter().chain(of_devices).filter(|key| names::same(&key.name.text, short)).peekable();
    keys.peek().is_some()
        && keys.all(|key| key.ty.with_kind(|kind| !matches!(kind, Kind::Str | Kind::Path | Kind::List(_))))
}
