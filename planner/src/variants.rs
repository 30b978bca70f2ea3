//! Several values of a key in one command: `--set kv_ro=crunch,fat` is two unikernels.

use std::collections::HashMap;

use uk_diagnostic::{Code, Diagnostic};
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
    /// Those of the pairs that the suffix is of.
    pub chosen: Vec<String>,
}

/// More variants than this at once are taken for a mistake.
pub const MAX_VARIANTS: usize = 256;

/// Every variant that `pairs` (`KEY=VALUE`, the value of some keys a list with commas) asks for, in order. Where a comma
/// can be part of a value (text, paths, lists), it is.
///
/// # Errors
/// More than [`MAX_VARIANTS`] variants, or two values of a key whose artifacts would be one file: for each such key.
pub fn variants(
    pairs: &[String],
    unikernel: &Unikernel,
    catalogue: &Catalogue,
) -> Result<Vec<Variant>, Vec<Diagnostic>> {
    let mut all = vec![Variant::default()];
    let mut faults = Vec::new();
    for pair in pairs {
        let values = match pair.split_once('=') {
            Some((name, values)) if values.contains(',') && splits(name, unikernel, catalogue) => values
                .split(',')
                // The suffix becomes part of a file name.
                .map(|value| (format!("{name}={value}"), format!("+{name}={value}").replace(['/', ' '], "_")))
                .collect(),
            _ => vec![(pair.clone(), String::new())],
        };
        if let Some(fault) = one_file(&values) {
            faults.push(fault);
            continue;
        }
        let count = all.len() * values.len();
        if count > MAX_VARIANTS {
            let message =
                format!("these values make {count} variants, and {MAX_VARIANTS} is the most at once");
            faults.push(
                Diagnostic::error(Code::InvalidKeyValue, message).help("give fewer values to each `--set`"),
            );
            return Err(faults);
        }
        let mut next = Vec::with_capacity(count);
        for variant in &all {
            for (pair, suffix) in &values {
                let mut variant = variant.clone();
                variant.pairs.push(pair.clone());
                if !suffix.is_empty() {
                    variant.chosen.push(pair.clone());
                }
                variant.suffix.push_str(suffix);
                next.push(variant);
            }
        }
        all = next;
    }
    if faults.is_empty() { Ok(all) } else { Err(faults) }
}

/// Two values whose artifacts would have one name, also where file systems don't tell case apart.
fn one_file(values: &[(String, String)]) -> Option<Diagnostic> {
    let mut first: HashMap<String, &str> = HashMap::with_capacity(values.len());
    values.iter().find_map(|(pair, suffix)| {
        let other = first.insert(suffix.to_lowercase(), pair)?;
        let message = match other == pair {
            true => format!("`--set` gives `{}` twice", pair.escape_debug()),
            false => format!("`{}` and `{}` become one file", other.escape_debug(), pair.escape_debug()),
        };
        let help = "each value of a list is a unikernel of its own: leave one of the two out";
        Some(Diagnostic::error(Code::NameClash, message).help(help))
    })
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

#[cfg(test)]
mod tests {
    use uk_diagnostic::Sources;

    use super::*;
    use crate::manifest::Manifest;

    #[test]
    fn each_variant_has_a_file_of_its_own() {
        let text = "unikernel x\nkey n type=u8\nkey net type=ipv4-cidr\nkey s type=string\njob main entry=\"x::y\"\n";
        let source = Sources::default().add("unikernel.kdl", text);
        let Ok(Manifest::Unikernel(unikernel)) = Manifest::parse(source, text) else { panic!("a unikernel") };
        let catalogue = Catalogue::parse(&[]).expect("it is empty");
        let told = |pairs: &[&str]| {
            let pairs: Vec<String> = pairs.iter().map(|pair| (*pair).to_owned()).collect();
            let all = variants(&pairs, &unikernel, &catalogue).map(|all| all.len());
            all.map_err(|faults| faults.iter().map(|fault| fault.code).collect::<Vec<_>>())
        };
        let codes = |pair: &str| told(&[pair]).map_err(|codes| codes[0]);
        assert_eq!(codes("n=1,2"), Ok(2));
        assert_eq!(codes("n=1,1"), Err(Code::NameClash));
        assert_eq!(codes("net=10.0.0.1/8,10.0.0.1_8"), Err(Code::NameClash));
        assert_eq!(codes("n=a,A"), Err(Code::NameClash));
        assert_eq!(codes("s=a,a"), Ok(1), "a comma is part of a text");
        assert_eq!(told(&["n=1,1", "n=2,3", "net=a,A"]), Err(vec![Code::NameClash; 2]), "all at once");
        let many: Vec<String> = (0..=MAX_VARIANTS).map(|n| n.to_string()).collect();
        assert_eq!(codes(&format!("n={}", many.join(","))), Err(Code::InvalidKeyValue));
    }
}
