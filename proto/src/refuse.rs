//! Why a predecessor takes no handoff from a successor.

use alloc::string::String;
use core::fmt;

use serde::{Deserialize, Serialize};

use crate::abort::wire_numbers;
use crate::phase::Phase;

/// The answer to a [`Hello`](crate::Hello) that cannot be accepted. Its layout never changes.
///
/// ```
/// use heirloom_proto::{Phase, Refuse, RefuseReason};
///
/// let refuse = Refuse {
///     reason: RefuseReason::Slots,
///     generation: 7,
///     phase: Phase::Greeting,
///     age_ms: 3,
///     needed: 1_310,
///     available: 24,
///     text: "successor has 24 free descriptor slots, the handoff needs 1310".into(),
/// };
/// assert!(refuse.available < refuse.needed);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Refuse {
    /// Why, for a program.
    pub reason: RefuseReason,
    /// The generation of the process that refuses.
    pub generation: u64,
    /// What that process is doing.
    pub phase: Phase,
    /// For how long it has been doing so, in milliseconds.
    pub age_ms: u64,
    /// What the handoff needs: descriptor slots, or the protocol version, by `reason`.
    pub needed: u64,
    /// What there is of it.
    pub available: u64,
    /// Why, for a person.
    #[serde(deserialize_with = "crate::codec::text")]
    pub text: String,
}

impl fmt::Display for Refuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

wire_numbers! {
    /// Why a handoff was refused.
    ///
    /// ```
    /// use heirloom_proto::RefuseReason;
    ///
    /// assert_eq!(RefuseReason::from(1), RefuseReason::Busy);
    /// assert_eq!(RefuseReason::NotReady.to_string(), "not ready");
    /// assert_eq!(RefuseReason::ALL.len(), 9);
    /// ```
    RefuseReason, "reason" {
        /// Another handoff is going on.
        Busy = 1, "busy";
        /// The running process has not become ready itself.
        NotReady = 2, "not ready";
        /// No protocol version in common.
        Version = 3, "version";
        /// The address belongs to another service.
        Service = 4, "another service";
        /// The successor's descriptor limit is too low.
        Slots = 5, "not enough descriptor slots";
        /// The secret is wrong, or used up, or none is expected.
        Secret = 6, "secret";
        /// The service is being stopped.
        Stopping = 7, "stopping";
        /// Too many older generations are still draining.
        DrainingCap = 8, "too many generations draining";
        /// The same process has told the secret before: its handoff goes on, on another connection.
        SecretUsed = 9, "secret used by this process";
    }
}
