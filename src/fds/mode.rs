//! `O_NONBLOCK`, which belongs to the open description and so to both generations.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use heirloom_proto::Name;
use nix::fcntl::{FcntlArg, OFlag, fcntl};

use super::passable::Mode;
use super::{Fds, Passable};
use crate::error::{Error, ErrorKind};

impl Fds {
    /// Checks that a descriptor is in the mode that is asked for, or switches it if that is.
    pub(super) fn check_mode<T: Passable>(
        &self,
        descriptor: BorrowedFd<'_>,
        name: &Name,
        how: &str,
    ) -> Result<(), Error> {
        let trouble =
            |error| Error::io(format!("the mode of {} {name} cannot be read", T::KIND), error);
        let set = is_nonblocking(&descriptor).map_err(trouble)?;
        let wanted = match T::MODE {
            Mode::Any => return Ok(()),
            Mode::Chosen => self.nonblocking,
            Mode::Nonblocking => true,
        };
        if set == wanted {
            return Ok(());
        }
        if self.switch {
            return set_nonblocking(&descriptor, wanted).map_err(trouble);
        }
        let (is, wanted) = match set {
            true => ("non-blocking", "blocking"),
            false => ("blocking", "non-blocking"),
        };
        let text = format!(
            "{} {name} was {how} {is} and is wanted {wanted}; both generations share the mode: \
             ask for the other with `nonblocking()`, or for the change with `switch_mode()`",
            T::KIND
        );
        Err(Error::new(ErrorKind::WrongMode, text))
    }
}

fn is_nonblocking(descriptor: &impl AsFd) -> io::Result<bool> {
    let flags = OFlag::from_bits_retain(fcntl(descriptor, FcntlArg::F_GETFL)?);
    Ok(flags.contains(OFlag::O_NONBLOCK))
}

pub(super) fn set_nonblocking(descriptor: &impl AsFd, on: bool) -> io::Result<()> {
    let mut flags = OFlag::from_bits_retain(fcntl(descriptor, FcntlArg::F_GETFL)?);
    flags.set(OFlag::O_NONBLOCK, on);
    fcntl(descriptor, FcntlArg::F_SETFL(flags))?;
    Ok(())
}
