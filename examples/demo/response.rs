//! Reads one HTTP response and judges it.

use std::fmt;
use std::io::{self, Read};

/// A response that was read to its end.
pub(crate) struct Response {
    /// Generation that answered, as its header says.
    pub(crate) generation: u64,
    /// The server closes the connection after it.
    pub(crate) close: bool,
    /// The body, JSON.
    pub(crate) body: String,
}

/// Why a request has no right answer.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// Connecting, writing or reading failed: refused, reset, timed out.
    Io(io::Error),
    /// The connection was closed after so many bytes, before the response was whole.
    Cut(usize),
    /// Something was answered, and it is not what was asked for.
    Wrong(String),
}

impl Response {
    /// Reads to the last byte of the body and no further.
    pub(crate) fn read(from: &mut impl Read) -> Result<Self, NoAnswer> {
        let mut bytes = Vec::new();
        let head_end = loop {
            if let Some(at) = find_end_of_head(&bytes) {
                break at;
            }
            read_more(from, &mut bytes)?;
        };
        let (head, body) = bytes.split_at(head_end);
        let head = Head::parse(head)?;
        let mut body = body.to_vec();
        while body.len() < head.length {
            read_more(from, &mut body)?;
        }
        if body.len() > head.length {
            return Err(NoAnswer::Wrong(format!(
                "{} bytes of body too many",
                body.len() - head.length
            )));
        }
        Ok(Self {
            generation: head.generation,
            close: head.close,
            body: String::from_utf8_lossy(&body).into_owned(),
        })
    }

    /// Checks that this answers the request for `path`, and that body and header agree.
    pub(crate) fn check(&self, path: &str) -> Result<(), NoAnswer> {
        let wrong = |why: &str| NoAnswer::Wrong(format!("{why}: {}", self.body.trim_end()));
        let body: serde_json::Value =
            serde_json::from_str(&self.body).map_err(|_| wrong("not JSON"))?;
        let told = |key| body.get(key);
        if told("path").and_then(|path| path.as_str()) != Some(path) {
            return Err(wrong("another request's answer"));
        }
        if told("generation").and_then(|generation| generation.as_u64()) != Some(self.generation) {
            return Err(wrong("body of another generation than the header"));
        }
        Ok(())
    }
}

struct Head {
    length: usize,
    generation: u64,
    close: bool,
}

impl Head {
    fn parse(bytes: &[u8]) -> Result<Self, NoAnswer> {
        let text = String::from_utf8_lossy(bytes);
        let wrong = |why: &str| NoAnswer::Wrong(format!("{why}: {}", text.trim_end()));
        let mut lines = text.split("\r\n");
        if lines.next() != Some("HTTP/1.1 200 OK") {
            return Err(wrong("not 200 OK"));
        }
        let headers: Vec<(&str, &str)> = lines.filter_map(|line| line.split_once(": ")).collect();
        let header = |name: &str| {
            let mut found = headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
            found.next().map(|(_, value)| *value)
        };
        let number = |name| header(name).and_then(|value| value.parse::<u64>().ok());
        let length = number("content-length").and_then(|length| usize::try_from(length).ok());
        Ok(Self {
            length: length.ok_or_else(|| wrong("no length"))?,
            generation: number("x-generation").ok_or_else(|| wrong("no generation"))?,
            close: header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")),
        })
    }
}

fn find_end_of_head(bytes: &[u8]) -> Option<usize> {
    const END: &[u8] = b"\r\n\r\n";
    let at = bytes.windows(END.len()).position(|window| window == END)?;
    Some(at + END.len())
}

fn read_more(from: &mut impl Read, into: &mut Vec<u8>) -> Result<(), NoAnswer> {
    let mut buffer = [0; 1024];
    let length = from.read(&mut buffer).map_err(NoAnswer::Io)?;
    if length == 0 {
        return Err(NoAnswer::Cut(into.len()));
    }
    into.extend(buffer.iter().take(length));
    Ok(())
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "{error}"),
            Self::Cut(length) => write!(f, "connection closed after {length} bytes of response"),
            Self::Wrong(what) => write!(f, "wrong answer: {what}"),
        }
    }
}
