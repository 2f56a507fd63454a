//! How things stand, in every phase and every role.

use std::net::TcpListener;
use std::time::Duration;

use heirloom::tool::Tool;
use heirloom::{ErrorKind, Kind, Phase, Status, testing};
use nix::sys::signal::Signal;

use crate::support::{Family, Way, both_ways, wait_until};

pub(crate) fn connect(family: &Family) -> Tool {
    Tool::connect(family.setting("HANDOFF")).unwrap()
}

fn status(family: &Family) -> Status {
    connect(family).status().unwrap()
}

#[test]
fn entries_are_told_with_kind_name_and_address() {
    let mut family = Family::new();
    let unix = format!("{}-unix", family.setting("HANDOFF"));
    let (first, address) = family.set("UNIX", &unix).set("BUILD", "1.0").start_service();
    let status = status(&family);
    assert_eq!((status.generation, status.pid, status.phase), (1, first, Phase::Serving));
    assert_eq!((status.build.as_str(), status.entry_count), ("1.0", 2));
    let entries = status.entries.iter();
    let entries: Vec<_> =
        entries.map(|entry| (entry.kind, entry.name.as_str(), entry.address.as_str())).collect();
    let unix = unix.as_str();
    let expected =
        [(Kind::TcpListener, "service", address.as_str()), (Kind::UnixListener, unix, unix)];
    assert_eq!(entries, expected);
    assert_eq!((status.open, &status.last_failure, &status.handoff), (None, &None, &None));
    assert!(status.uptime >= status.since);
    assert!(status.to_string().contains(&format!("process {first}")), "{status}");
}

#[test]
fn thousands_of_entries_are_counted_and_as_many_told_as_fit() {
    let mut family = Family::new();
    family.set("MANY", "4000").set("NOFILE", "8192:8192").start_service();
    let status = status(&family);
    assert_eq!(status.entry_count, 4_001);
    assert!((1_000..4_000).contains(&status.entries.len()), "{}", status.entries.len());
}

both_ways! {
    fn every_phase_of_a_handoff_is_told_with_its_successor(way: Way) {
        let mut family = Family::new();
        let (first, _) = family.set("DRAIN", "manual").start_service();
        family.set_next("BUILD", "2.0").set_next("PREPARE", "manual");
        let mut tool = connect(&family);
        let second = family.succeed(first, way);
        family.expect(second, "prepared");
        // It may not have read yet that everything has arrived.
        let mut told = tool.status().unwrap();
        wait_until(
            || {
                told = tool.status().unwrap();
                told.phase == Phase::Preparing
            },
            || "the predecessor does not wait for its successor".into(),
        );
        assert_eq!(told.pid, first);
        let handoff = told.handoff.unwrap();
        assert_eq!((handoff.pid, handoff.build.as_str()), (second, "2.0"));
        family.tell(second, "status");
        let own = family.expect(second, "status").details;
        assert!(own.starts_with(&format!("2|{}|1|none", Phase::Preparing)), "{own}");

        family.tell(second, "ready");
        family.expect(second, "ready");
        family.expect(first, "exit");
        let told = status(&family);
        assert_eq!((told.phase, told.pid, told.generation), (Phase::Serving, second, 2));
        assert_eq!(told.draining.len(), 1);
        assert_eq!((told.draining[0].generation, told.draining[0].pid), (1, first));
        family.tell(first, "status");
        let own = family.expect(first, "status").details;
        assert!(own.starts_with(&format!("1|{}|0|none", Phase::Draining)), "{own}");
    }

    fn the_last_failure_stays_readable_until_the_next(way: Way) {
        let mut family = Family::new();
        let (first, _) = family.start_service();
        family.set_next("PREPARE", "manual");
        let second = family.succeed(first, way);
        family.expect(second, "prepared");
        family.kill(second);
        family.expect_like(first, "log", "the handoff has failed");
        let failure = status(&family).last_failure.unwrap();
        assert_eq!(failure.phase, Phase::Preparing);
        assert!(failure.reason.contains("ended") || failure.reason.contains("closed"), "{failure:?}");
        let again = status(&family).last_failure.unwrap();
        assert_eq!((again.took, &again.reason), (failure.took, &failure.reason));
        assert!(again.ago >= failure.ago);
        family.tell(first, "status");
        let own = family.expect(first, "status").details;
        assert!(own.ends_with(&failure.reason), "{own}");
    }

    fn a_successor_that_has_failed_tells_why(way: Way) {
        let mut family = Family::new();
        let (first, _) = family.set("READY_MS", "300").start_service();
        family.set_next("PREPARE", "manual");
        let second = family.succeed(first, way);
        family.expect(second, "prepared");
        family.expect_like(second, "log", "this process does not own the service");
        family.tell(second, "status");
        let own = family.expect(second, "status").details;
        let phase = Phase::Preparing;
        assert!(own.starts_with(&format!("2|{}|", Phase::Stopped)), "{own}");
        assert!(own.contains(&format!("|{phase}: the peer gave up: timed out")), "{own}");
    }
}

