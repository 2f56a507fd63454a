//! What the service manager is told. Without the feature `systemd`, or where no manager has asked for
//! it, nothing.

#[cfg(feature = "systemd")]
use crate::systemd::Reporter;

use std::os::fd::BorrowedFd;
use std::sync::Arc;

use crate::fds::Registry;
use crate::mailbox::Mailbox;
use crate::settings::Settings;

/// Something that has happened, as far as a service manager is concerned.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(feature = "systemd"), expect(dead_code, reason = "nobody is told"))]
pub(crate) enum News<'a> {
    /// This process has met its predecessor, process `pid`.
    Met { pid: u32 },
    /// It has everything from it.
    Inherited,
    /// This process owns the service. Its predecessor tells that, unless it is gone.
    Owned { generation: u64, ready: bool, orphaned: bool },
    /// The predecessor has told what there was to tell of its successor.
    PredecessorDrains,
    /// The predecessor is gone. Nothing new if it drained.
    PredecessorGone,
    /// The application is ready, in a process that owns the service already.
    Ready { generation: u64 },
    /// A successor, process `pid`, has introduced itself.
    Began { pid: u32 },
    /// It tells what it is doing.
    Progress { text: &'a str },
    /// The handoff has failed, and this process serves on.
    Failed { why: &'a str },
    /// The successor owns the service.
    HandedOver,
    /// What is registered has changed.
    Registered,
    /// The service ends here.
    Stopped,
}

/// The service manager of this process, if it has one that is to be told.
#[derive(Debug)]
pub(crate) struct Manager {
    #[cfg(feature = "systemd")]
    reporter: Option<Reporter>,
}

#[cfg_attr(
    not(feature = "systemd"),
    expect(unused_variables, clippy::unused_self, reason = "compiled out")
)]
impl Manager {
    /// Finds out whether there is one, and takes the sockets that it passes.
    pub(crate) fn find(settings: &Settings, registry: &Registry, mailbox: &Arc<Mailbox>) -> Self {
        #[cfg(feature = "systemd")]
        return Self {
            reporter: settings
                .systemd
                .as_ref()
                .and_then(|asked| Reporter::new(asked, registry, mailbox)),
        };
        #[cfg(not(feature = "systemd"))]
        Self {}
    }

    /// Tells what has happened. Never waits.
    pub(crate) fn tell(&mut self, news: News<'_>, registry: &Registry) {
        #[cfg(feature = "systemd")]
        if let Some(reporter) = &mut self.reporter {
            reporter.tell(news, registry);
        }
    }

    /// What becomes writable when the manager has room for what it is to be told.
    pub(crate) fn clogged(&self) -> Option<BorrowedFd<'_>> {
        #[cfg(feature = "systemd")]
        return self.reporter.as_ref().and_then(Reporter::clogged);
        #[cfg(not(feature = "systemd"))]
        None
    }

    /// Sends what waits for room.
    pub(crate) fn flush(&mut self) {
        #[cfg(feature = "systemd")]
        if let Some(reporter) = &mut self.reporter {
            reporter.flush();
        }
    }

    /// Waits a little until the manager has read everything: the last thing that a process does.
    pub(crate) fn part(&mut self) {
        #[cfg(feature = "systemd")]
        if let Some(reporter) = &mut self.reporter {
            reporter.part();
        }
    }
}
