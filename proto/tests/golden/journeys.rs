//! Handoffs, step by step, that pass every state of both machines.

use std::fmt::Debug;

use heirloom_proto::{Phase, Predecessor};

use crate::support::{Pair, SECRET, Who, hello, seconds, settings, spawned_hello};

/// A moment of a handoff.
pub(crate) struct At {
    pub(crate) pair: Pair,
    /// The predecessor has read what the successor said first.
    pub(crate) introduced: bool,
}

/// Calls `visit` after every step of handoffs that pass every state.
pub(crate) fn at_every_step(mut visit: impl FnMut(&At)) {
    let visit = &mut visit;
    go(&mut Pair::connected(251), visit);
    go(&mut Pair::connected(0), visit);

    let mut spawned = Pair::serving(1);
    spawned.older.machine.handle_upgrade(SECRET, spawned.now).unwrap();
    spawned.connect(spawned_hello());
    go(&mut spawned, visit);

    let mut starting = Pair::serving(1);
    starting.older.machine = Predecessor::new(settings(), Vec::new(), starting.now);
    starting.connect(hello());
    go(&mut starting, visit);

    let mut stopped = Pair::serving(1);
    stopped.older.machine.handle_stop(stopped.now);
    stopped.connect(hello());
    go(&mut stopped, visit);

    go(&mut deserted(), visit);
    go(&mut silent(), visit);
}

/// Takes every step there is at this time, and calls `visit` before each and at the end.
pub(crate) fn go(pair: &mut Pair, visit: &mut dyn FnMut(&At)) {
    // Whoever is in the middle of a handoff has introduced himself.
    let mut introduced = pair.older.machine.successor().is_some();
    loop {
        visit(&At { pair: pair.clone(), introduced });
        let queued = pair.youngers[0].link.to_older.len();
        if !pair.step() {
            return;
        }
        introduced |= pair.youngers[0].link.to_older.len() < queued;
    }
}

/// A successor whose predecessor has died with the lock left to a stranger.
fn deserted() -> Pair {
    let mut pair = Pair::connected(1);
    pair.kernel.leaks = Some(Who::Older);
    assert!(pair.run_until(|pair| pair.older.machine.phase() == Phase::Committing));
    pair.kill_older();
    pair
}

/// A predecessor whose successor holds the token and says nothing.
fn silent() -> Pair {
    let mut pair = Pair::connected(1);
    assert!(pair.run_until(|pair| pair.kernel.holds(Who::Younger(0), 0)));
    pair.younger().frozen = true;
    pair.settle();
    pair.now += seconds(3);
    let now = pair.now;
    pair.older.machine.handle_timeout(now);
    pair
}

/// The name of the step that a machine shows itself in, if it is in any.
pub(crate) fn step(machine: &impl Debug) -> String {
    let shown = format!("{machine:?}");
    let step = shown.split_once(" step: ").map_or("", |(_, step)| step);
    step.chars().take_while(char::is_ascii_alphabetic).collect()
}
