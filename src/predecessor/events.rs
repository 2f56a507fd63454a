//! What has happened in a handoff, and what this process does about it.

use heirloom_proto::predecessor::{Ended, Event};

use super::snapshot::Snapshot;
use super::{PredecessorSide, new_secret};
use crate::control::ControlListener;
use crate::error::Error;
use crate::holdings::{Holdings, millis};
use crate::upgraded::Upgraded;

impl PredecessorSide {
    /// Something has happened: the application and whoever waits are told.
    pub(super) fn tell(&mut self, holdings: &mut Holdings, event: Event) {
        trace(&event);
        self.announce(holdings, &event);
        match event {
            Event::UpgradeAsked { tool } => match new_secret() {
                Ok(secret) => {
                    self.secret = secret;
                    self.machine.handle_asked_upgrade(tool, secret, holdings.now());
                }
                Err(error) => {
                    tracing::warn!(target: "heirloom", event = "upgrade_not_begun", reason = %error, "a tool's upgrade cannot begin");
                    self.machine.handle_asked_in_vain(tool, &error.to_string());
                }
            },
            Event::Introduced { pid } => self.children.introduce(pid),
            Event::Owned { pid, generation, .. } => {
                self.let_go(holdings, Upgraded { pid, generation });
            }
            Event::Failed(ended) => {
                holdings.reserve_pid(false);
                holdings.note_ended(&ended);
                self.finish(Err(Error::upgrade_failed(ended.failure)));
            }
            Event::TakenBack { ended, .. } => {
                holdings.note_ended(&ended);
                self.put_back(holdings);
                self.finish(Err(Error::upgrade_failed(ended.failure)));
            }
            Event::Retired { generation, .. } => holdings.retired(generation),
            Event::Stopped => {
                holdings.state.close();
                holdings.registry.end();
                holdings.exit.fire();
            }
            _ => {}
        }
    }

    /// The service is the successor's.
    fn let_go(&mut self, holdings: &mut Holdings, upgraded: Upgraded) {
        self.asking.keep();
        holdings.state.close();
        holdings.registry.release();
        holdings.reserve_pid(false);
        holdings.listener = None;
        holdings.token = None;
        holdings.exit.fire();
        if holdings.drain.watch().is_some() {
            self.machine.handle_open_changed(holdings.now());
        }
        self.finish(Ok(upgraded));
    }

    /// The service is this process's again: what the successor may have taken over is put back.
    fn put_back(&mut self, holdings: &mut Holdings) {
        if let Some(Err(error)) = holdings.listener.as_mut().map(ControlListener::listen_again) {
            tracing::error!(target: "heirloom", event = "handoff_socket_not_put_back", reason = %error, "the handoff socket tells a successor's credentials");
        }
        if let Err(error) = holdings.publish_pid() {
            tracing::error!(target: "heirloom", event = "pid_file_not_put_back", reason = %error, "the PID file is not put back");
        }
        holdings.reserve_pid(false);
    }

    /// The handoff is over: what it held is closed, and whoever asked for it is told.
    fn finish(&mut self, outcome: Result<Upgraded, Error>) {
        self.snapshot = Snapshot::default();
        self.asking.forget();
        if let Some(reply) = self.upgrade.take() {
            reply.send(outcome);
        }
    }
}

/// Tells an event to whoever collects them. The names and fields are those of
/// [`diagnostics`](crate::diagnostics).
fn trace(event: &Event) {
    match event {
        Event::Introduced { pid } => {
            tracing::info!(target: "heirloom", event = "successor_introduced", pid, "a successor has introduced itself");
        }
        Event::Began { pid, build, took } => {
            let took_ms = millis(*took);
            tracing::info!(target: "heirloom", event = "handoff_began", pid, build, took_ms, "a handoff has begun");
        }
        Event::Entered { pid, phase, took } => {
            let took_ms = millis(*took);
            tracing::debug!(target: "heirloom", event = "handoff_phase", pid, %phase, took_ms, "the handoff goes on");
        }
        Event::Progress { pid, text, took } => {
            let took_ms = millis(*took);
            tracing::info!(target: "heirloom", event = "successor_progress", pid, text, took_ms, "the successor makes progress");
        }
        Event::SuccessorReady { pid, strays, took } => {
            let took_ms = millis(*took);
            tracing::info!(target: "heirloom", event = "successor_ready", pid, strays, took_ms, "the successor is ready");
        }
        Event::Refused { pid, refuse } => {
            tracing::info!(target: "heirloom", event = "successor_refused", pid, phase = %refuse.phase, reason = %refuse, "a successor was refused");
        }
        event => trace_end(event),
    }
}

/// What a handoff ends with, and what happens without one.
fn trace_end(event: &Event) {
    match event {
        Event::Owned { pid, generation, took } => {
            let took_ms = millis(*took);
            tracing::info!(target: "heirloom", event = "handed_over", pid, generation, took_ms, "handed over");
        }
        Event::Failed(Ended { pid, phase, took, failure }) => {
            let took_ms = millis(*took);
            tracing::warn!(target: "heirloom", event = "handoff_failed", pid, %phase, took_ms, reason = %failure, "the handoff has failed, this process goes on");
        }
        Event::TakenBack { ended: Ended { pid, phase, took, failure }, leaked } => {
            let took_ms = millis(*took);
            tracing::warn!(target: "heirloom", event = "taken_back", pid, %phase, took_ms, reason = %failure, leaked, "the service was taken back from a successor");
        }
        Event::Retired { generation, pid } => {
            tracing::info!(target: "heirloom", event = "generation_retired", pid, generation, "an older generation has retired");
        }
        Event::Stopped => {
            tracing::info!(target: "heirloom", event = "service_stopped", "the service is stopped");
        }
        _ => {}
    }
}
