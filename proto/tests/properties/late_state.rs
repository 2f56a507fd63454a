//! Last words, whatever they are.

use std::collections::BTreeSet;

use heirloom_proto::limits::MAX_LATE_STATE;
use heirloom_proto::{InvalidLateState, LateState, Schema, Words};
use proptest::collection::vec;
use proptest::prelude::*;

use super::cases;
use super::messages::name;

fn words() -> impl Strategy<Value = Words> {
    (name(), name(), vec(any::<u8>(), 0..4_000)).prop_map(|(name, schema, bytes)| Words {
        name,
        schema: Schema::new(schema.as_str()).unwrap(),
        bytes,
    })
}

/// Of so many words that some are too much for `Commit`; no two are of one name and schema.
fn late_state() -> impl Strategy<Value = LateState> {
    vec(words(), 0..40).prop_map(|mut words| {
        let mut keys = BTreeSet::new();
        words.retain(|words| keys.insert((words.name.clone(), words.schema.clone())));
        LateState { words }
    })
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn any_late_state_survives_as_far_as_it_fits_commit(late_state in late_state()) {
        let length = late_state.encoded_len();
        match late_state.encode() {
            Ok(bytes) => {
                prop_assert!(length <= MAX_LATE_STATE);
                prop_assert_eq!(bytes.len(), length);
                prop_assert_eq!(LateState::decode(&bytes), Ok(late_state));
            }
            Err(error) => {
                prop_assert!(length > MAX_LATE_STATE);
                prop_assert_eq!(error, InvalidLateState::TooLong { length });
            }
        }
    }

    #[test]
    fn what_is_behind_the_last_words_is_left_for_newer_versions(
        late_state in late_state(),
        behind in vec(any::<u8>(), 1..20),
    ) {
        if let (false, Ok(bytes)) = (late_state.words.is_empty(), late_state.encode()) {
            prop_assert_eq!(LateState::decode(&[bytes, behind].concat()), Ok(late_state));
        }
    }

    #[test]
    fn a_late_state_cut_anywhere_is_an_error_that_tells_where(
        late_state in late_state(),
        cut in any::<prop::sample::Index>(),
    ) {
        let bytes = late_state.encode().unwrap_or_default();
        if !bytes.is_empty() {
            let length = cut.index(bytes.len());
            match LateState::decode(&bytes[..length]) {
                Ok(read) => prop_assert_eq!((length, read), (0, LateState::default())),
                Err(InvalidLateState::Body { field, .. }) => {
                    prop_assert!(field.starts_with("words"), "{}", field);
                }
                Err(error) => prop_assert!(false, "{}", error),
            }
        }
    }
}
