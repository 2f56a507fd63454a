//! How a successor is spawned, and how it finds that out.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use heirloom_proto::Secret;

use crate::address::{UnixAddress, hex, unhex};
use crate::sys::spawn::spawn;

/// The variable that tells a spawned successor where its predecessor listens.
const SOCKET: &str = "HEIRLOOM_SOCKET";

/// The variable with which a spawned successor proves that it is the one; good for one handoff.
const SECRET: &str = "HEIRLOOM_SECRET";

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

    /// Starts a successor.
    pub(crate) fn spawn(&self, socket: &UnixAddress, secret: Secret) -> io::Result<Child> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).envs(self.environment.iter().cloned());
        command.env(SOCKET, socket.to_string()).env(SECRET, hex(&secret.0));
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        spawn(&mut command)
    }
}

impl fmt::Display for Launch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.program.display().fmt(f)
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
