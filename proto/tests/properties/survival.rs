//! What is written can be read again.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use heirloom_proto::limits::{HEADER, MAX_DESCRIPTORS, MAX_FRAME};
use heirloom_proto::predecessor::steps::AwaitingReceived;
use heirloom_proto::{Entry, InvalidMessage, Message};
use proptest::collection::vec;
use proptest::prelude::*;

use super::cases;
use super::messages::{entry, manifest, message};
use super::support::layout::layout;

fn length(message: &Message) -> usize {
    HEADER + layout(message).iter().map(|field| field.length).sum::<usize>()
}

proptest! {
    #![proptest_config(cases(500))]

    #[test]
    fn any_message_survives(message in message()) {
        let frame = message.encode().unwrap();
        prop_assert_eq!(frame.len(), length(&message));
        prop_assert_eq!(Message::decode(&frame), Ok(message));
    }
}

proptest! {
    #![proptest_config(cases(80))]

    #[test]
    fn any_manifest_survives_as_far_as_it_fits_a_frame(manifest in manifest(0..=MAX_DESCRIPTORS)) {
        let message = Message::Manifest(manifest);
        let length = length(&message);
        match message.encode() {
            Ok(frame) => {
                prop_assert!(length <= MAX_FRAME);
                prop_assert_eq!(frame.len(), length);
                prop_assert_eq!(Message::decode(&frame), Ok(message));
            }
            Err(error) => {
                prop_assert!(length > MAX_FRAME);
                prop_assert_eq!(error, InvalidMessage::TooLong { length });
            }
        }
    }

    #[test]
    fn any_list_is_cut_into_frames_that_together_are_the_list(
        entries in vec(entry().prop_map(Arc::new), 0..=400)
    ) {
        let batches = batches(&entries);
        let mut next = 0;
        for (frame, range) in &batches {
            prop_assert_eq!(range.start, next);
            next = range.end;
            prop_assert!(range.len() <= MAX_DESCRIPTORS && frame.len() <= MAX_FRAME);
            let Ok(Message::Manifest(manifest)) = Message::decode(frame) else {
                panic!("a batch that cannot be read")
            };
            let found: Vec<_> = manifest.entries.iter().map(|(entry, ())| entry).collect();
            let expected: Vec<_> = entries[range.clone()].iter().map(AsRef::as_ref).collect();
            prop_assert_eq!(found, expected);
            prop_assert_eq!(manifest.last, next == entries.len());
            if let Some(entry) = entries.get(next) {
                let full = frame.len() + entry.encoded_len() > MAX_FRAME;
                prop_assert!(full || range.len() == MAX_DESCRIPTORS, "one more had fitted");
            }
        }
        prop_assert_eq!(next, entries.len());
        prop_assert!(!batches.is_empty(), "there is no last batch");
    }
}

/// The frames in which an owner hands over `entries`, and where in the list each begins and ends.
fn batches(entries: &[Arc<Entry>]) -> Vec<(Vec<u8>, Range<usize>)> {
    let mut step = AwaitingReceived::new(entries.to_vec(), Duration::ZERO);
    std::iter::from_fn(|| {
        step = step.clone().handle_sent(Duration::ZERO);
        step.poll_batch()
    })
    .collect()
}
