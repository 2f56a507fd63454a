//! What tools are told unasked.

use heirloom_proto::limits::MAX_WATCHERS;
use heirloom_proto::predecessor::{ConnectionId, Output};
use heirloom_proto::{AbortReason, Happened, Happening, Message, Phase, RefuseReason};

use crate::support::{Pair, SECRET, hello, seconds, spawned_hello};

const WATCHER: ConnectionId = ConnectionId(900);

fn watch(pair: &mut Pair, connection: ConnectionId) {
    pair.visit(connection);
    let frame = Message::Watch.encode().unwrap();
    pair.older.machine.handle_frame(connection, &frame, pair.now);
    pair.settle();
}

/// An owner of one entry that somebody watches, who has been told how things stand.
fn watched() -> Pair {
    let mut pair = Pair::serving(1);
    watch(&mut pair, WATCHER);
    let said = std::mem::take(&mut pair.older.said);
    assert!(matches!(said[..], [(WATCHER, Message::StatusReport(_))]), "{said:?}");
    pair
}

/// What the watcher was told.
#[track_caller]
fn told(pair: &Pair) -> Vec<Happened> {
    let happened = |(to, message): &(ConnectionId, Message)| match message {
        Message::Happened(happened) if *to == WATCHER => happened.clone(),
        other => panic!("{to:?} was told {other:?}"),
    };
    pair.older.said.iter().map(happened).collect()
}

fn events(told: &[Happened]) -> Vec<(Happening, Phase)> {
    told.iter().map(|happened| (happened.event, happened.phase)).collect()
}

/// Those of a good handoff up to `Ready`.
const UNTIL_READY: [(Happening, Phase); 6] = [
    (Happening::Phase, Phase::Greeting),
    (Happening::Began, Phase::Greeting),
    (Happening::Phase, Phase::Transferring),
    (Happening::Phase, Phase::Preparing),
    (Happening::Phase, Phase::Committing),
    (Happening::Ready, Phase::Committing),
];

#[test]
fn whoever_watches_is_told_of_every_step_and_closed_at_the_end() {
    let mut pair = watched();
    pair.connect(hello());
    pair.settle();
    pair.assert_younger_owns();
    let told = told(&pair);
    let end = [(Happening::Phase, Phase::Releasing), (Happening::Owned, Phase::Draining)];
    assert_eq!(events(&told), [&UNTIL_READY[..], &end].concat());
    assert!(told.iter().all(|happened| (happened.pid, happened.generation) == (200, 2)));
    assert_eq!(told[1].text, "1.1");
    assert!(pair.older.closed.contains(&WATCHER));
}

#[test]
fn a_watcher_has_no_deadline_and_hears_how_long_a_handoff_takes() {
    let mut pair = watched();
    pair.pass(seconds(1_000));
    assert_eq!(pair.older.closed, []);
    pair.connect(hello());
    pair.younger().ready = None;
    pair.settle();
    pair.pass(seconds(7));
    pair.younger().machine.handle_progress("reading");
    pair.settle();
    let told = told(&pair);
    let last = told.last().unwrap();
    assert_eq!((last.event, last.text.as_str()), (Happening::Progress, "reading"));
    assert_eq!(last.took_ms, 7_000);
}

#[test]
fn a_spawned_successor_is_known_from_its_hello_on() {
    let mut pair = watched();
    pair.older.machine.handle_upgrade(SECRET, pair.now).unwrap();
    pair.connect(spawned_hello());
    pair.settle();
    let told = told(&pair);
    assert_eq!((told[0].event, told[0].phase, told[0].pid), (Happening::Phase, Phase::Spawning, 0));
    assert!(told[1..].iter().all(|happened| happened.pid == 200));
}

#[test]
fn a_failure_is_told_with_what_it_failed_in() {
    let mut pair = watched();
    pair.connect(hello());
    pair.younger().ready = None;
    pair.settle();
    pair.kill_younger(0);
    pair.settle();
    let told = told(&pair);
    let last = told.last().unwrap();
    assert_eq!((last.event, last.phase, last.pid), (Happening::Failed, Phase::Preparing, 200));
    assert!(last.text.contains("closed the connection"), "{}", last.text);
    assert!(!pair.older.closed.contains(&WATCHER));
}

