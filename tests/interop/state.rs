//! State between real processes and strangers.

use crate::stage::Stage;
use crate::support::{Way, both_ways};

both_ways! {
    fn a_real_process_hands_state_to_a_stranger_and_gets_it_back(way: Way) {
        let mut stage = Stage::new();
        stage.set("MODE", "blocking");
        stage.set("STATE", "cache:v1:größe").set("WORDS", "counter:u8:seven");
        let (first, ..) = stage.start_real();
        let reads = ["--take", "cache=v2|v1", "--hear", "counter=u8"];
        let mut second = stage.succeed_by_stranger(first, way, &reads);
        let took = second.expect("took");
        assert_eq!((&took["schema"], &took["content"]), (&"v1".into(), &"größe".into()));
        let heard = second.expect("heard");
        assert_eq!((&heard["schema"], &heard["content"]), (&"u8".into(), &"seven".into()));
        second.expect("serving");
        stage.set("STATE", "cache:v2|v1:another").set("WORDS", "counter:u8:nine");
        let third = stage.succeed_by_real(&mut second, Way::External);
        assert_eq!(stage.expect(third, "took").details, "cache v1 größe");
        stage.expect(third, "ready");
        assert_eq!(stage.expect(third, "heard").details, "counter u8 seven");
    }

    fn a_real_process_takes_the_state_of_a_stranger(way: Way) {
        let mut stage = Stage::new();
        stage.set("MODE", "blocking");
        stage.set("STATE", "cache:v2|v1:own").set("WORDS", "counter:u16|u8:own");
        let mut first = stage.start_stranger(&[
            "--state", "cache=v1=old", "--state", "cache=v2=new", "--state", "other=v1=x",
            "--words", "counter=u8=seven", "--words", "rest=v1=x",
        ]);
        first.expect("serving");
        let second = stage.succeed_by_real(&mut first, way);
        assert_eq!(stage.expect(second, "took").details, "cache v2 new");
        stage.expect(second, "ready");
        assert_eq!(stage.expect(second, "heard").details, "counter u8 seven");
        first.expect("handed-over");
    }

    fn a_stranger_that_reads_no_state_neither_keeps_it_nor_hands_it_on(way: Way) {
        let mut stage = Stage::new();
        stage.set("MODE", "blocking");
        stage.set("STATE", "cache:v1:first").set("WORDS", "counter:u8:first");
        let (first, ..) = stage.start_real();
        let mut second = stage.succeed_by_stranger(first, way, &[]);
        second.expect("serving");
        stage.expect_end(first);
        let before = crate::stage::links(second.pid);
        assert!(!before.keys().any(|link| link.contains("heirloom-state")), "{before:?}");
        stage.set("STATE", "cache:v1:anew").set("WORDS", "counter:u8:anew");
        let third = stage.succeed_by_real(&mut second, Way::External);
        assert_eq!(stage.expect(third, "took").details, "cache - anew");
        stage.expect(third, "ready");
        assert_eq!(stage.expect(third, "heard").details, "counter - anew");
    }

    fn a_stranger_gives_up_for_a_schema_that_it_does_not_read_and_names_both(way: Way) {
        let mut stage = Stage::new();
        stage.set("STATE", "cache:v9:x").set("WORDS", "counter:u8:x");
        let (first, service, _) = stage.start_real();
        for reads in [["--take", "cache=v1|v2"], ["--hear", "counter=u64"]] {
            let mut second = stage.succeed_by_stranger(first, way, &reads);
            second.expect("failed");
            stage.expect_where("both labels", |event| {
                let named = ["we read v1, v2, offered is v9", "we read u64, offered is u8"];
                let told = |text: &&str| event.details.contains(text);
                event.pid == first && event.name == "fields" && named.iter().any(told)
            });
            stage.expect_owner(first, 1, &service);
        }
    }

    fn a_strangers_memory_that_can_be_changed_is_refused(way: Way) {
        let mut stage = Stage::new();
        stage.set("MODE", "blocking").set("TAKEOVER", "require").set("STATE", "cache:v1:own");
        let mut first = stage.start_stranger(&["--state", "cache=v1=old", "--unsealed"]);
        first.expect("serving");
        let second = stage.succeed_by_real(&mut first, way);
        let failed = stage.expect_like(second, "failed", "start Mismatch");
        assert!(failed.details.contains("state cache: it lacks the seals"), "{failed}");
        let why = first.expect("handoff-failed")["why"].to_string();
        assert!(why.contains("it lacks the seals"), "{why}");
    }
}
