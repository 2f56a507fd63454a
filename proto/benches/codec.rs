//! Reading and writing a full manifest, each beside a floor: what no codec can leave out.
//!
//! Reading has to allocate what the entries own; writing has to allocate the frame. Both floors move
//! as many bytes and do nothing else. The budget on a machine with two cores is 60 µs to read and
//! 40 µs to write.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a benchmark fails loudly")]

mod manifest;

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use heirloom_proto::{Entry, Identity, Manifest, Message};
use manifest::manifest;

criterion_main!(benches);
criterion_group!(benches, decode, encode);

fn decode(criterion: &mut Criterion) {
    let frame = Message::Manifest(manifest()).encode().unwrap();
    let owned = owned_bytes(&manifest());
    let mut group = criterion.benchmark_group("decode 250 entries");
    group.bench_function("floor", |bencher| bencher.iter(|| copies(black_box(&owned))));
    group.bench_function("codec", |bencher| {
        bencher.iter(|| Message::decode(black_box(&frame)).unwrap());
    });
    group.finish();
}

fn encode(criterion: &mut Criterion) {
    let message = Message::Manifest(manifest());
    let frame = message.encode().unwrap();
    let mut group = criterion.benchmark_group("encode 250 entries");
    group.bench_function("floor", |bencher| bencher.iter(|| black_box(&frame).clone()));
    group.bench_function("codec", |bencher| bencher.iter(|| black_box(&message).encode().unwrap()));
    group.finish();
}

/// Each in an allocation of its own, and the list that holds them.
fn copies(owned: &[Vec<u8>]) -> Vec<Box<[u8]>> {
    owned.iter().map(|bytes| bytes.as_slice().into()).collect()
}

/// What the entries own beside themselves: the list, then for each its name and its address.
fn owned_bytes(manifest: &Manifest) -> Vec<Vec<u8>> {
    let list = vec![0; manifest.entries.len() * size_of::<Entry>()];
    let entries = manifest.entries.iter().flat_map(|(entry, ())| {
        let Identity::Socket(socket) = &entry.identity else {
            panic!("every entry of the benchmark is a socket")
        };
        [entry.name.as_str().into(), socket.local.as_bytes().to_vec()]
    });
    std::iter::once(list).chain(entries).collect()
}
