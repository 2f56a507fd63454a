//! Holding a role at a step of the library, and passing on what the library logs.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use super::role::emit;

/// Takes the events of the library: its steps, at which this process may be held, and what it logs
/// at level `INFO` or above, which becomes an event `log <message>`, with an event `fields <fields>`
/// behind it if there is more to it.
pub(crate) struct Steps;

/// The steps at which this process is to be held.
static POINTS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Whether every step is told.
static RECORDS: AtomicBool = AtomicBool::new(false);

/// Whether everything that is logged is told, whoever logs it.
static TRACES: AtomicBool = AtomicBool::new(false);

/// How often it was told to go on.
static RESUMED: (Mutex<u64>, Condvar) = (Mutex::new(0), Condvar::new());

/// Holds this process the next time it comes to `point`.
pub(crate) fn hold(point: &str) {
    lock(&POINTS).push(point.into());
}

/// Goes on.
pub(crate) fn resume() {
    *lock(&RESUMED.0) += 1;
    RESUMED.1.notify_all();
}

/// Tells every step from now on.
pub(crate) fn record() {
    RECORDS.store(true, Ordering::Relaxed);
}

/// Tells every event and every span from now on, at every level, with all its fields.
pub(crate) fn trace() {
    TRACES.store(true, Ordering::Relaxed);
}

fn tell_trace(metadata: &Metadata<'_>, text: &Text) {
    if TRACES.load(Ordering::Relaxed) {
        let (level, target) = (metadata.level(), metadata.target());
        let Text { point, name, message, rest } = text;
        emit("traced", &format!("{level} {target} {point} {message}{name}{rest}"));
    }
}

fn come_to(point: &str) {
    if RECORDS.load(Ordering::Relaxed) {
        emit("step", point);
    }
    let mut points = lock(&POINTS);
    let Some(index) = points.iter().position(|held| held == point) else {
        return;
    };
    points.remove(index);
    drop(points);
    let resumed = lock(&RESUMED.0);
    let before = *resumed;
    emit("held", point);
    drop(RESUMED.1.wait_while(resumed, |resumed| *resumed == before));
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Subscriber for Steps {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        TRACES.load(Ordering::Relaxed)
            || metadata.target() == "heirloom::step"
            || (metadata.target().starts_with("heirloom") && *metadata.level() <= Level::INFO)
    }

    fn event(&self, event: &Event<'_>) {
        let mut text = Text::default();
        event.record(&mut text);
        tell_trace(event.metadata(), &text);
        match event.metadata().target() {
            "heirloom::step" => come_to(&text.point),
            _ if *event.metadata().level() > Level::INFO => {}
            _ => {
                emit("log", &text.message);
                if !text.rest.is_empty() {
                    emit("fields", text.rest.trim_start());
                }
                eprintln!("{} {}{}", std::process::id(), text.message, text.rest);
            }
        }
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut text = Text::default();
        span.record(&mut text);
        tell_trace(span.metadata(), &text);
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// What an event says.
#[derive(Default)]
struct Text {
    point: String,
    /// By which whoever collects events knows it.
    name: String,
    message: String,
    rest: String,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        match field.name() {
            "point" => self.point = format!("{value:?}"),
            "event" => self.name = format!(" event={value:?}"),
            "message" => self.message = format!("{value:?}"),
            name => self.rest += &format!(" {name}={value:?}"),
        }
    }
}
