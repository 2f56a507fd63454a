//! One message in one frame: header, then body.

use alloc::vec::Vec;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::codec::{self, Unreadable};
use crate::error::InvalidMessage;
use crate::limits::{HEADER, MAGIC, MAX_FRAME};
use crate::manifest::Outgoing;
use crate::message_kind::MessageKind;

/// The first [`HEADER`] bytes of a frame.
#[derive(Serialize, Deserialize)]
pub(super) struct Header {
    magic: u32,
    pub(super) version: u16,
    pub(super) kind: u16,
    length: u32,
}

impl Header {
    pub(super) fn read(frame: &[u8]) -> Result<(Self, &[u8]), InvalidMessage> {
        if frame.len() > MAX_FRAME {
            return Err(InvalidMessage::TooLong { length: frame.len() });
        }
        // Four integers: they can be read from whatever is long enough.
        let (Ok(header), Some(body)) = (codec::decode::<Self>(frame), frame.get(HEADER..)) else {
            return Err(InvalidMessage::TooShort { length: frame.len() });
        };
        if header.magic != MAGIC {
            return Err(InvalidMessage::Magic { found: header.magic });
        }
        if usize::try_from(header.length) != Ok(body.len()) {
            return Err(InvalidMessage::Length { told: header.length, found: body.len() });
        }
        Ok((header, body))
    }
}

/// The frame of one batch.
pub(crate) fn encode_manifest<E: Serialize>(
    batch: &Outgoing<'_, E>,
) -> Result<Vec<u8>, InvalidMessage> {
    write(MessageKind::Manifest, batch)
}

pub(super) fn read<T: DeserializeOwned>(
    kind: MessageKind,
    bytes: &[u8],
) -> Result<T, InvalidMessage> {
    let body = |Unreadable { field, error }| InvalidMessage::Body { kind, field, error };
    codec::decode(bytes).map_err(body)
}

pub(super) fn write<T: Serialize>(kind: MessageKind, body: &T) -> Result<Vec<u8>, InvalidMessage> {
    write_kind(kind as u16, kind.version(), body)
}

pub(super) fn write_kind<T: Serialize>(
    kind: u16,
    version: u16,
    body: &T,
) -> Result<Vec<u8>, InvalidMessage> {
    let header = Header { magic: MAGIC, version, kind, length: 0 };
    let mut frame = codec::encode(&(header, body)).unwrap_or_default();
    let length = frame.len();
    if !(HEADER..=MAX_FRAME).contains(&length) {
        return Err(InvalidMessage::TooLong { length });
    }
    if let (Some(field), Ok(body)) = (frame.get_mut(8..HEADER), u32::try_from(length - HEADER)) {
        field.copy_from_slice(&body.to_le_bytes());
    }
    Ok(frame)
}
