//! `svc-stored.service`: listeners in the descriptor store.

use crate::kinds::{COUNT, PATHS};
use crate::machine::{Machine, wait_until};

crate::tests![
    a_service_killed_whole_comes_back_on_the_same_socket_and_serves_who_has_queued,
    an_upgrade_stores_nothing_twice,
    a_listener_that_is_given_up_leaves_the_store,
    a_listener_that_a_start_from_the_store_does_not_want_is_closed,
    every_kind_of_socket_comes_back_with_its_path_until_the_service_stops,
];

const UNIT: &str = "svc-stored.service";

fn boot() -> Machine {
    let machine = Machine::boot(&[UNIT]);
    machine.order("start svc-stored");
    machine.expect(UNIT, "NFileDescriptorStore", "1");
    machine
}

fn a_service_killed_whole_comes_back_on_the_same_socket_and_serves_who_has_queued() {
    let machine = boot();
    machine.order("reload svc-stored");
    let second = machine.expect_generation(2);
    machine.expect(UNIT, "MainPID", &second.to_string());
    let listener = machine.listener();
    let hold = machine.hold();
    let options = "--handoff-socket /run/svc.sock --descriptor-store";
    machine.install_script("svc", &format!("read go <{}; exec SVC {options}", hold.path()));
    machine.order("kill --kill-who=all -s KILL svc-stored");
    machine.expect(UNIT, "NRestarts", "1");
    let mut clients = [machine.client(), machine.client()];
    clients.iter_mut().for_each(|client| client.say().unwrap());
    hold.let_go();
    for client in &mut clients {
        assert_eq!(client.hear().unwrap().generation, 1);
    }
    assert!(listener.is_some() && machine.listener() == listener);
    machine.expect(UNIT, "SubState", "running");
    assert_eq!(machine.show(UNIT, "NFileDescriptorStore"), "1");
}

fn an_upgrade_stores_nothing_twice() {
    let machine = boot();
    for generation in 2..4 {
        machine.order("reload svc-stored");
        let pid = machine.expect_generation(generation);
        machine.expect(UNIT, "MainPID", &pid.to_string());
        machine.expect(UNIT, "StatusText", &format!("generation {generation} serves"));
        assert_eq!(machine.show(UNIT, "NFileDescriptorStore"), "1");
    }
}

fn a_listener_that_is_given_up_leaves_the_store() {
    let machine = boot();
    let options = "--handoff-socket /run/svc.sock --descriptor-store --listen 127.0.0.1:7001";
    machine.install_script("svc", &format!("exec SVC {options}"));
    machine.order("reload svc-stored");
    machine.expect(UNIT, "StatusText", "generation 2 serves");
    machine.expect(UNIT, "NFileDescriptorStore", "1");
    // systemd closes what it lets go of when it has the time.
    wait_until("nobody has the old one any more", || machine.listener().is_none());
}

fn a_listener_that_a_start_from_the_store_does_not_want_is_closed() {
    let machine = boot();
    let options = "--handoff-socket /run/svc.sock --descriptor-store --listen 127.0.0.1:7001";
    machine.install_script("svc", &format!("exec SVC {options}"));
    machine.order("kill --kill-who=all -s KILL svc-stored");
    machine.expect(UNIT, "NRestarts", "1");
    machine.expect(UNIT, "StatusText", "generation 1 serves");
    machine.expect(UNIT, "NFileDescriptorStore", "1");
    wait_until("nobody has the old one any more", || machine.listener().is_none());
}

fn every_kind_of_socket_comes_back_with_its_path_until_the_service_stops() {
    let machine = Machine::boot(&[UNIT]);
    machine.install_every_kind("stored");
    machine.order("start svc-stored");
    machine.expect(UNIT, "NFileDescriptorStore", &COUNT.to_string());
    machine.order("kill --kill-who=all -s KILL svc-stored");
    machine.expect(UNIT, "NRestarts", "1");
    machine.expect_same_sockets(2);
    machine.expect(UNIT, "SubState", "running");
    machine.order("reload svc-stored");
    machine.expect_same_sockets(3);
    machine.expect(UNIT, "StatusText", "generation 2 serves");
    assert_eq!(machine.show(UNIT, "NFileDescriptorStore"), COUNT.to_string());
    assert_eq!(machine.paths(), PATHS);
    machine.order("stop svc-stored");
    assert_eq!(machine.paths(), [""; 0]);
}
