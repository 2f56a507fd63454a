//! What may be offered, under which names, and how much of it.

use heirloom::{ErrorKind, Upgrader, testing};

fn offer(upgrader: &Upgrader, name: &str, schema: &str) -> Result<(), heirloom::Error> {
    upgrader.state().provide(name, schema, |_| Ok(())).map(heirloom::Offer::keep)
}

#[test]
fn names_and_schemas_have_one_to_255_bytes_and_no_nul() {
    let upgrader = testing::first().unwrap();
    let long = "x".repeat(256);
    for bad in ["", "a\0b", &long] {
        for (name, schema) in [(bad, "v1"), ("cache", bad)] {
            let state = upgrader.state();
            let errors = [
                offer(&upgrader, name, schema).unwrap_err(),
                state.take(name, &[schema]).map(drop).unwrap_err(),
                state.last_words(name, &[schema]).map(drop).unwrap_err(),
            ];
            for error in errors {
                assert_eq!(error.kind(), ErrorKind::InvalidName, "{error}");
                assert!(error.to_string().contains("choose"), "{error}");
            }
        }
    }
    offer(&upgrader, &"x".repeat(255), &"y".repeat(255)).unwrap();
}

#[test]
fn one_name_is_offered_once_in_each_schema() {
    let upgrader = testing::first().unwrap();
    offer(&upgrader, "cache", "v1").unwrap();
    offer(&upgrader, "cache", "v2").unwrap();
    let error = offer(&upgrader, "cache", "v1").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NameTaken);
    assert!(error.to_string().starts_with("state cache in schema v1 is offered already"));
    assert!(upgrader.state().remove("cache", "v1") && !upgrader.state().remove("cache", "v1"));
    offer(&upgrader, "cache", "v1").unwrap();
}

#[test]
fn nothing_is_offered_after_the_service_was_handed_over_or_stopped() {
    let first = testing::first().unwrap();
    first.ready().unwrap();
    let second = testing::successor_of(&first).unwrap();
    second.ready().unwrap();
    first.exit().wait();
    assert_eq!(offer(&first, "cache", "v1").unwrap_err().kind(), ErrorKind::Closed);
    offer(&second, "cache", "v1").unwrap();
    second.stop();
    second.exit().wait();
    assert_eq!(offer(&second, "cache", "v2").unwrap_err().kind(), ErrorKind::Closed);
}

/// What becomes of a successor that is offered so many bytes, which take no memory.
fn successor_offered(first: &Upgrader, bytes: u64) -> Result<Upgrader, heirloom::Error> {
    let provide = move |writer: &mut heirloom::Writer| writer.file()?.set_len(bytes);
    first.state().provide("bulk", "holes", provide).unwrap().keep();
    first.ready().unwrap();
    testing::successor_of(first)
}

#[test]
fn a_state_has_at_most_one_gib() {
    let first = testing::first().unwrap();
    let second = successor_offered(&first, 1 << 30).unwrap();
    let bulk = second.state().take("bulk", &["holes"]).unwrap().unwrap();
    assert_eq!(bulk.len(), 1 << 30);
    let first = testing::first().unwrap();
    let error = successor_offered(&first, (1 << 30) + 1).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Aborted);
    let expected = "state bulk in schema holes: it has 1073741825 bytes, at most 1073741824";
    assert!(error.to_string().contains(expected), "{error}");
}

#[test]
fn a_handoff_that_has_failed_is_not_taken_for_a_first_start() {
    let first = testing::first().unwrap();
    offer(&first, "cache", "v1").unwrap();
    first.ready().unwrap();
    let second = testing::successor_of(&first).unwrap();
    first.stop();
    first.exit().wait(); // the successor has been told by then
    second.ready().unwrap_err();
    let state = second.state();
    let errors = [
        state.take("cache", &["v1"]).map(drop).unwrap_err(),
        state.last_words("cache", &["v1"]).map(drop).unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
        assert!(error.to_string().contains("the handoff has failed"), "{error}");
    }
}
