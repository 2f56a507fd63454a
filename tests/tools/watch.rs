//! Real services tell whoever watches whatever happens.

use std::time::Duration;

use heirloom::tool::{Event, Tool, Watch};
use heirloom::{ErrorKind, Phase};

use crate::status::connect;
use crate::support::control::Tool as Raw;
use crate::support::{DEADLINE, Family, Way, ask, both_ways};

fn watch(family: &Family) -> Watch {
    connect(family).watch().unwrap()
}

/// Everything that is told of a process up to its end.
fn until_over(watch: &mut Watch, pid: u32) -> Vec<Event> {
    let mut events = Vec::new();
    loop {
        let event = watch.wait(DEADLINE).unwrap();
        let over = matches!(
            event,
            Event::Owned { .. }
                | Event::Failed { .. }
                | Event::TakenBack { .. }
                | Event::Refused { .. }
        );
        let last = over && event.pid() == pid;
        events.push(event);
        if last {
            return events;
        }
    }
}

both_ways! {
    fn a_handoff_is_told_step_by_step_and_the_watch_ends(way: Way) {
        let mut family = Family::new();
        let (first, address) = family.start_service();
        let mut watch = watch(&family);
        assert_eq!((watch.status().pid, watch.status().phase), (first, Phase::Serving));
        family.set_next("BUILD", "2.0").set_next("PROGRESS", "warming up");
        let second = family.succeed(first, way);
        let events = until_over(&mut watch, second);
        let has = |is: &dyn Fn(&Event) -> bool| events.iter().any(is);
        assert!(has(&|event| matches!(event, Event::Began { pid, build, .. } if *pid == second && build == "2.0")), "{events:?}");
        assert!(has(&|event| matches!(event, Event::Progress { text, .. } if text == "warming up")));
        assert!(has(&|event| matches!(event, Event::Ready { pid, strays: 0, .. } if *pid == second)));
        assert!(has(&|event| matches!(event, Event::Phase { phase: Phase::Transferring, .. })));
        let last = events.last().unwrap();
        assert!(matches!(last, Event::Owned { generation: 2, .. }), "{last:?}");
        assert_eq!(watch.wait(DEADLINE).unwrap_err().kind(), ErrorKind::Closed);
        assert!(watch.next().is_none());
        family.expect_end(first);
        assert_eq!(ask(&address).unwrap(), (second, 2));
    }

    fn a_failure_is_told_with_its_phase_and_the_watch_goes_on(way: Way) {
        let mut family = Family::new();
        let (first, _) = family.start_service();
        let mut watch = watch(&family);
        family.set_next("PREPARE", "manual");
        let second = family.succeed(first, way);
        family.expect(second, "prepared");
        family.kill(second);
        let failed = until_over(&mut watch, second).pop().unwrap();
        let died = ErrorKind::SuccessorExited;
        assert!(
            matches!(failed, Event::Failed { phase: Phase::Preparing, kind, .. } if kind == died),
            "{failed:?}"
        );
        let third = family.succeed(first, way);
        let owned = until_over(&mut watch, third).pop().unwrap();
        assert!(matches!(owned, Event::Owned { .. }), "{owned:?}");
    }
}

#[test]
fn a_service_that_is_taken_back_is_told_so() {
    let mut family = Family::new();
    let (first, address) = family.set("COMMIT_MS", "300").start_service();
    let mut watch = watch(&family);
    family.hold_next("successor.before.send-owned");
    let second = family.start();
    let told = until_over(&mut watch, second).pop().unwrap();
    let silent = ErrorKind::TimedOut;
    assert!(
        matches!(told, Event::TakenBack { phase: Phase::Fencing, kind, .. } if kind == silent),
        "{told:?}"
    );
    family.expect_end(second);
    assert_eq!(ask(&address).unwrap(), (first, 1));
}

