//! `heirloom watch`: whatever happens to a service.

use std::io;

use heirloom::tool::{Tool, Watch};
use serde_json::json;

use crate::outcome::Failed;
use crate::show::{DIM, Show, millis, time};
use crate::status::in_short;
use crate::{args, event};

/// Prints events until nobody is there any more, or nobody reads.
pub(crate) fn watch(arguments: &args::Watch) -> Result<(), Failed> {
    let show = Show::new(arguments.service.json);
    loop {
        // The next owner listens on the very same socket.
        let watch = Tool::connect(&arguments.service.socket)?.watch()?;
        if !greet(show, &watch)? {
            return Ok(());
        }
        for told in watch {
            if !event::print(show, &told?)? {
                return Ok(());
            }
        }
    }
}

/// Says who is there.
fn greet(show: Show, watch: &Watch) -> io::Result<bool> {
    let status = watch.status();
    show.print(
        || {
            json!({
                "event": "watching",
                "pid": status.pid,
                "generation": status.generation,
                "phase": status.phase.to_string(),
                "since_ms": millis(status.since),
            })
        },
        || show.paint(DIM, format!("{} for {}", in_short(status), time(status.since))),
    )
}
