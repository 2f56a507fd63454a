//! What is seen on a terminal, and nowhere else.

use std::fs::File;
use std::io::Read;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use nix::pty::openpty;

use super::command::{Running, heirloom, run, wait};
use super::support::{DEADLINE, Family};

/// A run of the binary on a terminal of its own. Dropping it ends it.
struct OnTerminal {
    child: Child,
    output: Receiver<Vec<u8>>,
    seen: String,
}

impl OnTerminal {
    fn start(mut command: Command) -> Self {
        let terminal = openpty(None, None).unwrap();
        command.env("TERM", "xterm").stdout(terminal.slave.try_clone().unwrap());
        let child = command.stderr(terminal.slave).spawn().unwrap();
        drop(command); // and its ends of the terminal
        let (sender, output) = channel();
        let mut master = File::from(terminal.master);
        thread::spawn(move || {
            let mut buffer = [0; 4_096];
            // It fails when nobody holds the other end any more.
            while let Ok(length @ 1..) = master.read(&mut buffer) {
                let _ = sender.send(buffer[..length].to_vec());
            }
        });
        Self { child, output, seen: String::new() }
    }

    /// Waits until this has been written.
    fn expect(&mut self, text: &str) {
        while !self.seen.contains(text) {
            match self.output.recv_timeout(DEADLINE) {
                Ok(bytes) => self.seen.push_str(&String::from_utf8_lossy(&bytes)),
                Err(_) => panic!("no {text:?} in {:?}", self.seen),
            }
        }
    }

    /// Everything that it has written up to its end.
    fn end(mut self, code: i32) -> String {
        assert_eq!(wait(&mut self.child).code(), Some(code), "{:?}", self.seen);
        while let Ok(bytes) = self.output.recv_timeout(DEADLINE) {
            self.seen.push_str(&String::from_utf8_lossy(&bytes));
        }
        std::mem::take(&mut self.seen)
    }
}

impl Drop for OnTerminal {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn colours_are_seen_on_a_terminal_unless_nobody_wants_them() {
    let mut family = Family::new();
    family.start_service();
    let status = ["status", family.setting("HANDOFF")];
    let seen = OnTerminal::start(heirloom(&status)).end(0);
    assert!(seen.contains("\x1b[2muptime"), "{seen:?}");

    let mut plain = heirloom(&status);
    plain.env("NO_COLOR", "1");
    let seen = OnTerminal::start(plain).end(0);
    assert!(seen.contains("uptime") && !seen.contains('\x1b'), "{seen:?}");
    let json = heirloom(&[&status[..], &["--json"]].concat());
    let seen = OnTerminal::start(json).end(0);
    assert!(seen.contains("uptime") && !seen.contains('\x1b'), "{seen:?}");
    assert!(!run(&status).expect(0).output.contains('\x1b'));
}

#[test]
fn upgrade_shows_on_a_terminal_how_far_it_is_and_wipes_that_away() {
    let mut family = Family::new();
    family.start_service();
    family.set_next("PREPARE", "manual");
    let mut upgrade = OnTerminal::start(heirloom(&["upgrade", family.setting("HANDOFF")]));
    let second = family.expect_new();
    // What does not fit is cut off by the terminal, and not wrapped.
    upgrade.expect("\x1b[?7l\r\x1b[K… process");
    upgrade.expect("\x1b[?7h");
    family.expect(second, "prepared");
    family.tell(second, "progress half way");
    upgrade.expect("half way");
    family.tell(second, "ready");
    let seen = upgrade.end(0);
    let (_, told) = seen.rsplit_once("\r\x1b[K").unwrap();
    let owner = format!("process {second} owns the service as generation 2");
    assert_eq!(told, format!("\x1b[32m{owner}\x1b[0m\r\n"), "{seen:?}");
}

#[test]
fn launch_shows_on_a_terminal_what_it_waits_for() {
    let mut family = Family::new();
    family.start_service();
    let launch = ["launch", family.setting("HANDOFF"), "--", "sh", "-c", "exit 7"];
    let seen = OnTerminal::start(heirloom(&launch)).end(4);
    assert!(seen.contains("\x1b[?7l\r\x1b[K… process "), "{seen:?}");
    let (_, told) = seen.rsplit_once("\r\x1b[K").unwrap();
    assert!(told.starts_with("heirloom: process ") && told.contains("exit status: 7"), "{seen:?}");
}

#[test]
fn words_of_a_service_move_no_cursor() {
    const BUILD: &str = "9\x1b[2J\n8\u{9b}A\u{7f}";
    let is_plain = |text: &str| !text.chars().any(|letter| letter.is_control() && letter != '\n');
    let mut family = Family::new();
    family.set("BUILD", BUILD).set("SERVICE", "a\rb").start_service();
    let socket = family.setting("HANDOFF").to_owned();
    let status = run(&["status", &socket]).expect(0).output;
    assert!(status.starts_with("a\\rb: generation 1"), "{status}");
    assert!(status.contains(r"9\u{1b}[2J\n8\u{9b}A\u{7f}") && is_plain(&status), "{status:?}");
    let json = run(&["status", &socket, "--json"]).expect(0);
    assert!(is_plain(&json.output), "{json:?}");
    assert_eq!(json.objects()[0]["build"], BUILD);

    let mut watch = OnTerminal::start(heirloom(&["watch", &socket]));
    watch.expect("generation 1");
    let second = family.start();
    watch.expect(&format!(r"process {second} (9\u{{1b}}[2J\n8\u{{9b}}A\u{{7f}}) has begun"));
    watch.expect("as generation 2");
    assert!(!watch.seen.contains("\x1b[2J"), "{:?}", watch.seen);

    family.set("SERVICE", "b\x1b[2J");
    let ended = Running::launch(&family, &[]).end_of_all().expect(6);
    let (_, told) = ended.errors.rsplit_once("heirloom: ").unwrap();
    assert!(told.contains(r"b\u{1b}[2J") && is_plain(told), "{ended:?}");
}
