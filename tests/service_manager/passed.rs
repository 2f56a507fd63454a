//! Sockets that come by `LISTEN_FDS`. Each test runs itself again in a process that has them.

use std::env;
use std::net::{TcpListener, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::process::{Command, Stdio};

use heirloom::{ErrorKind, Systemd, Takeover, UnixSeqpacketListener, Upgrader, testing};
use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use socket2::SockRef;

/// Runs the test again with two descriptors passed, by these names and to this process unless another is
/// named. Tells whether this is that process; the test is over otherwise.
fn is_passed(test: &str, pid: &str, names: &str, passed: [OwnedFd; 2]) -> bool {
    if env::var_os("HEIRLOOM_COOKIES").is_some() {
        return true;
    }
    let exec = r#"exec "$0" "$1" --exact --nocapture 3<&0 4<&2 </dev/null 2>&1"#;
    let script = format!("export LISTEN_PID={pid} LISTEN_FDS=2 LISTEN_FDNAMES={names}; {exec}");
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]).arg(env::current_exe().unwrap()).arg(format!("passed::{test}"));
    shell.env("HEIRLOOM_COOKIES", passed.each_ref().map(|it| cookie(it).to_string()).join(" "));
    shell.env("HEIRLOOM_ADDRESSES", passed.each_ref().map(bound_to).join(" "));
    let [first, second] = passed;
    shell.stdin(first).stderr(second).stdout(Stdio::piped());
    let output = shell.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    false
}

fn listener() -> OwnedFd {
    TcpListener::bind("127.0.0.1:0").unwrap().into()
}

fn upgrader() -> Upgrader {
    Upgrader::builder().systemd(Systemd::new()).start().unwrap()
}

/// Equal for two descriptors of one socket, and for no other socket of this kernel's life.
fn cookie(socket: impl AsFd) -> u64 {
    SockRef::from(&socket).cookie().unwrap()
}

/// An address as `bind` takes it.
fn bound_to(socket: &OwnedFd) -> String {
    let address = SockRef::from(socket).local_addr().unwrap();
    let path = address.as_pathname().map(|path| path.display().to_string());
    let name = || Some(format!("@{}", str::from_utf8(address.as_abstract_namespace()?).unwrap()));
    let internet = || address.as_socket().map(|address| address.to_string());
    path.or_else(name).or_else(internet).unwrap()
}

/// The cookie of what was passed.
fn passed(index: usize) -> u64 {
    word("HEIRLOOM_COOKIES", index).parse().unwrap()
}

/// The address of what was passed.
fn address(index: usize) -> String {
    word("HEIRLOOM_ADDRESSES", index)
}

fn word(variable: &str, index: usize) -> String {
    env::var(variable).unwrap().split(' ').nth(index).unwrap().into()
}

#[test]
fn a_socket_is_found_by_its_address_and_the_application_has_it_in_the_mode_it_asks_for() {
    if !is_passed(
        "a_socket_is_found_by_its_address_and_the_application_has_it_in_the_mode_it_asks_for",
        "$$",
        "unknown:unknown",
        [listener(), listener()],
    ) {
        return;
    }
    let upgrader = upgrader();
    let blocking: TcpListener = upgrader.fds().bind(address(1)).unwrap();
    let other: TcpListener = upgrader.fds().nonblocking().bind(address(0)).unwrap();
    assert_eq!((cookie(&blocking), cookie(&other)), (passed(1), passed(0)));
    let flags = |socket| OFlag::from_bits_retain(fcntl(socket, FcntlArg::F_GETFL).unwrap());
    assert!(!flags(blocking.as_fd()).contains(OFlag::O_NONBLOCK));
    assert!(flags(other.as_fd()).contains(OFlag::O_NONBLOCK));
    let again = upgrader.fds().bind::<TcpListener>(address(0)).unwrap_err();
    assert_eq!(again.kind(), ErrorKind::NameTaken);
}

