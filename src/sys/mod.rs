//! The kernel's calls that no safe crate wraps as needed: the only unsafe code.
#![allow(unsafe_code, reason = "every block states why it is sound")]
#![allow(clippy::disallowed_methods, reason = "descriptors become owned here")]

#[cfg(feature = "systemd")]
pub(crate) mod activation;
pub(crate) mod channel;
pub(crate) mod duplicate;
pub(crate) mod identity;
pub(crate) mod pidfd;
pub(crate) mod random;
pub(crate) mod spawn;
pub(crate) mod token;