#[test]
fn a_successor_that_is_refused_is_told_with_its_reason() {
    let mut family = Family::new();
    family.start_service();
    let mut watch = watch(&family);
    family.set("SERVICE", "another");
    let second = family.start();
    family.expect_like(second, "failed", "start");
    match until_over(&mut watch, second).pop().unwrap() {
        Event::Refused { kind, reason, .. } => {
            assert_eq!(kind, ErrorKind::OtherService);
            assert!(reason.contains("another"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_generation_that_retires_and_a_service_that_stops_are_told() {
    let mut family = Family::new();
    let (first, _) = family.set("DRAIN", "manual").start_service();
    let second = family.succeed(first, Way::External);
    family.expect(second, "ready");
    family.expect(first, "exit");
    let mut watch = watch(&family);
    assert_eq!(watch.status().draining[0].pid, first);
    family.tell(first, "drain");
    let retired = watch.wait(DEADLINE).unwrap();
    assert_eq!(retired, Event::Retired { pid: first, generation: 1 });
    family.tell(second, "stop");
    let stopped = watch.wait(DEADLINE).unwrap();
    assert!(matches!(stopped, Event::Stopped { generation: 2, .. }), "{stopped:?}");
    family.tell(second, "drain");
    assert_eq!(watch.wait(DEADLINE).unwrap_err().kind(), ErrorKind::Closed);
}

#[test]
fn sixteen_watch_and_one_more_is_told_so() {
    let mut family = Family::new();
    let (first, _) = family.start_service();
    let mut watches: Vec<_> = (0..16).map(|_| watch(&family)).collect();
    let error = connect(&family).watch().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
    drop(watches.pop());
    let mut again = connect(&family).watch();
    // Its end is told to the owner in its own time.
    for _ in 0..1_000 {
        if again.is_ok() {
            break;
        }
        again = connect(&family).watch();
    }
    watches.push(again.unwrap());
    let second = family.succeed(first, Way::External);
    for watch in &mut watches {
        let owned = until_over(watch, second).pop().unwrap();
        assert!(matches!(owned, Event::Owned { .. }));
    }
}

#[test]
fn a_watcher_that_does_not_read_is_closed_and_delays_nobody() {
    let mut family = Family::new();
    let (first, address) = family.start_service();
    let mut slow = Raw::connect(family.setting("HANDOFF")).unwrap();
    slow.send(&heirloom_proto::Message::Watch).unwrap();
    let mut quick = watch(&family);
    family.set_next("PREPARE", "manual");
    let second = family.start();
    family.expect(second, "prepared");
    let (text, mut told) = ("x".repeat(1_024), 0);
    // Its queue takes so many frames: net.unix.max_dgram_qlen, or so many bytes.
    while told < 400 {
        family.tell(second, &format!("progress {text}"));
        while !matches!(quick.wait(DEADLINE).unwrap(), Event::Progress { .. }) {}
        told += 1;
    }
    let mut progress = 0;
    let end = loop {
        match slow.receive() {
            Ok(heirloom_proto::Message::Happened(happened)) => {
                assert_ne!(happened.event, heirloom_proto::Happening::Owned);
                progress += 1;
            }
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(end.kind(), std::io::ErrorKind::UnexpectedEof);
    assert!(progress < told, "{progress} of {told}");
    family.tell(second, "ready");
    let owned = until_over(&mut quick, second).pop().unwrap();
    assert!(matches!(owned, Event::Owned { .. }), "{owned:?}");
    family.expect_end(first);
    assert_eq!(ask(&address).unwrap(), (second, 2));
}

#[test]
fn whoever_watches_an_owner_that_is_killed_is_told_by_its_end() {
    let mut family = Family::new();
    let (first, _) = family.start_service();
    let mut watch = watch(&family);
    family.kill(first);
    assert_eq!(watch.wait(DEADLINE).unwrap_err().kind(), ErrorKind::Closed);
    assert!(watch.next().is_none());
    let address = family.setting("HANDOFF");
    assert_eq!(Tool::connect(address).unwrap_err().kind(), ErrorKind::Absent);
}

#[test]
fn a_watcher_is_told_of_nothing_and_stays_while_nothing_happens() {
    let mut family = Family::new();
    let (first, _) = family.start_service();
    let mut watch = watch(&family);
    // Longer than a connection may be silent.
    let error = watch.wait(Duration::from_millis(2_500)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    let second = family.succeed(first, Way::External);
    assert!(matches!(until_over(&mut watch, second).pop(), Some(Event::Owned { .. })));
}
