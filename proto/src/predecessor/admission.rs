//! Who may begin a handoff, and what everybody else is told.

use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

use super::handoff::Handoff;
use super::output::{ConnectionId, Event, Output};
use super::{Predecessor, Service, millis};
use crate::failure::{Cause, Failure};
use crate::limits::VERSION;
use crate::message::{Hello, Message, Outcome, RunningHandoff, Secret, StatusReport};
use crate::refuse::{Refuse, RefuseReason};

/// Connections that have not said what they want.
impl Predecessor {
    /// The first message of a connection: a successor's or a tool's.
    pub(super) fn handle_first(
        &mut self,
        connection: ConnectionId,
        pid: u32,
        message: Message,
        now: Duration,
    ) {
        match message {
            Message::Hello(hello) => self.handle_hello(connection, pid, &hello, now),
            Message::Status => {
                self.outputs.push_back(Output::Report(connection));
                self.pending.renew(connection, now);
            }
            Message::Watch => self.watch(connection),
            Message::Upgrade => {
                if let Err(refuse) = self.begin_spawn_for_tool(connection, now) {
                    self.tell_failed(connection, Cause::Refused, &refuse.text);
                    self.pending.renew(connection, now);
                }
            }
            _ => self.close(connection, now),
        }
    }

    fn handle_hello(&mut self, connection: ConnectionId, pid: u32, hello: &Hello, now: Duration) {
        self.pending.remove(connection);
        if let Err(refuse) = self.admit(hello, pid, now) {
            self.send(connection, &Message::Refuse(refuse.clone()));
            self.outputs.push_back(Output::Close(connection));
            self.emit(Event::Refused { pid, refuse: refuse.clone() });
            // The one that was spawned will speak no other version later. A refusal for its service
            // is none of the handoff's: it may have several, and come again for this one.
            if refuse.reason == RefuseReason::Version && self.is_spawned(hello) {
                self.fail(Failure::Refused(refuse), now);
            }
            return;
        }
        let handoff = self.handoff.take();
        self.handoff =
            Some(Handoff::greet(handoff, connection, pid, hello, self.settings.timeouts, now));
        self.since = now;
        self.emit(Event::Introduced { pid });
        self.emit_phase(now);
        self.count_if_settled(now);
    }

    /// Whether a handoff may begin with the sender of `hello`.
    fn admit(&self, hello: &Hello, pid: u32, now: Duration) -> Result<(), Refuse> {
        if !(hello.lowest..=hello.highest).contains(&VERSION) {
            let text = alloc::format!(
                "this predecessor speaks version {VERSION}, the successor {} to {}",
                hello.lowest,
                hello.highest
            );
            let refuse = self.refuse(RefuseReason::Version, text, now);
            return Err(Refuse {
                needed: VERSION.into(),
                available: hello.highest.into(),
                ..refuse
            });
        }
        if hello.service != self.settings.service {
            let text = alloc::format!(
                "this address belongs to service `{}`, not `{}`: give each service its own",
                self.settings.service,
                hello.service
            );
            return Err(self.refuse(RefuseReason::Service, text, now));
        }
        match hello.secret {
            Some(_) if self.is_spawned(hello) => Ok(()),
            Some(secret) if self.handoff.as_ref().is_some_and(|it| it.is_with(pid, secret)) => {
                let text = "this process is being handed over to already, on another connection";
                Err(self.refuse(RefuseReason::SecretUsed, text.into(), now))
            }
            Some(_) => {
                let text = "the secret of the spawned successor is wrong or used up".into();
                Err(self.refuse(RefuseReason::Secret, text, now))
            }
            None => self.admit_any(now),
        }
    }

    /// Whether `hello` tells the secret that is being waited for.
    fn is_spawned(&self, hello: &Hello) -> bool {
        let expected = self.handoff.as_ref().and_then(Handoff::expected_secret);
        expected.is_some() && hello.secret == expected
    }

