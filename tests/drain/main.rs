//! What is in flight is counted, told to come to an end, waited for, and given up in time: on threads
//! and on every runtime.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod block_on;
mod futures;
mod threads;

use std::time::Duration;

/// Far beyond what anything here takes.
const LONG: Duration = Duration::from_secs(30);

/// What nobody ends before it is over.
const SHORT: Duration = Duration::from_millis(20);
