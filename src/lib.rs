//! At every instant, whatever is killed, frozen or slow, the service is being served, and at most
//! one process owns it.
//!
//! A running service (the *predecessor*) listens on a control socket. A new process (the
//! *successor*), spawned by it or started by anybody else, connects there, receives the sockets,
//! files and connections, says when it is ready, and becomes the owner. The predecessor finishes
//! what it has in flight and ends. The kernel decides who owns: the owner holds the lock of a memfd.
//!
//! ```no_run
//! use std::net::TcpListener;
//! use heirloom::{Signal, Upgrader};
//!
//! fn main() -> Result<(), heirloom::Error> {
//!     let upgrader = Upgrader::builder()
//!         .handoff_socket("@echo") // or a path
//!         .pid_file("/run/echo.pid")
//!         .start()?; // meets the predecessor, if there is one
//!
//!     let listener: TcpListener = upgrader.fds().bind("127.0.0.1:7000")?; // inherited, or bound now
//!     upgrader.upgrade_on(Signal::SIGHUP)?;
//!     upgrader.ready()?; // returns when this process owns the service
//!     serve_until(listener, upgrader.exit());
//!     Ok(())
//! }
//! # fn serve_until(_: TcpListener, _: heirloom::Exit) {}
//! ```
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::indexing_slicing,
        clippy::panic,
        reason = "a test fails by panicking"
    )
)]
#![deny(unsafe_code)]

#[cfg(not(target_os = "linux"))]
compile_error!("handoffs need Linux: SCM_RIGHTS, memfd, flock and pidfd");

mod address;
mod alarm;
mod builder;
mod control;
pub mod diagnostics;
mod drain;
mod driver;
mod elder;
mod error;
mod exit;
mod fds;
pub mod guide;
mod holdings;
mod latch;
mod launch;
mod mailbox;
mod manager;
mod meeting;
mod pid_file;
mod predecessor;
mod reply;
mod settings;
mod signal;
mod slots;
mod socket_address;
mod socket_file;
mod state;
mod status;
mod step;
mod successor;
mod sys;
#[cfg(feature = "systemd")]
mod systemd;
pub mod testing;
#[cfg(feature = "tokio")]
pub mod tokio;
pub mod tool;
mod upgraded;
mod upgrader;
mod wakers;

pub use builder::Builder;
pub use drain::{Drain, Drained, Guard};
pub use error::{Error, ErrorKind};
pub use exit::Exit;
pub use fds::{Bind, Fds, Inherited, Passable, Registration, UnixSeqpacketListener};
pub use heirloom_proto::{Kind, Phase};
pub use latch::Notice;
pub use settings::{Strays, Takeover};
pub use signal::Signal;
pub use state::{Freeze, LastWords, Offer, State, Taken, Words, Writer};
pub use status::{DrainingStatus, EntryStatus, FailureStatus, HandoffStatus, Status};
#[cfg(feature = "systemd")]
pub use systemd::Systemd;
pub use upgraded::{PredecessorInfo, Upgraded};
pub use upgrader::Upgrader;

/// Compiles every code block of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
