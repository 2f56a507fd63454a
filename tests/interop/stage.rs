//! A family in which strangers take part, and what its processes hold.

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::ops::{Deref, DerefMut};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};

use heirloom_proto::Phase;

use crate::estate::READ;
use crate::stranger::{Stranger, Streams, fifo, program};
use crate::support::control::{Tool, status};
use crate::support::{DEADLINE, Family, Way, ask, wait_until};

/// A family whose real processes are of the role [`estate`](crate::estate). Whatever is spawned in it
/// is what was planned last: the real process and the stranger have the same program, a script.
pub(crate) struct Stage {
    family: Family,
    strangers: usize,
    /// Both ends of two FIFOs, for real processes that a stranger spawns: their standard input, which
    /// ends with the test, and their standard output.
    _streams: [File; 2],
}

/// How many descriptors more a service has, if it is to have many.
pub(crate) const MANY: usize = 1_000;

/// What the file holds.
pub(crate) fn text() -> String {
    (0..2_000).map(|number| format!("{number:04} ")).collect()
}

impl Stage {
    /// A family of services that have [`MANY`] descriptors beside those with a name of their own.
    pub(crate) fn with_many() -> Self {
        let mut stage = Self::new();
        stage.set("MANY", &MANY.to_string());
        stage
    }

    /// A family of services that have none.
    pub(crate) fn new() -> Self {
        let mut family = Family::new();
        let streams = [fifo(&family.path("alive")), fifo(&family.path("told"))];
        family.hear(File::open(family.path("told")).unwrap());
        let (script, file) = (family.path("script"), family.path("file"));
        write_script(&script, "#!/bin/sh\n. \"$HEIRLOOM_TEST_FOLDER/next\"\n");
        fs::write(&file, text()).unwrap();
        let unix = format!("{}-unix", family.setting("HANDOFF"));
        family
            .set("ROLE", "estate")
            .set("SERVICE", "interop")
            .set("PROGRAM", script.to_str().unwrap())
            .set("UNIX", &unix)
            .set("FILE", file.to_str().unwrap())
            .set("MANY", "0");
        Self { family, strangers: 0, _streams: streams }
    }

    /// Starts a real process that begins the service, and tells where it serves and where it holds.
    pub(crate) fn start_real(&mut self) -> (u32, String, String) {
        let pid = self.start();
        let (service, holding) = self.expect_bound(pid);
        self.expect(pid, "ready");
        (pid, service, holding)
    }

    /// Where a real process has the listeners `service` and `holding`.
    pub(crate) fn expect_bound(&mut self, pid: u32) -> (String, String) {
        let bound = self.expect(pid, "bound");
        (bound.word(0).into(), bound.word(1).into())
    }

    /// Starts a stranger that begins the service, with all that a real process has.
    pub(crate) fn start_stranger(&mut self, arguments: &[&str]) -> Stranger {
        let file = format!("file={}", self.setting("FILE"));
        let [unix, many] = ["UNIX", "MANY"].map(|key| self.setting(key).to_owned());
        let mut all = vec!["--tcp", "service", "--tcp", "holding", "--unix", &unix];
        all.extend(["--file", &file, "--many", &many]);
        all.extend(arguments);
        let streams = self.plan_stranger("predecessor.py", &all);
        let pid = self.start_script();
        Stranger::new(pid, streams)
    }

    /// Starts a stranger that watches whoever owns the service.
    pub(crate) fn watch_by_stranger(&mut self) -> Stranger {
        self.strangers += 1;
        let suffix = format!("stranger.{}", self.strangers);
        let streams = Streams::make(&self.path(""), &suffix);
        self.plan(&format!(
            "echo \"event: $$ begun 0 \"\nexec {} --address '{}' >'{}/events.{suffix}'\n",
            program("watcher.py"),
            self.setting("HANDOFF"),
            self.path("").display()
        ));
        let pid = self.start_script();
        Stranger::new(pid, streams)
    }

    /// Lets a stranger succeed a real process.
    pub(crate) fn succeed_by_stranger(
        &mut self,
        predecessor: u32,
        way: Way,
        arguments: &[&str],
    ) -> Stranger {
        let streams = self.plan_stranger("successor.py", arguments);
        let pid = match way {
            Way::Spawned => self.succeed(predecessor, way),
            Way::External => self.start_script(),
        };
        Stranger::new(pid, streams)
    }

    /// Lets a real process succeed a stranger.
    pub(crate) fn succeed_by_real(&mut self, predecessor: &mut Stranger, way: Way) -> u32 {
        if way == Way::External {
            return self.start();
        }
        self.plan(&format!(
            "exec '{}' \"$@\" <'{}' >'{}'\n",
            env::current_exe().unwrap().display(),
            self.path("alive").display(),
            self.path("told").display()
        ));
        let script = self.setting("PROGRAM");
        let argv = [script, "role_main", "--exact", "--nocapture", "--quiet"];
        predecessor.order(&format!("spawn {}", serde_json::json!({"argv": argv, "env": {}})));
        self.expect_new()
    }

    /// Plans what is spawned next: a stranger.
    fn plan_stranger(&mut self, name: &str, arguments: &[&str]) -> Streams {
        self.strangers += 1;
        let suffix = format!("stranger.{}", self.strangers);
        let streams = Streams::make(&self.path(""), &suffix);
        let folder = self.path("");
        let mut line = format!("exec {}", program(name));
        let common = ["--service", self.setting("SERVICE"), "--pid-file", self.setting("PID_FILE")];
        for argument in common.iter().chain(arguments) {
            write!(line, " '{argument}'").unwrap();
        }
        // One that is spawned has to find out where by itself.
        let address = format!("set -- --address '{}'", self.setting("HANDOFF"));
        self.plan(&format!(
            "echo \"event: $$ begun 0 \"\n\
             if test -n \"$HEIRLOOM_SECRET\"; then set --; else {address}; fi\n\
             {line} \"$@\" <'{folder}/orders.{suffix}' >'{folder}/events.{suffix}'\n",
            folder = folder.display()
        ));
        streams
    }

