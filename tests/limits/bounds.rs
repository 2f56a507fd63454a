//! Names, addresses and the application's own bytes, at and over their bounds.

use std::fs::File;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::thread::spawn;

use heirloom::{Error, Fds, Upgrader};

use super::expect_parts;
use crate::support::outcome::expect_next_try_succeeds;
use crate::support::role::{Role, emit, emit_failed};
use crate::support::{Family, both_ways, serve};

/// The longest of everything.
struct Longest {
    name: String,
    opaque: Vec<u8>,
    path: String,
    abstract_name: String,
}

impl Longest {
    fn new(role: &Role) -> Self {
        let handoff = role.get("HANDOFF").unwrap();
        Self {
            name: "é".repeat(127) + "x",
            opaque: vec![0xff; 1_024],
            path: format!("{:x<107}", role.path("p").display().to_string()),
            // The handoff socket is as long as it may be.
            abstract_name: handoff.replace('h', "l"),
        }
    }
}

/// A service that registers the longest of everything, or finds it inherited.
pub(crate) fn run(role: &Role) {
    let upgrader = role.start().unwrap();
    let (fds, longest) = (upgrader.fds(), Longest::new(role));
    let unix: [UnixListener; 2] =
        [&longest.path, &longest.abstract_name].map(|address| fds.bind(address).unwrap());
    let listener: TcpListener = fds.bind_as("service", "127.0.0.1:0").unwrap();
    hand_on(&fds, &longest);
    emit("bound", &listener.local_addr().unwrap().to_string());
    let generation = upgrader.generation();
    let orders = &role.inbox;
    serve::watch_exit(role, upgrader.exit());
    upgrader.ready().unwrap();
    emit("ready", "");
    spawn(move || {
        listener.incoming().for_each(|client| serve::answer(&client.unwrap(), generation))
    });
    for order in orders {
        match order.as_str() {
            "upgrade" => drop(serve::upgrade(&upgrader)),
            "exceed" => exceed(&upgrader, &longest),
            _ => break,
        }
    }
    drop(unix);
}

/// Takes over the file with the longest bytes, or makes it.
fn hand_on(fds: &Fds, longest: &Longest) {
    let mut inherited = fds.inherited();
    let file = match inherited.find(|entry| entry.name == longest.name) {
        Some(entry) => {
            assert_eq!(entry.opaque, longest.opaque);
            emit("inherited", &format!("{} {}", entry.name.len(), entry.opaque.len()));
            let file = fds.claim::<File>(&longest.name).unwrap().unwrap();
            // Its bytes stay with it: it is registered already.
            return drop(file);
        }
        None => tempfile::tempfile().unwrap(),
    };
    fds.add_with(&longest.name, &file, longest.opaque.clone()).unwrap().keep();
}

/// Tries one more of everything.
fn exceed(upgrader: &Upgrader, longest: &Longest) {
    let fds = upgrader.fds();
    let file = tempfile::tempfile().unwrap();
    let more = |text: &str| format!("{text}x");
    let tell = |what: &str, error: Error| emit_failed(what, &error);
    tell("name", fds.add(&more(&longest.name), &file).unwrap_err());
    tell("no-name", fds.add("", &file).unwrap_err());
    tell("nul", fds.add("a\0b", &file).unwrap_err());
    tell("opaque", fds.add_with("file", &file, vec![0; 1_025]).unwrap_err());
    tell("path", fds.bind::<UnixListener>(more(&longest.path)).unwrap_err());
    tell("abstract", fds.bind::<UnixListener>(more(&longest.abstract_name)).unwrap_err());
    let label = "l".repeat(256);
    tell("label", Upgrader::builder().service(&label).start().unwrap_err());
    tell("build", Upgrader::builder().build_label(&label).start().unwrap_err());
}

/// What each of them is told.
const TOLD: [(&str, &str, &[&str]); 8] = [
    ("name", "InvalidName", &["has 256 bytes", "at most 255", "choose a shorter one"]),
    ("no-name", "InvalidName", &["must not be empty", "choose one of 1 to 255 bytes"]),
    ("nul", "InvalidName", &["must not hold a NUL", "one at byte", "choose one without"]),
    ("opaque", "InvalidName", &["has 1025 bytes", "at most 1024", "hand over a file"]),
    ("path", "InvalidAddress", &["has 108 bytes", "1 to 107", "choose a shorter path or name"]),
    ("abstract", "InvalidAddress", &["has 108 bytes", "1 to 107", "choose a shorter path or name"]),
    ("label", "InvalidName", &["has 256 bytes", "at most 255", "choose a shorter one"]),
    ("build", "InvalidName", &["has 256 bytes", "at most 255", "choose a shorter one"]),
];

both_ways! {
    fn longest_of_everything_is_handed_over_and_more_is_refused(way: Way) {
        let mut family = Family::new();
        let handoff = family.setting("HANDOFF").to_owned();
        let longest = format!("{handoff}{}", "h".repeat(108 - handoff.len()));
        family.set("ROLE", "bounds").set("HANDOFF", &longest);
        family.set("SERVICE", &"s".repeat(255)).set("BUILD", &"b".repeat(255));
        let (first, address) = family.start_service();
        family.tell(first, "exceed");
        for (what, kind, parts) in TOLD {
            let failed = family.expect_like(first, "failed", &format!("{what} {kind} "));
            expect_parts(&failed, parts);
        }
        let second = expect_next_try_succeeds(&mut family, first, &address, way);
        assert_eq!(family.expect(second, "inherited").details, "255 1024");
        let third = expect_next_try_succeeds(&mut family, second, &address, way);
        assert_eq!(family.expect(third, "inherited").details, "255 1024");
    }
}
