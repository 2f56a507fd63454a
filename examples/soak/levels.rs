//! All that could grow from one upgrade to the next, as the kernel tells it.

use std::fs;
use std::io;
use std::path::Path;

/// What a service that is at rest takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Levels {
    /// Open descriptors of the owner.
    descriptors: u64,
    threads: u64,
    resident_kib: u64,
    /// Processes that have ended and that nobody has waited for.
    zombies: u64,
    /// Files in the service's own folder.
    temporary_files: u64,
    /// Abstract socket names of the service.
    abstract_names: u64,
}

impl Levels {
    /// Reads them.
    pub(crate) fn read(pid: u32, scratch: &Path) -> io::Result<Self> {
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let field = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
        };
        let name = scratch.file_name().unwrap_or_default().display().to_string();
        Ok(Self {
            descriptors: fs::read_dir(format!("/proc/{pid}/fd"))?.count() as u64,
            threads: field("Threads:"),
            resident_kib: field("VmRSS:"),
            zombies: zombies()?,
            temporary_files: fs::read_dir(scratch)?.count() as u64,
            abstract_names: abstract_names(&name)?,
        })
    }

    /// Whether nothing has grown: memory may differ by a twentieth.
    pub(crate) fn is_level_with(&self, other: &Self) -> bool {
        let twentieth = self.resident_kib / 20;
        let level = self.resident_kib.abs_diff(other.resident_kib) <= twentieth;
        level && self.without_memory() == other.without_memory()
    }

    /// All that must be equal.
    pub(crate) fn without_memory(&self) -> Self {
        Self { resident_kib: 0, ..self.clone() }
    }

    /// Each with its name.
    pub(crate) fn named(&self) -> [(&'static str, u64); 6] {
        [
            ("descriptors", self.descriptors),
            ("threads", self.threads),
            ("resident_kib", self.resident_kib),
            ("zombies", self.zombies),
            ("temporary_files", self.temporary_files),
            ("abstract_names", self.abstract_names),
        ]
    }
}

/// Those of this process's session that have ended and whose parent lives and does not wait for them.
/// What an ended parent has left behind is for the system's first process to wait for.
fn zombies() -> io::Result<u64> {
    let own = fs::read_to_string("/proc/self/stat")?;
    let own = Stat::parse(&own).map(|stat| stat.session);
    let all = fs::read_dir("/proc")?.filter_map(|entry| {
        Stat::parse(&fs::read_to_string(entry.ok()?.path().join("stat")).ok()?)
    });
    let is_left = |stat: &Stat| stat.state == 'Z' && stat.parent != 1 && Some(stat.session) == own;
    Ok(all.filter(is_left).count() as u64)
}

/// See `proc_pid_stat(5)`: pid, name in brackets, state, parent, group, session.
struct Stat {
    state: char,
    parent: u32,
    session: u32,
}

impl Stat {
    fn parse(stat: &str) -> Option<Self> {
        let mut fields = stat.rsplit_once(") ")?.1.split(' ');
        Some(Self {
            state: fields.next()?.chars().next()?,
            parent: fields.next()?.parse().ok()?,
            session: fields.nth(1)?.parse().ok()?,
        })
    }
}

fn abstract_names(prefix: &str) -> io::Result<u64> {
    let names = fs::read_to_string("/proc/net/unix")?;
    let mut listening: Vec<&str> =
        names.lines().filter_map(|line| line.split_whitespace().last()).collect();
    listening.retain(|name| name.strip_prefix('@').is_some_and(|name| name.starts_with(prefix)));
    listening.sort_unstable();
    listening.dedup();
    Ok(listening.len() as u64)
}
