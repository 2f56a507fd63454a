//! `svc-watched.service`: systemd starts the successor itself.

use crate::machine::{Machine, wait_until};

crate::tests![
    reloads_change_the_main_process_and_lose_no_client,
    an_owner_killed_while_its_predecessor_drains_is_started_anew_at_once,
    a_reload_that_fails_leaves_everything_as_it_was,
    a_stop_after_a_reload_waits_for_the_clients_of_the_successor,
];

const UNIT: &str = "svc-watched.service";

fn reloads_change_the_main_process_and_lose_no_client() {
    let machine = Machine::boot(&[UNIT]);
    machine.order("start svc-watched");
    machine.under_load(|| {
        for generation in 2..5 {
            machine.order("reload svc-watched");
            let pid = machine.expect_generation(generation);
            machine.expect(UNIT, "MainPID", &pid.to_string());
            machine.expect(UNIT, "StatusText", &format!("generation {generation} serves"));
            machine.expect(UNIT, "SubState", "running");
        }
    });
    assert_eq!(machine.show(UNIT, "NRestarts"), "0");
}

fn an_owner_killed_while_its_predecessor_drains_is_started_anew_at_once() {
    let machine = Machine::boot_with(&[UNIT], &[("TimeoutStopSec=30", "TimeoutStopSec=1")]);
    machine.order("start svc-watched");
    let mut client = machine.client();
    client.ask().unwrap();
    machine.order("reload svc-watched");
    let second = machine.expect_generation(2);
    machine.expect(UNIT, "MainPID", &second.to_string());
    machine.signal(second, "KILL");
    machine.expect(UNIT, "NRestarts", "1");
    wait_until("it listens", || machine.listener().is_some());
    assert_eq!(machine.ask().generation, 1);
    drop(client);
}

fn a_reload_that_fails_leaves_everything_as_it_was() {
    let machine = Machine::boot(&[UNIT]);
    machine.order("start svc-watched");
    let first = machine.main_pid(UNIT);
    machine.install_script("svc", "exec SVC --handoff-socket /run/svc.sock --data /no/such/file");
    machine.order("reload svc-watched");
    machine.expect_that(UNIT, "StatusText", |text| text.contains("the last upgrade failed"));
    machine.expect(UNIT, "SubState", "running");
    assert_eq!((machine.main_pid(UNIT), machine.ask().pid), (first, first));
}

fn a_stop_after_a_reload_waits_for_the_clients_of_the_successor() {
    let machine = Machine::boot(&[UNIT]);
    machine.order("start svc-watched");
    machine.order("reload svc-watched");
    let second = machine.expect_generation(2);
    wait_until("the predecessor ends", || machine.services() == [second]);
    let mut client = machine.client();
    client.ask().unwrap();
    machine.order("stop --no-block svc-watched");
    wait_until("the owner has stopped", || machine.listener().is_none());
    assert_eq!(client.ask().unwrap().pid, second);
    drop(client);
    machine.expect_good_end(UNIT);
}
