//! How a command ends: the exit code is what scripts go by.

use std::io;
use std::process::ExitCode;

use heirloom::{Error, ErrorKind};

/// Why a command did not do what it was for. 2 is that of a wrong command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    Other = 1,
    NobodyThere = 3,
    SuccessorExited = 4,
    TimedOut = 5,
    Refused = 6,
}

/// A command that has failed.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) code: Code,
    pub(crate) text: String,
}

impl Failed {
    pub(crate) fn new(code: Code, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }
}

impl Code {
    pub(crate) fn of(kind: ErrorKind) -> Self {
        match kind {
            ErrorKind::Absent => Self::NobodyThere,
            ErrorKind::SuccessorExited | ErrorKind::Aborted | ErrorKind::Spawn => {
                Self::SuccessorExited
            }
            ErrorKind::TimedOut | ErrorKind::Hung => Self::TimedOut,
            ErrorKind::Refused
            | ErrorKind::Busy
            | ErrorKind::NotReady
            | ErrorKind::Stopping
            | ErrorKind::TooManyDraining
            | ErrorKind::AlreadyUpgraded
            | ErrorKind::OtherService
            | ErrorKind::Incompatible
            | ErrorKind::TooFewDescriptors
            | ErrorKind::WrongSecret
            | ErrorKind::Untrusted => Self::Refused,
            _ => Self::Other,
        }
    }
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::new(Code::of(error.kind()), error.to_string())
    }
}

impl From<io::Error> for Failed {
    fn from(error: io::Error) -> Self {
        Self::new(Code::Other, error.to_string())
    }
}