#[test]
fn a_service_that_is_taken_back_is_told_so() {
    let mut pair = watched();
    pair.connect(hello());
    pair.run_until(|pair| pair.older.machine.phase() == Phase::Releasing);
    pair.kill_younger(0);
    pair.settle();
    let told = told(&pair);
    let last = told.last().unwrap();
    assert_eq!((last.event, last.phase, last.pid), (Happening::TakenBack, Phase::Releasing, 200));
}

#[test]
fn a_refusal_is_told_with_its_number_and_the_process_refused() {
    let mut pair = watched();
    pair.connect(hello());
    pair.younger().ready = None;
    pair.settle();
    pair.connect(hello());
    pair.settle();
    let told = told(&pair);
    let last = told.last().unwrap();
    assert_eq!((last.event, last.phase, last.pid), (Happening::Refused, Phase::Preparing, 201));
    assert_eq!(last.number, u64::from(u16::from(RefuseReason::Busy)));
}

#[test]
fn a_refusal_that_ends_a_handoff_is_told_before_its_failure() {
    let mut pair = watched();
    pair.connect(heirloom_proto::Hello { free_slots: 2, ..hello() });
    pair.settle();
    let told = told(&pair);
    let end = &told[told.len() - 2..];
    assert_eq!([end[0].event, end[1].event], [Happening::Refused, Happening::Failed]);
    assert!(end.iter().all(|happened| happened.pid == 200));
    assert_eq!(end[0].number, u64::from(u16::from(RefuseReason::Slots)));
}

#[test]
fn a_service_that_stops_tells_so() {
    let mut pair = watched();
    pair.older.machine.handle_stop(pair.now);
    pair.settle();
    assert_eq!(events(&told(&pair)), [(Happening::Stopped, Phase::Stopped)]);
}

#[test]
fn a_watcher_that_is_lost_in_the_midst_is_closed_once() {
    let mut pair = watched();
    pair.older.machine.handle_upgrade(SECRET, pair.now).unwrap();
    pair.older.machine.handle_stop(pair.now);
    let mut closed = 0;
    while let Some(output) = pair.older.machine.poll_output() {
        match output {
            Output::Tell { connection, .. } => {
                pair.older.machine.handle_closed(connection, pair.now);
            }
            Output::Close(WATCHER) => closed += 1,
            _ => {}
        }
    }
    assert_eq!(closed, 1);
}

#[test]
fn sixteen_watch_and_one_more_is_told_that_they_do() {
    let mut pair = watched();
    for number in 1..MAX_WATCHERS as u64 {
        watch(&mut pair, ConnectionId(900 + number));
    }
    assert_eq!(pair.older.closed, []);
    pair.older.said.clear();
    let one_more = ConnectionId(999);
    watch(&mut pair, one_more);
    let [(to, Message::Abort(abort))] = &pair.older.said[..] else {
        panic!("{:?}", pair.older.said);
    };
    assert_eq!((*to, abort.reason), (one_more, AbortReason::System));
    assert!(abort.text.contains("16 tools watch"), "{abort}");
    assert_eq!(pair.older.closed, [one_more]);
}

#[test]
fn a_watcher_that_goes_makes_room_and_one_that_speaks_is_closed() {
    let mut pair = watched();
    pair.older.machine.handle_closed(WATCHER, pair.now);
    pair.settle();
    pair.connect(hello());
    pair.settle();
    assert_eq!(pair.older.said, []);

    let mut pair = watched();
    let frame = Message::Status.encode().unwrap();
    pair.older.machine.handle_frame(WATCHER, &frame, pair.now);
    pair.settle();
    assert_eq!((&pair.older.said[..], &pair.older.closed[..]), (&[][..], &[WATCHER][..]));
}

#[test]
fn nobody_is_told_of_a_commit_before_the_successor() {
    let mut pair = watched();
    pair.connect(hello());
    pair.run_until(|pair| pair.older.machine.phase() == Phase::Releasing);
    let mut machine = pair.older.machine.clone();
    let outputs: Vec<_> = std::iter::from_fn(|| machine.poll_output()).collect();
    let place = |is: fn(&Output) -> bool| outputs.iter().position(is);
    let tell = place(|output| matches!(output, Output::Tell { .. })).unwrap();
    assert!(place(|output| *output == Output::Unlock).unwrap() < tell, "{outputs:?}");
    assert!(place(|output| matches!(output, Output::Send { .. })).unwrap() < tell, "{outputs:?}");
}
