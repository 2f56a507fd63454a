//! Descriptors sent to an owner, which takes none.

use std::io::{PipeReader, PipeWriter};
use std::os::fd::AsFd;

use heirloom_proto::Message;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::peer::{Peer, hello};
use super::service::Service;
use crate::support::DEADLINE;

/// Whether every copy of the writing end has been closed, whoever held it.
pub(super) fn is_closed_everywhere(reader: &PipeReader, writer: PipeWriter) -> bool {
    drop(writer);
    let mut set = [PollFd::new(reader.as_fd(), PollFlags::POLLIN)];
    let timeout = PollTimeout::try_from(DEADLINE).unwrap();
    poll(&mut set, timeout) == Ok(1) && set[0].revents() == Some(PollFlags::POLLHUP)
}

/// Sends a frame with descriptors; a kernel that knows `SO_PASSRIGHTS` refuses them for the owner.
fn is_refused(peer: &Peer, message: &Message, count: usize) -> bool {
    let (reader, writer) = std::io::pipe().unwrap();
    let sent = peer.send_with(&message.encode().unwrap(), &vec![writer.as_fd(); count]);
    let refused = match sent {
        Err(errno) => {
            assert_eq!(errno, Errno::EPERM);
            true
        }
        Ok(()) => {
            let answer = peer.hear_abort();
            assert_eq!(answer, "protocol broken: descriptors came where none are taken");
            false
        }
    };
    assert!(is_closed_everywhere(&reader, writer), "it was not kept");
    refused
}

#[test]
fn descriptors_from_a_visitor() {
    for count in [1, 250] {
        let service = Service::new();
        let visitor = Peer::connect(service.address());
        if is_refused(&visitor, &Message::Status, count) {
            visitor.say(&Message::Status);
            assert!(matches!(visitor.hear(), Some(Message::StatusReport(_))));
        }
        service.assert_untouched_and_hand_over();
    }
}

#[test]
fn descriptors_with_a_greeting() {
    let service = Service::new();
    is_refused(&Peer::connect(service.address()), &Message::Hello(hello()), 3);
    service.assert_untouched_and_hand_over();
}

#[test]
fn descriptors_from_a_successor() {
    let service = Service::new();
    let successor = Peer::greet(service.address());
    assert!(matches!(successor.hear(), Some(Message::Welcome(_))));
    assert!(matches!(successor.hear(), Some(Message::Manifest(_))));
    let message = Message::Received(heirloom_proto::Received { count: 1 });
    is_refused(&successor, &message, 1);
    drop(successor);
    service.assert_untouched_and_hand_over();
}
