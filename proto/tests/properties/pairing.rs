//! Every descriptor stays with its entry.

use heirloom_proto::limits::MAX_DESCRIPTORS;
use heirloom_proto::{InvalidMessage, Manifest, Message};
use proptest::prelude::*;

use super::cases;
use super::support::entry;

/// The numbers below some bound, in any order.
fn order() -> impl Strategy<Value = Vec<usize>> {
    (0..=MAX_DESCRIPTORS).prop_flat_map(|count| Just((0..count).collect()).prop_shuffle())
}

/// What arrives of the entries with these numbers.
fn sent(order: &[usize]) -> Manifest {
    let entries = order.iter().map(|number| (entry(*number), ()));
    let message = Message::Manifest(Manifest { entries: entries.collect(), last: true });
    match Message::decode(&message.encode().unwrap()) {
        Ok(Message::Manifest(manifest)) => manifest,
        other => panic!("{other:?}"),
    }
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn in_any_order_a_descriptor_stays_with_its_entry(order in order()) {
        let paired = sent(&order).pair(order.clone()).unwrap();
        prop_assert!(paired.last);
        prop_assert_eq!(paired.entries.len(), order.len());
        for ((found, descriptor), number) in paired.entries.into_iter().zip(order) {
            prop_assert_eq!(descriptor, number);
            prop_assert_eq!(found, entry(number));
        }
    }

    #[test]
    fn any_number_of_descriptors_but_the_right_one_is_refused(
        order in order(),
        descriptors in 0..=MAX_DESCRIPTORS + 3,
    ) {
        let entries = order.len();
        let paired = sent(&order).pair(vec![(); descriptors]);
        let expected = InvalidMessage::DescriptorCount { entries, descriptors };
        prop_assert_eq!(paired.err(), (entries != descriptors).then_some(expected));
    }
}
