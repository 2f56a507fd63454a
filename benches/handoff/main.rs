//! Handoffs beside the least that has to be done for them, round by round in the same run.
//!
//! * *connect to owned*: a process connects to the one before it, receives what that has, and owns the
//!   service. Its floor is a bare process that connects and receives as many descriptors, in as large
//!   batches, from a bare loop of `sendmsg`.
//! * *bare, each asked for its number*: that floor, when the receiver asks the kernel for the cookie of each
//!   descriptor too, as heirloom does to know that it is the one of its entry.
//! * the first, when the application claims every entry before it is ready.
//! * its phases, from rounds of their own in which every step is noted.
//! * *spawned upgrade*: a process with one listener upgrades itself. Its floor is to spawn the same
//!   program, which connects, and to exchange three messages of one byte.
//!
//! What is passed are Unix listeners on abstract names, each a socket of its own. Both sides of every
//! round are processes of their own; what they open and close beforehand is off the clock. All of them are
//! started by one that has as many descriptors, so each begins with a table that holds them.
//!
//! `cargo bench --bench handoff -- --json` prints one object a line, `--rounds 50` takes more of them,
//! `--descriptors 1,1000` only these counts. Where the hard limit does not allow 50,000,
//! `benches/handoff/emulated` takes them in an emulated machine.
//!
//! The library that is measured has fault points, since the tests of this package need them and cargo
//! builds it once for all. Nobody listens to them outside of the rounds for the phases. Each is then a
//! call, a look at one atomic number and a comparison, under 10 ns; there are some 60 in a handoff.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a benchmark fails loudly, and owns the descriptors that its floor receives"
)]

mod bare;
mod descriptors;
mod generation;
mod options;
mod phases;
mod process;
mod report;
mod series;
mod socket;
mod spawned;

use std::env;
use std::error::Error;

use options::Options;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let limit = descriptors::raise_limit()?;
    match *words {
        ["owner", name, count] => generation::own(name, count.parse()?),
        ["successor", name] => generation::succeed(name, false),
        ["claimer", name] => generation::succeed(name, true),
        ["noter", name] => phases::succeed(name, false),
        ["claiming-noter", name] => phases::succeed(name, true),
        ["receiver", name, count] => bare::receive(name, count.parse()?, false),
        ["asker", name, count] => bare::receive(name, count.parse()?, true),
        ["upgrader", name] => spawned::serve(name),
        ["bare-parent", name] => spawned::serve_bare(name),
        ["bare-child", name] => spawned::answer(name),
        _ => series::measure(&Options::read(&words, limit)?),
    }
    Ok(())
}
