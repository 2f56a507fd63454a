//! How long each phase takes in the successor.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use heirloom::Takeover;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::set_global_default;
use tracing::{Event, Metadata, Subscriber};

use crate::generation::{claim_all, generation};
use crate::process::tell_all;

/// The phases, in the order in which [`succeed`] tells how long they took.
pub(crate) const PHASES: [&str; 6] = ["connect", "hello", "manifest", "claim", "ready", "commit"];

/// A successor that notes when each phase ends:
///
/// * *connect*, when it is connected and knows the process at the other end;
/// * *hello*, with `Welcome` and the token;
/// * *manifest*, when every descriptor is here and is the one of its entry, and the driver has a thread;
/// * *claim*, when the application has claimed what it wants;
/// * *ready*, when the predecessor commits;
/// * *commit*, when this process owns the service.
pub(crate) fn succeed(name: &str, claims: bool) {
    let notes = Notes::default();
    set_global_default(Noter(Arc::clone(&notes))).unwrap();
    let began = Instant::now();
    let upgrader = generation(name, Takeover::Require);
    let inherited = Instant::now();
    let claimed = if claims { claim_all(&upgrader) } else { Vec::new() };
    let prepared = Instant::now();
    upgrader.ready().unwrap();
    let owned = Instant::now();
    let [greets, welcomed, commits] =
        ["before.send-hello", "after.receive-welcome", "after.receive-commit"]
            .map(|step| time_of(&notes, step));
    let ends = [greets, welcomed, inherited, prepared, commits, owned];
    let begins = [began].into_iter().chain(ends);
    let took: Vec<Duration> = ends.iter().zip(begins).map(|(end, begin)| *end - begin).collect();
    tell_all(&took);
    upgrader.exit().wait();
    drop(claimed);
}

/// When this process came to each of its steps.
type Notes = Arc<Mutex<Vec<(String, Instant)>>>;

fn time_of(notes: &Notes, step: &str) -> Instant {
    let notes = notes.lock().unwrap();
    let step = format!("successor.{step}");
    notes.iter().find(|(noted, _)| *noted == step).map(|(_, time)| *time).unwrap()
}

/// Notes the steps that the feature `fault-points` tells of.
struct Noter(Notes);

impl Subscriber for Noter {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "heirloom::step"
    }

    fn event(&self, event: &Event<'_>) {
        let now = Instant::now();
        let mut step = Step::default();
        event.record(&mut step);
        self.0.lock().unwrap().push((step.0, now));
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[derive(Default)]
struct Step(String);

impl Visit for Step {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "point" {
            self.0 = format!("{value:?}");
        }
    }
}
