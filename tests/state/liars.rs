//! Predecessors whose state is not what it has to be.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::thread;

use heirloom::{ErrorKind, Takeover, Upgrader};
use heirloom_proto::{Entry, FileId, Identity, Kind, Manifest, Message, Name, Timeouts, Welcome};
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::socket::{
    AddressFamily, Backlog, ControlMessage, MsgFlags, SockFlag, SockType, UnixAddr, accept4, bind,
    listen, recv, sendmsg, socket,
};
use nix::sys::stat::fstat;

use crate::support::sys::wait_readable;

const SEALS: SealFlag = SealFlag::F_SEAL_WRITE
    .union(SealFlag::F_SEAL_SHRINK)
    .union(SealFlag::F_SEAL_GROW)
    .union(SealFlag::F_SEAL_SEAL);

/// What a successor says of a state with these seals.
fn report_of(entry: Entry, memory: File) -> String {
    match start_against(entry, memory) {
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Mismatch, "{error}");
            error.to_string()
        }
        Ok(_) => panic!("it is believed"),
    }
}

#[test]
fn the_truth_is_believed() {
    let memory = memory(b"one", SEALS);
    let upgrader = start_against(entry(Kind::State, b"v1", &memory), memory).unwrap();
    let taken = upgrader.state().take("cache", &["v1"]).unwrap().unwrap();
    assert_eq!(taken.into_bytes().unwrap(), b"one");
}

#[test]
fn a_memory_that_lacks_a_seal_is_a_mismatch() {
    for seal in [
        SealFlag::F_SEAL_WRITE,
        SealFlag::F_SEAL_SHRINK,
        SealFlag::F_SEAL_GROW,
        SealFlag::F_SEAL_SEAL,
    ] {
        let memory = memory(b"one", SEALS - seal);
        let text = report_of(entry(Kind::State, b"v1", &memory), memory);
        assert!(text.contains("state cache: it lacks the seals"), "{text}");
        assert!(text.contains(&format!("{seal:?}")), "{text}");
    }
}

#[test]
fn a_file_for_a_memory_is_a_mismatch() {
    let file = tempfile::tempfile().unwrap();
    let text = report_of(entry(Kind::State, b"v1", &file), file);
    assert!(text.contains("it lacks the seals") || text.contains("no memory"), "{text}");
}

#[test]
fn another_memory_than_the_one_announced_is_a_mismatch() {
    let announced = memory(b"one", SEALS);
    let text = report_of(entry(Kind::State, b"v1", &announced), memory(b"two", SEALS));
    assert!(text.contains("state cache was announced as"), "{text}");
}

#[test]
fn a_memory_beyond_its_bound_is_a_mismatch_and_takes_no_memory_to_find_out() {
    let large = unsealed();
    large.set_len((1 << 30) + 1).unwrap();
    fcntl(&large, FcntlArg::F_ADD_SEALS(SEALS)).unwrap();
    let text = report_of(entry(Kind::State, b"v1", &large), large);
    assert!(text.contains("it has 1073741825 bytes, at most 1073741824 are allowed"), "{text}");
}

#[test]
fn a_label_that_is_none_is_a_mismatch() {
    for label in [&b""[..], b"a\0b", b"\xff", &[b'x'; 256]] {
        let memory = memory(b"one", SEALS);
        let text = report_of(entry(Kind::State, label, &memory), memory);
        assert!(text.contains("state cache: a schema label"), "{text}");
    }
}

#[test]
fn last_words_before_they_are_said_are_a_mismatch() {
    let memory = memory(b"one", SEALS);
    let text = report_of(entry(Kind::LastWords, b"v1", &memory), memory);
    assert!(text.contains("last words cache: it has 3 bytes before it was said"), "{text}");
}

fn unsealed() -> File {
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    File::from(memfd_create("liar", flags).unwrap())
}

fn memory(content: &[u8], seals: SealFlag) -> File {
    let mut memory = unsealed();
    memory.write_all(content).unwrap();
    fcntl(&memory, FcntlArg::F_ADD_SEALS(seals)).unwrap();
    memory
}

fn entry(kind: Kind, label: &[u8], memory: &File) -> Entry {
    let stat = fstat(memory).unwrap();
    Entry {
        kind,
        name: Name::new("cache").unwrap(),
        identity: Identity::File(FileId { device: stat.st_dev, inode: stat.st_ino }),
        path: None,
        opaque: label.to_vec().try_into().unwrap(),
    }
}

/// A real successor against a predecessor that hands over this one entry.
fn start_against(entry: Entry, memory: File) -> Result<Upgrader, heirloom::Error> {
    let name = format!("heirloom-liar-{}-{:?}", std::process::id(), thread::current().id());
    let address = UnixAddr::new_abstract(name.as_bytes()).unwrap();
    let listener =
        socket(AddressFamily::Unix, SockType::SeqPacket, SockFlag::SOCK_CLOEXEC, None).unwrap();
    bind(listener.as_raw_fd(), &address).unwrap();
    listen(&listener, Backlog::new(8).unwrap()).unwrap();
    let liar = thread::spawn(move || hand_over(listener, entry, &memory));
    let started = Upgrader::builder()
        .handoff_socket(format!("@{name}"))
        .service("liar")
        .takeover(Takeover::Require)
        .start();
    liar.join().unwrap();
    started
}

fn hand_over(listener: OwnedFd, entry: Entry, memory: &File) {
    assert!(wait_readable(&listener));
    let peer = accept4(listener.as_raw_fd(), SockFlag::SOCK_CLOEXEC).unwrap();
    let hear = || {
        let mut frame = vec![0; 65_536];
        let length = recv(peer, &mut frame, MsgFlags::empty()).unwrap();
        Message::decode(&frame[..length]).unwrap()
    };
    let say = |message: Message, descriptors: &[BorrowedFd<'_>]| {
        let numbers: Vec<_> = descriptors.iter().map(AsRawFd::as_raw_fd).collect();
        let frame = message.encode().unwrap();
        let control = [ControlMessage::ScmRights(&numbers)];
        let frame = [std::io::IoSlice::new(&frame)];
        sendmsg::<()>(peer, &frame, &control, MsgFlags::MSG_NOSIGNAL, None).unwrap();
    };
    assert!(matches!(hear(), Message::Hello(_)));
    let token = unsealed();
    token.set_len(8).unwrap();
    let welcome = Welcome {
        version: 1,
        generation: 2,
        attempt: 0,
        entries: 1,
        timeouts: Timeouts::default(),
        pid: 1,
        build: String::new(),
    };
    say(Message::Welcome(welcome), &[token.as_fd(), listener.as_fd()]);
    let manifest = Manifest { entries: vec![(entry, ())], last: true };
    say(Message::Manifest(manifest), &[memory.as_fd()]);
    assert!(matches!(hear(), Message::Abort(_) | Message::Received(_)));
    nix::unistd::close(peer).unwrap();
}
