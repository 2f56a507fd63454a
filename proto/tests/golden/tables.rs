//! The layout written by hand against the tables of PROTOCOL.md: the same kinds and numbers, the same
//! fields in the same order, at the same offsets, within the same bounds.

use crate::layout::{
    ABORT_REASON, CAUSE, DRAINING, Descriptors, ENTRY, ENTRY_KIND, EVENT, FAILURE, FILE, Field,
    KINDS, LATE_STATE, LISTED, Layout, PHASE, REFUSE_REASON, RUNNING, SOCKET, Shape, WORDS,
};

const PROTOCOL: &str = include_str!("../../PROTOCOL.md");

#[test]
fn every_kind_is_as_its_table_says() {
    let rows = table("## 4. Kinds");
    assert_eq!(rows.len(), KINDS.len());
    for (row, layout) in rows.iter().zip(&KINDS) {
        let Layout { kind, name, route, .. } = layout;
        assert_eq!(row[..3], [&format!("`{kind:#06x}`"), *name, *route]);
        let descriptors = match layout.descriptors {
            Descriptors::Exactly(number) => number.to_string(),
            Descriptors::OneForEachEntry => "one for each entry".into(),
        };
        assert!(row[3].starts_with(&descriptors), "{name}: {descriptors}, not {}", row[3]);
        let frozen = PROTOCOL.contains(&format!("### {name} (frozen)"));
        assert_eq!(layout.version == 0, frozen, "{name}");
    }
}

#[test]
fn every_body_is_as_its_table_says() {
    for name in ["Hello", "Welcome", "Refuse", "Manifest"] {
        check(name, &table(&format!("\n### {name}")), &rows(body(name), Some(0)));
    }
    check("entry", &table("\nAn entry:"), &rows(ENTRY, Some(0)));
    check("socket", &table("\nIdentity 0, a socket"), &rows(SOCKET, Some(0)));
    check("late state", &table("\nThe late state"), &rows(LATE_STATE, Some(0)));
    check("words", &table("\nLast words of one name"), &rows(WORDS, Some(0)));
    check("draining generation", &table("\nA draining generation:"), &rows(DRAINING, Some(0)));
    check("running handoff", &table("\nA running handoff:"), &rows(RUNNING, Some(0)));
    check("last failure", &table("\nA last failure,"), &rows(FAILURE, Some(0)));
    check("entry listed", &table("\nAn entry listed:"), &rows(LISTED, Some(0)));
    check("file", &table("\nIdentity 1 and `path`"), &rows(FILE, Some(0)));
}

#[test]
fn every_other_body_is_as_its_table_says() {
    let table = table("\n### The others");
    let mut checked = 0;
    let mut check_others = |names: &str, rows: &[Row]| {
        let begin = table.iter().position(|row| row[0] == names);
        let begin = begin.unwrap_or_else(|| panic!("no row for {names}"));
        let end = table[begin + 1..].iter().position(|row| !row[0].is_empty());
        let end = end.map_or(table.len(), |end| begin + 1 + end);
        let cells = table[begin..end].iter().map(|row| row[1..].to_vec());
        check(names, &cells.collect::<Vec<_>>(), rows);
        checked += end - begin;
    };
    for name in ["Received", "Progress", "Ready", "Commit", "Abort", "StatusReport"] {
        check_others(name, &rows(body(name), Some(0)));
    }
    for names in ["Released, Owned, Draining, Retired", "Status, Upgrade, Watch"] {
        let empty = names.split(", ").all(|name| body(name).is_empty());
        assert!(empty, "{names}");
        check_others(names, &[Row::new("", "0", "")]);
    }
    check_others("Open", &rows(body("Open"), Some(0)));
    check_others("Happened", &rows(body("Happened"), Some(0)));
    let [Field(_, Shape::OneOf(variants))] = body("Outcome") else { panic!("not a variant") };
    check_others("Outcome", &[Row::new("0", "4", &format!("one of: {}", numbered(variants)))]);
    for (name, fields) in *variants {
        check_others(&format!("*{name}*"), &rows(fields, Some(4)));
    }
    assert_eq!(checked, table.len(), "a row that no layout is held against");
}

#[test]
fn every_number_has_the_name_that_its_table_gives() {
    let rows = table("## 6. Numbers");
    for (column, shape) in [(0, REFUSE_REASON), (3, ABORT_REASON), (6, PHASE)] {
        let told = rows.iter().map(|row| (row[column + 1], row[column]));
        let told = told.filter(|(number, _)| !number.is_empty());
        let told: Vec<_> = told.map(|(number, name)| (number.parse().unwrap(), name)).collect();
        assert_eq!(names(&shape), told);
    }
    let events = table("\n`Happened` tells,");
    let events = events.iter().map(|row| (row[1].parse().unwrap(), row[0]));
    assert_eq!(names(&EVENT), events.collect::<Vec<_>>());
    let causes = table("\nThe cause of a handoff");
    let causes = causes.iter().map(|row| (row[1].parse().unwrap(), row[0]));
    assert_eq!(names(&CAUSE), causes.collect::<Vec<_>>());
    let words: Vec<_> = PROTOCOL.split_whitespace().collect();
    let kinds: Vec<_> = names(&ENTRY_KIND).iter().map(|(n, name)| format!("{n} {name}")).collect();
    let sentence = format!("Kinds of entry: {}. Other kinds", kinds.join(", "));
    assert!(words.join(" ").contains(&sentence), "{sentence}");
}

