//! How a successor is spawned, and how it finds that out.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use heirloom_proto::Secret;

use crate::address::{UnixAddress, hex, unhex};
use crate::sys::pidfd::PidFd;
use crate::sys::spawn::spawn;

/// The variable that tells a spawned successor where its predecessor listens.
const SOCKET: &str = "HEIRLOOM_SOCKET";

/// The variable with which a spawned successor proves that it is the one; good for one handoff.
const SECRET: &str = "HEIRLOOM_SECRET";

/// What a service manager tells to the one process that it starts: descriptors that no successor has by
/// the same numbers, and whose watchdog it is. See `sd_listen_fds(3)`, `sd_watchdog_enabled(3)`.
const FOR_THIS_PROCESS: [&str; 4] = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "WATCHDOG_PID"];

/// All that is known of a program whose process somebody else has reaped.
const NOT_BEGUN: &str = "the program has not begun, and its process was reaped by somebody else";

/// What is run to make a successor. Taken from this process as it began, since a service may change
/// its directory and an installer its binary.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    pub(crate) program: PathBuf,
    pub(crate) arguments: Vec<OsString>,
    pub(crate) environment: Vec<(OsString, OsString)>,
    pub(crate) directory: Option<PathBuf>,
}

impl Launch {
    /// This process over again: `argv[0]` made absolute, with the same arguments and directory.
    pub(crate) fn of_this_process() -> Self {
        let mut arguments = env::args_os();
        let program = arguments.next().map(PathBuf::from).unwrap_or_default();
        Self {
            program: locate(&program),
            arguments: arguments.collect(),
            environment: Vec::new(),
            directory: env::current_dir().ok(),
        }
    }

    /// The program's file name: the service label unless one is set.
    pub(crate) fn file_name(&self) -> String {
        self.program.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Starts a successor on a thread of its own, which tells what becomes of it and ends: a program
    /// begins when `execve(2)` has found it, and a file system that hangs may never let it.
    ///
    /// # Errors
    ///
    /// Those of the thread.
    pub(crate) fn spawn(
        &self,
        socket: &UnixAddress,
        secret: Secret,
        tell: impl FnOnce(io::Result<Launched>) + Send + 'static,
        needless: Arc<AtomicBool>,
    ) -> io::Result<()> {
        let mut command = self.command(socket, secret);
        let begin = move || {
            // The standard library panics where an application waits for children that are not its own,
            // or has the kernel reap them all.
            let spawned = catch_unwind(AssertUnwindSafe(|| spawn(&mut command)));
            let spawned = spawned.unwrap_or_else(|_| Err(io::Error::other(NOT_BEGUN)));
            tell(spawned.map(|child| Launched { child: Some(child), needless }));
        };
        thread::Builder::new().name("heirloom-spawn".into()).spawn(begin)?;
        Ok(())
    }

    fn command(&self, socket: &UnixAddress, secret: Secret) -> Command {
        let mut command = Command::new(&self.program);
        for name in FOR_THIS_PROCESS {
            command.env_remove(name);
        }
        command.args(&self.arguments).envs(self.environment.iter().cloned());
        command.env(SOCKET, socket.to_string()).env(SECRET, hex(&secret.0));
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        command
    }
}

impl fmt::Display for Launch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.program.display().fmt(f)
    }
}

/// A child whose program has begun. Dropping it before anybody watches it ends it if it is needless:
/// one that is not may own the service by then, and nobody be left to watch it.
#[derive(Debug)]
pub(crate) struct Launched {
    child: Option<Child>,
    needless: Arc<AtomicBool>,
}

impl Launched {
    /// The child, and what tells its end.
    ///
    /// # Errors
    ///
    /// Those of `pidfd_open(2)`.
    pub(crate) fn watch(&mut self) -> io::Result<(Child, PidFd)> {
        let child = self.child.as_ref().ok_or(io::ErrorKind::NotFound)?;
        let process = PidFd::open(child.id().cast_signed())?;
        let child = self.child.take().ok_or(io::ErrorKind::NotFound)?;
        Ok((child, process))
    }

    pub(crate) fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }
}

impl Drop for Launched {
    fn drop(&mut self) {
        let needless = self.needless.load(Ordering::SeqCst);
        if let Some(child) = self.child.as_mut().filter(|_| needless) {
            // It may have ended by itself. What is killed ends at once.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// What a spawned successor was told by its predecessor.
pub(crate) struct Spawned {
    pub(crate) socket: UnixAddress,
    /// `None` once it is known to be void.
    pub(crate) secret: Option<Secret>,
}

impl Spawned {
    /// Reads what the predecessor has told, if this process was spawned by one.
    pub(crate) fn from_environment() -> Option<Self> {
        let socket = UnixAddress::parse(&env::var(SOCKET).ok()?).ok()?;
        let secret = Secret(unhex(&env::var(SECRET).ok()?)?);
        Some(Self { socket, secret: Some(secret) })
    }
}

/// Makes a program's name absolute: as it is spelled if it has a slash, or else looked up in `PATH`
/// as the shell did that started this process.
fn locate(program: &Path) -> PathBuf {
    if program.components().count() > 1 {
        return std::path::absolute(program).unwrap_or_else(|_| program.into());
    }
    let folders = env::var_os("PATH").unwrap_or_default();
    let candidates = env::split_paths(&folders).map(|folder| folder.join(program));
    let found = candidates.into_iter().find(|candidate| candidate.is_file());
    found.and_then(|found| std::path::absolute(found).ok()).unwrap_or_else(|| program.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::wait::waitpid;
    use nix::unistd::Pid;
    use std::process::Stdio;

    #[test]
    fn one_that_nobody_watches_is_ended_if_it_is_needless_and_no_other_is() {
        for needless in [false, true] {
            // It lives for as long as its standard input is open.
            let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
            let (input, pid) = (child.stdin.take(), child.id().cast_signed());
            let process = PidFd::open(pid).unwrap();
            let needless = Arc::new(AtomicBool::new(needless));
            drop(Launched { child: Some(child), needless: Arc::clone(&needless) });
            assert_eq!(process.has_ended(), needless.load(Ordering::SeqCst));
            drop(input);
            // It is reaped already if it was ended.
            let _ = waitpid(Pid::from_raw(pid), None);
        }
    }
}
