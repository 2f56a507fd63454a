//! A systemd of its own for each test: the real one, as the first process of its namespaces.

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, geteuid, mkfifo};

/// How long a test waits for something that must happen. Far beyond what it takes.
pub(crate) const DEADLINE: Duration = Duration::from_secs(60);

/// A systemd, its units and its network, until it is dropped.
pub(crate) struct Machine {
    folder: tempfile::TempDir,
    launcher: Child,
    systemd: u32,
}

/// Where the programs of the units in `examples/systemd` lie in earnest.
const PROGRAMS: [&str; 2] = ["/usr/local/bin/", "/opt/"];

impl Machine {
    /// Starts it with units of `examples/systemd`, and a program where each of them looks for one.
    pub(crate) fn boot(units: &[&str]) -> Self {
        Self::boot_with(units, &[])
    }

    /// As [`boot`](Self::boot), with lines that a unit is changed by.
    pub(crate) fn boot_with(units: &[&str], changes: &[(&str, &str)]) -> Self {
        for (from, _) in changes {
            assert!(units.iter().any(|unit| example(unit).contains(from)), "no unit has {from}");
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        fs::create_dir(path.join("units")).unwrap();
        fs::create_dir(path.join("cgroups")).unwrap();
        let alone = "[Unit]\nDefaultDependencies=no\n";
        // A unit that another names is not forgotten when it is over.
        let named = units.join(" ") + " svc@blue.service svc@green.service";
        let target = format!("{alone}After={named}\n");
        fs::write(path.join("units/test.target"), target).unwrap();
        for unit in units {
            install(unit, path, changes);
            let beside = path.join(format!("units/{unit}.d"));
            fs::create_dir(&beside).unwrap();
            fs::write(beside.join("test.conf"), alone).unwrap();
        }
        let launcher = launch(path);
        let mut machine = Self { folder, launcher, systemd: 0 };
        wait_until("systemd begins", || {
            machine.systemd = child_of(machine.launcher.id()).unwrap_or(0);
            machine.systemd != 0 && machine.is_up()
        });
        machine.install_program("svc");
        machine
    }

    fn is_up(&self) -> bool {
        Path::new(&format!("/proc/{}/root/run/systemd/private", self.systemd)).exists()
            && self.systemctl("is-active test.target").status.success()
    }

    /// Puts the service's program in a place of its own: this very binary, which tells by its name what
    /// it is to do.
    pub(crate) fn install_program(&self, place: &str) {
        let program = self.program(place);
        fs::create_dir_all(program.parent().unwrap()).unwrap();
        symlink(std::env::current_exe().unwrap(), program).unwrap();
    }

    /// Puts a script in the place of a program; in it `SVC` stands for the service's program, wherever
    /// that lies.
    pub(crate) fn install_script(&self, place: &str, text: &str) {
        let original = self.program("original/svc");
        if !original.exists() {
            self.install_program("original/svc");
        }
        let text = format!("#!/bin/sh\n{}\n", text.replace("SVC", &original.to_string_lossy()));
        let beside = self.folder.path().join("script");
        fs::write(&beside, text).unwrap();
        fs::set_permissions(&beside, fs::Permissions::from_mode(0o755)).unwrap();
        fs::rename(beside, self.program(place)).unwrap();
    }

    pub(crate) fn program(&self, place: &str) -> PathBuf {
        self.folder.path().join("programs").join(place)
    }

    /// A place that the processes within see as the test does.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs systemctl and shows what it says if it fails.
    pub(crate) fn order(&self, arguments: &str) {
        let output = self.systemctl(arguments);
        assert!(output.status.success(), "systemctl {arguments}: {output:?}");
    }

    pub(crate) fn systemctl(&self, arguments: &str) -> Output {
        self.run(&format!("systemctl {arguments}"))
    }

    /// Sends a signal to a process within.
    pub(crate) fn signal(&self, pid: u32, signal: &str) {
        let output = self.run(&format!("kill -{signal} {pid}"));
        assert!(output.status.success(), "{output:?}");
    }

    /// Stops a process within, and waits until all its threads have: one that has yet to run hears of it last.
    pub(crate) fn halt(&self, pid: u32) {
        self.signal(pid, "STOP");
        let running = format!("ps -L -o stat= -p {pid} | grep -v '^T'");
        wait_until("it is stopped", || !self.run(&running).status.success());
    }

    /// Stops systemd itself, or has it go on.
    pub(crate) fn freeze(&self, frozen: bool) {
        let signal = if frozen { Signal::SIGSTOP } else { Signal::SIGCONT };
        kill(Pid::from_raw(self.systemd.cast_signed()), signal).unwrap();
    }

    /// The processes of the service, however they came to be, but for those that have ended.
    pub(crate) fn services(&self) -> Vec<u32> {
        let output = self.run("ps -e -o pid=,stat=,comm= | grep -v ' Z' | grep -w svc");
        let lines = String::from_utf8(output.stdout).unwrap();
        let pids =
            lines.lines().map(|line| line.split_whitespace().next().unwrap().parse().unwrap());
        pids.collect()
    }

    /// A pipe in which what a successor reads before it is ready, or before it begins, comes when the
    /// test says so.
    pub(crate) fn hold(&self) -> Hold {
        let path = self.path("hold");
        if !path.exists() {
            mkfifo(&path, Mode::S_IRWXU).unwrap();
        }
        Hold(path)
    }

    /// Has the next service wait before it is ready.
    pub(crate) fn hold_next(&self) -> Hold {
        let hold = self.hold();
        let options = "--handoff-socket /run/svc.sock --data";
        self.install_script("svc", &format!("exec SVC {options} {}", hold.path()));
        hold
    }

    /// Runs a command beside the services.
    pub(crate) fn run(&self, command: &str) -> Output {
        let mut nsenter = Command::new("nsenter");
        nsenter.args(["-t", &self.systemd.to_string(), "-a", "sh", "-c", command]);
        nsenter.output().unwrap()
    }

    /// One property of a unit.
    pub(crate) fn show(&self, unit: &str, property: &str) -> String {
        let output = self.systemctl(&format!("show --value -p {property} {unit}"));
        String::from_utf8(output.stdout).unwrap().trim().into()
    }

    /// Waits until a property is what it is to be.
    #[track_caller]
    pub(crate) fn expect(&self, unit: &str, property: &str, value: &str) {
        self.expect_that(unit, property, |found| found == value);
    }

    /// Waits until a property is as it is to be.
    #[track_caller]
    pub(crate) fn expect_that(
        &self,
        unit: &str,
        property: &str,
        is: impl Fn(&str) -> bool,
    ) -> String {
        let mut found = String::new();
        let what = format!("{property} of {unit} is as expected");
        wait_until(&what, || {
            found = self.show(unit, property);
            is(&found)
        });
        found
    }

    /// The process that the unit is known by, as it knows itself.
    pub(crate) fn main_pid(&self, unit: &str) -> u32 {
        self.show(unit, "MainPID").parse().unwrap()
    }

    /// Runs `body` on a thread that is in the network of this systemd.
    pub(crate) fn within<T: Send>(&self, body: impl FnOnce() -> T + Send) -> T {
        let enter = || {
            let network = File::open(format!("/proc/{}/ns/net", self.systemd)).unwrap();
            setns(network, CloneFlags::CLONE_NEWNET).unwrap();
            body()
        };
        thread::scope(|scope| {
            scope.spawn(enter).join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Waits until a unit has ended as one does that was meant to.
    #[track_caller]
    pub(crate) fn expect_good_end(&self, unit: &str) {
        self.expect(unit, "ActiveState", "inactive");
        assert_eq!(self.show(unit, "Result"), "success");
    }

    /// What systemd has logged.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("systemd has logged:\n{}", self.log());
        }
        if self.systemd != 0 {
            let _ = kill(Pid::from_raw(self.systemd.cast_signed()), Signal::SIGKILL);
        }
        let _ = self.launcher.kill();
        let _ = self.launcher.wait();
        // The last processes of its namespace are on their way out.
        let cgroup = cgroup(self.folder.path());
        wait_until("the cgroups are removed", || {
            let mut script = script("clean.sh", self.folder.path());
            script.arg(&cgroup).output().unwrap().status.success()
        });
    }
}

/// Something that waits for the test: whoever reads it.
pub(crate) struct Hold(PathBuf);

impl Hold {
    pub(crate) fn path(&self) -> String {
        self.0.to_string_lossy().into_owned()
    }

    /// Lets whoever reads it go on; waits until somebody does.
    pub(crate) fn let_go(&self) {
        fs::write(&self.0, "go on\n").unwrap();
    }
}

/// Why no test can run here, if none can.
pub(crate) fn obstacle() -> Option<String> {
    if !geteuid().is_root() {
        return Some("needs root".into());
    }
    ["/lib/systemd/systemd", "/usr/bin/unshare", "/usr/bin/nsenter", "/bin/ps", "/bin/kill"]
        .into_iter()
        .find(|program| !Path::new(program).exists())
        .map(|program| format!("needs {program}"))
}

/// Waits for what nobody tells of.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut is: impl FnMut() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !is() {
        assert!(Instant::now() < deadline, "not within {DEADLINE:?}: {what}");
        thread::yield_now();
    }
}

