//! What tools and watchers are told.

use heirloom_proto::predecessor::{Attachment, ConnectionId};
use heirloom_proto::{Message, StatusReport};

use super::PredecessorSide;
use crate::holdings::{Holdings, Sent, Unsent};
use crate::step::Side;

impl PredecessorSide {
    /// How things stand.
    pub(crate) fn report(&self, holdings: &Holdings) -> StatusReport {
        holdings.complete(self.machine.report(holdings.now()))
    }

    pub(super) fn send_report(&mut self, holdings: &mut Holdings, connection: ConnectionId) {
        let report = Message::StatusReport(self.report(holdings));
        // It lists no more than its frame has room for.
        if let Ok(frame) = report.encode() {
            self.send(
                holdings,
                connection,
                Unsent { frame, attachment: Attachment::None, retry: None },
            );
        }
    }

    /// Sends a frame to a watcher that takes it at once. One that does not read is closed: whatever else it
    /// would miss, and what waits for it would grow for ever.
    pub(super) fn tell_watcher(
        &mut self,
        holdings: &mut Holdings,
        connection: ConnectionId,
        frame: Vec<u8>,
    ) {
        let unsent = Unsent { frame, attachment: Attachment::None, retry: None };
        match holdings.send(Side::Predecessor, connection, unsent, &[]) {
            Sent::Whole => {}
            Sent::Later | Sent::Closed | Sent::Failed(_) => {
                self.machine.handle_closed(connection, holdings.now());
            }
        }
    }

    /// How much is open here has changed: the owner is told, unless it was told a moment ago.
    pub(crate) fn open_changed(&mut self, holdings: &Holdings) {
        self.machine.handle_open_changed(holdings.now());
    }
}
