//! The service that is spoken to.

use std::net::TcpListener;

use heirloom::{Builder, Takeover, Upgrader};
use heirloom_proto::Phase;

use super::peer::fresh_name;
use crate::support::control::status;

/// Every service here has this label.
pub(super) const LABEL: &str = "bad-input";

/// A service of one listener, `http`, that is ready.
pub(super) struct Service {
    upgrader: Upgrader,
    listener: TcpListener,
}

impl Service {
    pub(super) fn new() -> Self {
        let upgrader = builder(&fresh_name()).takeover(Takeover::Never).start().unwrap();
        let listener = upgrader.fds().bind_as("http", "127.0.0.1:0").unwrap();
        upgrader.ready().unwrap();
        Self { upgrader, listener }
    }

    pub(super) fn address(&self) -> &str {
        self.upgrader.handoff_socket()
    }

    pub(super) fn upgrader(&self) -> &Upgrader {
        &self.upgrader
    }

    /// It serves as if nothing had been.
    pub(super) fn assert_untouched(&self) {
        let report = status(self.address()).unwrap();
        assert_eq!((report.generation, report.phase, report.entries), (1, Phase::Serving, 1));
        assert!(!self.upgrader.exit().is_fired());
    }

    /// It serves as if nothing had been, and a successor that behaves takes it over.
    pub(super) fn assert_untouched_and_hand_over(self) {
        self.assert_untouched();
        let successor = builder(self.address()).takeover(Takeover::Require).start().unwrap();
        let listener: TcpListener = successor.fds().bind_as("http", "127.0.0.1:0").unwrap();
        successor.ready().unwrap();
        assert_eq!(listener.local_addr().unwrap(), self.listener.local_addr().unwrap());
        assert_eq!(status(successor.handoff_socket()).unwrap().generation, 2);
    }
}

/// Settings of a generation of the service at `address`.
pub(super) fn builder(address: &str) -> Builder {
    Upgrader::builder().handoff_socket(address).service(LABEL)
}
