//! Where the vectors lie, and how a frame is written in hexadecimal.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// The file of the vector `name` (`hello`, `older/hello`) with this extension.
pub(crate) fn path(name: &str, extension: &str) -> PathBuf {
    root().join(format!("{name}.{extension}"))
}

/// The frame that the vector `name` holds.
#[track_caller]
pub(crate) fn frame(name: &str) -> Vec<u8> {
    let bytes = text(name, "hex");
    let bytes = bytes.split_whitespace();
    bytes.map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect()
}

/// What a person reads beside it.
#[track_caller]
pub(crate) fn twin(name: &str) -> String {
    text(name, "txt")
}

/// The header in a line of its own, then sixteen bytes a line.
pub(crate) fn hex(frame: &[u8]) -> String {
    let (header, body) = frame.split_at(12);
    let mut text = String::new();
    for line in std::iter::once(header).chain(body.chunks(16)) {
        writeln!(text, "{}", spaced(line)).unwrap();
    }
    text
}

/// Two digits for each byte, with spaces between.
pub(crate) fn spaced(bytes: &[u8]) -> String {
    let bytes: Vec<_> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.join(" ")
}

/// Every file there is.
pub(crate) fn found() -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    collect(&root(), &mut found);
    found
}

fn collect(folder: &Path, found: &mut BTreeSet<PathBuf>) {
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        match path.is_dir() {
            true => collect(&path, found),
            false => drop(found.insert(path)),
        }
    }
}

#[track_caller]
fn text(name: &str, extension: &str) -> String {
    let text = fs::read_to_string(path(name, extension));
    text.unwrap_or_else(|error| panic!("no {extension} file of the vector {name}: {error}"))
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors")
}
