//! The charts and the table of faults as the protocol's text has them.

const PROTOCOL: &str = include_str!("../../PROTOCOL.md");

/// One chart of the text: its paragraph and its lines.
pub(crate) struct Written {
    pub(crate) paragraph: &'static str,
    pub(crate) body: &'static str,
}

/// Every chart of the text, in its order.
pub(crate) fn charts() -> Vec<Written> {
    let begins = section().match_indices("\n**Chart ");
    begins.map(|(begin, _)| written(&section()[begin + 1..])).collect()
}

/// The rows of the table of faults: the name of the moment, then a cell for each fault.
pub(crate) fn faults() -> Vec<Vec<&'static str>> {
    let lines = section().lines().skip_while(|line| !line.starts_with("| moment")).skip(2);
    let lines = lines.take_while(|line| line.starts_with('|'));
    let cells = |line: &'static str| line.trim_matches('|').split('|').map(str::trim).collect();
    lines.map(cells).collect()
}

/// How many drawings there are, those without a number too.
pub(crate) fn drawings() -> usize {
    section().matches("\n```\n").count() / 2
}

fn section() -> &'static str {
    let (_, section) = PROTOCOL.split_once("\n## 11. Charts\n").unwrap();
    section.split("\n## ").next().unwrap()
}

#[track_caller]
fn written(text: &'static str) -> Written {
    let (paragraph, rest) = text.split_once("\n\n```\n").unwrap();
    assert!(!paragraph.contains("\n\n"), "not one paragraph before the lines: {paragraph}");
    let (body, _) = rest.split_once("```\n").unwrap();
    Written { paragraph, body }
}
