//! The memfd whose lock decides who owns the service: see `memfd_create(2)`, `flock(2)`.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use heirloom_proto::Lock;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, SealFlag, fcntl, open};
use nix::libc;
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::stat::Mode;
use nix::sys::uio::{pread, pwrite};
use nix::unistd::ftruncate;

/// One open description of the token. A lock belongs to the description: it is held until it is
/// unlocked or the last copy of the description is closed, by death too.
#[derive(Debug)]
pub(crate) struct Token(OwnedFd);

/// What `/proc/self/maps` and `lsof` show.
const NAME: &CStr = c"heirloom-token";

/// Bytes of the token: the number of the latest attempt, little-endian.
const LENGTH: usize = size_of::<u64>();

impl Token {
    /// Makes a new token and locks it.
    pub(crate) fn create(attempt: u64) -> io::Result<Self> {
        let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
        let memory = memfd_create(NAME, flags)?;
        ftruncate(&memory, LENGTH as i64)?;
        let seals = SealFlag::F_SEAL_GROW | SealFlag::F_SEAL_SHRINK | SealFlag::F_SEAL_SEAL;
        fcntl(&memory, FcntlArg::F_ADD_SEALS(seals))?;
        let token = Self::received(memory);
        token.write_attempt(attempt)?;
        match token.try_lock()? {
            Lock::Got { .. } => Ok(token),
            Lock::Held { .. } => Err(io::Error::other("a new token was locked by somebody else")),
        }
    }

    /// Takes a description that the predecessor has opened for this process.
    pub(crate) fn received(descriptor: OwnedFd) -> Self {
        Self(descriptor)
    }

    /// Opens a second description, for a successor.
    pub(crate) fn open_again(&self) -> io::Result<OwnedFd> {
        let path = format!("/proc/self/fd/{}", self.0.as_raw_fd());
        open(path.as_str(), OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty()).map_err(|errno| {
            if matches!(errno, Errno::EMFILE | Errno::ENFILE) {
                return errno.into();
            }
            let text = format!("the token cannot be opened through {path}: {errno}; mount /proc");
            io::Error::new(io::Error::from(errno).kind(), text)
        })
    }

    /// Locks the token if nobody else has.
    pub(crate) fn try_lock(&self) -> io::Result<Lock> {
        let locked = match self.flock(libc::LOCK_EX | libc::LOCK_NB) {
            Ok(()) => true,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => false,
            Err(error) => return Err(error),
        };
        let attempt = match self.read_attempt() {
            Ok(attempt) => attempt,
            Err(error) => {
                // A lock that is not told of must not stay.
                if locked {
                    self.unlock()?;
                }
                return Err(error);
            }
        };
        Ok(if locked { Lock::Got { attempt } } else { Lock::Held { attempt } })
    }

    /// Lets the token go, whatever copies of this description there are.
    pub(crate) fn unlock(&self) -> io::Result<()> {
        self.flock(libc::LOCK_UN)
    }

    /// Writes the number of the attempt that begins.
    pub(crate) fn write_attempt(&self, attempt: u64) -> io::Result<()> {
        pwrite(&self.0, &attempt.to_le_bytes(), 0)?;
        Ok(())
    }

    fn read_attempt(&self) -> io::Result<u64> {
        let mut bytes = [0; LENGTH];
        match pread(&self.0, &mut bytes, 0)? {
            LENGTH => Ok(u64::from_le_bytes(bytes)),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// `flock(2)` itself, and no wrapper that may one day take another kind of lock: two builds of
    /// a service must mean the same lock.
    fn flock(&self, operation: libc::c_int) -> io::Result<()> {
        loop {
            // SAFETY: the descriptor is open; the call takes integers.
            match unsafe { libc::flock(self.0.as_raw_fd(), operation) } {
                0 => return Ok(()),
                _ if Errno::last() == Errno::EINTR => {}
                _ => return Err(io::Error::last_os_error()),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::stat::fstat;

    #[test]
    fn the_lock_belongs_to_one_description_and_dies_with_it() {
        let owner = Token::create(7).unwrap();
        let successor = Token::received(owner.open_again().unwrap());
        assert_eq!(successor.try_lock().unwrap(), Lock::Held { attempt: 7 });
        owner.unlock().unwrap();
        assert_eq!(successor.try_lock().unwrap(), Lock::Got { attempt: 7 });
        assert_eq!(owner.try_lock().unwrap(), Lock::Held { attempt: 7 });
        drop(successor);
        assert_eq!(owner.try_lock().unwrap(), Lock::Got { attempt: 7 });
    }

    #[test]
    fn unlocking_reaches_every_copy_of_the_description() {
        let owner = Token::create(0).unwrap();
        let leaked = owner.0.try_clone().unwrap();
        let successor = Token::received(owner.open_again().unwrap());
        owner.unlock().unwrap();
        assert!(matches!(successor.try_lock().unwrap(), Lock::Got { .. }));
        drop(leaked);
    }

    #[test]
    fn a_copy_keeps_the_lock_when_the_owner_is_gone() {
        let owner = Token::create(0).unwrap();
        let successor = Token::received(owner.open_again().unwrap());
        let leaked = owner.0.try_clone().unwrap();
        drop(owner);
        assert!(matches!(successor.try_lock().unwrap(), Lock::Held { .. }));
        drop(leaked);
        assert!(matches!(successor.try_lock().unwrap(), Lock::Got { .. }));
    }

    #[test]
    fn the_attempt_is_seen_through_every_description_and_the_length_is_sealed() {
        let owner = Token::create(1).unwrap();
        let successor = Token::received(owner.open_again().unwrap());
        owner.write_attempt(u64::MAX).unwrap();
        assert_eq!(successor.try_lock().unwrap(), Lock::Held { attempt: u64::MAX });
        assert_eq!(ftruncate(&successor.0, 0), Err(Errno::EPERM));
        assert_eq!(ftruncate(&successor.0, 4096), Err(Errno::EPERM));
    }

    #[test]
    fn every_description_is_closed_by_exec() {
        let owner = Token::create(0).unwrap();
        for descriptor in [&owner.0, &owner.open_again().unwrap()] {
            assert!(fstat(descriptor).is_ok());
            let flags = fcntl(descriptor, FcntlArg::F_GETFD).unwrap();
            assert_eq!(flags & libc::FD_CLOEXEC, libc::FD_CLOEXEC);
        }
    }
}
