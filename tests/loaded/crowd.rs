//! A predecessor that drains ten thousand connections, and the role of one that holds them.
//!
//! Events: `bound <address>`, `ready`, `holds <connections>` whenever it is asked by the order `count`,
//! `exit`, `drained`.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use heirloom::{Exit, Upgrader};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::resource::{Resource, getrlimit};

use crate::support::role::{Role, emit, emit_failed};
use crate::support::serve::watch_exit;
use crate::support::{Family, both_ways, wait_until};

/// How many there are, where the limit on descriptors lets a process hold them.
const CROWD: u64 = 10_000;

pub(crate) fn run(role: &Role) {
    let Some(upgrader) = role.start() else {
        return;
    };
    let address = role.get("LISTEN").unwrap();
    let listener: TcpListener = upgrader.fds().nonblocking().bind_as("service", address).unwrap();
    emit("bound", &listener.local_addr().unwrap().to_string());
    if let Err(error) = upgrader.ready() {
        return emit_failed("ready", &error);
    }
    watch_exit(role, upgrader.exit());
    let held = Arc::new(AtomicUsize::new(0));
    let (exit, generation, count) = (upgrader.exit(), upgrader.generation(), Arc::clone(&held));
    let server = thread::spawn(move || serve(&listener, &exit, generation, &count));
    emit("ready", "");
    follow_orders(role, &upgrader, &held);
    server.join().unwrap();
    emit("drained", "");
}

fn follow_orders(role: &Role, upgrader: &Upgrader, held: &AtomicUsize) {
    loop {
        match role.next_order().as_str() {
            "count" => emit("holds", &held.load(Ordering::Relaxed).to_string()),
            "upgrade" => drop(crate::support::serve::upgrade(upgrader)),
            "exit-fired" => return emit("exit", ""),
            other => panic!("unknown order `{other}`"),
        }
    }
}

/// One thread for all: accepts until this process is to end, answers until nobody is left.
fn serve(listener: &TcpListener, exit: &Exit, generation: u64, held: &AtomicUsize) {
    const LISTENER: u64 = 0;
    const EXIT: u64 = 1;
    let watched = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC).unwrap();
    let watch = |descriptor: BorrowedFd<'_>, number| {
        watched.add(descriptor, EpollEvent::new(EpollFlags::EPOLLIN, number)).unwrap();
    };
    watch(listener.as_fd(), LISTENER);
    watch(exit.as_fd(), EXIT);
    let mut clients: BTreeMap<u64, TcpStream> = BTreeMap::new();
    let mut next = EXIT;
    while !exit.is_fired() || !clients.is_empty() {
        let mut events = [EpollEvent::empty(); 64];
        let count = watched.wait(&mut events, EpollTimeout::NONE).unwrap();
        for event in &events[..count] {
            match event.data() {
                // Whoever drains takes nobody new.
                EXIT => [listener.as_fd(), exit.as_fd()]
                    .iter()
                    .for_each(|descriptor| watched.delete(descriptor).unwrap()),
                LISTENER => {
                    while !exit.is_fired()
                        && let Ok((client, _)) = listener.accept()
                    {
                        next += 1;
                        watch(client.as_fd(), next);
                        clients.insert(next, client);
                    }
                }
                number => {
                    if !answer(&clients[&number], generation) {
                        clients.remove(&number);
                    }
                }
            }
        }
        held.store(clients.len(), Ordering::Relaxed);
    }
}

/// Answers a line. Tells whether the client is still there.
fn answer(mut client: &TcpStream, generation: u64) -> bool {
    let length = client.read(&mut [0; 64]).unwrap_or(0);
    length > 0 && writeln!(client, "{generation}").is_ok()
}

/// Asks on a connection; tells which generation answers.
fn ask(mut client: &TcpStream) -> u64 {
    client.write_all(b"who\n").unwrap();
    let mut line = String::new();
    BufReader::new(client).read_line(&mut line).unwrap();
    line.trim().parse().unwrap()
}

fn holds(family: &mut Family, pid: u32) -> usize {
    family.tell(pid, "count");
    family.expect(pid, "holds").details.parse().unwrap()
}

both_ways! {
    fn ten_thousand_open_connections_are_drained_by_the_one_that_took_them(way: Way) {
        let (_, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        let crowd = CROWD.min(most.saturating_sub(500) / 2);
        let mut family = Family::new();
        let (first, address) = family.set("ROLE", "crowd").start_service();
        let clients: Vec<TcpStream> =
            (0..crowd).map(|_| TcpStream::connect(&address).unwrap()).collect();
        wait_until(|| holds(&mut family, first) == clients.len(), || "not all are taken".into());
        let second = family.succeed(first, way);
        family.expect(second, "ready");
        family.expect(first, "exit");
        assert!(clients.iter().all(|client| ask(client) == 1), "an old connection has moved");
        assert_eq!(ask(&TcpStream::connect(&address).unwrap()), 2);
        drop(clients);
        family.expect(first, "drained");
        family.expect_end(first);
        assert_eq!(ask(&TcpStream::connect(&address).unwrap()), 2);
    }
}