    /// Plans what the script does next.
    fn plan(&self, commands: &str) {
        let draft = self.path("next.draft");
        fs::write(&draft, commands).unwrap();
        fs::rename(draft, self.path("next")).unwrap();
    }

    fn start_script(&mut self) -> u32 {
        let script = self.path("script");
        self.set_program(&script);
        let pid = self.start();
        self.set_program(&env::current_exe().unwrap());
        pid
    }

    /// What a real process holds, line by line: name, identity, where its number leads to.
    pub(crate) fn list(&mut self, pid: u32) -> Vec<String> {
        self.tell(pid, "list");
        self.expect(pid, "holds");
        let text = fs::read_to_string(self.path(&format!("holds.{pid}"))).unwrap();
        text.lines().map(String::from).collect()
    }

    /// One real process is the owner, by everything that tells, and it serves.
    pub(crate) fn expect_owner(&self, owner: u32, generation: u64, address: &str) {
        assert_eq!(ask(address).unwrap(), (owner, generation));
        self.expect_told_owner(owner, generation);
    }

    /// One process is the owner, by everything that tells but clients: the control socket, the PID
    /// file, the kernel's list of locks.
    pub(crate) fn expect_told_owner(&self, owner: u32, generation: u64) {
        let report = status(self.setting("HANDOFF")).unwrap();
        assert_eq!((report.pid, report.generation), (owner, generation));
        assert_eq!(report.phase, Phase::Serving);
        assert_eq!(self.pid_file(), Some(owner));
        assert_eq!(self.lock_holders(), [owner]);
    }

    /// How many descriptors an owner has open, when it has handled everything that was said before.
    pub(crate) fn count_descriptors(&self, owner: u32) -> usize {
        let mut tool = Tool::connect(self.setting("HANDOFF")).unwrap();
        tool.send(&heirloom_proto::Message::Status).unwrap();
        tool.receive().unwrap();
        links(owner).values().sum()
    }

    /// An owner has as many descriptors open as it had, once the last of its clients is done with.
    pub(crate) fn expect_descriptors(&self, owner: u32, before: usize) {
        let is = || self.count_descriptors(owner) == before;
        let what = || format!("{before} descriptors were open, now there are {:#?}", links(owner));
        wait_until(is, what);
    }

    /// A client of the Unix listener, which waits for an answer.
    pub(crate) fn connect_unix(&self) -> UnixStream {
        let name = self.setting("UNIX").strip_prefix('@').unwrap();
        let address = SocketAddr::from_abstract_name(name).unwrap();
        let mut client = UnixStream::connect_addr(&address).unwrap();
        client.set_read_timeout(Some(DEADLINE)).unwrap();
        client.write_all(b"who\n").unwrap();
        client
    }
}

impl Deref for Stage {
    type Target = Family;

    fn deref(&self) -> &Family {
        &self.family
    }
}

impl DerefMut for Stage {
    fn deref_mut(&mut self) -> &mut Family {
        &mut self.family
    }
}

/// Writes an executable file in a process of its own: a thread that forks meanwhile would hold it
/// open for writing otherwise, and what is open for writing cannot be executed.
fn write_script(path: &Path, text: &str) {
    let mut shell = Command::new("/bin/sh")
        .args(["-c", "cat >\"$0\" && chmod 700 \"$0\""])
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    shell.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    assert!(shell.wait().unwrap().success());
}

/// The line that a client is answered.
pub(crate) fn read_line(client: impl io::Read) -> String {
    let mut line = String::new();
    BufReader::new(client).read_line(&mut line).unwrap();
    line.trim_end().into()
}

/// A client whose connection is kept: it has said something.
pub(crate) fn connect_and_say(address: &str, text: &str) -> TcpStream {
    let mut client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(DEADLINE)).unwrap();
    client.write_all(text.as_bytes()).unwrap();
    client
}

/// Where the descriptors of a process lead to, each with how many do.
pub(crate) fn links(pid: u32) -> BTreeMap<String, usize> {
    let mut links = BTreeMap::new();
    for entry in fs::read_dir(format!("/proc/{pid}/fd")).unwrap() {
        // It may have been closed meanwhile.
        if let Ok(link) = fs::read_link(entry.unwrap().path()) {
            *links.entry(link.display().to_string()).or_default() += 1;
        }
    }
    links
}

/// A process has open whatever is in a real process's list.
pub(crate) fn expect_holds(pid: u32, list: &[String]) {
    let mut open = links(pid);
    for line in list {
        let link = line.split('\t').nth(2).unwrap();
        match open.get_mut(link) {
            Some(count @ 1..) => *count -= 1,
            _ => panic!("process {pid} has not got {line}"),
        }
    }
}

/// Two lists are the same: on failure only what differs is shown.
pub(crate) fn expect_same(list: &[String], expected: &[String]) {
    let missing: Vec<_> = expected.iter().filter(|line| !list.contains(line)).collect();
    let more: Vec<_> = list.iter().filter(|line| !expected.contains(line)).collect();
    assert!(missing.is_empty() && more.is_empty(), "missing: {missing:#?}, more: {more:#?}");
    assert_eq!(list.len(), expected.len());
}

/// The part of the file that is read next when so many bytes were read before.
pub(crate) fn text_from(position: usize) -> String {
    text()[position..][..READ].into()
}
