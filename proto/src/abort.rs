//! Either side's word that nothing changed hands.

use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::limits::clip;

/// Sent by the side that gives a handoff up.
///
/// ```
/// use heirloom_proto::{Abort, AbortReason};
///
/// let abort = Abort::new(AbortReason::Mismatch, "entry `web` is another socket");
/// assert_eq!(abort.to_string(), "descriptor mismatch: entry `web` is another socket");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Abort {
    /// Why, for a program.
    pub reason: AbortReason,
    /// Why, for a person.
    #[serde(deserialize_with = "crate::codec::text")]
    pub text: String,
}

impl Abort {
    /// Makes an abort; text beyond [`MAX_TEXT`](crate::limits::MAX_TEXT) bytes is cut.
    pub fn new(reason: AbortReason, text: &str) -> Self {
        Self { reason, text: clip(text) }
    }
}

impl fmt::Display for Abort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason, self.text)
    }
}

macro_rules! wire_numbers {
    ($(#[$outer:meta])* $name:ident, $noun:literal { $($(#[$inner:meta])* $variant:ident = $number:literal, $text:literal;)* }) => {
        $(#[$outer])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(from = "u16", into = "u16")]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$inner])* $variant,)*
            /// A number that this version does not know.
            Other(u16),
        }

        impl $name {
            /// Every one that this version knows.
            pub const ALL: &[Self] = &[$(Self::$variant),*];
        }

        impl From<u16> for $name {
            fn from(number: u16) -> Self {
                match number {
                    $($number => Self::$variant,)*
                    other => Self::Other(other),
                }
            }
        }

        impl From<$name> for u16 {
            fn from(known: $name) -> Self {
                match known {
                    $($name::$variant => $number,)*
                    $name::Other(number) => number,
                }
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                match self {
                    $(Self::$variant => f.write_str($text),)*
                    Self::Other(number) => write!(f, "{} {number}, which this version does not know", $noun),
                }
            }
        }
    };
}
pub(crate) use wire_numbers;

wire_numbers! {
    /// Why a handoff was given up.
    ///
    /// ```
    /// use heirloom_proto::AbortReason;
    ///
    /// assert_eq!(u16::from(AbortReason::TimedOut), 1);
    /// assert_eq!(AbortReason::from(900).to_string(), "reason 900, which this version does not know");
    /// assert!(AbortReason::ALL.contains(&AbortReason::Stopping));
    /// ```
    AbortReason, "reason" {
        /// A step took longer than it may.
        TimedOut = 1, "timed out";
        /// The peer broke the protocol.
        Protocol = 2, "protocol broken";
        /// A descriptor is not what its entry says.
        Mismatch = 3, "descriptor mismatch";
        /// The service is being stopped.
        Stopping = 4, "stopping";
        /// The application gave up: it dropped its upgrader or could not become ready.
        Application = 5, "application gave up";
        /// Something that has to be handed over was added after the manifest was made.
        Changed = 6, "changed during the handoff";
        /// The PID file or the control socket could not be taken over.
        Publish = 7, "could not be published";
        /// The predecessor has taken the token back.
        TakenBack = 8, "taken back";
        /// A limit or a failing system call stopped it.
        System = 9, "system error";
        /// The kernel cut descriptors off: a limit of the successor, or a security module.
        Truncated = 10, "descriptors cut off";
    }
}
