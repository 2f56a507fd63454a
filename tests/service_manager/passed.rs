//! Sockets that come by `LISTEN_FDS`. Each test runs itself again in a process that has them.

use std::env;
use std::net::{TcpListener, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};

use heirloom::{ErrorKind, Systemd, Takeover, Upgrader, testing};
use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use nix::sys::stat::fstat;

/// Runs the test again with two descriptors passed, by these names and to this process unless another is
/// named. Tells whether this is that process; the test is over otherwise.
fn is_passed(test: &str, pid: &str, names: &str, passed: [OwnedFd; 2]) -> bool {
    if env::var_os("HEIRLOOM_PASSED").is_some() {
        return true;
    }
    let [first, second] = passed;
    let exec = r#"exec "$0" "$1" --exact --nocapture 3<&0 4<&2 </dev/null 2>&1"#;
    let script = format!("export LISTEN_PID={pid} LISTEN_FDS=2 LISTEN_FDNAMES={names}; {exec}");
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]).arg(env::current_exe().unwrap()).arg(format!("passed::{test}"));
    shell.env("HEIRLOOM_PASSED", "yes").stdin(first).stderr(second).stdout(Stdio::piped());
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

fn number(descriptor: impl AsFd) -> u64 {
    fstat(descriptor).unwrap().st_ino
}

/// What lies at a number that was passed.
fn passed(index: u32) -> u64 {
    std::fs::metadata(format!("/proc/self/fd/{}", 3 + index))
        .map(|it| std::os::unix::fs::MetadataExt::ino(&it))
        .unwrap()
}

/// The address of what was passed, as the kernel tells it.
fn address(index: u32) -> String {
    let inode = passed(index).to_string();
    let sockets = std::fs::read_to_string("/proc/self/net/tcp").unwrap();
    let line = sockets.lines().find(|line| line.split_whitespace().nth(9) == Some(&inode)).unwrap();
    let port = line.split_whitespace().nth(1).unwrap().rsplit(':').next().unwrap();
    format!("127.0.0.1:{}", u16::from_str_radix(port, 16).unwrap())
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
    assert_eq!((number(&blocking), number(&other)), (passed(1), passed(0)));
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
    let web: TcpListener = first.fds().bind_as("web", "127.0.0.1:0").unwrap();
    let admin: TcpListener = first.fds().bind_with("admin", || unreachable!()).unwrap();
    assert_eq!((number(&admin), number(&web)), (passed(0), passed(1)));
    first.ready().unwrap();
    let second = testing::successor_of(&first).unwrap();
    let inherited: TcpListener = second.fds().bind_as("web", "127.0.0.1:0").unwrap();
    assert_eq!(number(&inherited), number(&web));
    second.ready().unwrap();
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
    assert_eq!(number(&inherited), number(&web));
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
        assert_eq!(number(&tcp), passed(0));
        // Its name fits, and its type does not.
        assert!(upgrader.fds().claim::<TcpListener>("b").unwrap().is_none());
        let udp: UdpSocket = upgrader.fds().claim("b").unwrap().unwrap();
        assert_eq!(number(&udp), passed(1));
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
    assert!(number(&own) != passed(0) && number(&own) != passed(1));
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
        assert!(number(&own) != passed(0) && number(&own) != passed(1));
    }
}

#[test]
fn the_path_of_a_unix_socket_that_was_passed_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = env::var("HEIRLOOM_PATH").map_or(folder.path().join("socket"), Into::into);
    if env::var_os("HEIRLOOM_PASSED").is_none() {
        let shown = path.to_str().unwrap();
        let names = format!("x:x HEIRLOOM_PATH={shown}");
        let unix = UnixListener::bind(&path).unwrap();
        let test = "the_path_of_a_unix_socket_that_was_passed_stays";
        is_passed(test, "$$", &names, [unix.into(), listener()]);
        assert!(path.exists());
        return;
    }
    let upgrader = upgrader();
    let unix: UnixListener = upgrader.fds().bind(path.display()).unwrap();
    assert_eq!(number(&unix), passed(0));
    upgrader.ready().unwrap();
    upgrader.stop();
    upgrader.exit().wait();
    assert!(path.exists());
}
