//! `uk explain`: the error index.

use uk_diagnostic::Code;

use crate::failure::Failure;
use crate::ui::Ui;

/// The page of each code that has one, by the code's text.
static PAGES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/pages.rs"));

/// Prints a page, or the index.
pub fn run(code: Option<&str>, ui: Ui) -> Result<(), Failure> {
    let Some(text) = code else {
        let index: String = Code::ALL.iter().map(|code| format!("{code}  {}\n", code.title())).collect();
        ui.output(&index)?;
        return Ok(());
    };
    let page = text.parse::<Code>().ok().and_then(|code| page(&code.to_string()));
    match page {
        Some(page) => ui.output(page)?,
        None => return Err(unknown(text)),
    }
    Ok(())
}

fn page(code: &str) -> Option<&'static str> {
    PAGES.iter().find(|(name, _)| *name == code).map(|(_, page)| *page)
}

fn unknown(text: &str) -> Failure {
    uk_diagnostic::Diagnostic::error(Code::UnknownCode, format!("`{text}` isn't a code of the error index"))
        .help("a code is `UK` and four digits, as `UK0301`; `uk explain` lists them all")
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_page() {
        let without: Vec<String> =
            Code::ALL.iter().map(Code::to_string).filter(|c| page(c).is_none()).collect();
        assert!(without.is_empty(), "no page in docs/errors for {without:?}");
        let strays: Vec<_> = PAGES.iter().filter(|(name, _)| name.parse::<Code>().is_err()).collect();
        assert!(strays.is_empty(), "pages of no code: {strays:?}");
    }
}
