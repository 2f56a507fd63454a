//! The sealed memory in which a state travels: see `memfd_create(2)`, `F_ADD_SEALS` in `fcntl(2)`.

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::BorrowedFd;

use heirloom_proto::limits::MAX_STATE;
use heirloom_proto::{Entry, Kind, Schema};
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::stat::fstat;

/// What `/proc/self/maps` and `lsof` show.
const NAME: &CStr = c"heirloom-state";

/// Nobody writes to it any more, cuts it or makes it longer, for ever.
const SEALS: SealFlag = SealFlag::F_SEAL_WRITE
    .union(SealFlag::F_SEAL_SHRINK)
    .union(SealFlag::F_SEAL_GROW)
    .union(SealFlag::F_SEAL_SEAL);

/// Memory that can be written to and sealed.
pub(super) fn create() -> io::Result<File> {
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    Ok(File::from(memfd_create(NAME, flags)?))
}

/// Seals it, unless it holds more than may be handed over.
pub(super) fn seal(memory: &File) -> io::Result<()> {
    check_size(memory.metadata()?.len()).map_err(io::Error::other)?;
    match fcntl(memory, FcntlArg::F_ADD_SEALS(SEALS)) {
        Ok(_) => Ok(()),
        Err(Errno::EBUSY) => {
            Err(io::Error::other("it is still mapped for writing: unmap it before returning"))
        }
        Err(errno) => Err(errno.into()),
    }
}

/// Checks that what came for an entry of state cannot change any more and is not too much, and that
/// the entry tells a schema. The text names what is wrong.
pub(crate) fn check(entry: &Entry, memory: BorrowedFd<'_>) -> Result<(), String> {
    let named = |text: String| format!("{} {}: {text}", entry.kind, entry.name);
    let schema = Schema::from_bytes(entry.opaque.as_bytes());
    schema.map_err(|error| named(error.to_string()))?;
    let seals = fcntl(memory, FcntlArg::F_GET_SEALS).map(SealFlag::from_bits_retain);
    match seals {
        Ok(seals) if seals.contains(SEALS) => {}
        Ok(seals) => return Err(named(format!("it lacks the seals {:?}", SEALS - seals))),
        Err(_) => return Err(named("it is no memory that can be sealed".into())),
    }
    let size = fstat(memory).map_err(|errno| named(format!("it cannot be looked at: {errno}")))?;
    let size = u64::try_from(size.st_size).unwrap_or(u64::MAX);
    match (entry.kind, size) {
        (Kind::LastWords, 1..) => Err(named(format!("it has {size} bytes before it was said"))),
        _ => check_size(size).map_err(named),
    }
}

fn check_size(size: u64) -> Result<(), String> {
    match size {
        ..=MAX_STATE => Ok(()),
        _ => Err(too_much(size)),
    }
}

pub(super) fn too_much(size: u64) -> String {
    format!(
        "it has {size} bytes, at most {MAX_STATE} are allowed: hand over the file that holds them"
    )
}