#[test]
fn a_socket_is_found_by_its_name_whatever_its_address_and_goes_on_to_the_successor() {
    if !is_passed(
        "a_socket_is_found_by_its_name_whatever_its_address_and_goes_on_to_the_successor",
        "$$",
        "admin:web",
        [listener(), listener()],
    ) {
        return;
    }
    let first = upgrader();
    // As the service is set up where no manager passes it anything.
    let own = "127.0.0.1:1";
    let web: TcpListener = first.fds().bind_as("web", own).unwrap();
    let admin: TcpListener = first.fds().bind_with("admin", || unreachable!()).unwrap();
    assert_eq!((cookie(&admin), cookie(&web)), (passed(0), passed(1)));
    let mut owner = first;
    owner.ready().unwrap();
    for _ in 0..2 {
        let next = testing::successor_of(&owner).unwrap();
        assert!(next.fds().inherited().all(|entry| entry.opaque.is_empty()));
        let inherited: TcpListener = next.fds().bind_as("web", own).unwrap();
        assert_eq!(cookie(&inherited), cookie(&web));
        let _: Option<TcpListener> = next.fds().claim("admin").unwrap();
        next.ready().unwrap();
        owner = next;
    }
}

#[test]
fn a_socket_of_any_address_is_found_as_one_of_ipv4_and_goes_on_under_a_name() {
    let any = || TcpListener::bind("[::]:0").unwrap().into();
    let test = "a_socket_of_any_address_is_found_as_one_of_ipv4_and_goes_on_under_a_name";
    if !is_passed(test, "$$", "x:y", [any(), any()]) {
        return;
    }
    let at = address(1).replace("[::]", "0.0.0.0");
    let first = upgrader();
    let web: TcpListener = first.fds().bind_as("web", &at).unwrap();
    assert_eq!(cookie(&web), passed(1));
    first.ready().unwrap();
    let second = testing::successor_of(&first).unwrap();
    let inherited: TcpListener = second.fds().bind_as("web", &at).unwrap();
    assert_eq!(cookie(&inherited), cookie(&web));
}

#[test]
fn what_the_predecessor_hands_over_is_preferred() {
    if !is_passed(
        "what_the_predecessor_hands_over_is_preferred",
        "$$",
        "web:web",
        [listener(), listener()],
    ) {
        return;
    }
    let first = testing::first().unwrap();
    let web: TcpListener = first.fds().bind_as("web", "127.0.0.1:0").unwrap();
    first.ready().unwrap();
    let second = Upgrader::builder()
        .handoff_socket(first.handoff_socket())
        .takeover(Takeover::Require)
        .systemd(Systemd::new())
        .start()
        .unwrap();
    let inherited: TcpListener = second.fds().bind_as("web", "127.0.0.1:0").unwrap();
    assert_eq!(cookie(&inherited), cookie(&web));
}

#[test]
fn every_upgrader_of_a_process_finds_them_and_no_program_that_it_starts() {
    if !is_passed(
        "every_upgrader_of_a_process_finds_them_and_no_program_that_it_starts",
        "$$",
        "a:b",
        [listener(), UdpSocket::bind("127.0.0.1:0").unwrap().into()],
    ) {
        return;
    }
    for _ in 0..2 {
        let upgrader = upgrader();
        let tcp: TcpListener = upgrader.fds().bind(address(0)).unwrap();
        assert_eq!(cookie(&tcp), passed(0));
        // Its name fits, and its type does not.
        assert!(upgrader.fds().claim::<TcpListener>("b").unwrap().is_none());
        let udp: UdpSocket = upgrader.fds().claim("b").unwrap().unwrap();
        assert_eq!(cookie(&udp), passed(1));
        let flags = FdFlag::from_bits_retain(fcntl(&tcp, FcntlArg::F_GETFD).unwrap());
        assert!(flags.contains(FdFlag::FD_CLOEXEC));
    }
    assert_eq!(env::var("LISTEN_FDS").unwrap(), "2", "the environment is as it was");
    let child = Command::new("sh").args(["-c", "exec 2>&-; ls -l /proc/$$/fd"]).output().unwrap();
    let listed = String::from_utf8(child.stdout).unwrap();
    assert!(!listed.contains("socket:"), "{listed}");
}

