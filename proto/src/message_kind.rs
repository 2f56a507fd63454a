//! The numbers of the messages.

use core::fmt;

use crate::limits::{FROZEN_VERSION, VERSION};

macro_rules! kinds {
    ($($(#[$inner:meta])* $variant:ident = $number:literal,)*) => {
        /// The kinds of message, by their number on the wire. Those at or above
        /// [`MUST_UNDERSTAND`](Self::MUST_UNDERSTAND) may not be skipped.
        ///
        /// ```
        /// use heirloom_proto::MessageKind;
        ///
        /// assert_eq!(MessageKind::try_from(0x8001), Ok(MessageKind::Hello));
        /// // Whoever does not know `Progress` goes on without it.
        /// assert_eq!(MessageKind::Progress as u16 & MessageKind::MUST_UNDERSTAND, 0);
        /// assert_eq!(MessageKind::ALL.len(), 20);
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[repr(u16)]
        #[non_exhaustive]
        #[expect(missing_docs, reason = "each is documented where its message is")]
        pub enum MessageKind { $($variant = $number,)* }

        impl MessageKind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$variant),*];
        }

        impl TryFrom<u16> for MessageKind {
            type Error = u16;

            fn try_from(number: u16) -> Result<Self, u16> {
                match number {
                    $($number => Ok(Self::$variant),)*
                    unknown => Err(unknown),
                }
            }
        }

        impl fmt::Display for MessageKind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(match self { $(Self::$variant => stringify!($variant),)* })
            }
        }
    };
}

kinds! {
    Hello = 0x8001,
    Welcome = 0x8002,
    Refuse = 0x8003,
    Manifest = 0x8004,
    Received = 0x8005,
    Progress = 0x0006,
    Ready = 0x8007,
    Commit = 0x8008,
    Released = 0x8009,
    Owned = 0x800a,
    Retired = 0x000b,
    Abort = 0x800c,
    Status = 0x800d,
    StatusReport = 0x800e,
    Upgrade = 0x800f,
    Outcome = 0x8010,
    Draining = 0x0011,
    Open = 0x0012,
    Watch = 0x8013,
    Happened = 0x0014,
}

impl MessageKind {
    /// The bit of a kind that a receiver must know or else refuse.
    pub const MUST_UNDERSTAND: u16 = 0x8000;

    /// The version in the header of this kind.
    pub(crate) fn version(self) -> u16 {
        match self {
            Self::Hello | Self::Welcome | Self::Refuse => FROZEN_VERSION,
            _ => VERSION,
        }
    }
}
