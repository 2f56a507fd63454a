//! The unit's descriptor store: what is in it under which name.

use std::collections::BTreeMap;

use heirloom_proto::{Identity, Kind, Name};

/// What every name in the store begins with, to be told from what a socket unit or the application
/// has there.
const PREFIX: &str = "heirloom.";

/// Longest name that systemd takes, in bytes.
const MAX_FDNAME: usize = 255;

/// What is in the store, or may be.
#[derive(Debug, Default)]
pub(super) struct Store(BTreeMap<String, Stored>);

#[derive(Debug)]
struct Stored {
    identity: Identity,
    /// Told by this process, or by systemd; the predecessor may have had another mind.
    certain: bool,
}

impl Store {
    /// Something that this process was started with, or has inherited from a predecessor.
    pub(super) fn know(&mut self, kind: Kind, name: &Name, identity: &Identity, certain: bool) {
        if let Some(name) = stored_as(kind, name) {
            self.0.insert(name, Stored { identity: identity.clone(), certain });
        }
    }

    /// The names that nothing is registered under any more, or something else. systemd keeps one socket
    /// under one name: what else it has is to be stored again when it has lost that one.
    pub(super) fn outdated(&mut self, registered: &BTreeMap<String, Identity>) -> Vec<String> {
        let is_same = |name: &String, stored: &Stored| {
            registered.get(name).is_some_and(|identity| *identity == stored.identity)
        };
        let (current, outdated): (BTreeMap<_, _>, BTreeMap<_, _>) =
            std::mem::take(&mut self.0).into_iter().partition(|(name, one)| is_same(name, one));
        self.0 = current;
        for one in self.0.values_mut() {
            one.certain &= outdated.values().all(|lost| lost.identity != one.identity);
        }
        outdated.into_keys().collect()
    }

    /// Everything that is in the store, or may be; nothing is from now on.
    pub(super) fn empty(&mut self) -> Vec<String> {
        std::mem::take(&mut self.0).into_keys().collect()
    }

    /// Whether something is to be stored; it counts as stored then.
    pub(super) fn lacks(&mut self, name: &str, identity: &Identity) -> bool {
        let stored = Stored { identity: identity.clone(), certain: true };
        self.0.insert(name.into(), stored).is_none_or(|before| !before.certain)
    }
}

/// The name in the store of something that is kept there: a kind, and its name with everything as
/// `%` and two digits that systemd takes in no name, which is `:` and whatever is not printable ASCII.
pub(crate) fn stored_as(kind: Kind, name: &Name) -> Option<String> {
    let mut text = format!("{PREFIX}{}.", word(kind)?);
    for byte in name.as_str().bytes() {
        match byte {
            b':' | b'%' | 0..b' ' | 127.. => text.push_str(&format!("%{byte:02x}")),
            printable => text.push(printable.into()),
        }
    }
    if text.len() > MAX_FDNAME {
        let reason = format!(
            "its name there has {} bytes, {MAX_FDNAME} are allowed: choose a shorter one",
            text.len()
        );
        tracing::warn!(target: "heirloom", event = "listener_not_stored", %name, reason, "a listener is not kept by systemd");
        return None;
    }
    Some(text)
}

/// The kind and the name that [`stored_as`] was given; nothing for a name that it has not made.
pub(crate) fn stored_name(text: &str) -> Option<(Kind, Name)> {
    let (word_of_kind, escaped) = text.strip_prefix(PREFIX)?.split_once('.')?;
    let kind = KEPT.into_iter().find(|kind| word(*kind) == Some(word_of_kind))?;
    let mut parts = escaped.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    Some((kind, Name::new(std::str::from_utf8(&bytes).ok()?).ok()?))
}

/// The kinds that are worth to be kept when nobody is left: those that clients find by an address.
const KEPT: [Kind; 5] = [
    Kind::TcpListener,
    Kind::UdpSocket,
    Kind::UnixListener,
    Kind::UnixDatagram,
    Kind::UnixSeqpacketListener,
];

fn word(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::TcpListener => Some("tcp"),
        Kind::UdpSocket => Some("udp"),
        Kind::UnixListener => Some("unix"),
        Kind::UnixDatagram => Some("unixgram"),
        Kind::UnixSeqpacketListener => Some("unixpacket"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    fn identity(inode: u64) -> Identity {
        Identity::File(heirloom_proto::FileId { device: 1, inode })
    }

    #[test]
    fn every_name_is_spelled_so_that_systemd_takes_it_and_reads_back() {
        for text in
            ["127.0.0.1:7000", "[::1]:80", "@a b", "/run/x.sock", "100%", "%3a", "é\u{7f}", "."]
        {
            for kind in KEPT {
                let stored = stored_as(kind, &name(text)).unwrap();
                assert!(stored.bytes().all(|byte| (b' '..127).contains(&byte) && byte != b':'));
                assert_eq!(stored_name(&stored), Some((kind, name(text))), "{stored}");
            }
        }
        assert_eq!(stored_as(Kind::TcpListener, &name("a:1")).unwrap(), "heirloom.tcp.a%3a1");
    }

    #[test]
    fn what_is_no_listener_or_too_long_is_not_stored() {
        assert_eq!(stored_as(Kind::File, &name("a")), None);
        assert_eq!(stored_as(Kind::TcpStream, &name("a")), None);
        assert_eq!(stored_as(Kind::TcpListener, &name(&"a".repeat(255))), None);
    }

    #[test]
    fn names_that_somebody_else_has_given_are_none_of_ours() {
        for text in
            ["", "echo.socket", "heirloom.", "heirloom.x.y", "heirloom.tcp.", "heirloom.tcp.%3"]
        {
            assert_eq!(stored_name(text), None, "{text}");
        }
        assert_eq!(stored_name("heirloom.tcp.%g0"), None);
    }

    #[test]
    fn what_is_stored_is_stored_once_and_what_is_gone_or_another_is_removed() {
        let mut store = Store::default();
        assert!(store.lacks("a", &identity(1)) && !store.lacks("a", &identity(1)));
        assert!(store.outdated(&BTreeMap::from([("a".into(), identity(1))])).is_empty());
        assert_eq!(store.outdated(&BTreeMap::from([("a".into(), identity(2))])), ["a"]);
        assert!(store.lacks("a", &identity(2)));
        assert_eq!(store.outdated(&BTreeMap::new()), ["a"]);
        assert!(store.outdated(&BTreeMap::new()).is_empty());
    }

    #[test]
    fn a_socket_that_is_taken_out_under_one_name_is_stored_again_under_its_other() {
        let mut store = Store::default();
        assert!(store.lacks("a", &identity(1)) && store.lacks("b", &identity(1)));
        assert!(store.lacks("c", &identity(3)));
        let left = BTreeMap::from([("b".into(), identity(1)), ("c".into(), identity(3))]);
        assert_eq!(store.outdated(&left), ["a"]);
        assert!(store.lacks("b", &identity(1)) && !store.lacks("b", &identity(1)));
        assert!(!store.lacks("c", &identity(3)));
    }

    #[test]
    fn what_a_predecessor_may_have_stored_is_stored_again() {
        let mut store = Store::default();
        let (kind, of) = (Kind::TcpListener, name("a"));
        store.know(kind, &of, &identity(1), false);
        assert!(store.lacks("heirloom.tcp.a", &identity(1)));
        store.know(kind, &of, &identity(1), true);
        assert!(!store.lacks("heirloom.tcp.a", &identity(1)));
    }
}