#[test]
fn what_was_passed_to_another_process_is_left_alone() {
    if !is_passed(
        "what_was_passed_to_another_process_is_left_alone",
        "1",
        "web:web",
        [listener(), listener()],
    ) {
        return;
    }
    let upgrader = upgrader();
    let own: TcpListener = upgrader.fds().bind_as("web", "127.0.0.1:0").unwrap();
    assert!(cookie(&own) != passed(0) && cookie(&own) != passed(1));
    let taken = upgrader.fds().bind::<TcpListener>(address(0)).unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::AddressInUse);
}

#[test]
fn nothing_is_taken_unless_it_was_asked_for() {
    if !is_passed(
        "nothing_is_taken_unless_it_was_asked_for",
        "$$",
        "web:web",
        [listener(), listener()],
    ) {
        return;
    }
    for builder in
        [Upgrader::builder(), Upgrader::builder().systemd(Systemd::new().socket_activation(false))]
    {
        let own: TcpListener =
            builder.start().unwrap().fds().bind_as("web", "127.0.0.1:0").unwrap();
        assert!(cookie(&own) != passed(0) && cookie(&own) != passed(1));
    }
}

#[test]
fn unix_sockets_that_were_passed_are_found_by_their_paths_and_stay_there() {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["stream", "datagram"].map(|name| folder.path().join(name));
    let stream = UnixListener::bind(&paths[0]).unwrap();
    let datagram = UnixDatagram::bind(&paths[1]).unwrap();
    let test = "unix_sockets_that_were_passed_are_found_by_their_paths_and_stay_there";
    if !is_passed(test, "$$", "x:x", [stream.into(), datagram.into()]) {
        assert!(paths.iter().all(|path| path.exists()));
        return;
    }
    let first = upgrader();
    let stream: UnixListener = first.fds().bind(address(0)).unwrap();
    let datagram: UnixDatagram = first.fds().bind(address(1)).unwrap();
    assert_eq!((cookie(&stream), cookie(&datagram)), (passed(0), passed(1)));
    first.ready().unwrap();
    let second = testing::successor_of(&first).unwrap();
    let stream: UnixListener = second.fds().bind(address(0)).unwrap();
    let datagram: UnixDatagram = second.fds().bind(address(1)).unwrap();
    assert_eq!((cookie(&stream), cookie(&datagram)), (passed(0), passed(1)));
    second.ready().unwrap();
    second.stop();
    second.exit().wait();
}

#[test]
fn sockets_of_datagrams_and_packets_are_found_by_their_addresses_and_go_on() {
    let test = "sockets_of_datagrams_and_packets_are_found_by_their_addresses_and_go_on";
    let first = testing::first().unwrap();
    let name = format!("@{test}-{}", std::process::id());
    let packet: UnixSeqpacketListener = first.fds().bind(name).unwrap();
    let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    if !is_passed(test, "$$", "x:x", [udp.into(), packet.into()]) {
        return;
    }
    let first = upgrader();
    let udp: UdpSocket = first.fds().nonblocking().bind(address(0)).unwrap();
    let packet: UnixSeqpacketListener = first.fds().bind(address(1)).unwrap();
    assert_eq!((cookie(&udp), cookie(&packet)), (passed(0), passed(1)));
    first.ready().unwrap();
    let second = testing::successor_of(&first).unwrap();
    let udp: UdpSocket = second.fds().nonblocking().bind(address(0)).unwrap();
    let packet: UnixSeqpacketListener = second.fds().bind(address(1)).unwrap();
    assert_eq!((cookie(&udp), cookie(&packet)), (passed(0), passed(1)));
    second.ready().unwrap();
}
