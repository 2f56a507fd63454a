//! `svc.service`: one unit whose process re-executes itself.

use crate::clients::Client;
use crate::machine::{Machine, wait_until};

crate::tests![
    a_start_waits_until_the_service_is_ready_and_says_what_it_does,
    reloads_change_the_main_process_and_lose_no_client_where_all_may_speak,
    reloads_change_the_main_process_and_lose_no_client_where_only_the_main_process_may_speak,
    a_reload_is_over_for_systemd_when_the_successor_owns_the_service,
    a_restart_begins_anew,
    a_stop_waits_for_those_that_drain_and_leaves_nothing,
    those_that_drain_too_long_for_a_stop_are_ended,
    a_stop_after_a_reload_waits_for_the_clients_of_the_successor,
];

const UNIT: &str = "svc.service";

fn a_start_waits_until_the_service_is_ready_and_says_what_it_does() {
    let machine = Machine::boot(&[UNIT]);
    machine.order("start svc");
    let answer = machine.ask();
    assert_eq!((answer.pid, answer.generation), (machine.main_pid(UNIT), 1));
    assert_eq!(machine.show(UNIT, "StatusText"), "generation 1 serves");
}

fn reloads_change_the_main_process_and_lose_no_client_where_all_may_speak() {
    reloads(&Machine::boot(&[UNIT]));
}

fn reloads_change_the_main_process_and_lose_no_client_where_only_the_main_process_may_speak() {
    let machine = Machine::boot_with(&[UNIT], &[("NotifyAccess=all", "NotifyAccess=main")]);
    reloads(&machine);
    let log = machine.log();
    assert!(!log.contains("reception only permitted"), "{log}");
}

fn reloads(machine: &Machine) {
    machine.order("start svc");
    machine.under_load(|| {
        for generation in 2..6 {
            machine.order("reload svc");
            let pid = machine.expect_generation(generation);
            machine.expect(UNIT, "MainPID", &pid.to_string());
            machine.expect(UNIT, "StatusText", &format!("generation {generation} serves"));
            machine.expect(UNIT, "SubState", "running");
        }
    });
    wait_until("the owner is left", || machine.services() == [machine.main_pid(UNIT)]);
    assert_eq!(machine.show(UNIT, "NRestarts"), "0");
}

fn a_reload_is_over_for_systemd_when_the_successor_owns_the_service() {
    let machine = Machine::boot(&[UNIT]);
    machine.order("start svc");
    let hold = machine.hold_next();
    // Which ends when the upgrade does, if systemd hears of that before `kill` has ended.
    machine.order("reload --no-block svc");
    machine.expect_that(UNIT, "StatusText", |text| text.contains("is to take over: reads"));
    machine.expect(UNIT, "SubState", "reload");
    let first = machine.main_pid(UNIT);
    assert_eq!(machine.ask().pid, first);
    hold.let_go();
    let second = machine.expect_generation(2);
    machine.expect(UNIT, "SubState", "running");
    machine.expect(UNIT, "MainPID", &second.to_string());
}

fn a_restart_begins_anew() {
    let machine = Machine::boot(&[UNIT]);
    machine.order("start svc");
    machine.order("reload svc");
    let second = machine.expect_generation(2);
    machine.expect(UNIT, "MainPID", &second.to_string());
    machine.order("restart svc");
    let answer = machine.ask();
    assert_eq!((answer.pid, answer.generation), (machine.main_pid(UNIT), 1));
}

fn a_stop_waits_for_those_that_drain_and_leaves_nothing() {
    let machine = Machine::boot(&[UNIT]);
    let mut client = draining(&machine);
    machine.order("stop --no-block svc");
    machine.expect(UNIT, "ActiveState", "deactivating");
    wait_until("the owner has stopped", || machine.listener().is_none());
    assert_eq!(client.ask().unwrap().generation, 1);
    drop(client);
    machine.expect_good_end(UNIT);
    assert!(machine.services().is_empty());
    assert!(!machine.run("test -e /run/svc.sock").status.success());
}

fn those_that_drain_too_long_for_a_stop_are_ended() {
    let changes = [("TimeoutStopSec=30", "TimeoutStopSec=1")];
    let machine = Machine::boot_with(&[UNIT], &changes);
    let mut client = draining(&machine);
    machine.order("stop svc");
    assert!(client.ask().is_err() && machine.services().is_empty());
    assert_eq!(machine.show(UNIT, "ActiveState"), "failed");
}

fn a_stop_after_a_reload_waits_for_the_clients_of_the_successor() {
    let machine = Machine::boot(&[UNIT]);
    drop(draining(&machine));
    wait_until("the predecessor ends", || machine.services().len() == 1);
    let mut client = machine.client();
    assert_eq!(client.ask().unwrap().generation, 2);
    machine.order("stop --no-block svc");
    machine.expect(UNIT, "ActiveState", "deactivating");
    wait_until("the owner has stopped", || machine.listener().is_none());
    assert_eq!(client.ask().unwrap().generation, 2);
    drop(client);
    machine.expect_good_end(UNIT);
    assert!(!machine.run("test -e /run/svc.sock").status.success());
}

/// A client of a generation that drains.
fn draining(machine: &Machine) -> Client {
    machine.order("start svc");
    let mut client = machine.client();
    let first = client.ask().unwrap();
    machine.order("reload svc");
    let second = machine.expect_generation(2);
    machine.expect(UNIT, "MainPID", &second.to_string());
    assert_eq!(client.ask().unwrap(), first, "the predecessor drains");
    assert_eq!(machine.show(UNIT, "StatusText"), "generation 2 serves, 1 drains");
    client
}
