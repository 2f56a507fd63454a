//! Nothing leaks, by count: in a process of its own, where nobody else opens descriptors.

use std::os::fd::AsFd;

use heirloom::{ErrorKind, Takeover};
use heirloom_proto::limits::MAX_FRAME;
use heirloom_proto::{Hello, Message, Secret};
use nix::sys::resource::{Resource, setrlimit};

use super::descriptors::is_closed_everywhere;
use super::impostor::{Impostor, file_entries, manifest};
use super::peer::{Peer, hello};
use super::service::{LABEL, Service, builder};
use crate::support::control::Tool;
use crate::support::role::{Role, emit};
use crate::support::{Family, control::status};

/// How many descriptors are open here.
fn open_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// How many are open once the owner has handled everything that was said before: it answers in
/// order.
fn settled(service: &Service) -> usize {
    let mut tool = Tool::connect(service.address()).unwrap();
    tool.send(&Message::Status).unwrap();
    tool.receive().unwrap();
    open_descriptors()
}

#[test]
fn an_owner_that_hears_nonsense_keeps_no_descriptor() {
    let mut family = Family::new();
    let pid = family.set("ROLE", "nonsense").start();
    let told = family.expect(pid, "counted");
    assert_eq!(told.word(0), told.word(1), "before and after");
}

/// The role: an owner that hears every kind of nonsense many times over.
pub(crate) fn hear_nonsense(_role: &Role) {
    let service = Service::new();
    hear_everything(&service);
    let before = settled(&service);
    for _ in 0..50 {
        hear_everything(&service);
    }
    emit("counted", &format!("{before} {}", settled(&service)));
    service.assert_untouched_and_hand_over();
}

fn hear_everything(service: &Service) {
    let file = std::fs::File::open("/dev/null").unwrap();
    let address = service.address();
    for frame in [&b"nonsense"[..], &vec![0; MAX_FRAME + 1], b"", &[0xff; 40]] {
        let visitor = Peer::connect(address);
        visitor.send(frame);
        while visitor.hear().is_some() {}
        let successor = Peer::greet(address);
        assert!(matches!(successor.hear(), Some(Message::Welcome(_))));
        successor.send(frame);
        while successor.hear().is_some() {}
    }
    let with_descriptors = Peer::connect(address);
    // Whether the kernel takes them depends on its version.
    let _ = with_descriptors.send_with(b"nonsense", &[file.as_fd(); 200]);
    let refused = Peer::connect(address);
    refused.say(&Message::Hello(Hello { secret: Some(Secret([0; 32])), ..hello() }));
    while refused.hear().is_some() {}
    drop(Peer::connect(address));
}

#[test]
fn descriptors_that_do_not_fit_are_named_and_closed() {
    let mut family = Family::new();
    let impostor = Impostor::new();
    let pid = family.set("ROLE", "narrow").set("HANDOFF", impostor.name()).start();
    let peer = impostor.accept();
    let Some(Message::Hello(told)) = peer.hear() else {
        panic!("no greeting");
    };
    assert!(told.free_slots < 60, "it has told that 200 are too many");
    impostor.welcome(&peer, 200);
    let (reader, writer) = std::io::pipe().unwrap();
    let frame = manifest(file_entries(200, &writer), true).encode().unwrap();
    peer.send_with(&frame, &vec![writer.as_fd(); 200]).unwrap();
    let told = peer.hear_abort();
    assert!(is_closed_everywhere(&reader, writer), "those that came are closed");

    let failed = family.expect(pid, "failed").details;
    assert!(told.contains("the kernel delivered only "), "{told}");
    let kept = told.split(' ').skip_while(|word| *word != "only").nth(1).unwrap();
    let kept: u64 = kept.parse().unwrap();
    assert!((20..60).contains(&kept), "{kept}");
    assert!(failed.contains(&format!("delivered only {kept} descriptors of a frame")), "{failed}");
    assert!(failed.contains("descriptor limit is too low"), "{failed}");
    let counted = family.expect(pid, "counted");
    assert_eq!(counted.word(0), counted.word(1), "before and after");
}

/// The role: a successor with room for 60 descriptors.
pub(crate) fn start_with_few_slots(role: &Role) {
    setrlimit(Resource::RLIMIT_NOFILE, 60, 60).unwrap();
    let before = open_descriptors();
    let handoff = role.get("HANDOFF").unwrap();
    let error = builder(handoff).takeover(Takeover::Require).start().unwrap_err();
    emit("failed", &format!("{:?} {error}", error.kind()));
    emit("counted", &format!("{before} {}", open_descriptors()));
}

#[test]
fn a_real_predecessor_refuses_a_successor_with_too_few_slots() {
    let mut family = Family::new();
    let service = Service::new();
    let file = tempfile::tempfile().unwrap();
    let more: Vec<_> = (0..100)
        .map(|number| service.upgrader().fds().add(&format!("file {number}"), &file).unwrap())
        .collect();
    let pid = family.set("ROLE", "narrow").set("HANDOFF", service.address()).start();
    let failed = family.expect(pid, "failed").details;
    assert!(failed.starts_with(&format!("{:?}", ErrorKind::TooFewDescriptors)), "{failed}");
    assert!(failed.contains("free descriptor slots, the handoff needs 103"), "{failed}");
    assert!(failed.contains("raise LimitNOFILE"), "{failed}");
    let counted = family.expect(pid, "counted");
    assert_eq!(counted.word(0), counted.word(1), "before and after");
    assert_eq!(status(service.address()).unwrap().service, LABEL);
    drop(more);
    service.assert_untouched_and_hand_over();
}
