//! `svc@.service`: a service that goes from unit to unit.

use crate::machine::Machine;

crate::tests![
    starting_green_retires_blue_and_starting_blue_goes_back_and_no_client_is_lost,
    a_green_that_fails_leaves_blue_as_it_was,
    blue_drains_for_as_long_as_its_clients_stay,
    a_blue_that_drains_too_long_is_ended_and_does_not_take_the_service_back,
    a_blue_that_drains_keeps_no_listener_for_a_green_that_gives_it_up,
];

const UNITS: &[&str] = &["svc@.service"];

fn boot() -> Machine {
    boot_with(&[])
}

fn boot_with(changes: &[(&str, &str)]) -> Machine {
    let machine = Machine::boot_with(UNITS, changes);
    machine.install_program("blue/svc");
    machine.install_program("green/svc");
    machine.order("start svc@blue");
    machine
}

fn starting_green_retires_blue_and_starting_blue_goes_back_and_no_client_is_lost() {
    let machine = boot();
    machine.under_load(|| {
        let releases = ["blue", "green", "blue", "green"];
        for (pair, generation) in releases.windows(2).zip(2..) {
            let [old, new] = pair else { unreachable!() };
            machine.order(&format!("start svc@{new}"));
            let new = format!("svc@{new}.service");
            assert_eq!(machine.show(&new, "StatusText"), format!("generation {generation} serves"));
            assert_eq!(machine.expect_generation(generation), machine.main_pid(&new));
            let old = format!("svc@{old}.service");
            machine.expect_good_end(&old);
        }
    });
    assert_eq!(machine.services(), [machine.main_pid("svc@green.service")]);
}

fn a_green_that_fails_leaves_blue_as_it_was() {
    let machine = boot();
    let fails = "exec SVC --handoff-socket /run/svc.sock --data /no/such/file";
    machine.install_script("green/svc", fails);
    machine.under_load(|| {
        assert!(!machine.systemctl("start svc@green").status.success());
        // It is tried a few times more.
        machine.order("stop svc@green");
    });
    let blue = machine.main_pid("svc@blue.service");
    assert_eq!(machine.ask().pid, blue);
    assert_eq!(machine.show("svc@blue.service", "SubState"), "running");
}

fn blue_drains_for_as_long_as_its_clients_stay() {
    let machine = boot();
    let mut client = machine.client();
    let blue = client.ask().unwrap();
    machine.order("start svc@green");
    machine.expect("svc@blue.service", "ActiveState", "deactivating");
    let green = machine.main_pid("svc@green.service");
    let status = machine.show("svc@blue.service", "StatusText");
    assert_eq!(status, format!("generation 2, process {green}, serves elsewhere"));
    assert_eq!(client.ask().unwrap(), blue);
    drop(client);
    machine.expect_good_end("svc@blue.service");
}

fn a_blue_that_drains_too_long_is_ended_and_does_not_take_the_service_back() {
    let machine = boot_with(&[("TimeoutStopSec=30", "TimeoutStopSec=1")]);
    let mut client = machine.client();
    client.ask().unwrap();
    machine.order("start svc@green");
    let green = machine.main_pid("svc@green.service");
    assert!(client.hear().is_err(), "it is cut off");
    machine.expect_that("svc@blue.service", "ActiveState", |state| {
        state == "inactive" || state == "failed"
    });
    assert_eq!(machine.show("svc@blue.service", "NRestarts"), "0");
    assert_eq!((machine.ask().pid, machine.services()), (green, vec![green]));
}

fn a_blue_that_drains_keeps_no_listener_for_a_green_that_gives_it_up() {
    let machine = boot_with(&[
        ("/run/svc.sock", "/run/svc.sock --descriptor-store"),
        ("TimeoutStopSec=30", "TimeoutStopSec=30\nFileDescriptorStoreMax=4"),
    ]);
    machine.expect("svc@blue.service", "NFileDescriptorStore", "1");
    let mut client = machine.client();
    let blue = client.ask().unwrap();
    machine.order("start svc@green");
    machine.expect("svc@blue.service", "NFileDescriptorStore", "0");
    machine.expect("svc@green.service", "NFileDescriptorStore", "1");
    assert_eq!(client.ask().unwrap(), blue);
    drop(client);
    machine.expect_good_end("svc@blue.service");
    assert_eq!(machine.show("svc@green.service", "NFileDescriptorStore"), "1");
}
