//! Texts that end with the digest of what stands before it: what was cut off or damaged reads as nothing.

use std::fmt::Write as _;

use uk_action::Digest;

/// `body`, whole lines, with its digest behind it.
pub(crate) fn with_digest(mut body: String) -> String {
    let check = Digest::of(body.as_bytes());
    // Writing to a String can't fail.
    let _ = writeln!(body, "check {check}");
    body
}

/// What stands before the digest of such a text, if that is right.
pub(crate) fn body(text: &str) -> Option<&str> {
    let (body, check) = text.strip_suffix('\n')?.rsplit_once("check ")?;
    (check.parse::<Digest>().ok()? == Digest::of(body.as_bytes())).then_some(body)
}

/// The same of what [`with_digest`] got with a first line `NAME 1`: the lines behind that.
pub(crate) fn lines<'t>(text: &'t str, name: &str) -> Option<std::str::Lines<'t>> {
    let mut lines = body(text)?.lines();
    (field(&mut lines, name)? == "1").then_some(lines)
}

/// The next line, which must begin with `name` and a space: what stands behind.
pub(crate) fn field<'t>(lines: &mut std::str::Lines<'t>, name: &str) -> Option<&'t str> {
    lines.next()?.strip_prefix(name)?.strip_prefix(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_damaged_anywhere_reads_as_nothing() {
        let whole = with_digest("uk-thing 1\nsize 3\n".to_owned());
        let mut found = lines(&whole, "uk-thing").expect("it is whole");
        assert_eq!(field(&mut found, "size"), Some("3"));
        assert_eq!(field(&mut found, "size"), None);
        assert!(lines(&whole, "uk-other").is_none());
        assert!(lines(&with_digest("uk-thing 2\n".to_owned()), "uk-thing").is_none());
        for at in 0..whole.len() {
            let mut bytes = whole.clone().into_bytes();
            bytes[at] ^= 1;
            assert!(String::from_utf8(bytes).ok().is_none_or(|text| body(&text).is_none()), "byte {at}");
            assert!(body(&whole[..at]).is_none(), "cut at {at}");
        }
    }
}
