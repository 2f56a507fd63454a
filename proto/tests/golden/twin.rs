//! A frame as a person reads it: offset, size, bytes, field and value, line by line.
//!
//! The frame is walked by the [`layout`](super::layout) written by hand, not by the crate's reader.

use std::fmt::Write as _;

use super::files::spaced;
use super::layout::{Descriptors, Field, KINDS, Layout, Shape};

/// What was found in a frame.
#[derive(Debug)]
pub(crate) struct Twin {
    pub(crate) text: String,
    /// What the kind is called, if version 1 knows it.
    pub(crate) name: Option<&'static str>,
    /// As many as travel with the frame.
    pub(crate) descriptors: usize,
    /// Bytes behind the last field that version 1 knows.
    pub(crate) rest: usize,
    /// The fields that are as long as they may be.
    pub(crate) full: Vec<&'static str>,
}

impl Twin {
    /// Walks a frame from its first byte to its last.
    ///
    /// Fails on whatever a reader of version 1 cannot make sense of, but for kinds it does not know.
    pub(crate) fn of(frame: &[u8]) -> Result<Self, String> {
        let mut walker = Walker { frame, ..Walker::default() };
        let (kind, version) = walker.header()?;
        let layout = KINDS.iter().find(|layout| layout.kind == kind);
        if let Some(layout) = layout.filter(|layout| layout.version != version) {
            return Err(format!("{} in version {version}, not {}", layout.name, layout.version));
        }
        let rest = walker.body(layout)?;
        let descriptors = match layout.map(|layout| layout.descriptors) {
            None => 0,
            Some(Descriptors::Exactly(number)) => number,
            Some(Descriptors::OneForEachEntry) => walker.entries,
        };
        let title = match layout {
            Some(Layout { name, route, .. }) => {
                format!("{name}, {route}, descriptors: {descriptors}")
            }
            None if kind < 0x8000 => "A kind unknown to version 1, which may be skipped".into(),
            None => "A kind unknown to version 1, which must be understood".into(),
        };
        let text = format!("{title}\n\n{COLUMNS}\n{}", walker.lines);
        let name = layout.map(|layout| layout.name);
        Ok(Self { text, name, descriptors, rest, full: walker.full })
    }
}

/// Goes through a frame and writes a line for each field.
#[derive(Default)]
struct Walker<'a> {
    frame: &'a [u8],
    at: usize,
    /// From where offsets count.
    base: usize,
    depth: usize,
    lines: String,
    entries: usize,
    full: Vec<&'static str>,
}

impl<'a> Walker<'a> {
    /// Tells the kind and the version.
    fn header(&mut self) -> Result<(u16, u16), String> {
        self.heading("header");
        let magic = self.take("magic", 4)?;
        self.row("magic", magic, &magic.escape_ascii().to_string());
        let version = self.number("version", 2, |version| Some(version.to_string()))?;
        let kind = self.number("kind", 2, |kind| Some(format!("{kind:#06x}")))?;
        let length = self.number("length", 4, |length| Some(length.to_string()))?;
        let left = self.left();
        match (magic, usize::try_from(length)) {
            (b"HRLM", Ok(length)) if length == left => Ok((kind as u16, version as u16)),
            _ => Err(format!("the header tells of {length} bytes, {left} follow")),
        }
    }

    /// Tells how many bytes follow the last field.
    fn body(&mut self, layout: Option<&Layout>) -> Result<usize, String> {
        self.base = self.at;
        if self.left() > 0 {
            self.heading("body");
        }
        self.fields(layout.map_or(&[], |layout| layout.body))?;
        let rest = self.left();
        if rest > 0 {
            let bytes = self.take("rest", rest)?;
            self.row("unknown to version 1", bytes, &quote(&bytes.escape_ascii().to_string()));
        }
        Ok(rest)
    }

    fn fields(&mut self, fields: &[Field]) -> Result<(), String> {
        fields.iter().try_for_each(|Field(name, shape)| self.field(name, shape))
    }

