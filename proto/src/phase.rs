//! What an owner or a successor is doing.

use core::fmt;

use serde::{Deserialize, Serialize};

macro_rules! phases {
    ($($(#[$inner:meta])* $variant:ident = $number:literal, $text:literal;)*) => {
        /// What an owner or a successor is doing. On the wire a `u8`.
        ///
        /// ```
        /// use heirloom_proto::Phase;
        ///
        /// assert_eq!(u8::from(Phase::Serving), 2);
        /// assert_eq!(Phase::Releasing.to_string(), "moving the token");
        /// assert!(!Phase::ALL.contains(&Phase::from(99)));
        /// ```
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(from = "u8", into = "u8")]
        #[non_exhaustive]
        pub enum Phase {
            $($(#[$inner])* $variant,)*
            /// A phase of a newer version.
            Other(u8),
        }

        impl Phase {
            /// Every phase this version knows.
            pub const ALL: &[Self] = &[$(Self::$variant),*];
        }

        impl From<u8> for Phase {
            fn from(number: u8) -> Self {
                match number { $($number => Self::$variant,)* other => Self::Other(other) }
            }
        }

        impl From<Phase> for u8 {
            fn from(phase: Phase) -> Self {
                match phase { $(Phase::$variant => $number,)* Phase::Other(number) => number }
            }
        }

        impl fmt::Display for Phase {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$variant => f.write_str($text),)*
                    Self::Other(number) => write!(f, "phase {number}"),
                }
            }
        }
    };
}

phases! {
    /// The owner has not become ready.
    Starting = 1, "starting";
    /// The owner serves and no handoff is going on.
    Serving = 2, "serving";
    /// The owner waits for the successor it spawned to introduce itself.
    Spawning = 3, "waiting for the spawned successor";
    /// `Hello` and `Welcome`.
    Greeting = 4, "greeting";
    /// The manifest is passed.
    Transferring = 5, "transferring";
    /// The successor prepares itself.
    Preparing = 6, "waiting for the successor to become ready";
    /// From `Ready` to `Commit`.
    Committing = 7, "committing";
    /// From `Commit` to `Owned`.
    Releasing = 8, "moving the token";
    /// A side finds out who holds the token.
    Reclaiming = 9, "taking the token";
    /// The owner ends a successor that holds the token and says nothing.
    Fencing = 10, "ending a silent successor";
    /// The service belongs to a successor; this process finishes what it has in flight.
    Draining = 11, "draining";
    /// The service is being stopped.
    Stopped = 12, "stopping";
}
