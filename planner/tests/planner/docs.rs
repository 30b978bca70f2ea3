//! The documentation against the planner: every block is read, and those that must fail do so with the code they show.

use std::fs;
use std::path::PathBuf;

use uk_backends::Target;
use uk_diagnostic::{Code, Diagnostic};
use uk_planner::entries;
use uk_planner::manifest::Manifest;

use crate::support::{Desk, borrowed, built_in};

/// A fenced block: the words after the fence, and the text.
struct Block {
    words: Vec<String>,
    text: String,
}

impl Block {
    fn is(&self, words: &[&str]) -> bool {
        self.words.iter().filter(|w| !w.contains('=')).eq(words.iter())
    }

    fn option(&self, name: &str) -> Vec<&str> {
        self.words.iter().filter_map(|w| w.strip_prefix(name)?.strip_prefix('=')).collect()
    }
}

fn docs(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs").join(path)
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for line in text.lines() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(""), Some(_)) => blocks.extend(open.take()),
            (Some(info), None) => {
                let words = info.split_whitespace().map(str::to_owned).collect();
                open = Some(Block { words, text: String::new() });
            }
            (_, Some(block)) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (_, None) => {}
        }
    }
    assert!(open.is_none(), "a block is never closed");
    blocks
}

/// Everything that is said about a manifest's block, warnings included, and the same drawn.
fn said(block: &Block, catalogue: &[(&str, &str)], rust: Option<&str>) -> (Vec<Diagnostic>, String) {
    let mut desk = Desk::default();
    let mut faults: Vec<Diagnostic> = Vec::new();
    for pair in block.option("set") {
        faults.extend(desk.set(pair).err());
    }
    let known = match desk.catalogue(catalogue) {
        Ok(known) => known,
        Err(faults) => panic!("{}", desk.draw(&faults)),
    };
    let (manifest, more) = desk.manifest(&block.text);
    faults.extend(more);
    if let Some(Manifest::Unikernel(unikernel)) = manifest {
        let target = block.option("target").first().map_or(Target::Unix, |t| t.parse().expect("a target"));
        match uk_planner::resolve(&unikernel, &known, target, &desk.settings) {
            Ok(graph) => {
                faults.extend(graph.warnings().iter().cloned());
                if let Some(rust) = rust {
                    let library = graph.application().to_owned();
                    faults.extend(entries::check(&graph, &known, &library, |path| {
                        entries::parameters(rust, path)
                    }));
                }
            }
            Err(more) => faults.extend(more),
        }
    }
    let drawn = desk.draw(&faults);
    (faults, drawn)
}

#[test]
fn error_pages_fail_and_succeed_as_they_say() {
    let sdk = built_in();
    for code in Code::ALL {
        let path = docs(&format!("errors/{code}.md"));
        let page = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert_eq!(page.lines().next(), Some(format!("# {code}: {}", code.title()).as_str()));
        let blocks = blocks(&page);
        let mut catalogue = borrowed(&sdk);
        let mut rust = None;
        let (mut failed, mut passed) = (0, 0);
        for block in &blocks {
            if block.is(&["rust"]) {
                rust = Some(block.text.as_str());
            } else if block.is(&["kdl", "catalogue"]) {
                catalogue.push(("uk-example", &block.text));
            } else if block.is(&["kdl", "fail"]) {
                let (faults, drawn) = said(block, &catalogue, rust);
                assert!(!faults.is_empty() && faults.iter().all(|f| f.code == *code), "{code}:\n{drawn}");
                failed += 1;
            } else if block.is(&["kdl", "ok"]) {
                let (faults, drawn) = said(block, &catalogue, rust);
                assert!(faults.is_empty(), "{code}:\n{drawn}");
                passed += 1;
            } else if block.is(&["kdl", "catalogue", "fail"]) {
                let faults = catalogue_of(&block.text).expect_err("this block is to fail");
                assert!(faults.iter().all(|f| f.code == *code), "{code}: {faults:#?}");
                failed += 1;
            } else if block.is(&["kdl", "catalogue", "ok"]) {
                catalogue_of(&block.text).unwrap_or_else(|faults| panic!("{code}: {faults:#?}"));
                passed += 1;
            } else {
                // Commands, and what stands in a `Cargo.toml`.
                let shown = block.is(&["sh"]) || block.is(&["toml"]);
                assert!(shown, "{code}: a block of unknown kind: {:?}", block.words);
            }
        }
        // What only happens outside the planner has something to type instead.
        let outside = *code as u16 / 100 > 3 || matches!(code, Code::NoManifest | Code::UnreadableManifest);
        if outside {
            assert!(blocks.iter().any(|b| b.is(&["sh"])), "{code} has nothing to type");
        } else {
            assert!(failed > 0 && passed > 0, "{code} has {failed} failing and {passed} corrected blocks");
        }
    }
}

fn catalogue_of(text: &str) -> Result<(), Vec<Diagnostic>> {
    let sdk = built_in();
    let mut catalogue = borrowed(&sdk);
    catalogue.push(("uk-example", text));
    Desk::default().catalogue(&catalogue).map(drop)
}

#[test]
fn no_page_is_left_over() {
    for entry in fs::read_dir(docs("errors")).expect("docs/errors is a folder") {
        let name = entry.expect("an entry").file_name().into_string().expect("pages have plain names");
        let code = name.strip_suffix(".md").unwrap_or(&name);
        assert!(code.parse::<Code>().is_ok_and(|c| c.to_string() == code), "{name} is no page of a code");
    }
}

#[test]
fn the_reference_of_the_language_is_true() {
    let page = fs::read_to_string(docs("manifest.md")).expect("docs/manifest.md is there");
    let blocks = blocks(&page);
    let sdk = built_in();
    let mut catalogue = borrowed(&sdk);
    catalogue.extend(
        blocks.iter().filter(|b| b.is(&["kdl", "catalogue"])).map(|b| ("uk-example", b.text.as_str())),
    );
    let mut read = 0;
    for block in &blocks {
        let (faults, drawn) = if block.is(&["kdl"]) || block.is(&["kdl", "fail"]) {
            said(block, &catalogue, None)
        } else {
            assert_ne!(block.words.first().map(String::as_str), Some("kdl,"), "write the words with spaces");
            continue;
        };
        assert_eq!(faults.is_empty(), block.is(&["kdl"]), "{}\n{drawn}", block.text);
        read += 1;
    }
    assert!(read >= 9, "only {read} blocks were found");
}

#[test]
fn every_type_is_in_the_reference() {
    let page = fs::read_to_string(docs("manifest.md")).expect("docs/manifest.md is there");
    for name in uk_keys::Kind::NAMES.iter().filter(|n| !matches!(**n, "u16" | "u32" | "i16" | "i32")) {
        assert!(page.contains(&format!("`{name}`")), "`{name}` isn't in docs/manifest.md");
    }
}

#[test]
fn the_manifests_of_the_repository_are_sound() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut found = vec![root.join("unikernel.kdl")];
    for folder in ["examples", "tests/guests"] {
        for entry in fs::read_dir(root.join(folder)).expect("a folder") {
            found.push(entry.expect("an entry").path().join("unikernel.kdl"));
        }
    }
    for path in found.iter().filter(|p| p.exists()) {
        let text = fs::read_to_string(path).expect("a manifest is text");
        let mut desk = Desk::default();
        let (manifest, faults) = desk.manifest(&text);
        assert!(manifest.is_some() && faults.is_empty(), "{}:\n{}", path.display(), desk.draw(&faults));
    }
}
