//! Predecessors that are none, and what a real successor says of them.

use std::os::fd::AsFd;
use std::thread;

use heirloom::{ErrorKind, Phase, Takeover};
use heirloom_proto::{
    Abort, AbortReason, Message, Progress, Refuse, RefuseReason, StatusReport, Welcome,
};

use super::descriptors::is_closed_everywhere;
use super::impostor::{
    Impostor, QUEUE, file_entries, file_entry, manifest, start_against, welcome,
};
use super::peer::Peer;
use super::service::builder;

/// What a successor reports of an impostor, and what it has told it: kind, phase, text.
fn report_of(
    script: impl FnOnce(&Impostor) + Send + 'static,
) -> (ErrorKind, Option<Phase>, String) {
    let error = start_against(script).unwrap_err();
    (error.kind(), error.phase(), error.to_string())
}

#[test]
fn one_that_speaks_another_protocol() {
    let (kind, _, text) = report_of(|impostor| {
        let peer = impostor.meet();
        peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        assert!(peer.hear_abort().contains("does not speak this protocol"));
    });
    assert_eq!(kind, ErrorKind::Protocol);
    assert_eq!(text, "a frame begins with 0x50545448: the peer does not speak this protocol");
}

#[test]
fn one_whose_frame_is_too_long() {
    let (kind, _, text) = report_of(|impostor| {
        let peer = impostor.meet();
        peer.send(&vec![0; 65_537]);
        assert!(peer.hear_abort().contains("longer than 65536 bytes"));
    });
    assert_eq!(kind, ErrorKind::Protocol);
    assert!(text.contains("longer than 65536 bytes"), "{text}");
}

#[test]
fn one_that_says_nothing() {
    let (kind, phase, text) = report_of(|impostor| {
        let peer = impostor.meet();
        assert!(peer.hear_abort().starts_with("timed out"));
    });
    assert_eq!((kind, phase), (ErrorKind::Hung, Some(Phase::Greeting)));
    assert!(text.contains("greeting took ") && text.contains(" ms, 5000 ms are allowed"), "{text}");
}

#[test]
fn one_that_closes_before_it_has_said_anything_again_and_again() {
    let impostor = Impostor::new();
    let name = impostor.name().to_owned();
    let closes =
        thread::spawn(move || while let Some(Message::Hello(_)) = impostor.accept().hear() {});
    let error = builder(&name).takeover(Takeover::Require).start().unwrap_err();
    Peer::connect(&name).say(&Message::Status);
    closes.join().unwrap();
    assert_eq!((error.kind(), error.phase()), (ErrorKind::DiedMidway, Some(Phase::Greeting)));
}

#[test]
fn one_that_closes_before_it_has_said_anything_and_is_gone() {
    let (kind, phase, _) = report_of(|impostor| drop(impostor.meet()));
    assert_eq!((kind, phase), (ErrorKind::DiedMidway, Some(Phase::Greeting)));
}

#[test]
fn one_that_is_gone_leaves_a_service_to_begin_unless_it_is_required() {
    let impostor = Impostor::new();
    let builder = builder(impostor.name());
    let gone = thread::spawn(move || drop(impostor.meet()));
    assert_eq!(builder.start().unwrap().generation(), 1);
    gone.join().unwrap();
}

#[test]
fn one_that_closes_before_it_has_said_anything_is_met_again() {
    let started = start_against(|impostor| {
        drop(impostor.meet());
        let peer = impostor.meet();
        impostor.welcome(&peer, 0);
        peer.say(&manifest(Vec::new(), true));
        assert!(matches!(peer.hear(), Some(Message::Received(_))));
    });
    assert_eq!(started.unwrap().generation(), 2);
}

#[test]
fn one_that_closes_midway() {
    let (kind, phase, text) = report_of(|impostor| {
        let peer = impostor.meet();
        impostor.welcome(&peer, 3);
    });
    assert_eq!((kind, phase), (ErrorKind::DiedMidway, Some(Phase::Transferring)));
    assert!(text.contains("closed the connection while transferring"), "{text}");
}

