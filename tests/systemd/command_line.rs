//! `svc.service` with `heirloom upgrade` for its `ExecReload=`: a reload has the upgrade's outcome.

use crate::machine::{Machine, wait_until};

crate::tests![
    a_reload_is_over_when_the_successor_owns_the_service,
    a_reload_fails_when_the_upgrade_does_and_the_service_goes_on,
];

const UNIT: &str = "svc.service";

fn boot() -> Machine {
    let command = concat!("ExecReload=", env!("CARGO_BIN_EXE_heirloom"), " upgrade /run/svc.sock");
    let machine = Machine::boot_with(&[UNIT], &[("ExecReload=/bin/kill -HUP $MAINPID", command)]);
    machine.order("start svc");
    machine
}

fn a_reload_is_over_when_the_successor_owns_the_service() {
    let machine = boot();
    machine.under_load(|| {
        for generation in 2..5 {
            machine.order("reload svc");
            assert_eq!(machine.ask().generation, generation);
            machine.expect(UNIT, "MainPID", &machine.ask().pid.to_string());
        }
    });
    wait_until("the owner is left", || machine.services() == [machine.main_pid(UNIT)]);
}

fn a_reload_fails_when_the_upgrade_does_and_the_service_goes_on() {
    let machine = boot();
    let first = machine.ask();
    machine.install_script("svc", "exit 3");
    assert!(!machine.systemctl("reload svc").status.success());
    machine.expect(UNIT, "ActiveState", "active");
    assert_eq!((machine.ask().pid, machine.ask().generation), (first.pid, 1));
    // The command's code for a successor that exits.
    assert!(machine.log().contains("status=4"), "{}", machine.log());
    machine.install_script("svc", "exec SVC \"$@\"");
    machine.order("reload svc");
    assert_eq!(machine.ask().generation, 2);
}
