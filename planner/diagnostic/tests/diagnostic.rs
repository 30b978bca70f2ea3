//! Codes, places and drawing.

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteDiagnostic, NamedSource, Report};
use proptest::prelude::*;
use uk_diagnostic::{Code, Diagnostic, Rendered, Severity, Sources, Span, sort};

#[test]
fn codes_are_read_as_they_are_written() {
    for code in Code::ALL {
        assert_eq!(code.to_string().parse::<Code>().expect("its own text"), *code);
        let title = code.title();
        assert!(
            !title.is_empty() && !title.ends_with('.') && !title.starts_with(char::is_uppercase),
            "{title}"
        );
    }
    for text in ["UK0301", "uk0301", "0301", "301"] {
        assert_eq!(text.parse::<Code>().expect("a code"), Code::UnknownDevice);
    }
    for text in ["", "UK", "UK9999", "0", "UK0301x", "-301"] {
        assert!(text.parse::<Code>().is_err(), "{text}");
    }
    let mut numbers: Vec<u16> = Code::ALL.iter().map(|c| *c as u16).collect();
    numbers.dedup();
    assert!(numbers.is_sorted() && numbers.len() == Code::ALL.len(), "by number, each once");
}

#[test]
fn places_are_lines_and_characters() {
    let mut sources = Sources::default();
    let id = sources.add("unikernel.kdl", "é x\nab\n");
    let at = |start| sources.locate(Span::new(id, start..start));
    assert_eq!(at(0), "unikernel.kdl:1:1");
    assert_eq!(at(3), "unikernel.kdl:1:3", "characters, not bytes");
    assert_eq!(at(5), "unikernel.kdl:2:1");
    assert_eq!(at(8), "unikernel.kdl:3:1", "after the last line end");
    assert_eq!(at(99), "unikernel.kdl:3:1", "past the end is the end");
}

#[test]
fn sorting_goes_by_place_and_drops_what_is_said_twice() {
    let mut sources = Sources::default();
    let (one, two) = (sources.add("one", "text"), sources.add("two", "text"));
    let fault = |source, start: usize, message: &str| {
        Diagnostic::error(Code::Syntax, message).label(Span::new(source, start..start + 1), "here")
    };
    let nowhere = Diagnostic::warning(Code::UnusedDevice, "nowhere");
    let mut all =
        vec![fault(two, 0, "c"), fault(one, 2, "b"), fault(one, 0, "a"), fault(two, 0, "c"), nowhere.clone()];
    sort(&mut all);
    assert_eq!(all, [nowhere, fault(one, 0, "a"), fault(one, 2, "b"), fault(two, 0, "c")]);
    assert_eq!(all.iter().filter(|d| d.is_error()).count(), 3);
    assert_eq!(all[0].severity, Severity::Warning);
}

fn handler() -> GraphicalReportHandler {
    GraphicalReportHandler::new_themed(GraphicalTheme::unicode_nocolor()).with_links(false).with_width(100)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Excerpts come from an index of lines; they must be those that miette finds by reading the whole text. (Its columns are
    /// bytes; ours are characters.)
    #[test]
    fn excerpts_are_miettes(text in "[ab \n]{0,60}", start in 0_usize..60, length in 0_usize..20) {
        let start = text.floor_char_boundary(start.min(text.len()));
        let end = text.floor_char_boundary((start + length).min(text.len()));
        // A line end is in the line that it ends for us, and in the next for miette.
        let end = start + text[start..end].trim_end_matches('\n').len();
        prop_assume!(start < end || !text[end..].starts_with('\n'));
        // Behind the last character miette draws nothing.
        prop_assume!(start < end || end < text.len());
        let mut sources = Sources::default();
        let id = sources.add("text", text.as_str());
        let ours = Diagnostic::error(Code::Syntax, "message").label(Span::new(id, start..end), "here");
        let mut drawn = String::new();
        handler().render_report(&mut drawn, &Rendered::new(&ours, &sources)).expect("a string takes everything");
        let theirs = MietteDiagnostic::new("message")
            .with_code("UK0103")
            .with_label(LabeledSpan::new_with_span(Some("here".to_owned()), start..end));
        let theirs = Report::new(theirs).with_source_code(NamedSource::new("text", text.clone()));
        let mut expected = String::new();
        handler().render_report(&mut expected, theirs.as_ref()).expect("a string takes everything");
        prop_assert_eq!(drawn, expected);
    }
}

#[test]
fn labels_in_another_text_have_an_excerpt_of_it() {
    let mut sources = Sources::default();
    let (one, two) = (sources.add("one", "first text"), sources.add("two", "second text"));
    let fault = Diagnostic::error(Code::KeyStage, "message")
        .label(Span::new(one, 0..5), "here")
        .label(Span::new(two, 0..6), "declared there")
        .note("a note")
        .help("a help");
    let mut drawn = String::new();
    handler().render_report(&mut drawn, &Rendered::new(&fault, &sources)).expect("a string takes everything");
    let places: Vec<usize> =
        ["message", "[one:1:1]", "a note", "a help", "declared there", "[two:1:1]", "second text"]
            .iter()
            .map(|part| drawn.find(part).unwrap_or_else(|| panic!("no {part:?} in\n{drawn}")))
            .collect();
    assert!(places.is_sorted(), "{drawn}");
}

#[test]
fn a_label_behind_the_last_character_is_drawn() {
    let mut sources = Sources::default();
    let id = sources.add("command line", "--set p=");
    let fault = Diagnostic::error(Code::KeyStage, "message").label(Span::new(id, 8..8), "expected a path");
    let mut drawn = String::new();
    handler().render_report(&mut drawn, &Rendered::new(&fault, &sources)).expect("a string takes everything");
    assert!(drawn.contains("expected a path"), "{drawn}");
}

#[test]
fn what_lies_between_two_labels_far_apart_is_left_out() {
    let mut sources = Sources::default();
    let text: String = (1..=1000).map(|line| format!("line {line}\n")).collect();
    let id = sources.add("text", text.as_str());
    let place = |word: &str| Span::new(id, text.find(word).map_or(0..0, |at| at..at + word.len()));
    let fault = Diagnostic::error(Code::KeyStage, "message")
        .label(place("line 500"), "here")
        .label(place("line 10"), "there");
    let mut drawn = String::new();
    handler().render_report(&mut drawn, &Rendered::new(&fault, &sources)).expect("a string takes everything");
    assert!(drawn.contains("here") && drawn.contains("there"), "{drawn}");
    assert!(drawn.lines().count() < 20, "{drawn}");
}
