//! The file that keeps two starts on one path apart.

use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::libc;

use super::wait_a_little;
use crate::address::UnixAddress;
use crate::error::{Error, ErrorKind};

/// Locks a file beside `path`, which stays there: removing it would undo the lock for the next one.
pub(super) fn lock_beside(path: &Path, address: &UnixAddress) -> Result<Flock<File>, Error> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let name = PathBuf::from(name);
    let trouble =
        |error| Error::io(format!("the handoff socket {address} cannot be created"), error);
    match open(&name) {
        Ok(Some(file)) => lock(file, &name).map_err(trouble),
        Ok(None) => Err(no_lock(&name)),
        // What is there could not even be opened for writing.
        Err(_) if name.symlink_metadata().is_ok_and(|found| !found.is_file()) => {
            Err(no_lock(&name))
        }
        Err(error) => Err(trouble(error)),
    }
}

/// Opens the file and waits for nothing, as one would for the reader of a FIFO: see `fifo(7)`. `None`
/// when it is no regular file.
fn open(name: &Path) -> io::Result<Option<File>> {
    let file = File::options()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY)
        .open(name)?;
    Ok(file.metadata()?.is_file().then_some(file))
}

fn lock(mut file: File, name: &Path) -> io::Result<Flock<File>> {
    /// How long a start may wait for another start on the same path.
    const PATIENCE: Duration = Duration::from_secs(2);
    let deadline = Instant::now() + PATIENCE;
    loop {
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(lock) => return Ok(lock),
            Err((_, errno)) if errno != Errno::EAGAIN || Instant::now() > deadline => {
                let text = format!("{} stays locked by another start", name.display());
                return Err(io::Error::new(io::Error::from(errno).kind(), text));
            }
            Err((unlocked, _)) => file = unlocked,
        }
        wait_a_little();
    }
}

fn no_lock(name: &Path) -> Error {
    let text = format!(
        "{} exists and is no regular file, which a start has to lock: remove it or choose another \
         handoff socket",
        name.display()
    );
    Error::new(ErrorKind::InvalidAddress, text)
}
