//! What the two tell each other beside what must be said: progress, what was not claimed, late state.

use crate::stage::Stage;
use crate::support::both_ways;

both_ways! {
    fn real_process_hears_of_a_strangers_progress(way: Way) {
        let mut stage = Stage::new();
        let (first, ..) = stage.start_real();
        let mut second = stage.succeed_by_stranger(first, way, &["--hold"]);
        second.expect("inherited");
        second.order("progress reading the journal");
        stage.expect_field(first, "text=\"reading the journal\"");
        second.order("ready");
        second.expect("owned");
    }

    fn late_state_of_a_stranger_does_no_harm(way: Way) {
        let mut stage = Stage::new();
        stage.set("MODE", "blocking").set("TAKEOVER", "require");
        let mut first = stage.start_stranger(&["--misbehave", "late-state"]);
        first.expect("serving");
        let second = stage.succeed_by_real(&mut first, way);
        assert_eq!(stage.expect(second, "ready").generation, 2);
        first.expect("handed-over");
        let service = stage.expect_bound(second).0;
        stage.expect_owner(second, 2, &service);
    }

    fn stranger_hears_of_progress_and_of_what_was_not_claimed(way: Way) {
        let mut stage = Stage::new();
        stage.set("MODE", "blocking");
        stage.set("PROGRESS", "reading the journal").set("LEAVE", "unix");
        let mut first = stage.start_stranger(&[]);
        first.expect("serving");
        let second = stage.succeed_by_real(&mut first, way);
        assert_eq!(first.expect("progress")["text"], "reading the journal");
        let ready = first.expect("ready");
        assert_eq!(ready["strays"], 1, "{ready}");
        assert_eq!(stage.expect(second, "ready").generation, 2);
        first.expect("handed-over");
    }
}
