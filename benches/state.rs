//! From a successor's first word until it has read a state, beside writing and reading as much bare
//! memory. Both generations live in this process; what is written and what is read are new each time.

#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark fails loudly")]

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::time::{Duration, Instant};

use criterion::{BenchmarkId, Criterion};
use heirloom::testing;
use nix::sys::memfd::{MFdFlags, memfd_create};

const SIZES: [(&str, usize); 3] = [("1 KiB", 1 << 10), ("48 KiB", 48 << 10), ("64 MiB", 64 << 20)];

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    compare(&mut criterion);
    criterion.final_summary();
}

fn compare(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("state");
    group.sample_size(10);
    group.bench_function("none", |bencher| {
        bencher.iter_custom(|rounds| (0..rounds).map(|_| hand_over(None)).sum());
    });
    for (name, size) in SIZES {
        let content: &'static [u8] = vec![7; size].leak();
        group.bench_function(BenchmarkId::new("floor", name), |bencher| {
            bencher.iter_custom(|rounds| (0..rounds).map(|_| write_and_read(content)).sum());
        });
        group.bench_function(BenchmarkId::new("handed over", name), |bencher| {
            bencher.iter_custom(|rounds| (0..rounds).map(|_| hand_over(Some(content))).sum());
        });
    }
    group.finish();
}

/// A bare memfd of this content, written and read.
fn write_and_read(content: &[u8]) -> Duration {
    let began = Instant::now();
    let mut memory = File::from(memfd_create(c"floor", MFdFlags::MFD_CLOEXEC).unwrap());
    memory.write_all(content).unwrap();
    memory.rewind().unwrap();
    let mut read = Vec::with_capacity(content.len());
    memory.read_to_end(&mut read).unwrap();
    began.elapsed()
}

/// A handoff up to the moment where the successor has read this state, if there is one.
fn hand_over(content: Option<&'static [u8]>) -> Duration {
    let first = testing::first().unwrap();
    let offer = content.map(|content| {
        first.state().provide("bulk", "bytes", |writer| writer.write_all(content)).unwrap()
    });
    first.ready().unwrap();
    let began = Instant::now();
    let second = testing::successor_of(&first).unwrap();
    let taken = second.state().take("bulk", &["bytes"]).unwrap();
    let read = taken.map(|taken| taken.into_bytes().unwrap());
    let took = began.elapsed();
    assert_eq!(read.as_deref(), content);
    drop(offer);
    took
}