/// Copies a unit with its programs elsewhere.
fn install(unit: &str, folder: &Path, changes: &[(&str, &str)]) {
    let mut text = example(unit);
    for place in PROGRAMS {
        text = text.replace(place, &format!("{}/programs/", folder.display()));
    }
    for (from, to) in changes {
        text = text.replace(from, to);
    }
    fs::write(folder.join("units").join(unit), text).unwrap();
}

/// A unit as it is.
fn example(unit: &str) -> String {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/systemd");
    fs::read_to_string(examples.join(unit)).unwrap()
}

fn launch(folder: &Path) -> Child {
    let log = File::create(folder.join("log")).unwrap();
    let mut boot = script("boot.sh", folder);
    boot.args([cgroup(folder), folder.join("units")]).stdin(Stdio::null());
    boot.stdout(log.try_clone().unwrap()).stderr(log);
    // SAFETY: between fork and exec the closure makes one system call and nothing else.
    unsafe { boot.pre_exec(|| Ok(set_pdeathsig(Signal::SIGKILL)?)) };
    boot.spawn().unwrap()
}

/// One of the scripts beside this file, in a mount namespace of its own.
fn script(name: &str, folder: &Path) -> Command {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/systemd").join(name);
    let mut unshare = Command::new("unshare");
    unshare.arg("-m").arg("sh").arg(path).arg(folder.join("cgroups"));
    unshare
}

/// Where the machine of a folder lives, below the cgroup of this process.
fn cgroup(folder: &Path) -> PathBuf {
    let own = fs::read_to_string("/proc/self/cgroup").unwrap();
    let own = own.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default();
    Path::new(own).join(format!("heirloom-test{}", folder.file_name().unwrap().to_string_lossy()))
}

/// The first process that one has started.
fn child_of(parent: u32) -> Option<u32> {
    let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).ok()?;
    children.split_whitespace().next()?.parse().ok()
}
