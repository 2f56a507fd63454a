//! Bytes that are no message, sent to an owner.

use heirloom_proto::limits::{HEADER, MAGIC, MAX_FRAME, VERSION};
use heirloom_proto::{Message, MessageKind};

use super::peer::Peer;
use super::service::Service;

/// A frame as its four fields say, right or wrong.
fn frame(magic: u32, version: u16, kind: u16, length: u32, body: &[u8]) -> Vec<u8> {
    let mut frame = magic.to_le_bytes().to_vec();
    frame.extend(version.to_le_bytes());
    frame.extend(kind.to_le_bytes());
    frame.extend(length.to_le_bytes());
    frame.extend(body);
    frame
}

const STATUS: u16 = MessageKind::Status as u16;

/// What the owner says to a frame that is none, whether it is the first of a connection or comes in
/// the middle of a handoff. It serves on, and closes the connection.
fn answer_to(frame: &[u8]) -> String {
    let service = Service::new();
    let visitor = Peer::connect(service.address());
    visitor.send(frame);
    let answer = visitor.hear_abort();
    service.assert_untouched();

    let successor = Peer::greet(service.address());
    assert!(matches!(successor.hear(), Some(Message::Welcome(_))));
    assert!(matches!(successor.hear(), Some(Message::Manifest(_))));
    successor.send(frame);
    assert_eq!(successor.hear_abort(), answer);
    service.assert_untouched_and_hand_over();
    answer
}

#[test]
fn bytes_that_are_no_frame() {
    let answer = answer_to(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(
        answer,
        "protocol broken: a frame begins with 0x20544547: the peer does not speak this protocol"
    );
}

#[test]
fn a_frame_shorter_than_its_header() {
    let answer = answer_to(&[0; HEADER - 1]);
    assert_eq!(answer, "protocol broken: a frame of 11 bytes is shorter than its header of 12");
}

#[test]
fn a_frame_of_another_magic() {
    let answer = answer_to(&frame(MAGIC + 1, VERSION, STATUS, 0, &[]));
    assert!(answer.contains("0x4d4c5249"), "{answer}");
}

#[test]
fn a_frame_that_is_too_long() {
    let status = frame(MAGIC, VERSION, STATUS, 0, &[]);
    let too_long = [status, vec![0; MAX_FRAME + 1 - HEADER]].concat();
    assert_eq!(too_long.len(), 65_537);
    let answer = answer_to(&too_long);
    assert_eq!(answer, "protocol broken: a frame is longer than 65536 bytes");
    let answer = answer_to(&vec![0xff; 150_000]);
    assert_eq!(answer, "protocol broken: a frame is longer than 65536 bytes");
}

#[test]
fn the_longest_frame_is_read() {
    let length = u32::try_from(MAX_FRAME - HEADER).unwrap();
    let service = Service::new();
    let visitor = Peer::connect(service.address());
    visitor.send(&frame(MAGIC, VERSION, STATUS, length, &vec![0; length as usize]));
    assert!(matches!(visitor.hear(), Some(Message::StatusReport(_))), "newer fields are skipped");
}

#[test]
fn an_empty_frame_is_an_end() {
    let service = Service::new();
    let visitor = Peer::connect(service.address());
    visitor.send(b"");
    visitor.hear_end();
    let successor = Peer::greet(service.address());
    assert!(matches!(successor.hear(), Some(Message::Welcome(_))));
    successor.send(b"");
    while successor.hear().is_some() {}
    service.assert_untouched_and_hand_over();
}

#[test]
fn a_header_that_tells_another_length() {
    let answer = answer_to(&frame(MAGIC, VERSION, STATUS, 7, &[0; 5]));
    assert_eq!(answer, "protocol broken: the header tells a body of 7 bytes, the frame holds 5");
    let answer = answer_to(&frame(MAGIC, VERSION, STATUS, u32::MAX, &[]));
    assert!(answer.contains("4294967295 bytes"), "{answer}");
}

#[test]
fn a_message_of_another_version() {
    let answer = answer_to(&frame(MAGIC, 7, STATUS, 0, &[]));
    assert_eq!(answer, "protocol broken: Status came in version 7, expected 1");
    let hello = MessageKind::Hello as u16;
    let answer = answer_to(&frame(MAGIC, VERSION, hello, 0, &[]));
    assert_eq!(answer, "protocol broken: Hello came in version 1, expected 0");
}

#[test]
fn an_unknown_message_that_must_be_understood() {
    let answer = answer_to(&frame(MAGIC, VERSION, 0x80ff, 0, &[]));
    assert_eq!(
        answer,
        "protocol broken: message kind 0x80ff is unknown and must not be skipped: one side is too \
         old"
    );
}

#[test]
fn an_unknown_message_that_may_be_skipped() {
    let skippable = frame(MAGIC, VERSION, 0x00ff, 3, b"new");
    let service = Service::new();
    let visitor = Peer::connect(service.address());
    visitor.send(&skippable);
    visitor.say(&Message::Status);
    assert!(matches!(visitor.hear(), Some(Message::StatusReport(_))));
    let successor = Peer::greet(service.address());
    successor.send(&skippable);
    assert!(matches!(successor.hear(), Some(Message::Welcome(_))));
    assert!(matches!(successor.hear(), Some(Message::Manifest(_))));
    successor.send(&skippable);
    successor.say(&Message::Received(heirloom_proto::Received { count: 1 }));
    drop(successor);
    service.assert_untouched_and_hand_over();
}

#[test]
fn a_body_that_is_cut() {
    let hello = Message::Hello(super::peer::hello()).encode().unwrap();
    let cuts = [(HEADER, "lowest"), (HEADER + 4, "features"), (hello.len() - 1, "secret")];
    for (length, field) in cuts {
        let mut cut = hello[..length].to_vec();
        let body = u32::try_from(length - HEADER).unwrap();
        cut[8..12].copy_from_slice(&body.to_le_bytes());
        let answer = answer_to(&cut);
        assert_eq!(
            answer,
            format!(
                "protocol broken: Hello cannot be read: {field}: the frame ends before it does"
            )
        );
    }
}

#[test]
fn a_text_that_claims_a_length_beyond_all_bounds() {
    let mut body = [VERSION.to_le_bytes(), VERSION.to_le_bytes()].concat();
    body.extend([0; 8 + 8 + 4]);
    body.extend(u64::MAX.to_le_bytes());
    let length = u32::try_from(body.len()).unwrap();
    let answer = answer_to(&frame(MAGIC, 0, MessageKind::Hello as u16, length, &body));
    assert!(answer.starts_with("protocol broken: Hello cannot be read"), "{answer}");
}
