//! Who may connect to the handoff socket.

use std::io;
use std::os::fd::AsFd;
use std::time::Duration;

use heirloom_proto::Phase;

use super::PredecessorSide;
use crate::control::ControlListener;
use crate::holdings::{Connection, Holdings};
use crate::slots::way_out;
use crate::sys::channel::Channel;
use crate::sys::pidfd::{PidFd, peer_credentials};

/// How long to wait for a descriptor slot before a connection is tried to be taken again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

impl PredecessorSide {
    /// Takes one connection, unless a foreign user makes it: then what little is asked of the kernel
    /// tells that. Tells whether it has taken one.
    pub(crate) fn accept(&mut self, holdings: &mut Holdings) -> bool {
        self.admit(holdings).is_some()
    }

    fn admit(&mut self, holdings: &mut Holdings) -> Option<()> {
        let channel = match accept_to_watch(holdings.listener.as_ref()?) {
            Ok(channel) => channel,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
            Err(error) => {
                let error = format!("{error}{}", way_out(&error));
                tracing::warn!(target: "heirloom", event = "connection_not_accepted", reason = error, "a connection to the handoff socket cannot be accepted");
                self.accept_after = Some(holdings.now() + ACCEPT_PAUSE);
                return None;
            }
        };
        let peer = peer_credentials(channel.as_fd()).ok()?;
        if !holdings.settings.trusts(peer.uid()) {
            self.tell_of_foreigner(peer.uid(), peer.pid());
            return None;
        }
        let process = PidFd::of_known_peer(channel.as_fd(), &peer).ok()?;
        if !holdings.settings.trusts_process(&process, peer.uid()) {
            self.tell_of_foreigner(peer.uid(), peer.pid());
            return None;
        }
        let pid = u32::try_from(peer.pid()).unwrap_or_default();
        let connection = holdings.connect(Connection::new(channel, Some(process), pid));
        self.machine.handle_connected(connection, pid, holdings.now());
        Some(())
    }

    /// A warning for the first, and no more than an event for debugging for the rest: whoever may
    /// connect could fill the log otherwise.
    fn tell_of_foreigner(&mut self, uid: u32, pid: i32) {
        match std::mem::replace(&mut self.has_warned, true) {
            false => {
                tracing::warn!(target: "heirloom", event = "foreign_user", uid, pid, "a foreign user has connected to the handoff socket")
            }
            true => {
                tracing::debug!(target: "heirloom", event = "foreign_user", uid, pid, "a foreign user has connected to the handoff socket")
            }
        }
    }

    /// Whether connections are taken now. While the token moves, those who connect may see the
    /// credentials of either side; whoever owns in the end closes them.
    pub(crate) fn accepts(&self) -> bool {
        let moving = matches!(self.machine.phase(), Phase::Releasing | Phase::Fencing);
        self.accept_after.is_none() && !moving
    }
}

/// Takes a connection if there is a slot for its process too: it waits in the queue otherwise, since
/// one that cannot be watched would have to be closed.
fn accept_to_watch(listener: &ControlListener) -> io::Result<Channel> {
    let reserve = listener.as_fd().try_clone_to_owned()?;
    let channel = listener.accept()?;
    drop(reserve);
    Ok(channel)
}
