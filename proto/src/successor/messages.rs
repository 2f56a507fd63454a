//! What each message means in each state.

use alloc::vec::Vec;
use core::mem;
use core::time::Duration;

use super::Successor;
use super::output::Output;
use super::seize::Seizing;
use super::step::Step;
use crate::abort::{Abort, AbortReason};
use crate::entry::{Entry, Kind, Opaque};
use crate::error::{InvalidMessage, PeerIncompatible, PeerMisbehaved};
use crate::failure::Failure;
use crate::limits::{TRANSFER_TIMEOUT, WELCOME_DESCRIPTORS};
use crate::manifest::Manifest;
use crate::message::{Message, Welcome};
use crate::name::Name;

impl<F> Successor<F> {
    pub(super) fn handle_message(&mut self, message: Message, descriptors: Vec<F>, now: Duration) {
        let called_for = match &message {
            Message::Welcome(_) => WELCOME_DESCRIPTORS,
            Message::Manifest(manifest) => manifest.entries.len(),
            _ => 0,
        };
        if called_for != descriptors.len() {
            let descriptors = descriptors.len();
            let count = InvalidMessage::DescriptorCount { entries: called_for, descriptors };
            return self.handle_garbage(Failure::Invalid(count), now);
        }
        match (&self.step, message) {
            (Step::AwaitingWelcome { .. }, Message::Welcome(welcome)) => {
                self.take_welcome(welcome, descriptors, now);
            }
            (Step::AwaitingWelcome { .. }, Message::Refuse(refuse)) => {
                self.close(Failure::Refused(refuse));
            }
            (Step::AwaitingManifest { .. }, Message::Manifest(manifest)) => {
                self.take_manifest(manifest, descriptors);
            }
            (Step::AwaitingCommit { .. }, Message::Commit(commit)) => {
                self.late_state = commit.late_state;
                self.step =
                    Step::AwaitingReleased { deadline: now.saturating_add(self.patience()) };
            }
            // Too late to wait for it, early enough to read it.
            (Step::Seizing(_) | Step::Emptying { .. }, Message::Commit(commit)) => {
                self.late_state = commit.late_state;
            }
            (Step::AwaitingReleased { .. }, Message::Released) => {
                self.seize(Failure::TokenHeld, now);
            }
            (Step::Seizing(_), Message::Released) => self.outputs.push_back(Output::TryLock),
            // Nothing said before can take the token away, and nothing that was not.
            (step, _) if step.is_settled() => {}
            (_, Message::Abort(abort)) => self.take_abort(abort, now),
            (_, message) => self.take_unexpected(&message, now),
        }
    }

    fn take_welcome(&mut self, welcome: Welcome, descriptors: Vec<F>, now: Duration) {
        let (lowest, highest) = self.versions;
        if !(lowest..=highest).contains(&welcome.version) {
            let version = welcome.version;
            let incompatible = PeerIncompatible::Version { version, lowest, highest };
            return self.fail(Failure::Incompatible(incompatible));
        }
        let mut descriptors = descriptors.into_iter();
        if let (Some(token), Some(listener)) = (descriptors.next(), descriptors.next()) {
            self.outputs.push_back(Output::Token { token, listener });
        }
        // What is told here is waited for, so it must have an end.
        let timeouts = welcome.timeouts.capped();
        self.welcome = Some(Welcome { timeouts, ..welcome });
        self.step = Step::AwaitingManifest { deadline: now.saturating_add(TRANSFER_TIMEOUT) };
    }

    fn take_manifest(&mut self, manifest: Manifest, descriptors: Vec<F>) {
        let told = self.welcome.as_ref().map_or(0, |welcome| welcome.entries);
        let found = self.received + manifest.entries.len() as u64;
        let fits = match manifest.last {
            true => found == told,
            false => found < told && found > self.received,
        };
        self.keys.extend(manifest.entries.iter().filter_map(|(entry, ())| key(entry)));
        match manifest.pair(descriptors) {
            Err(invalid) => self.fail(Failure::Invalid(invalid)),
            Ok(_) if !fits => {
                self.fail(Failure::Misbehaved(PeerMisbehaved::Total { told, found }));
            }
            Ok(manifest) => {
                if manifest.last
                    && let Some((kind, name, _)) = first_duplicate(mem::take(&mut self.keys))
                {
                    return self.fail(PeerMisbehaved::Duplicate { kind, name }.into());
                }
                self.received = found;
                self.step = Step::Verifying { last: manifest.last };
                self.outputs.push_back(Output::Verify(manifest.entries));
            }
        }
    }

    /// The predecessor has given up. If it lives it owns the service; if it died right after, this
    /// process has everything and the token is free: the lock tells which. A predecessor that is
    /// being stopped ends by somebody's will, and nobody is to go on in its place.
    fn take_abort(&mut self, abort: Abort, now: Duration) {
        let stopping = abort.reason == AbortReason::Stopping;
        let failure = Failure::PeerAborted(abort);
        match self.step.has_everything() && !stopping {
            true => {
                self.step = Step::Seizing(Seizing::once(failure, self.patience(), now));
                self.outputs.push_back(Output::TryLock);
            }
            false => self.close(failure),
        }
    }

    fn take_unexpected(&mut self, message: &Message, now: Duration) {
        if let Some(kind) = message.kind() {
            let misbehaved = PeerMisbehaved::Unexpected { kind, state: self.phase() };
            self.handle_garbage(Failure::Misbehaved(misbehaved), now);
        }
    }
}

/// What an entry is claimed by: its kind and name, and the schema where one name comes in several.
pub(super) type Key = (Kind, Name, Option<Opaque>);

/// None for an older generation: nobody claims it by its name.
fn key(entry: &Entry) -> Option<Key> {
    let schema = match entry.kind {
        Kind::Draining => return None,
        Kind::State | Kind::LastWords => Some(entry.opaque.clone()),
        _ => None,
    };
    Some((entry.kind, entry.name.clone(), schema))
}

/// A key that comes twice. All keys are looked at together, since those of a predecessor that keeps
/// its entries in order are found different at one look at each.
fn first_duplicate(mut keys: Vec<Key>) -> Option<Key> {
    if !keys.is_sorted() {
        keys.sort_unstable();
    }
    let pairs = keys.iter().zip(keys.iter().skip(1));
    pairs.into_iter().find(|(one, next)| one == next).map(|(one, _)| one.clone())
}
