//! A service with a socket of every kind that is kept, in place of the one of `examples/systemd`.

use std::error::Error;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::{TcpListener, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixListener, UnixStream};

use heirloom::{Bind, Signal, Systemd, UnixSeqpacketListener, Upgrader};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use signal_hook::consts::SIGTERM;
use signal_hook::low_level::pipe;
use socket2::SockRef;

use crate::machine::{Machine, wait_until};

/// How many kinds there are.
pub(crate) const COUNT: usize = 5;

/// Where its Unix sockets lie.
pub(crate) const PATHS: [&str; 3] = ["/run/stream", "/run/datagram", "/run/packet"];

/// The first argument of the service of this file.
pub(crate) const WORD: &str = "every-kind";

/// Binds everything, tells in a file which sockets these are, and serves nobody.
pub(crate) fn run(mut arguments: impl Iterator<Item = String>) -> Result<(), Box<dyn Error>> {
    let file = arguments.next().ok_or("needs a file")?;
    let (terminated, signal) = UnixStream::pair()?;
    pipe::register(SIGTERM, signal)?;
    let upgrader = Upgrader::builder()
        .handoff_socket("/run/svc.sock")
        .systemd(Systemd::new().descriptor_store(arguments.next().is_some()))
        .start()?;
    let sockets = bind_all(&upgrader)?;
    let cookies: Result<Vec<_>, _> = sockets.iter().map(|it| SockRef::from(it).cookie()).collect();
    let line = format!("{:?}\n", cookies?);
    OpenOptions::new().append(true).create(true).open(file)?.write_all(line.as_bytes())?;
    upgrader.upgrade_on(Signal::SIGHUP)?;
    upgrader.ready()?;
    let exit = upgrader.exit();
    let watch = |descriptor| PollFd::new(descriptor, PollFlags::POLLIN);
    let mut set = [watch(exit.as_fd()), watch(terminated.as_fd())];
    while poll(&mut set, PollTimeout::NONE) == Err(Errno::EINTR) {} // SIGHUP interrupts it
    if !exit.is_fired() {
        upgrader.stop();
    }
    Ok(())
}

fn bind_all(upgrader: &Upgrader) -> Result<[OwnedFd; COUNT], heirloom::Error> {
    let [stream, datagram, packet] = PATHS;
    Ok([
        bind::<TcpListener>(upgrader, "127.0.0.1:7000")?,
        bind::<UdpSocket>(upgrader, "127.0.0.1:7000")?,
        bind::<UnixListener>(upgrader, stream)?,
        bind::<UnixDatagram>(upgrader, datagram)?,
        bind::<UnixSeqpacketListener>(upgrader, packet)?,
    ])
}

fn bind<T: Bind + Into<OwnedFd>>(
    upgrader: &Upgrader,
    at: &str,
) -> Result<OwnedFd, heirloom::Error> {
    upgrader.fds().bind::<T>(at).map(Into::into)
}

impl Machine {
    /// Puts the service of this file in the place of the other.
    pub(crate) fn install_every_kind(&self, option: &str) {
        let file = self.path("sockets");
        self.install_script("svc", &format!("exec SVC {WORD} {} {option}", file.display()));
    }

    /// Waits until so many processes have told which sockets they have, and checks that these are the same.
    pub(crate) fn expect_same_sockets(&self, processes: usize) {
        let mut lines = Vec::new();
        wait_until("a process tells which sockets it has", || {
            let text = fs::read_to_string(self.path("sockets")).unwrap_or_default();
            lines = text.split_inclusive('\n').map(str::to_owned).collect();
            lines.len() == processes && text.ends_with('\n')
        });
        assert!(lines.iter().all(|line| Some(line) == lines.first()), "{lines:?}");
    }

    /// The Unix sockets of the service that lie there.
    pub(crate) fn paths(&self) -> Vec<&'static str> {
        let lies = |path: &&str| self.run(&format!("test -S {path}")).status.success();
        PATHS.into_iter().filter(lies).collect()
    }
}
