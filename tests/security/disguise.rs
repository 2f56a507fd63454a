//! A process that becomes another before it does anything: in a namespace of its own, under another
//! umask, or with an environment that says that it was spawned.

use std::env;
use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use nix::sys::stat::{Mode, umask};

use crate::support::Family;
use crate::support::role::Role;

/// What a process pretends.
#[derive(Default)]
pub(crate) struct Disguise<'a> {
    /// The program, with arguments, that runs this one.
    pub(crate) through: &'a str,
    /// The secret that it was spawned with, as it says.
    pub(crate) secret: &'a str,
    /// Its umask, in octal digits.
    pub(crate) umask: &'a str,
    /// What it is behind the disguise, if it does not serve.
    pub(crate) role: &'a str,
}

impl Disguise<'_> {
    /// Starts a process in this disguise, and waits until it is what it pretends to be. Tells its
    /// process, as it sees that itself.
    pub(crate) fn start(&self, family: &mut Family) -> u32 {
        let settings = [
            ("ROLE", "disguise"),
            ("THROUGH", self.through),
            ("SECRET", self.secret),
            ("UMASK", self.umask),
            ("BEHIND", self.role),
        ];
        for (key, value) in settings {
            family.set(key, value);
        }
        family.start();
        for (key, _) in settings {
            family.unset(key);
        }
        family.set("ROLE", "serve").expect_new()
    }
}

/// The role.
pub(crate) fn run(role: &Role) {
    // Whoever comes behind the disguise may be the same process.
    fs::remove_file(role.path(&format!("orders.{}", std::process::id()))).unwrap();
    if let Some(mode) = role.get("UMASK") {
        umask(Mode::from_bits_truncate(u32::from_str_radix(mode, 8).unwrap()));
    }
    let program = env::current_exe().unwrap();
    let through = role.get("THROUGH").unwrap_or_default().split_whitespace();
    let mut words = through.chain([program.to_str().unwrap()]);
    let mut command = Command::new(words.next().unwrap());
    command.args(words).args(env::args().skip(1));
    command.env("HEIRLOOM_TEST_ROLE", role.get("BEHIND").unwrap_or("serve"));
    if let Some(secret) = role.get("SECRET") {
        command.env("HEIRLOOM_SOCKET", role.get("HANDOFF").unwrap());
        command.env("HEIRLOOM_SECRET", secret);
    }
    panic!("{}", command.exec());
}

/// Whether this test can run programs so. Says so if not.
pub(crate) fn can_run_through(through: &str) -> bool {
    let program = env::current_exe().unwrap();
    let mut words = through.split_whitespace();
    let mut command = Command::new(words.next().unwrap());
    command.args(words).arg(program).arg("--list");
    let run = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    let can = run.is_ok_and(|status| status.success());
    if !can {
        eprintln!("SKIPPED: `{through}` cannot be had here");
    }
    can
}
