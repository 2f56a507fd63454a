//! What has happened in a handoff, and what this process does about it.

use heirloom_proto::predecessor::Event;

use super::snapshot::Snapshot;
use super::{PredecessorSide, new_secret};
use crate::control::ControlListener;
use crate::error::Error;
use crate::holdings::Holdings;
use crate::upgraded::Upgraded;

impl PredecessorSide {
    /// Something has happened: the application and whoever waits are told.
    pub(super) fn tell(&mut self, holdings: &mut Holdings, event: Event) {
        match event {
            Event::UpgradeAsked { tool } => match new_secret() {
                Ok(secret) => {
                    self.secret = secret;
                    self.machine.handle_asked_upgrade(tool, secret, holdings.now());
                }
                Err(error) => tracing::error!(%error, "a tool's upgrade cannot begin"),
            },
            Event::Began { pid, build } => {
                tracing::info!(pid, build, "a handoff has begun");
                self.children.introduce(pid);
            }
            Event::Progress { text } => tracing::info!(text, "the successor makes progress"),
            Event::SuccessorReady { strays } => tracing::info!(strays, "the successor is ready"),
            Event::Owned { pid, generation } => self.let_go(holdings, Upgraded { pid, generation }),
            Event::Failed(failure) => {
                holdings.reserve_pid(false);
                tracing::warn!(%failure, "the handoff has failed, this process goes on");
                self.finish(Err(Error::upgrade_failed(failure)));
            }
            Event::TakenBack { failure, leaked } => {
                tracing::warn!(%failure, leaked, "the service was taken back from a successor");
                self.put_back(holdings);
                self.finish(Err(Error::upgrade_failed(failure)));
            }
            Event::Retired { generation } => {
                tracing::info!(generation, "an older generation has retired");
                holdings.retired(generation);
            }
            Event::Stopped => {
                holdings.state.close();
                holdings.registry.end();
                holdings.exit.fire();
            }
            other => tracing::debug!(?other, "an event that this driver does not know"),
        }
    }

    /// The service is the successor's.
    fn let_go(&mut self, holdings: &mut Holdings, upgraded: Upgraded) {
        tracing::info!(pid = upgraded.pid, generation = upgraded.generation, "handed over");
        self.asking.keep();
        holdings.state.close();
        holdings.registry.release();
        holdings.reserve_pid(false);
        holdings.listener = None;
        holdings.token = None;
        holdings.exit.fire();
        self.finish(Ok(upgraded));
    }

    /// The service is this process's again: what the successor may have taken over is put back.
    fn put_back(&mut self, holdings: &mut Holdings) {
        if let Some(Err(error)) = holdings.listener.as_mut().map(ControlListener::listen_again) {
            tracing::error!(%error, "the handoff socket tells a successor's credentials");
        }
        if let Err(error) = holdings.publish_pid() {
            tracing::error!(%error, "the PID file is not put back");
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
