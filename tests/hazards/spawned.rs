//! A process that was spawned, and what its environment tells it.

use crate::support::{Family, Way};

#[test]
fn service_that_is_stopped_while_it_spawns_a_successor_does_not_come_back() {
    for begins in ["", "hang"] {
        let mut family = Family::new();
        let (first, _) = family.unset("HANDOFF").start_service();
        family.set_next("BEGIN", begins).hold_next("successor.before.send-hello");
        let second = family.succeed(first, Way::Spawned);
        if begins.is_empty() {
            family.expect(second, "held");
        }
        family.tell(first, "stop");
        family.expect_like(first, "failed", "upgrade Stopping ");
        family.expect_end(first);
        family.expect_end(second);
        family.expect_only(&[]);
        assert_eq!(family.pid_file(), None);
    }
}

#[test]
fn service_that_is_new_in_a_spawned_process_begins_beside_the_one_that_is_taken_over() {
    for named in [true, false] {
        let mut family = Family::new();
        let first = family.set("ROLE", "plain").start();
        family.tell(first, "ready");
        family.expect(first, "ready");
        let order = |name: &str| match named {
            true => format!("second {}-{name}", family.setting("HANDOFF")),
            false => "second".into(),
        };
        let orders = [order("early"), order("late"), order("last")];

        let successor = family.succeed(first, Way::Spawned);
        family.tell(successor, &orders[0]);
        expect_second(&mut family, successor);
        family.tell(successor, "ready");
        family.expect(successor, "ready");
        family.tell(successor, &orders[1]);
        expect_second(&mut family, successor);
        family.kill(first);
        family.tell(successor, &orders[2]);
        expect_second(&mut family, successor);
        assert!(!family.has_come(successor, "exit"));
    }
}

fn expect_second(family: &mut Family, pid: u32) {
    let second = family.expect_where("the second service", |event| {
        event.pid == pid && ["second", "failed"].contains(&event.name.as_str())
    });
    assert_eq!((second.name.as_str(), second.details.as_str()), ("second", "1"));
}
