//! The mark of a socket whose address is a service manager's to choose: the next generations take it under
//! its name, wherever it is bound.

use heirloom_proto::Entry;
#[cfg(feature = "systemd")]
use heirloom_proto::Opaque;

/// Stands where the bytes of the application do, which gives none to a socket that it binds.
const MARK: &[u8] = b"heirloom: placed by a service manager";

/// What the entry of such a socket carries.
#[cfg(feature = "systemd")]
pub(super) fn mark() -> Opaque {
    Opaque::try_from(MARK.to_vec()).unwrap_or_default()
}

pub(super) fn is_marked(entry: &Entry) -> bool {
    entry.opaque.as_bytes() == MARK
}

/// The bytes that the application has given.
pub(super) fn own_bytes(entry: &Entry) -> Vec<u8> {
    if is_marked(entry) { Vec::new() } else { entry.opaque.as_bytes().to_vec() }
}
