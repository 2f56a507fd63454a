//! The page on troubleshooting has every error text, and no other.

use std::collections::BTreeSet;
use std::path::Path;

use super::read_sources;

const PAGE: &str = include_str!("../../docs/guide/troubleshooting.md");

/// What an error's text is made of when it is made.
const MAKERS: [&str; 8] = [
    "Error::new(",
    "Error::io(",
    "#[error(",
    "let text = ",
    "Abort::new(",
    "give_up(",
    "None => \"",
    "alloc::format!(",
];

/// The library's source without its tests and comments, placeholders as the page has them.
fn source() -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["src", "proto/src"].map(|folder| read_sources(&root.join(folder)));
    let folders = folders.concat();
    // What an example in the documentation says is no text of the library's.
    let is_code = |line: &&str| !line.trim_start().starts_with("//");
    let code = folders.lines().filter(is_code).flat_map(|line| [line, "\n"]).collect::<String>();
    let mut joined = String::new();
    // A literal goes on behind a backslash.
    for part in code.split("\\\n") {
        joined += if joined.is_empty() { part } else { part.trim_start() };
    }
    with_gaps(&joined)
}

/// `{name}` is a gap, `{{` a brace.
fn with_gaps(text: &str) -> String {
    let mut gapped = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        gapped += before;
        match after.split_once('}') {
            Some((name, behind)) if !name.contains(['\n', ' ', '"']) => {
                gapped.push('…');
                rest = behind;
            }
            _ => {
                gapped.push('{');
                rest = after;
            }
        }
    }
    gapped + rest
}

/// What is said literally, in pieces that are long enough to be told apart.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let pieces = text.split('…').map(|piece| piece.trim_matches([' ', ':', ',', ';']));
    pieces.filter(|piece| piece.split_whitespace().count() > 1)
}

/// The texts that the page tells: the first column of its tables.
fn told() -> Vec<&'static str> {
    let rows = PAGE.lines().filter(|line| line.starts_with("| `"));
    let first = rows.filter_map(|row| row.split(" | ").next());
    let texts = |cell: &'static str| match cell.contains("`` ") {
        true => cell.split("``").skip(1).step_by(2).collect::<Vec<_>>(),
        false => cell.split('`').skip(1).step_by(2).collect(),
    };
    first.flat_map(texts).collect()
}

#[test]
fn every_text_of_the_page_is_one_that_the_library_says() {
    let source = source();
    let texts = told();
    assert!(texts.len() > 80, "{}", texts.len());
    for text in texts {
        for piece in pieces(text) {
            let said = piece.split(": ").all(|part| source.contains(part));
            assert!(said, "nothing says `{piece}`, of `{text}`");
        }
    }
}

#[test]
fn every_text_that_an_error_is_made_with_is_on_the_page() {
    let source = source();
    let mut missing = BTreeSet::new();
    for maker in MAKERS {
        for (at, _) in source.match_indices(maker) {
            let made = source.get(at + maker.trim_end_matches('"').len()..).unwrap_or_default();
            let Some(literal) = literal(made) else {
                continue;
            };
            if let Some(piece) = pieces(literal).max_by_key(|piece| piece.len())
                && !PAGE.contains(piece)
            {
                missing.insert(literal);
            }
        }
    }
    assert!(missing.is_empty(), "not on the page: {missing:#?}");
}

/// The literal that a call begins with, or has for its second argument.
fn literal(call: &str) -> Option<&str> {
    let call = call.get(..call.find(';').unwrap_or(call.len()))?;
    let begin = call.find('"')?;
    (begin < 80).then_some(())?;
    let rest = call.get(begin + 1..)?;
    rest.get(..rest.find('"')?)
}

#[test]
fn every_kind_of_error_is_on_the_page() {
    let kinds = include_str!("../../src/error.rs");
    let (_, kinds) = kinds.split_once("pub enum ErrorKind {").unwrap();
    let (kinds, _) = kinds.split_once("\n}").unwrap();
    let kinds = kinds.lines().map(|line| line.trim().trim_end_matches(','));
    for kind in kinds.filter(|kind| kind.starts_with(char::is_uppercase)) {
        assert!(PAGE.contains(&format!("`{kind}`")), "nothing is of kind {kind}");
    }
}
