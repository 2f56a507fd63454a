//! Generations of a service within one process, by threads, for applications' own tests.
//!
//! [`Service`] runs what the application's `main` does, one thread for each generation. [`first`] and
//! [`successor_of`] make the upgraders alone:
//!
//! ```
//! use heirloom::testing;
//! use std::net::TcpListener;
//!
//! # fn main() -> Result<(), heirloom::Error> {
//! let first = testing::first()?;
//! let listener: TcpListener = first.fds().bind("127.0.0.1:0")?;
//! first.ready()?;
//!
//! let second = testing::successor_of(&first)?;
//! let inherited: TcpListener = second.fds().bind("127.0.0.1:0")?;
//! second.ready()?;
//!
//! first.exit().wait();
//! assert_eq!(inherited.local_addr().unwrap(), listener.local_addr().unwrap());
//! # Ok(())
//! # }
//! ```

mod service;

pub(crate) use service::Observer;
pub use service::Service;

use crate::{Error, Takeover, Upgrader};

/// The first generation of a service of its own, on a private handoff socket.
///
/// # Errors
///
/// Those of [`Builder::start`](crate::Builder::start).
///
/// ```
/// let upgrader = heirloom::testing::first()?;
/// assert_eq!(upgrader.generation(), 1);
/// # Ok::<(), heirloom::Error>(())
/// ```
pub fn first() -> Result<Upgrader, Error> {
    Upgrader::builder().handoff_socket(crate::address::UnixAddress::private()?.to_string()).start()
}

/// The next generation after `predecessor`, which must be ready. Both live in this process, so
/// neither can be ended for its silence.
///
/// # Errors
///
/// Those of [`Builder::start`](crate::Builder::start).
///
/// ```
/// let first = heirloom::testing::first()?;
/// first.ready()?;
/// let second = heirloom::testing::successor_of(&first)?;
/// second.ready()?;
/// first.exit().wait();
/// # Ok::<(), heirloom::Error>(())
/// ```
pub fn successor_of(predecessor: &Upgrader) -> Result<Upgrader, Error> {
    Upgrader::builder()
        .handoff_socket(predecessor.handoff_socket())
        .takeover(Takeover::Require)
        .start()
}
