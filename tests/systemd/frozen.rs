//! `svc.service` while systemd itself does not get to read anything.

use crate::machine::{Machine, wait_until};

crate::tests![
    an_upgrade_does_not_wait_for_systemd_which_follows_later,
    a_process_that_ends_at_once_waits_until_systemd_has_read_who_it_was,
];

const UNIT: &str = "svc.service";

fn an_upgrade_does_not_wait_for_systemd_which_follows_later() {
    let machine = Machine::boot_with(&[UNIT], &[("NotifyAccess=all", "NotifyAccess=main")]);
    machine.order("start svc");
    let first = machine.main_pid(UNIT);
    machine.freeze(true);
    machine.signal(first, "HUP");
    let second = machine.expect_generation(2);
    machine.freeze(false);
    machine.expect(UNIT, "MainPID", &second.to_string());
    machine.expect(UNIT, "SubState", "running");
    wait_until("the predecessor ends", || machine.services() == [second]);
    assert_eq!(machine.show(UNIT, "NRestarts"), "0");
}

fn a_process_that_ends_at_once_waits_until_systemd_has_read_who_it_was() {
    let machine = Machine::boot_with(&[UNIT], &[("Restart=always", "Restart=on-failure")]);
    machine.order("start svc");
    let first = machine.main_pid(UNIT);
    machine.freeze(true);
    machine.signal(first, "TERM");
    wait_until("it has stopped", || machine.listener().is_none());
    assert_eq!(machine.services(), [first], "it waits");
    machine.freeze(false);
    machine.expect_good_end(UNIT);
}
