//! Bytes that nobody can guess.

use std::io;

use nix::libc;

/// Fills 32 bytes from the kernel's generator: see `getrandom(2)`.
pub(crate) fn random() -> io::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    // SAFETY: the pointer and the length describe `bytes`. Up to 256 bytes are filled in one call.
    let filled = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
    match usize::try_from(filled) {
        Ok(filled) if filled == bytes.len() => Ok(bytes),
        _ => Err(io::Error::last_os_error()),
    }
}
