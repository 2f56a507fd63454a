//! One request, and the answer to it.

use std::io::{self, ErrorKind, Read, Write};

/// An answer that was read to its end.
pub(super) struct Answer {
    /// The server closes the connection after it.
    pub(super) close: bool,
    /// The process that has answered.
    pub(super) by: u32,
}

/// Asks, and reads the answer to its last byte and no further.
pub(super) fn ask(connection: &mut (impl Read + Write), keep: bool) -> io::Result<Answer> {
    let request = if keep { KEEP } else { CLOSE };
    connection.write_all(request.as_bytes())?;
    let mut answer = Vec::with_capacity(512);
    loop {
        let mut bytes = [0; 512];
        match connection.read(&mut bytes)? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            read => answer.extend(bytes.iter().take(read)),
        }
        if let Some(answer) = parse(&answer)? {
            return Ok(answer);
        }
    }
}

/// Nothing yet, if more of it is to come.
fn parse(bytes: &[u8]) -> io::Result<Option<Answer>> {
    let text = str::from_utf8(bytes).map_err(|_| wrong())?;
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return Ok(None);
    };
    if !head.starts_with("HTTP/1.1 200 ") {
        return Err(wrong());
    }
    let length: usize =
        header(head, "content-length").and_then(|text| text.parse().ok()).ok_or_else(wrong)?;
    if body.len() < length {
        return Ok(None);
    }
    let close = header(head, "connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    let by = body.strip_suffix('\n').and_then(|by| by.parse().ok()).ok_or_else(wrong)?;
    Ok(Some(Answer { close, by }))
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let headers = head.split("\r\n").filter_map(|line| line.split_once(": "));
    headers.into_iter().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}

fn wrong() -> io::Error {
    ErrorKind::InvalidData.into()
}

const KEEP: &str = "GET / HTTP/1.1\r\nHost: peers\r\n\r\n";
const CLOSE: &str = "GET / HTTP/1.1\r\nHost: peers\r\nConnection: close\r\n\r\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_for_the_whole_answer() -> io::Result<()> {
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\n42\n";
        for cut in 0..answer.len() {
            assert!(parse(&answer.as_bytes()[..cut])?.is_none(), "cut at {cut}");
        }
        let whole = parse(answer.as_bytes())?.ok_or_else(wrong)?;
        assert_eq!((whole.by, whole.close), (42, true));
        Ok(())
    }

    #[test]
    fn takes_nothing_for_an_answer_that_is_none() {
        assert!(parse(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n").is_err());
        assert!(parse(b"HTTP/1.1 200 OK\r\n\r\n42\n").is_err());
        assert!(parse(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n42\n!").is_err());
    }
}
