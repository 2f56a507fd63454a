//! `svc-activated.socket` and its service.

use crate::kinds::PATHS;
use crate::machine::Machine;

crate::tests![
    the_first_client_starts_the_service_and_upgrades_keep_its_socket,
    a_client_that_comes_after_a_stop_starts_it_anew_on_the_same_socket,
    every_kind_of_socket_goes_from_generation_to_generation_and_from_start_to_start,
];

const SOCKET: &str = "svc-activated.socket";
const UNIT: &str = "svc-activated.service";

fn boot() -> Machine {
    let machine = Machine::boot(&[SOCKET, UNIT]);
    machine.order(&format!("start {SOCKET}"));
    machine
}

fn the_first_client_starts_the_service_and_upgrades_keep_its_socket() {
    let machine = boot();
    let listener = machine.listener();
    assert!(listener.is_some() && machine.services().is_empty());
    assert_eq!(machine.ask().generation, 1);
    machine.under_load(|| {
        for generation in 2..5 {
            machine.order(&format!("reload {UNIT}"));
            let pid = machine.expect_generation(generation);
            machine.expect(UNIT, "MainPID", &pid.to_string());
            machine.expect(UNIT, "SubState", "running");
            let environment = machine.run(&format!("tr '\\0' '\\n' </proc/{pid}/environ"));
            let environment = String::from_utf8(environment.stdout).unwrap();
            assert!(environment.contains("NOTIFY_SOCKET="), "{environment}");
            assert!(!environment.contains("LISTEN_"), "{environment}");
        }
    });
    assert_eq!(machine.listener(), listener);
}

fn a_client_that_comes_after_a_stop_starts_it_anew_on_the_same_socket() {
    let machine = boot();
    let (listener, first) = (machine.listener(), machine.ask());
    machine.order(&format!("stop {UNIT}"));
    assert!(machine.services().is_empty());
    let second = machine.ask();
    assert_eq!((second.generation, machine.listener()), (1, listener));
    assert_ne!(second.pid, first.pid);
}

fn every_kind_of_socket_goes_from_generation_to_generation_and_from_start_to_start() {
    let [stream, datagram, packet] = PATHS;
    let listen = "ListenStream=127.0.0.1:7000";
    let every = format!(
        "{listen}\nListenDatagram=127.0.0.1:7000\nListenStream={stream}\n\
         ListenDatagram={datagram}\nListenSequentialPacket={packet}"
    );
    let machine = Machine::boot_with(&[SOCKET, UNIT], &[(listen, &every)]);
    machine.install_every_kind("");
    machine.order(&format!("start {UNIT}"));
    machine.expect_same_sockets(1);
    machine.order(&format!("reload {UNIT}"));
    machine.expect_same_sockets(2);
    machine.expect(UNIT, "StatusText", "generation 2 serves");
    machine.order(&format!("stop {UNIT}"));
    assert_eq!(machine.paths(), PATHS);
    machine.order(&format!("start {UNIT}"));
    machine.expect_same_sockets(3);
}
