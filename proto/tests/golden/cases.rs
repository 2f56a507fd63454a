//! Every vector, as the message that it is.

mod entries;
mod greetings;
mod newer;
mod older;
mod steps;
mod tools;

use heirloom_proto::Message;

use crate::support::samples::samples;
pub(crate) use newer::{MUST_UNDERSTAND, SKIPPABLE, unknown_kinds};

/// A frame that this release can read.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) message: Message,
    /// What follows the fields that this release knows.
    pub(crate) extra: &'static [u8],
}

impl Case {
    /// The frame, made of today's and of what follows it.
    pub(crate) fn frame(&self) -> Vec<u8> {
        let mut frame = self.message.encode().unwrap();
        frame.extend(self.extra);
        let body = u32::try_from(frame.len() - 12).unwrap();
        frame[8..12].copy_from_slice(&body.to_le_bytes());
        frame
    }
}

/// What this release sends: every kind, every variant, every number, every bound.
pub(crate) fn today() -> Vec<Case> {
    let parts =
        [samples(), greetings::cases(), entries::cases(), steps::cases(), tools::cases()].concat();
    let case = |(name, message): (&str, _)| Case { name: name.into(), message, extra: &[] };
    parts.into_iter().map(case).collect()
}

/// What a release sends that speaks version 1 and knows nothing beyond its tables.
pub(crate) fn older() -> Vec<Case> {
    set("older", older::cases(), &[])
}

/// What a release sends that speaks versions 1 to 3 and has more to say in each message.
pub(crate) fn newer() -> Vec<Case> {
    set("newer", newer::cases(), newer::EXTRA)
}

pub(crate) fn all() -> Vec<Case> {
    [today(), older(), newer()].concat()
}

fn set(folder: &str, cases: Vec<(&str, Message)>, extra: &'static [u8]) -> Vec<Case> {
    let case = |(name, message)| Case { name: format!("{folder}/{name}"), message, extra };
    cases.into_iter().map(case).collect()
}

/// The names of all vectors, with those of frames that this release cannot write.
pub(crate) fn names() -> Vec<String> {
    let unknown = unknown_kinds().map(|(name, _)| name.to_string());
    all().into_iter().map(|case| case.name).chain(unknown).collect()
}
