//! What it costs to hand a state over, beside writing and reading as much memory.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::time::Duration;

use heirloom::testing;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

use crate::keeper::pattern;

/// The time that the processors have spent on this process: that of a machine with much else to do tells
/// nothing of a copy.
fn spent() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_SELF).unwrap();
    let spent = usage.user_time() + usage.system_time();
    Duration::from_micros(u64::try_from(spent.num_microseconds()).unwrap())
}

/// What it takes to write as much into a memfd as is there, and to read it.
fn bare(content: &[u8]) -> Duration {
    let before = spent();
    let mut memory = File::from(memfd_create(c"bare", MFdFlags::MFD_CLOEXEC).unwrap());
    memory.write_all(content).unwrap();
    memory.rewind().unwrap();
    let mut read = Vec::with_capacity(content.len());
    memory.read_to_end(&mut read).unwrap();
    let took = spent() - before;
    assert_eq!(read.len(), content.len());
    took
}

/// What it takes from a successor's first word until it has read the state.
fn handed_over(content: &'static [u8]) -> Duration {
    let first = testing::first().unwrap();
    let offer = first.state().provide("bulk", "bytes", |writer| writer.write_all(content)).unwrap();
    first.ready().unwrap();
    let before = spent();
    let second = testing::successor_of(&first).unwrap();
    let taken = second.state().take("bulk", &["bytes"]).unwrap().unwrap();
    let read = taken.into_bytes().unwrap();
    let took = spent() - before;
    assert_eq!(read.len(), content.len());
    drop(offer);
    took
}

#[test]
fn sixty_four_mib_cost_hardly_more_than_writing_and_reading_them() {
    // One copy more on either side would be half as much again.
    const MOST: f64 = 1.4;
    const ROUNDS: usize = 30;
    let content: &'static [u8] = pattern(64 << 20).leak();
    let (mut floor, mut ours) = (Duration::MAX, Duration::MAX);
    // What else goes on makes a round slower and never quicker.
    for round in 1..=ROUNDS {
        (floor, ours) = (floor.min(bare(content)), ours.min(handed_over(content)));
        if round > 2 && ours < floor.mul_f64(MOST) {
            println!("64 MiB, best of {round}: bare {floor:?}, handed over {ours:?}");
            return;
        }
    }
    panic!("best of {ROUNDS}: bare {floor:?}, handed over {ours:?}");
}
