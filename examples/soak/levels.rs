//! All that could grow from one upgrade to the next, as the kernel tells it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::iter::successors;
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

/// How many descriptors a process has open beside the connections of its clients, which come and go:
/// those are no listeners, and in no list of sockets any more when they are closed.
pub(crate) fn descriptors_beside_clients(pid: u32) -> io::Result<usize> {
    let lasting = lasting_sockets(pid)?;
    let links = fs::read_dir(format!("/proc/{pid}/fd"))?
        .filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
        .map(|link| link.display().to_string());
    Ok(links.filter(|link| !link.starts_with("socket:") || lasting.contains(link)).count())
}

/// The Unix sockets and TCP listeners of a process's network namespace, as the links in `/proc` name
/// them. See `proc_pid_net(5)` for the columns.
fn lasting_sockets(pid: u32) -> io::Result<BTreeSet<String>> {
    const LISTENS: &str = "0A";
    let table = |name: &str| fs::read_to_string(format!("/proc/{pid}/net/{name}"));
    let (unix, tcp) = (table("unix")?, table("tcp")?);
    let unix = unix.lines().filter_map(|line| line.split_whitespace().nth(6));
    let tcp = tcp.lines().filter_map(|line| {
        let mut fields = line.split_whitespace().skip(3);
        let state = fields.next()?;
        fields.nth(5).filter(|_| state == LISTENS)
    });
    Ok(unix.chain(tcp).map(|inode| format!("socket:[{inode}]")).collect())
}

/// Descendants of this process that have ended and that nobody has waited for. It is no parent to the
/// orphans among them: the system's first process waits for those.
fn zombies() -> io::Result<u64> {
    let all = fs::read_dir("/proc")?.filter_map(|entry| {
        Stat::parse(&fs::read_to_string(entry.ok()?.path().join("stat")).ok()?)
    });
    let all: BTreeMap<u32, Stat> = all.map(|stat| (stat.pid, stat)).collect();
    let is_own = |stat: &Stat| {
        let mut line = successors(Some(stat), |stat| all.get(&stat.parent));
        line.any(|stat| stat.parent == std::process::id())
    };
    Ok(all.values().filter(|stat| stat.state == 'Z' && is_own(stat)).count() as u64)
}

/// See `proc_pid_stat(5)`: pid, name in brackets, state, parent.
struct Stat {
    pid: u32,
    state: char,
    parent: u32,
}

impl Stat {
    fn parse(stat: &str) -> Option<Self> {
        let (pid, rest) = stat.split_once(' ')?;
        let mut fields = rest.rsplit_once(") ")?.1.split(' ');
        Some(Self {
            pid: pid.parse().ok()?,
            state: fields.next()?.chars().next()?,
            parent: fields.next()?.parse().ok()?,
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