    fn field(&mut self, name: &'static str, shape: &Shape) -> Result<(), String> {
        match shape {
            Shape::Number(size) => self.number(name, *size, |value| Some(value.to_string()))?,
            Shape::Milliseconds => self.number(name, 8, |value| Some(format!("{value} ms")))?,
            Shape::Signed => self.number(name, 4, |value| Some((value as i32).to_string()))?,
            Shape::Named(size, names) => self.number(name, *size, |value| {
                let known = names.iter().find(|(number, _)| *number == value);
                let word = known.map_or("(unknown to version 1)", |(_, word)| word);
                Some(format!("{value} {word}"))
            })?,
            Shape::Flag => self.choice(name, 1, &["no", "yes"])? as u64,
            Shape::Raw(size) => {
                let bytes = self.take(name, *size)?;
                self.row(name, bytes, "");
                0
            }
            Shape::Text(least, most) => return self.text(name, *least, *most),
            Shape::Bytes(most) => {
                let bytes = self.counted(name, 0, *most)?;
                self.row("", bytes, &quote(&bytes.escape_ascii().to_string()));
                0
            }
            Shape::Optional(inner) => match self.choice(name, 1, &["absent", "present"])? {
                0 => 0,
                _ => return self.nested(|walker| walker.field(name, inner)),
            },
            Shape::Group(fields) => return self.fields(fields),
            Shape::List(item, fields, most) => return self.list(name, item, fields, *most),
            Shape::OneOf(variants) => {
                let names: Vec<_> = variants.iter().map(|(name, _)| *name).collect();
                let variant = self.choice(name, 4, &names)?;
                return self.nested(|walker| walker.fields(variants[variant].1));
            }
        };
        Ok(())
    }

    fn text(&mut self, name: &'static str, least: usize, most: usize) -> Result<(), String> {
        let bytes = self.counted(name, least, most)?;
        let text = str::from_utf8(bytes).map_err(|error| format!("{name}: {error}"))?;
        self.row("", bytes, &quote(&text.escape_debug().to_string()));
        Ok(())
    }

    fn list(
        &mut self,
        name: &'static str,
        item: &str,
        fields: &[Field],
        most: u64,
    ) -> Result<(), String> {
        let count = self.number(name, 8, |count| (count <= most).then(|| count.to_string()))?;
        if item == "entry" {
            self.entries = count as usize;
        }
        for index in 1..=count {
            self.heading(&format!("{item} {index} of {count}"));
            self.nested(|walker| walker.fields(fields))?;
        }
        Ok(())
    }

    /// A number that tells which of these words is meant.
    fn choice(&mut self, name: &str, size: usize, words: &[&str]) -> Result<usize, String> {
        let word = |value| Some(format!("{value} {}", words.get(value as usize)?));
        self.number(name, size, word).map(|value| value as usize)
    }

    /// A number, little-endian; `show` tells how it reads, if it is allowed.
    fn number(
        &mut self,
        name: &str,
        size: usize,
        show: impl Fn(u64) -> Option<String>,
    ) -> Result<u64, String> {
        let bytes = self.take(name, size)?;
        let value = bytes.iter().rev().fold(0, |value, byte| value << 8 | u64::from(*byte));
        let shown = show(value).ok_or_else(|| format!("{name}: {value} is not allowed"))?;
        self.row(name, bytes, &shown);
        Ok(value)
    }

    /// A count, and as many bytes.
    fn counted(
        &mut self,
        name: &'static str,
        least: usize,
        most: usize,
    ) -> Result<&'a [u8], String> {
        let allowed = least as u64..=most as u64;
        let show = |count| allowed.contains(&count).then(|| format!("{count} bytes"));
        let count = self.number(name, 8, show)? as usize;
        if count == most {
            self.full.push(name);
        }
        self.take(name, count)
    }

    fn take(&mut self, name: &str, size: usize) -> Result<&'a [u8], String> {
        let bytes = self.frame.get(self.at..).and_then(|left| left.get(..size));
        let bytes = bytes.ok_or_else(|| format!("{name}: the frame ends before it does"))?;
        self.at += size;
        Ok(bytes)
    }

    fn left(&self) -> usize {
        self.frame.len() - self.at
    }

    fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> T) -> T {
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    fn heading(&mut self, text: &str) {
        let indent = 2 * self.depth;
        writeln!(self.lines, "{:>FIELD$}{text}", "", FIELD = FIELD + indent).unwrap();
    }

    /// The bytes just taken, eight a line, their name and value beside the first.
    fn row(&mut self, name: &str, bytes: &[u8], value: &str) {
        let (mut offset, mut size) = (self.at - bytes.len() - self.base, bytes.len().to_string());
        let mut words = format!("{:indent$}{name:<30}  {value}", "", indent = 2 * self.depth);
        for line in bytes.chunks(8) {
            let line_text = format!("{offset:>6}  {size:>4}  {:<23}  {words}", spaced(line));
            writeln!(self.lines, "{}", line_text.trim_end()).unwrap();
            offset += line.len();
            (size, words) = (String::new(), String::new());
        }
    }
}

/// In quotation marks, and not all of it if it is long.
fn quote(text: &str) -> String {
    match text.char_indices().nth(40) {
        Some((end, _)) => format!("\"{}…\"", &text[..end]),
        None => format!("\"{text}\""),
    }
}

/// Where the names of the fields stand.
const FIELD: usize = 39;

const COLUMNS: &str =
    "offset  size  bytes                    field                           value";