#[test]
fn one_that_closes_midway_again_and_again_is_not_asked_a_third_time() {
    let impostor = Impostor::new();
    let name = impostor.name().to_owned();
    let closes = thread::spawn(move || {
        let mut welcomed = 0;
        loop {
            let peer = impostor.accept();
            match peer.hear() {
                Some(Message::Hello(_)) => impostor.welcome(&peer, 3),
                _ => return welcomed,
            }
            welcomed += 1;
        }
    });
    let error = builder(&name).start().unwrap_err();
    Peer::connect(&name).say(&Message::Status);
    assert_eq!((error.kind(), error.phase()), (ErrorKind::DiedMidway, Some(Phase::Transferring)));
    assert_eq!(closes.join().unwrap(), 2);
}

#[test]
fn one_that_chooses_a_version_which_was_not_offered() {
    let (kind, _, text) = report_of(|impostor| {
        let peer = impostor.meet();
        let Message::Welcome(honest) = welcome(0) else { unreachable!() };
        let message = Message::Welcome(Welcome { version: 9, ..honest });
        let (token, listener) = impostor.offer();
        peer.send_with(&message.encode().unwrap(), &[token.as_fd(), listener]).unwrap();
        assert!(peer.hear_abort().contains("version 9"));
    });
    assert_eq!(kind, ErrorKind::Incompatible);
    assert_eq!(text, "the predecessor speaks version 9, this process 1 to 1");
}

#[test]
fn one_that_welcomes_with_too_few_or_too_many_descriptors() {
    for count in [0, 1, 3] {
        let (kind, _, text) = report_of(move |impostor| {
            let peer = impostor.meet();
            let (token, listener) = impostor.offer();
            let descriptors = [token.as_fd(), listener, token.as_fd()];
            let frame = welcome(0).encode().unwrap();
            peer.send_with(&frame, &descriptors[..count]).unwrap();
            peer.hear_abort();
        });
        assert_eq!(kind, ErrorKind::Protocol);
        assert_eq!(text, format!("{count} descriptors came with a message that calls for 2"));
    }
}

#[test]
fn one_that_sends_too_few_or_too_many_descriptors() {
    for (entries, descriptors) in
        [(3, 2), (3, 4), (1, 0), (0, 1), (250, 249), (250, 251), (250, 253)]
    {
        let (kind, _, text) = report_of(move |impostor| {
            let peer = impostor.meet();
            impostor.welcome(&peer, entries as u64);
            let (reader, writer) = std::io::pipe().unwrap();
            let frame = manifest(file_entries(entries, &writer), true).encode().unwrap();
            peer.send_with(&frame, &vec![writer.as_fd(); descriptors]).unwrap();
            peer.hear_abort();
            assert!(is_closed_everywhere(&reader, writer), "{descriptors} for {entries} leak");
        });
        assert_eq!(kind, ErrorKind::Protocol);
        let expected =
            format!("{descriptors} descriptors came with a message that calls for {entries}");
        assert_eq!(text, expected);
    }
}

#[test]
fn one_that_sends_descriptors_with_a_message_that_has_none() {
    for message in [
        Message::Abort(Abort::new(AbortReason::System, "nothing")),
        Message::Progress(Progress { text: String::new() }),
        Message::Unknown(0x00ff),
    ] {
        let kind = start_against(move |impostor| {
            let peer = impostor.meet();
            impostor.welcome(&peer, 1);
            let (reader, writer) = std::io::pipe().unwrap();
            peer.send_with(&message.encode().unwrap(), &[writer.as_fd()]).unwrap();
            drop(peer);
            assert!(is_closed_everywhere(&reader, writer), "{message:?} leaks");
        });
        kind.unwrap_err();
    }
}

#[test]
fn one_that_announces_more_than_it_sends() {
    let (kind, _, text) = report_of(|impostor| {
        let peer = impostor.meet();
        impostor.welcome(&peer, 5);
        let (reader, writer) = std::io::pipe().unwrap();
        let frame = manifest(file_entries(2, &writer), true).encode().unwrap();
        peer.send_with(&frame, &[writer.as_fd(); 2]).unwrap();
        peer.hear_abort();
        assert!(is_closed_everywhere(&reader, writer));
    });
    assert_eq!(kind, ErrorKind::Protocol);
    assert!(text.contains("2 entries came, 5 were announced"), "{text}");
}

