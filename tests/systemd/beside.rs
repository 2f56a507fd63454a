//! `svc.service` and a successor that somebody else starts.

use crate::machine::{Machine, wait_until};

crate::tests![
    a_successor_started_by_hand_within_the_unit_becomes_its_main_process,
    a_successor_started_by_hand_outside_of_the_unit_ends_the_unit_and_serves,
];

const UNIT: &str = "svc.service";

fn a_successor_started_by_hand_within_the_unit_becomes_its_main_process() {
    let machine = Machine::boot(&[UNIT]);
    machine.order("start svc");
    let cgroup = machine.show(UNIT, "ControlGroup");
    let join = format!("echo $$ >/sys/fs/cgroup{cgroup}/cgroup.procs");
    start(&machine, &format!("{join}; export NOTIFY_SOCKET=/run/systemd/notify"));
    let second = machine.expect_generation(2);
    machine.expect(UNIT, "MainPID", &second.to_string());
    machine.expect(UNIT, "SubState", "running");
    machine.expect(UNIT, "StatusText", "generation 2 serves");
}

fn a_successor_started_by_hand_outside_of_the_unit_ends_the_unit_and_serves() {
    // Or else the unit would be started again, and take the service back.
    let machine = Machine::boot_with(&[UNIT], &[("Restart=always", "Restart=on-failure")]);
    machine.order("start svc");
    start(&machine, "true");
    let second = machine.expect_generation(2);
    machine.expect_good_end(UNIT);
    wait_until("it alone is left", || machine.services() == [second]);
    assert_eq!(machine.ask().pid, second);
}

/// Starts the service by hand, after a preparation.
fn start(machine: &Machine, prepare: &str) {
    let program = machine.program("svc");
    let command = format!("exec {} --handoff-socket /run/svc.sock", program.display());
    machine.run(&format!("(sh -c '{prepare}; {command}' >/dev/null 2>&1 </dev/null &)"));
}
