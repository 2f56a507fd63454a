//! The example `grpc`: through four upgrades every call is answered, by the successor once the client has
//! moved, and streams that have begun before one go on to their end after it.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex};

use tokio::runtime::Runtime;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status, Streaming};
use tonic_prost::ProstCodec;

use super::load::Load;
use super::messages::{Answer, Asked, COUNT, SQUARE};
use super::service::Service;
use super::support::{DEADLINE, Way};

const WAYS: [Way; 4] = [Way::Spawned, Way::External, Way::Spawned, Way::External];

const CHANNELS: usize = 4;

/// Tasks that share a channel, each with one call on its way.
const TASKS: usize = 4;

/// How far a stream counts: to the end of far more than its window.
const LAST: u64 = 50_000;

/// Bytes that a stream may have on their way. A server that is not read from has to wait.
const WINDOW: u32 = 65_535;

#[test]
fn every_call_is_answered_and_a_stream_outlives_each_upgrade() {
    let mut service = Service::start("grpc", &[]);
    let (address, runtime) = (service.address, Runtime::new().unwrap());
    let calls = Arc::new(Calls::new());
    let stop = calls.answered.stop_on_drop();
    let channels: Vec<_> = (0..CHANNELS).map(|_| connect(&runtime, address)).collect();
    let clients: Vec<_> = (0..CHANNELS * TASKS)
        .map(|client| {
            runtime.spawn(ask(Arc::clone(&calls), channels[client % CHANNELS].clone(), client))
        })
        .collect();
    for (generation, way) in (1..).zip(WAYS) {
        calls.answered.expect_rounds(50);
        let stream =
            runtime.block_on(begin_to_count(&calls, connect(&runtime, address), generation));
        service.upgrade(way);
        // All the others move, and this one is still held where it was begun.
        calls.moved.expect(generation);
        runtime.block_on(count_to_the_end(&calls, stream, generation));
        service.expect_drained();
    }
    calls.answered.expect_rounds(50);
    drop(stop);
    for client in clients {
        runtime.block_on(client).unwrap();
    }
    calls.expect_all_answers();
}

/// What every client has come to.
struct Calls {
    answered: Load,
    /// From one generation to the next.
    moved: Load,
    /// The serial numbers of each generation's answers.
    serials: Mutex<BTreeMap<u64, BTreeSet<u64>>>,
}

impl Calls {
    fn new() -> Self {
        let (answered, moved) = (Load::new(CHANNELS * TASKS), Load::new(CHANNELS * TASKS));
        Self { answered, moved, serials: Mutex::default() }
    }

    fn keep(&self, answer: &Answer) {
        let mut serials = self.serials.lock().unwrap();
        assert!(serials.entry(answer.generation).or_default().insert(answer.serial));
    }

    /// Every answer that was given has come to a client.
    fn expect_all_answers(&self) {
        for (generation, serials) in &*self.serials.lock().unwrap() {
            let missing = (1..).zip(serials).find(|(expected, serial)| expected != *serial);
            assert_eq!(missing, None, "generation {generation}");
        }
    }
}

/// A channel of tonic's own, which connects anew when it has to.
fn connect(runtime: &Runtime, address: SocketAddr) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).unwrap();
    let endpoint = endpoint.initial_stream_window_size(WINDOW).timeout(DEADLINE);
    runtime.block_on(endpoint.connect()).unwrap()
}

/// One call after another.
async fn ask(calls: Arc<Calls>, channel: Channel, client: usize) {
    let (mut grpc, mut generation) = (Grpc::new(channel), 1);
    for number in 0.. {
        if calls.answered.is_over() {
            return;
        }
        let (answer, refused) = square(&mut grpc, number).await;
        assert_eq!(answer.number, number * number);
        calls.keep(&answer);
        // A connection takes no call any more because its client is to move, and for nothing else.
        let least = if refused { generation + 1 } else { generation };
        assert!(answer.generation >= least, "{answer:?} after {generation}, refused: {refused}");
        (generation..answer.generation).for_each(|_| calls.moved.count(client));
        generation = answer.generation;
        calls.answered.count(client);
    }
}

/// Tells too whether the call was refused once.
///
/// When GOAWAY comes, tonic's client gives up the calls that it has queued and not sent, and tells them with
/// various errors. gRPC has it that a client makes them again by itself; tonic's does not. That none of
/// them was sent is seen at the end: an answer to it would be missing.
async fn square(grpc: &mut Grpc<Channel>, number: u64) -> (Answer, bool) {
    let mut refused = false;
    loop {
        grpc.ready().await.unwrap();
        let answer = grpc.unary(asked(number), path(SQUARE), ProstCodec::default()).await;
        match answer {
            Ok(answer) => return (answer.into_inner(), refused),
            Err(status) => assert!(is_of_the_connection(&status), "{status:?}"),
        }
        refused = true;
    }
}

/// Whether it is no answer of a service's.
fn is_of_the_connection(status: &Status) -> bool {
    status.source().is_some_and(|cause| cause.is::<tonic::transport::Error>())
}

/// A stream that waits after its first answers, until it is read on.
async fn begin_to_count(calls: &Calls, channel: Channel, generation: u64) -> Streaming<Answer> {
    let mut grpc = Grpc::new(channel);
    grpc.ready().await.unwrap();
    let answers = grpc.server_streaming(asked(LAST), path(COUNT), ProstCodec::default()).await;
    let mut answers = answers.unwrap().into_inner();
    expect_numbers(calls, &mut answers, 1..=10, generation).await;
    answers
}

async fn count_to_the_end(calls: &Calls, mut answers: Streaming<Answer>, generation: u64) {
    expect_numbers(calls, &mut answers, 11..=LAST, generation).await;
    assert_eq!(answers.message().await.unwrap(), None);
}

async fn expect_numbers(
    calls: &Calls,
    answers: &mut Streaming<Answer>,
    numbers: RangeInclusive<u64>,
    generation: u64,
) {
    for number in numbers {
        let answer = answers.message().await;
        let answer = answer.unwrap_or_else(|status| panic!("instead of {number}: {status:?}"));
        let answer = answer.unwrap_or_else(|| panic!("the stream ends before {number}"));
        assert_eq!((answer.number, answer.generation), (number, generation));
        calls.keep(&answer);
    }
}

fn asked(number: u64) -> Request<Asked> {
    Request::new(Asked { number, pause_milliseconds: 0 })
}

fn path(method: &'static str) -> PathAndQuery {
    PathAndQuery::from_static(method)
}