#[test]
fn one_that_sends_more_than_it_has_announced() {
    let (kind, _, text) = report_of(|impostor| {
        let peer = impostor.meet();
        impostor.welcome(&peer, 1);
        let (reader, writer) = std::io::pipe().unwrap();
        let frame = manifest(file_entries(2, &writer), false).encode().unwrap();
        peer.send_with(&frame, &[writer.as_fd(); 2]).unwrap();
        peer.hear_abort();
        assert!(is_closed_everywhere(&reader, writer));
    });
    assert_eq!(kind, ErrorKind::Protocol);
    assert!(text.contains("2 entries came, 1 were announced"), "{text}");
}

#[test]
fn one_that_sends_empty_batches_for_ever() {
    let (kind, ..) = report_of(|impostor| {
        let peer = impostor.meet();
        impostor.welcome(&peer, 1);
        peer.send(&manifest(Vec::new(), false).encode().unwrap());
        peer.hear_abort();
    });
    assert_eq!(kind, ErrorKind::Protocol);
}

#[test]
fn one_that_gives_two_entries_one_name() {
    let (kind, _, text) = report_of(|impostor| {
        let peer = impostor.meet();
        impostor.welcome(&peer, 2);
        let (reader, writer) = std::io::pipe().unwrap();
        let entries = vec![file_entry("same", &writer), file_entry("same", &reader)];
        let frame = manifest(entries, true).encode().unwrap();
        peer.send_with(&frame, &[writer.as_fd(), reader.as_fd()]).unwrap();
        assert!(peer.hear_abort().starts_with("protocol broken: "));
        assert!(is_closed_everywhere(&reader, writer));
    });
    assert_eq!(kind, ErrorKind::Protocol);
    assert!(text.contains("two entries are file same"), "{text}");
}

#[test]
fn one_that_falls_silent_midway() {
    let (kind, phase, text) = report_of(|impostor| {
        let peer = impostor.meet();
        impostor.welcome(&peer, 2);
        let (reader, writer) = std::io::pipe().unwrap();
        let frame = manifest(file_entries(1, &writer), false).encode().unwrap();
        peer.send_with(&frame, &[writer.as_fd()]).unwrap();
        assert!(matches!(peer.hear(), Some(Message::Received(_))));
        assert!(peer.hear_abort().starts_with("timed out"));
        assert!(is_closed_everywhere(&reader, writer));
    });
    assert_eq!((kind, phase), (ErrorKind::TimedOut, Some(Phase::Transferring)));
    assert!(text.contains("5000 ms"), "{text}");
}

#[test]
fn one_that_says_what_only_others_say() {
    let report = StatusReport {
        generation: 1,
        pid: 1,
        service: String::new(),
        build: String::new(),
        phase: Phase::Serving,
        age_ms: 0,
        uptime_ms: 0,
        entries: 0,
        draining: Vec::new(),
        open: None,
        handoff: None,
        last_failure: None,
        listed: Vec::new(),
    };
    for message in [Message::Owned, Message::Released, Message::StatusReport(report)] {
        let expected = format!("{} came while greeting", message.kind().unwrap());
        let (kind, _, text) = report_of(move |impostor| {
            let peer = impostor.meet();
            peer.say(&message);
            peer.hear_abort();
        });
        assert_eq!(kind, ErrorKind::Protocol);
        assert!(text.contains(&expected), "{text}");
    }
}

#[test]
fn one_that_refuses_for_a_reason_nobody_knows() {
    let (kind, phase, text) = report_of(|impostor| {
        impostor.meet().say(&Message::Refuse(Refuse {
            reason: RefuseReason::Other(999),
            generation: 1,
            phase: Phase::Other(99),
            age_ms: 0,
            needed: 0,
            available: 0,
            text: "the moon is full".into(),
        }));
    });
    assert_eq!((kind, phase), (ErrorKind::Aborted, Some(Phase::Other(99))));
    assert!(text.contains("the moon is full"), "{text}");
}

#[test]
fn one_that_never_accepts() {
    let impostor = Impostor::new();
    let started = builder(impostor.name()).takeover(Takeover::Require).start();
    assert_eq!(started.unwrap_err().kind(), ErrorKind::Hung);
}

#[test]
fn one_whose_queue_is_full() {
    let impostor = Impostor::new();
    let _crowd: Vec<_> = (0..=QUEUE).map(|_| Peer::connect(impostor.name())).collect();
    let error = builder(impostor.name()).takeover(Takeover::Require).start().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Hung);
    assert!(error.to_string().contains("has not accepted a connection for 5000 ms"), "{error}");
    assert!(error.to_string().contains(impostor.name()), "{error}");
}