/// A row of a table of fields, as far as the layout can tell it.
#[derive(Debug)]
struct Row {
    offset: String,
    size: String,
    /// What is said of the field begins with it.
    name: String,
    /// The most bytes or items there may be: it stands somewhere in the last column.
    bound: String,
}

impl Row {
    fn new(offset: &str, size: &str, name: &str) -> Self {
        let [offset, size, name] = [offset, size, name].map(String::from);
        Self { offset, size, name, bound: String::new() }
    }

    fn within(self, bound: u64) -> Self {
        let bound = match bound {
            u64::MAX => String::new(),
            1_000.. => format!("{},{:03}", bound / 1_000, bound % 1_000),
            _ => bound.to_string(),
        };
        Self { bound, ..self }
    }
}

#[track_caller]
fn check(what: &str, table: &[Vec<&str>], rows: &[Row]) {
    assert_eq!(table.len(), rows.len(), "{what}: {table:?}, {rows:?}");
    for (cells, row) in table.iter().zip(rows) {
        // An offset behind one field of any length is told with that length.
        let offset = if cells[0].contains("+ n") { "…" } else { cells[0] };
        assert_eq!((offset, cells[1]), (&*row.offset, &*row.size), "{what}: {}", row.name);
        assert!(cells[2].starts_with(&row.name), "{what}: {}, not {}", row.name, cells[2]);
        assert!(cells[3].contains(&row.bound), "{what}: {}, not {}", row.bound, cells[3]);
    }
}

/// The rows that these fields make, from this offset on.
fn rows(fields: &[Field], mut offset: Option<usize>) -> Vec<Row> {
    let mut rows = Vec::new();
    for Field(name, shape) in fields {
        if let Shape::List(_, _, most) = shape {
            let count = Row::new(&shown(offset), "8", &format!("number of {name}"));
            rows.push(count.within(*most));
            offset = offset.map(|offset| offset + 8);
        }
        rows.push(row(name, shape, &shown(offset)));
        offset = offset.zip(size(shape)).map(|(offset, size)| offset + size);
    }
    rows
}

fn row(name: &str, shape: &Shape, offset: &str) -> Row {
    match shape {
        Shape::Text(_, most) | Shape::Bytes(most) => {
            Row::new(offset, "8 + n", name).within(*most as u64)
        }
        Shape::Optional(inner) => {
            let size = size(inner).map_or("…".into(), |size| format!("1 or {}", 1 + size));
            Row::new(offset, &size, &format!("{name}, optional"))
        }
        Shape::OneOf(variants) => {
            Row::new(offset, "…", &format!("{name}, one of: {}", numbered(variants)))
        }
        Shape::List(_, [Field(first, _), ..], _) if items(shape).is_some() => {
            Row::new(offset, &format!("{} each", items(shape).unwrap()), first)
        }
        Shape::List(..) => Row::new(offset, "…", name),
        shape => Row::new(offset, &shown(size(shape)), name),
    }
}

/// How many bytes it takes, if that does not depend on what it holds.
fn size(shape: &Shape) -> Option<usize> {
    match shape {
        Shape::Number(size) | Shape::Named(size, _) | Shape::Raw(size) => Some(*size),
        Shape::Milliseconds => Some(8),
        Shape::Signed => Some(4),
        Shape::Flag => Some(1),
        Shape::Group(fields) => fields.iter().map(|Field(_, shape)| size(shape)).sum(),
        _ => None,
    }
}

/// How many bytes an item takes.
fn items(list: &Shape) -> Option<usize> {
    match list {
        Shape::List(_, fields, _) => fields.iter().map(|Field(_, shape)| size(shape)).sum(),
        _ => None,
    }
}

fn shown(number: Option<usize>) -> String {
    number.map_or("…".into(), |number| number.to_string())
}

fn numbered(variants: &[(&str, &[Field])]) -> String {
    let numbered = variants.iter().enumerate();
    let numbered: Vec<_> = numbered.map(|(number, (name, _))| format!("{number} {name}")).collect();
    numbered.join(", ")
}

#[track_caller]
fn body(name: &str) -> &'static [Field] {
    KINDS.iter().find(|layout| layout.name == name).unwrap().body
}

#[track_caller]
fn names(shape: &Shape) -> Vec<(u64, &'static str)> {
    match shape {
        Shape::Named(_, names) => names.to_vec(),
        other => panic!("no numbers with names: {other:?}"),
    }
}

/// The cells of the first table behind `heading`, without its head.
#[track_caller]
fn table(heading: &str) -> Vec<Vec<&'static str>> {
    let (_, rest) = PROTOCOL.split_once(heading).unwrap_or_else(|| panic!("no `{heading}`"));
    let lines = rest.lines().skip_while(|line| !line.starts_with('|')).skip(2);
    let lines = lines.take_while(|line| line.starts_with('|'));
    let cells = |line: &'static str| line.split('|').skip(1).map(str::trim).collect();
    lines.map(cells).collect()
}
