//! `heirloom upgrade`: the service spawns its successor.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use heirloom::tool::{Event, Tool, Watch};
use serde_json::json;

use crate::args::Upgrade;
use crate::outcome::Failed;
use crate::progress::Progress;
use crate::show::{GOOD, Show};

/// Asks the service to spawn its successor, and waits for the outcome.
pub(crate) fn upgrade(arguments: &Upgrade) -> Result<(), Failed> {
    let show = Show::new(arguments.service.json);
    let socket = &arguments.service.socket;
    let mut tool = Tool::connect(socket)?;
    let progress = Progress::new(show);
    let owner = match progress.is_shown() {
        true => with_progress(progress, socket, || tool.upgrade(arguments.timeout))?,
        false => tool.upgrade(arguments.timeout)?,
    };
    let (pid, generation) = (owner.pid, owner.generation);
    // The service is upgraded, whoever reads of it.
    let _ = show.print(
        || json!({ "pid": pid, "generation": generation }),
        || show.paint(GOOD, format!("process {pid} owns the service as generation {generation}")),
    );
    Ok(())
}

/// Shows how far the successor has come while something is done.
fn with_progress<T>(progress: Progress, socket: &str, body: impl FnOnce() -> T) -> T {
    let progress = Arc::new(Mutex::new(Some(progress)));
    // It is for the eye alone: an upgrade that cannot be watched is as good.
    if let Ok(watch) = Tool::connect(socket).and_then(Tool::watch) {
        let progress = Arc::clone(&progress);
        thread::spawn(move || tell(watch, &progress));
    }
    let done = body();
    progress.lock().unwrap_or_else(PoisonError::into_inner).take();
    done
}

/// Tells how far the successor has come, until the outcome is known.
fn tell(watch: Watch, progress: &Mutex<Option<Progress>>) {
    for event in watch.map_while(Result::ok) {
        match &*progress.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(progress) if is_on_the_way(&event) => progress.say(event),
            Some(_) => {}
            None => return,
        }
    }
}

/// Whether an event is one of a handoff that goes on.
pub(crate) fn is_on_the_way(event: &Event) -> bool {
    let goes_on = matches!(event, Event::Began { .. } | Event::Phase { .. } | Event::Ready { .. });
    goes_on || matches!(event, Event::Progress { .. })
}
