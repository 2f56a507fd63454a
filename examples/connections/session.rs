//! One session: what a peer has asked for so far, and what is half read or half written.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read, Write};

/// A peer has a name and a total, and is answered line by line: `name alice`, `add 5`, `add -2`. Every
/// answer is how many lines were answered, the name, and the total.
///
/// All of it goes to the next generation: a byte that is missing here is missing to the peer.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Session {
    name: String,
    answered: u64,
    total: i64,
    /// Read from the socket, and no whole line yet; or not answered since `output` waits.
    input: Vec<u8>,
    /// What the socket has not taken yet: one answer at most.
    output: Vec<u8>,
}

/// Most bytes of a line, its end included. Whoever sends a longer one is hung up on.
const LONGEST_LINE: usize = 64;
/// Most bytes of a name.
const LONGEST_NAME: usize = 16;
/// Most bytes of an answer: a count, a name, a total, or what can be asked.
const LONGEST_ANSWER: usize = 64;

/// Most bytes that [`Session::write`] writes: three numbers, three texts and their lengths.
const MOST_BYTES: usize = 3 * 8 + (2 + LONGEST_NAME) + (2 + LONGEST_LINE) + (2 + LONGEST_ANSWER);

impl Session {
    /// Whether it waits until its peer reads. It reads nothing of its peer's meanwhile, so that what it
    /// keeps has a bound.
    pub(crate) fn waits_to_write(&self) -> bool {
        !self.output.is_empty()
    }

    /// Reads once, and answers all whole lines for as long as the socket takes the answers.
    ///
    /// # Errors
    ///
    /// Those of the socket, and the end of the session: the peer has closed or does not keep to lines.
    pub(crate) fn turn(&mut self, socket: &mut (impl Read + Write)) -> io::Result<()> {
        if !self.waits_to_write() {
            self.read_from(socket)?;
        }
        while self.write_to(socket)? {
            match self.next_line()? {
                Some(line) => self.answer(&line),
                None => break,
            }
        }
        Ok(())
    }

    fn read_from(&mut self, socket: &mut impl Read) -> io::Result<()> {
        let room = LONGEST_LINE.saturating_sub(self.input.len());
        match socket.take(room as u64).read_to_end(&mut self.input) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()), // read what there was
            Err(error) => Err(error),
        }
    }

    /// Tells whether everything is written.
    fn write_to(&mut self, socket: &mut impl Write) -> io::Result<bool> {
        while !self.output.is_empty() {
            match socket.write(&self.output) {
                Ok(taken) => drop(self.output.drain(..taken)),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    fn next_line(&mut self) -> io::Result<Option<String>> {
        let Some(end) = self.input.iter().position(|byte| *byte == b'\n') else {
            let fits = self.input.len() < LONGEST_LINE;
            return if fits { Ok(None) } else { Err(ErrorKind::InvalidData.into()) };
        };
        let line: Vec<u8> = self.input.drain(..=end).collect();
        Ok(Some(String::from_utf8_lossy(&line).trim().into()))
    }

    fn answer(&mut self, line: &str) {
        self.answered += 1;
        let number = self.answered;
        self.output = match self.obey(line) {
            Some(()) => format!("{number} {} {}\n", self.name, self.total),
            None => format!("{number} ask: name WORD, add NUMBER\n"),
        }
        .into_bytes();
    }

    fn obey(&mut self, line: &str) -> Option<()> {
        match line.split_once(' ')? {
            ("name", name) if name.len() <= LONGEST_NAME => self.name = name.into(),
            ("add", number) => self.total = self.total.checked_add(number.parse().ok()?)?,
            _ => return None,
        }
        Some(())
    }

    /// Puts it, and its id before it, into bytes.
    pub(crate) fn write(&self, id: u64, bytes: &mut Vec<u8>) {
        bytes.extend(id.to_le_bytes());
        bytes.extend(self.answered.to_le_bytes());
        bytes.extend(self.total.to_le_bytes());
        for text in [self.name.as_bytes(), &self.input, &self.output] {
            // None of them is longer than a line.
            bytes.extend((text.len() as u16).to_le_bytes());
            bytes.extend(text);
        }
    }

    /// Takes it out of bytes, and leaves what follows it.
    fn read(bytes: &mut &[u8]) -> Option<Self> {
        let answered = u64::from_le_bytes(take(bytes)?);
        let total = i64::from_le_bytes(take(bytes)?);
        let mut text = || {
            let length = u16::from_le_bytes(take(bytes)?);
            bytes.split_off(..usize::from(length)).map(<[u8]>::to_vec)
        };
        let (name, input, output) = (text()?, text()?, text()?);
        let name = String::from_utf8(name).ok()?;
        Some(Self { name, answered, total, input, output })
    }
}

/// How sessions are written: the id, then the session, of one after another. A build that writes them
/// otherwise gets another label, and may offer both.
pub(crate) const SCHEMA: &str = "id session/1";

/// Most sessions at a time. Last words have 48 KiB, and so many fit whatever they hold: what could fail
/// an upgrade is a limit of the service. More are to be had if they are written, when all is frozen, into
/// a file (a memfd) that was handed over with the connections.
pub(crate) const MOST_SESSIONS: usize = 48 * 1_024 / MOST_BYTES - 1;

/// All sessions that a predecessor has written.
pub(crate) fn read_all(mut bytes: &[u8]) -> BTreeMap<u64, Session> {
    let mut sessions = BTreeMap::new();
    while let Some(id) = take(&mut bytes).map(u64::from_le_bytes)
        && let Some(session) = Session::read(&mut bytes)
    {
        sessions.insert(id, session);
    }
    sessions
}

/// The first bytes, so many as are wanted.
fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*first)
}
