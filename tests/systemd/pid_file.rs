//! `svc-pid-file.service`: systemd is told nothing, and reads a PID file.

use crate::machine::{Machine, wait_until};

crate::tests![
    reloads_lose_no_client_and_the_file_names_the_next_main_process,
    reloads_while_the_first_process_drains_keep_sight_of_the_owner,
    a_service_that_is_killed_is_started_anew,
];

const UNIT: &str = "svc-pid-file.service";

fn reloads_lose_no_client_and_the_file_names_the_next_main_process() {
    let machine = Machine::boot(&[UNIT]);
    start(&machine);
    machine.under_load(|| {
        for generation in 2..5 {
            machine.order("reload svc-pid-file");
            let pid = machine.expect_generation(generation);
            machine.expect(UNIT, "MainPID", &pid.to_string());
            assert_eq!(machine.show(UNIT, "SubState"), "running");
        }
    });
    assert_eq!(machine.show(UNIT, "NRestarts"), "0");
    machine.order("stop svc-pid-file");
    assert!(machine.services().is_empty());
    assert!(!machine.run("test -e /run/svc.pid").status.success());
}

fn reloads_while_the_first_process_drains_keep_sight_of_the_owner() {
    let machine = Machine::boot(&[UNIT]);
    start(&machine);
    let mut client = machine.client();
    client.ask().unwrap();
    machine.order("reload svc-pid-file");
    machine.expect_generation(2);
    machine.order("reload svc-pid-file");
    let third = machine.expect_generation(3);
    drop(client);
    machine.expect(UNIT, "MainPID", &third.to_string());
    assert_eq!(machine.show(UNIT, "SubState"), "running");
}

fn a_service_that_is_killed_is_started_anew() {
    let machine = Machine::boot(&[UNIT]);
    start(&machine);
    machine.order("reload svc-pid-file");
    let second = machine.expect_generation(2);
    machine.expect(UNIT, "MainPID", &second.to_string());
    machine.signal(second, "KILL");
    machine.expect(UNIT, "NRestarts", "1");
    wait_until("it listens", || machine.listener().is_some());
    assert_eq!(machine.ask().pid, machine.main_pid(UNIT));
}

/// The start of a unit that tells nothing is over before the service listens.
fn start(machine: &Machine) {
    machine.order("start svc-pid-file");
    wait_until("it can be found", || machine.run("test -e /run/svc.pid").status.success());
}
