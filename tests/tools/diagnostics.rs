//! What is told by `tracing` is what the table says.

use std::collections::{BTreeMap, BTreeSet};

use crate::support::{Family, Way};

const TABLES: &str = include_str!("../../src/diagnostics.rs");

/// Every event in the tables, with its levels and its fields.
fn tables() -> BTreeMap<String, (String, BTreeSet<String>)> {
    let rows = TABLES.lines().filter_map(|line| line.strip_prefix("//! | `"));
    let mut events = BTreeMap::new();
    for row in rows {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let words = |cell: &str| {
            let words = cell.split([',', ' ']).filter(|word| !word.is_empty());
            words.map(|word| word.trim_matches('`').to_owned()).collect::<Vec<_>>()
        };
        for name in words(cells[0]) {
            let fields = words(cells[2]).into_iter().collect();
            events.insert(name, (cells[1].to_uppercase(), fields));
        }
    }
    events
}

/// `<level> heirloom  <message> <field>=<value> ...`: the name, the level and the names of the fields.
fn parse(traced: &str) -> Option<(String, String, BTreeSet<String>)> {
    let (level, rest) = traced.split_once(" heirloom ")?;
    let (_, fields) = rest.split_once(" event=\"")?;
    let (name, fields) = fields.split_once('"')?;
    let fields = fields.split(' ').filter_map(|word| word.split_once('='));
    let fields = fields.map(|(field, _)| field.to_owned()).collect();
    Some((name.into(), level.into(), fields))
}

fn check(family: &mut Family, pid: u32) -> BTreeSet<String> {
    let tables = tables();
    let mut found = BTreeSet::new();
    for event in family.take_all(pid, "traced") {
        let Some((name, level, fields)) = parse(&event.details) else {
            assert!(!event.details.contains(" heirloom "), "without a name: {}", event.details);
            continue;
        };
        let (levels, expected) =
            tables.get(&name).unwrap_or_else(|| panic!("{name} is in no table"));
        assert!(levels.contains(&level), "{name}: {level}, not {levels}");
        assert_eq!(&fields, expected, "{name}");
        found.insert(name);
    }
    found
}

#[test]
fn every_event_of_a_handoff_is_told_by_its_name_and_fields() {
    let mut family = Family::new();
    family.set("TRACE", "yes").set("DRAIN", "manual").set("COMMIT_MS", "300");
    let (first, _) = family.start_service();
    family.set("SERVICE", "another");
    let stranger = family.start();
    family.expect_like(stranger, "failed", "start");
    family.unset("SERVICE");
    family.set_next("PREPARE", "fail");
    let dead = family.start();
    family.expect_end(dead);
    family.expect_like(first, "log", "the handoff has failed");
    family.hold_next("successor.before.send-owned");
    let slow = family.start();
    family.expect_like(first, "log", "the service was taken back");
    family.expect_end(slow);
    family.set_next("PROGRESS", "warming");
    let second = family.succeed(first, Way::External);
    family.expect(second, "ready");
    family.expect(first, "exit");
    let owner = check(&mut family, first);
    let expected = [
        "handed_over",
        "handoff_began",
        "handoff_failed",
        "handoff_phase",
        "successor_fenced",
        "successor_introduced",
        "successor_progress",
        "successor_ready",
        "successor_refused",
        "taken_back",
    ];
    assert!(expected.iter().all(|name| owner.contains(*name)), "{owner:?}");
    let successor = check(&mut family, second);
    for name in ["service_owned", "takeover_phase"] {
        assert!(successor.contains(name), "{successor:?}");
    }
    assert!(check(&mut family, stranger).contains("service_not_owned"));
    family.tell(first, "drain");
    family.expect_like(second, "log", "an older generation has retired");
    family.tell(second, "stop");
    family.expect_like(second, "log", "the service is stopped");
    let end = check(&mut family, second);
    assert!(end.contains("generation_retired") && end.contains("service_stopped"), "{end:?}");
}

#[cfg(feature = "systemd")]
#[test]
fn what_systemd_is_told_and_what_it_is_not_are_told_by_name_and_fields() {
    let mut family = Family::new();
    family.set("TRACE", "yes").set("SYSTEMD", "yes");
    family.set_variable("NOTIFY_SOCKET", "/no/such/socket");
    let (first, _) = family.start_service();
    assert!(check(&mut family, first).contains("systemd_not_found"));
    family.kill(first);
    let socket = family.path("notify");
    let manager = std::os::unix::net::UnixDatagram::bind(&socket).unwrap();
    family.set_variable("NOTIFY_SOCKET", socket.to_str().unwrap());
    let (second, _) = family.start_service();
    assert!(check(&mut family, second).contains("systemd_told"));
    drop(manager);
    family.tell(second, "stop");
    family.expect_like(second, "log", "systemd cannot be told");
    assert!(check(&mut family, second).contains("systemd_not_told"));
}

#[test]
fn every_event_in_the_source_is_in_a_table() {
    let tables = tables();
    let mut found = BTreeSet::new();
    let mut folders = vec![std::path::PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))];
    while let Some(folder) = folders.pop() {
        for file in std::fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            for call in text.split("tracing::").skip(1).filter(|call| call.contains("!(")) {
                let (call, _) = call.split_once(';').unwrap_or((call, ""));
                let (_, rest) = call.split_once("!(").unwrap_or_default();
                let is_named = rest.contains("target: \"heirloom\", event = \"");
                assert!(is_named || rest.contains("heirloom::step"), "{}: {call}", path.display());
            }
            let names = text.split("event = \"").skip(1);
            found.extend(names.map(|name| name.split('"').next().unwrap().to_owned()));
        }
    }
    assert_eq!(found.into_iter().collect::<Vec<_>>(), tables.into_keys().collect::<Vec<_>>());
}
