//! What a spawned successor holds, and what everybody can read of it.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{UnixAddr, getsockname};

use super::expect_unharmed;
use super::secrets::secret_of;
use crate::support::sys::{copy_descriptor, open_process};
use crate::support::{Family, Way};

/// Where the descriptors of a process above its standard streams lead to, each with its number.
fn links(pid: u32) -> Vec<(i32, String)> {
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let links = entries.filter_map(|entry| {
        let entry = entry.ok()?;
        let link = fs::read_link(entry.path()).ok()?;
        Some((entry.file_name().to_str()?.parse().ok()?, link.to_str()?.into()))
    });
    links.filter(|(number, _)| *number > 2).collect()
}

/// What a socket of another process is bound to.
fn name_of(process: &OwnedFd, number: i32) -> String {
    let copy = copy_descriptor(process, number).unwrap();
    match getsockname::<UnixAddr>(copy.as_raw_fd()) {
        Ok(name) => {
            let name = name.as_abstract().unwrap_or_default();
            format!("@{}", String::from_utf8_lossy(name))
        }
        Err(_) => TcpListener::from(copy).local_addr().unwrap().to_string(),
    }
}

/// What two processes both hold, by name: sockets by what they are bound to, anything else by what
/// the kernel calls it. What the kernel has but one of for all, it has no name for.
fn shared(predecessor: u32, successor: u32) -> BTreeSet<String> {
    let process = open_process(successor).unwrap();
    let theirs: BTreeSet<String> = links(predecessor).into_iter().map(|(_, link)| link).collect();
    let both = links(successor).into_iter().filter(|(_, link)| theirs.contains(link));
    let named = both.filter(|(_, link)| !link.starts_with("anon_inode:"));
    let name = |(number, link): (i32, String)| match link.starts_with("socket:") {
        true => name_of(&process, number),
        false => link,
    };
    named.map(name).collect()
}

#[test]
fn spawned_successor_holds_its_standard_streams_and_what_it_was_handed() {
    let mut family = Family::new();
    let (first, address) = family.set("CARELESS", "yes").start_service();
    family.hold_next("successor.before.send-ready").set_next("CARELESS", "no");
    let second = family.succeed(first, Way::Spawned);
    assert_eq!(family.expect(second, "inherits").details, "0 1 2");
    family.expect(second, "held");
    let control = family.setting("HANDOFF").to_owned();
    let token = "/memfd:heirloom-token (deleted)".to_owned();
    assert_eq!(shared(first, second), [address.clone(), control, token].into());
    family.tell(second, "resume");
    family.expect(second, "ready");
    family.expect_end(first);
    expect_unharmed(&mut family, second, &address);
}

/// As it may be written: hexadecimal, or as a list of bytes.
fn spellings(secret: &str) -> [String; 3] {
    let bytes = (0..8).map(|index| u8::from_str_radix(&secret[2 * index..][..2], 16).unwrap());
    let list: Vec<String> = bytes.map(|byte| byte.to_string()).collect();
    [secret[..16].to_owned(), secret[..16].to_uppercase(), list.join(", ")]
}

/// Nobody has written the secret anywhere: not in a log at any level, not on standard error.
fn expect_untold(family: &mut Family, pids: [u32; 2], secret: &str) {
    for pid in pids {
        assert!(family.has_come(pid, "traced"), "process {pid} is not traced");
        let arguments = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        assert!(!arguments.contains(&secret[..16]), "{arguments}");
    }
    let told = family.report();
    for level in ["TRACE heirloom::step", "INFO heirloom"] {
        assert!(told.contains(level), "{level} is not traced");
    }
    for spelling in spellings(secret) {
        let line = told.lines().find(|line| line.contains(&spelling));
        assert_eq!(line, None, "the secret was told");
    }
}

#[test]
fn secret_is_in_no_log_and_in_nobodys_arguments() {
    let mut family = Family::new();
    let (first, address) = family.set("TRACE", "yes").start_service();
    let second = family.succeed(first, Way::Spawned);
    family.expect(second, "ready");
    let secret = secret_of(second);
    let arguments = fs::read_to_string(format!("/proc/{second}/cmdline")).unwrap();
    assert!(arguments.contains("role_main"), "{arguments}");
    assert!(!arguments.contains(&secret[..16]), "{arguments}");
    family.expect_end(first);
    expect_untold(&mut family, [first, second], &secret);
    expect_unharmed(&mut family, second, &address);
}

/// What goes wrong is logged with its reason.
#[test]
fn secret_is_in_no_log_when_the_upgrade_fails() {
    for ends in ["kill", "fail", "exit"] {
        let mut family = Family::new();
        let (first, address) = family.set("TRACE", "yes").start_service();
        family.set_next("PREPARE", ends).hold_next("successor.before.send-hello");
        let second = family.succeed(first, Way::Spawned);
        family.expect(second, "held");
        let secret = secret_of(second);
        family.tell(second, "resume");
        family.expect_like(first, "failed", "upgrade ");
        family.expect_end(second);
        expect_untold(&mut family, [first, second], &secret);
        expect_unharmed(&mut family, first, &address);
    }
}