    /// Whether any handoff may begin now.
    fn admit_any(&self, now: Duration) -> Result<(), Refuse> {
        let generation = self.settings.generation;
        let reason = match self.service {
            Service::Starting => RefuseReason::NotReady,
            Service::Stopped => RefuseReason::Stopping,
            Service::Draining { .. } => RefuseReason::Busy,
            Service::Serving if self.stop_wanted => RefuseReason::Stopping,
            Service::Serving if self.handoff.is_some() => RefuseReason::Busy,
            Service::Serving if self.elders.len() > self.settings.draining_cap => {
                RefuseReason::DrainingCap
            }
            Service::Serving => return Ok(()),
        };
        let text = match reason {
            RefuseReason::DrainingCap => alloc::format!(
                "{} older generations are still draining, at most {} may be: wait for them or raise \
                 the draining cap",
                self.elders.len(),
                self.settings.draining_cap
            ),
            reason => alloc::format!(
                "generation {generation} is {reason}: {} for {} ms",
                self.phase(),
                self.age(now).as_millis()
            ),
        };
        Err(self.refuse(reason, text, now))
    }

    pub(super) fn refuse(&self, reason: RefuseReason, text: String, now: Duration) -> Refuse {
        Refuse {
            reason,
            generation: self.settings.generation,
            phase: self.phase(),
            age_ms: millis(self.age(now)),
            needed: 0,
            available: 0,
            text: crate::limits::clip(&text),
        }
    }

    fn begin_spawn_for_tool(
        &mut self,
        connection: ConnectionId,
        now: Duration,
    ) -> Result<(), Refuse> {
        self.admit_any(now)?;
        self.pending.remove(connection);
        self.outputs.push_back(Output::Event(Event::UpgradeAsked { tool: connection }));
        Ok(())
    }

    /// A tool's wish, which [`Event::UpgradeAsked`] has told, cannot even be tried.
    pub fn handle_asked_in_vain(&mut self, tool: ConnectionId, why: &str) {
        self.tell_failed(tool, Cause::NotStarted, why);
        self.outputs.push_back(Output::Close(tool));
    }

    /// A tool's wish, which [`Event::UpgradeAsked`] has told, with the secret made for it.
    pub fn handle_asked_upgrade(&mut self, tool: ConnectionId, secret: Secret, now: Duration) {
        if let Err(refuse) = self.begin_spawn(secret, Some(tool), now) {
            self.tell_failed(tool, Cause::Refused, &refuse.text);
            self.outputs.push_back(Output::Close(tool));
        }
    }

    pub(super) fn tell_failed(&mut self, tool: ConnectionId, cause: Cause, why: &str) {
        let text = crate::limits::clip(why);
        self.send(tool, &Message::Outcome(Outcome::Failed { cause, text }));
    }

    pub(super) fn begin_spawn(
        &mut self,
        secret: Secret,
        tool: Option<ConnectionId>,
        now: Duration,
    ) -> Result<(), Refuse> {
        self.admit_any(now)?;
        self.handoff = Some(Handoff::spawn(secret, tool, self.settings.timeouts, now));
        self.since = now;
        self.outputs.push_back(Output::Spawn);
        self.emit_phase(now);
        Ok(())
    }

    /// How things stand, as far as this machine knows. Its driver adds how much is open, the last failure,
    /// and a list of the entries.
    pub fn report(&self, now: Duration) -> StatusReport {
        let running = self.handoff.as_ref().filter(|handoff| handoff.connection.is_some());
        let handoff = running
            .map(|handoff| RunningHandoff { pid: handoff.pid, build: handoff.build.clone() });
        StatusReport {
            generation: self.settings.generation,
            pid: self.settings.pid,
            service: self.settings.service.clone(),
            build: self.settings.build.clone(),
            phase: self.phase(),
            age_ms: millis(self.age(now)),
            uptime_ms: millis(now),
            entries: self.entries,
            draining: self.elders.iter().map(|elder| elder.generation).collect(),
            open: None,
            handoff,
            last_failure: None,
            listed: Vec::new(),
        }
    }
}
