//! `svc.service` when something goes wrong.

use crate::machine::{Machine, wait_until};

crate::tests![
    a_reload_whose_program_does_not_begin_leaves_everything_as_it_was,
    a_reload_that_fails_in_the_midst_leaves_everything_as_it_was,
    a_main_process_killed_in_the_midst_of_an_upgrade_is_followed_by_its_successor,
    a_main_process_killed_with_nobody_else_there_is_started_anew,
    an_owner_killed_while_its_predecessor_drains_is_started_anew_when_that_has_finished,
];

const UNIT: &str = "svc.service";

fn a_reload_whose_program_does_not_begin_leaves_everything_as_it_was() {
    fails("exit 1");
}

fn a_reload_that_fails_in_the_midst_leaves_everything_as_it_was() {
    fails("exec SVC --handoff-socket /run/svc.sock --data /no/such/file");
}

fn fails(script: &str) {
    let machine = Machine::boot(&[UNIT]);
    machine.order("start svc");
    let first = machine.main_pid(UNIT);
    machine.install_script("svc", script);
    machine.under_load(|| {
        for _ in 0..2 {
            machine.order("reload svc");
            machine
                .expect_that(UNIT, "StatusText", |text| text.contains("the last upgrade failed"));
        }
    });
    machine.expect(UNIT, "SubState", "running");
    assert_eq!(machine.main_pid(UNIT), first);
    assert_eq!(machine.ask().pid, first);
}

fn a_main_process_killed_in_the_midst_of_an_upgrade_is_followed_by_its_successor() {
    let machine = Machine::boot(&[UNIT]);
    machine.order("start svc");
    let hold = machine.hold_next();
    machine.order("reload --no-block svc");
    machine.expect_that(UNIT, "StatusText", |text| text.contains("reads"));
    let (first, listener) = (machine.main_pid(UNIT), machine.listener());
    // The successor speaks up only after systemd has seen its main process end.
    let second = successor(&machine);
    machine.halt(second);
    machine.signal(first, "KILL");
    machine.expect(UNIT, "MainPID", "0");
    machine.signal(second, "CONT");
    machine.expect(UNIT, "MainPID", &second.to_string());
    // Nobody accepts it before the successor is ready.
    let mut client = machine.client();
    client.say().unwrap();
    hold.let_go();
    let answer = client.hear().unwrap();
    assert_eq!((answer.pid, answer.generation), (second, 2));
    machine.expect(UNIT, "StatusText", "generation 2 serves");
    machine.expect(UNIT, "SubState", "running");
    assert_eq!(machine.show(UNIT, "NRestarts"), "0");
    assert!(listener.is_some() && machine.listener() == listener);
}

/// The process that the status names.
fn successor(machine: &Machine) -> u32 {
    let status = machine.show(UNIT, "StatusText");
    let words = status.split_once("process ").unwrap().1;
    words.split_once(' ').unwrap().0.parse().unwrap()
}

fn a_main_process_killed_with_nobody_else_there_is_started_anew() {
    let machine = Machine::boot(&[UNIT]);
    machine.order("start svc");
    machine.order("reload svc");
    let second = machine.expect_generation(2);
    machine.expect(UNIT, "MainPID", &second.to_string());
    machine.signal(second, "KILL");
    machine.expect(UNIT, "NRestarts", "1");
    machine.expect(UNIT, "SubState", "running");
    let answer = machine.ask();
    assert_eq!((answer.pid, answer.generation), (machine.main_pid(UNIT), 1));
}

fn an_owner_killed_while_its_predecessor_drains_is_started_anew_when_that_has_finished() {
    let machine = Machine::boot(&[UNIT]);
    machine.order("start svc");
    let mut client = machine.client();
    let first = client.ask().unwrap();
    machine.order("reload svc");
    let second = machine.expect_generation(2);
    machine.expect(UNIT, "MainPID", &second.to_string());
    machine.signal(second, "KILL");
    wait_until("the predecessor is left", || machine.services() == [first.pid]);
    assert_eq!(client.ask().unwrap(), first);
    assert_eq!(machine.show(UNIT, "NRestarts"), "0");
    drop(client);
    machine.expect(UNIT, "NRestarts", "1");
    wait_until("it listens", || machine.listener().is_some());
    assert_eq!(machine.ask().generation, 1);
}
