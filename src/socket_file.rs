//! The file that a path socket is bound to, and who may unlink it.

use std::os::fd::{AsRawFd, BorrowedFd};
use std::path::{Path, PathBuf};

use heirloom_proto::FileId;
use nix::libc;
use nix::sys::socket::{UnixAddr, getsockname};
use nix::sys::stat::lstat;

use crate::sys::identity::file_id;

/// The file of a path socket as it was when this process came by the socket. Nothing else is ever
/// unlinked: no file that is no socket, whatever a predecessor says, and none of its that has changed
/// hands since.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SocketFile {
    /// Absolute: the application may change its directory.
    path: PathBuf,
    id: FileId,
    /// `None` if that does not matter.
    owner: Option<u32>,
}

impl SocketFile {
    /// The file that `socket` is bound to, if it is still there and is the one that was told.
    pub(crate) fn of(socket: BorrowedFd<'_>, told: FileId) -> Option<Self> {
        let name = getsockname::<UnixAddr>(socket.as_raw_fd()).ok()?;
        Self::at(name.path()?).filter(|file| file.id == told)
    }

    /// The file at a path, if it is a socket.
    fn at(path: &Path) -> Option<Self> {
        let path = std::path::absolute(path).ok()?;
        let stat = lstat(&path).ok()?;
        let is_socket = stat.st_mode & libc::S_IFMT == libc::S_IFSOCK;
        is_socket.then_some(Self { path, id: file_id(&stat), owner: Some(stat.st_uid) })
    }

    /// The same, whomever it is given to: an application does as it likes with what it has bound itself.
    pub(crate) fn of_anybody(self) -> Self {
        Self { owner: None, ..self }
    }

    /// Unlinks it, if it is as it was.
    pub(crate) fn unlink(&self) {
        let is_same = |found: Self| {
            found.id == self.id && (self.owner.is_none() || self.owner == found.owner)
        };
        if Self::at(&self.path).is_some_and(is_same) {
            // Nobody is left to tell; a socket that stays is found stale by the next start.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Unlinks the socket at `path`, if it still is the file `ours`.
pub(crate) fn unlink_if_ours(path: &Path, ours: Option<FileId>) {
    if let Some(file) = SocketFile::at(path).filter(|file| Some(file.id) == ours) {
        file.unlink();
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, rename};
    use std::os::fd::AsFd;
    use std::os::unix::net::UnixListener;

    use super::*;

    fn bound(path: &Path) -> (UnixListener, FileId) {
        let socket = UnixListener::bind(path).unwrap();
        (socket, file_id(&lstat(path).unwrap()))
    }

    #[test]
    fn a_socket_is_unlinked_where_it_was_bound() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let (socket, id) = bound(&path);
        SocketFile::of(socket.as_fd(), id).unwrap().unlink();
        assert!(!path.exists());
    }

    #[test]
    fn a_socket_that_another_has_put_there_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (path, beside) = (folder.path().join("socket"), folder.path().join("beside"));
        let (socket, id) = bound(&path);
        let file = SocketFile::of(socket.as_fd(), id).unwrap();
        let _other = UnixListener::bind(&beside).unwrap();
        rename(&beside, &path).unwrap();
        assert_eq!(SocketFile::of(socket.as_fd(), id), None);
        file.unlink();
        unlink_if_ours(&path, Some(id));
        assert!(path.exists());
    }

    #[test]
    fn a_file_that_is_no_socket_stays_whatever_its_number() {
        let folder = tempfile::tempdir().unwrap();
        let (path, beside) = (folder.path().join("socket"), folder.path().join("beside"));
        let (socket, _) = bound(&path);
        fs::write(&beside, "precious").unwrap();
        rename(&beside, &path).unwrap();
        let id = file_id(&lstat(&path).unwrap());
        assert_eq!(SocketFile::of(socket.as_fd(), id), None);
        unlink_if_ours(&path, Some(id));
        assert!(path.exists());
    }

    #[test]
    fn a_socket_that_was_given_to_another_user_stays_unless_that_does_not_matter() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let (socket, id) = bound(&path);
        let file = SocketFile::of(socket.as_fd(), id).unwrap();
        let given = SocketFile { owner: file.owner.map(|owner| owner + 1), ..file };
        given.unlink();
        assert!(path.exists());
        given.of_anybody().unlink();
        assert!(!path.exists());
    }
}