#[test]
fn a_service_that_was_taken_back_tells_the_phase() {
    let mut family = Family::new();
    let (first, _) = family.set("COMMIT_MS", "300").start_service();
    family.hold_next("successor.before.send-owned");
    let second = family.start();
    family.expect(second, "held");
    family.expect_like(first, "log", "the service was taken back");
    let failure = status(&family).last_failure.unwrap();
    assert_eq!(failure.phase, Phase::Fencing);
    assert!(failure.took >= Duration::from_millis(300), "{failure:?}");
    family.expect_end(second);
}

#[test]
fn one_who_is_refused_while_nothing_goes_on_is_no_failure_of_a_handoff() {
    let mut family = Family::new();
    family.start_service();
    family.set("SERVICE", "another");
    let second = family.start();
    family.expect_like(second, "failed", "start");
    family.unset("SERVICE");
    assert_eq!(status(&family).last_failure, None);
}

#[test]
fn nobody_squatters_and_the_frozen_are_told_apart() {
    let mut family = Family::new();
    let name = format!("{}-nobody", family.setting("HANDOFF"));
    assert_eq!(Tool::connect(&name).unwrap_err().kind(), ErrorKind::Absent);
    assert_eq!(Tool::connect("").unwrap_err().kind(), ErrorKind::InvalidAddress);

    let (first, _) = family.start_service();
    family.freeze(first);
    let tool = Tool::builder().timeout(Duration::from_millis(200));
    let error = tool.connect(family.setting("HANDOFF")).unwrap().status().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut, "{error}");
    family.signal(first, Signal::SIGCONT);

    let path = family.path("file");
    std::fs::write(&path, "no socket").unwrap();
    let error = Tool::connect(path.to_str().unwrap()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidAddress, "{error}");
}

#[test]
fn a_service_of_a_user_who_is_not_trusted_is_squatted() {
    const FOREIGN: u32 = 65_532;
    if !nix::unistd::Uid::effective().is_root() {
        return;
    }
    let mut family = Family::new();
    family.unset("PID_FILE").set("USER", &FOREIGN.to_string());
    std::os::unix::fs::chown(family.path(""), Some(FOREIGN), None).unwrap();
    let (first, _) = family.start_service();
    let address = family.setting("HANDOFF");
    assert_eq!(Tool::connect(address).unwrap_err().kind(), ErrorKind::Squatted);
    let mut tool = Tool::builder().trust_user(FOREIGN).connect(address).unwrap();
    assert_eq!(tool.status().unwrap().pid, first);
}

#[test]
fn a_tool_that_was_idle_or_meets_another_owner_asks_anew() {
    let mut family = Family::new();
    let (first, _) = family.start_service();
    let mut tool = connect(&family);
    assert_eq!(tool.status().unwrap().pid, first);
    let second = family.succeed(first, Way::External);
    family.expect(second, "ready");
    family.expect_end(first);
    assert_eq!(tool.status().unwrap().pid, second);
}

#[test]
fn uptime_counts_from_the_start_and_not_from_owning_on() {
    let mut family = Family::new();
    let (first, _) = family.start_service();
    family.set_next("PREPARE", "manual");
    let second = family.start();
    family.expect(second, "prepared");
    let began = std::time::Instant::now();
    wait_until(|| began.elapsed() > Duration::from_millis(50), || "time stands still".into());
    family.tell(second, "ready");
    family.expect(second, "ready");
    family.expect_end(first);
    let told = status(&family);
    assert!(told.uptime >= told.since + Duration::from_millis(50), "{told:?}");
}

#[test]
fn a_status_is_told_where_no_listener_of_the_service_is() {
    let upgrader = heirloom::Upgrader::builder().start().unwrap();
    assert_eq!(upgrader.status().unwrap().phase, Phase::Starting);
    let _listener: TcpListener = upgrader.fds().bind_as("web", "127.0.0.1:0").unwrap();
    upgrader.ready().unwrap();
    let own = upgrader.status().unwrap();
    let told = Tool::connect(upgrader.handoff_socket()).unwrap().status().unwrap();
    assert_eq!((own.phase, &own.entries), (Phase::Serving, &told.entries));
    assert_eq!(own.pid, told.pid);
}

#[test]
fn successor_tells_its_own_uptime_before_it_owns_anything() {
    let first = testing::first().unwrap();
    first.ready().unwrap();
    let second = testing::successor_of(&first).unwrap();
    let uptime = || second.status().unwrap().uptime;
    wait_until(|| uptime() >= Duration::from_millis(2), || format!("{:?}", uptime()));
}
