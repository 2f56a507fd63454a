//! The file that tells supervisors the owner's process id.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use heirloom_proto::FileId;
use nix::fcntl::{AT_FDCWD, AtFlags};
use nix::libc;
use nix::sys::stat::fstat;
use nix::unistd::linkat;
use tempfile::TempPath;

use crate::error::{Error, ErrorKind};
use crate::slots::way_out;
use crate::sys::identity::file_id;

/// Written beside its place first, so that what can fail has failed before the token moves; then
/// renamed, so that a reader finds the old id or the new one and never half of one.
#[derive(Debug)]
pub(crate) struct PidFile {
    path: PathBuf,
    prepared: Option<(File, TempPath)>,
    /// Open as long as it counts: the number of a file that somebody has removed is given to the next.
    published: Option<File>,
    /// One more that has no name yet.
    reserve: Option<File>,
}

impl PidFile {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, prepared: None, published: None, reserve: None }
    }

    /// Writes the file beside its place.
    pub(crate) fn prepare(&mut self) -> Result<(), Error> {
        self.sweep();
        self.prepared = Some(self.write_beside().map_err(|error| self.error(&error))?);
        Ok(())
    }

    /// Renames it into its place.
    pub(crate) fn publish(&mut self) -> Result<(), Error> {
        if self.prepared.is_none()
            && let Err(error) = self.prepare()
        {
            self.prepared = Some(self.name_reserve().ok_or(error)?);
        }
        let Some((file, beside)) = self.prepared.take() else {
            return Ok(());
        };
        beside.persist(&self.path).map_err(|failed| self.error(&failed.error))?;
        self.published = Some(file);
        Ok(())
    }

    /// Removes the file, if it still is the one this process has put there.
    pub(crate) fn remove(&mut self) {
        let published = self.published.take();
        let ours = published.as_ref().and_then(|file| fstat(file).ok()).map(|stat| file_id(&stat));
        remove_if_ours(&self.path, ours);
    }

    /// Writes one that leaves nothing behind if this process dies, for having no name: should the
    /// service come back, the disk may be full by then. On a file system that has no such files there
    /// is none.
    pub(crate) fn hold_reserve(&mut self) {
        self.reserve = self.write_nameless().ok();
    }

    /// The service is not on its way any more.
    pub(crate) fn drop_reserve(&mut self) {
        self.reserve = None;
    }

    /// See `O_TMPFILE` in `open(2)`.
    fn write_nameless(&self) -> io::Result<File> {
        let mut options = File::options();
        let options = options.read(true).write(true).mode(0o644).custom_flags(libc::O_TMPFILE);
        let mut file = options.open(self.folder())?;
        writeln!(file, "{}", std::process::id())?;
        Ok(file)
    }

    /// Gives the reserve a name beside its place.
    fn name_reserve(&mut self) -> Option<(File, TempPath)> {
        let file = self.reserve.take()?;
        let mut name = self.prefix();
        name.push("reserve");
        let beside = self.folder().join(name);
        let from = format!("/proc/self/fd/{}", file.as_raw_fd());
        linkat(AT_FDCWD, from.as_str(), AT_FDCWD, &beside, AtFlags::AT_SYMLINK_FOLLOW).ok()?;
        Some((file, TempPath::try_from_path(beside).ok()?))
    }

    fn write_beside(&self) -> io::Result<(File, TempPath)> {
        if self.path.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        let mut cause = None;
        let create = |path: &Path| {
            let mut options = File::options();
            let created = options.write(true).create_new(true).mode(0o644).open(path);
            created.inspect_err(|error| cause = error.raw_os_error())
        };
        let made = tempfile::Builder::new().prefix(&self.prefix()).make_in(self.folder(), create);
        // What comes back has the path in it, which says nothing, and no longer the error's number.
        let mut file = made.map_err(|error| cause.map_or(error, io::Error::from_raw_os_error))?;
        writeln!(file, "{}", std::process::id())?;
        Ok(file.into_parts())
    }

    /// Removes what successors have left that were killed before they owned the service. None of
    /// them can be about to publish: one handoff goes on at a time.
    fn sweep(&self) {
        let prefix = self.prefix();
        let entries = std::fs::read_dir(self.folder()).into_iter().flatten().flatten();
        for left in
            entries.filter(|entry| entry.file_name().as_bytes().starts_with(prefix.as_bytes()))
        {
            // One that cannot be removed does no harm.
            let _ = std::fs::remove_file(left.path());
        }
    }

    fn folder(&self) -> &Path {
        match self.path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        }
    }

    /// What the file's name begins with before it is renamed.
    fn prefix(&self) -> OsString {
        let mut prefix = OsString::from(".");
        prefix.push(self.path.file_name().unwrap_or_default());
        prefix.push(".heirloom-");
        prefix
    }

    fn error(&self, error: &io::Error) -> Error {
        let path = self.path.display();
        let way_out = match way_out(error) {
            none if none.is_empty() => "; its folder must exist and be writable".into(),
            some => some,
        };
        let text = format!("the PID file {path} cannot be written: {error}{way_out}");
        Error::new(ErrorKind::PidFile, text)
    }
}

/// Unlinks `path` if it names the file `ours`. A file put there by somebody else stays.
fn remove_if_ours(path: &Path, ours: Option<FileId>) {
    let there = nix::sys::stat::lstat(path).ok().map(|stat| file_id(&stat));
    if ours.is_some() && there == ours {
        // Nobody is left to tell; a file that stays is found stale by the next start.
        let _ = std::fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{read_dir, read_to_string, write};

    fn files(folder: &Path) -> usize {
        read_dir(folder).unwrap().count()
    }

    #[test]
    fn it_is_beside_its_place_until_it_is_published_and_whole_then() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.pid");
        write(&path, "before").unwrap();
        let mut file = PidFile::new(path.clone());
        file.prepare().unwrap();
        assert_eq!(read_to_string(&path).unwrap(), "before");
        file.publish().unwrap();
        assert_eq!(read_to_string(&path).unwrap(), format!("{}\n", std::process::id()));
        assert_eq!(files(folder.path()), 1);
    }

    #[test]
    fn one_that_was_never_published_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = PidFile::new(folder.path().join("x.pid"));
        file.prepare().unwrap();
        drop(file);
        assert_eq!(files(folder.path()), 0);
    }

    #[test]
    fn what_a_killed_successor_left_is_swept_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path().join(".x.pid.heirloom-abc"), "").unwrap();
        write(folder.path().join(".y.pid.heirloom-abc"), "").unwrap();
        PidFile::new(folder.path().join("x.pid")).publish().unwrap();
        assert!(folder.path().join(".y.pid.heirloom-abc").exists());
        assert_eq!(files(folder.path()), 2);
    }

    #[test]
    fn only_the_file_put_there_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.pid");
        let mut file = PidFile::new(path.clone());
        file.publish().unwrap();
        let mut next = PidFile::new(path.clone());
        next.publish().unwrap();
        file.remove();
        assert!(path.exists());
        next.remove();
        assert!(!path.exists());
    }

    #[test]
    fn one_that_cannot_be_written_is_a_named_error() {
        let folder = tempfile::tempdir().unwrap();
        let missing = folder.path().join("missing/x.pid");
        for path in [folder.path().to_owned(), missing] {
            let error = PidFile::new(path.clone()).prepare().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::PidFile);
            assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        }
        assert_eq!(files(folder.path()), 0);
    }
}
