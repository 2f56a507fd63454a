//! Two successors at once: one is refused at once, the other takes over.

use crate::stage::Stage;
use crate::support::{Way, ask, both_ways};

both_ways! {
    fn second_stranger_is_refused_at_once_and_the_first_takes_over(way: Way) {
        let mut stage = Stage::new();
        let (first, service, _) = stage.start_real();
        let mut second = stage.succeed_by_stranger(first, way, &["--hold"]);
        second.expect("inherited");
        let mut third = stage.succeed_by_stranger(first, Way::External, &["--hold"]);
        assert_eq!(third.expect("refused")["reason"], "busy");
        stage.expect_end(third.pid);
        assert_eq!(ask(&service).unwrap(), (first, 1));
        second.order("ready");
        assert_eq!(second.expect("owned")["generation"], 2);
        stage.expect_end(first);
        stage.expect_told_owner(second.pid, 2);
        stage.expect_only(&[second.pid]);
    }

    fn second_real_process_is_refused_at_once_and_the_first_takes_over_from_a_stranger(way: Way) {
        let mut stage = Stage::new();
        stage.set("MODE", "blocking").set_next("PREPARE", "manual");
        let mut first = stage.start_stranger(&[]);
        first.expect("serving");
        let second = stage.succeed_by_real(&mut first, way);
        stage.expect(second, "prepared");
        let third = stage.succeed_by_real(&mut first, Way::External);
        let failed = stage.expect_like(third, "failed", "start Busy ");
        assert!(failed.details.contains("refused: "), "{failed}");
        assert_eq!(first.expect("refusing")["reason"], "busy");
        stage.expect_end(third);
        stage.tell(second, "ready");
        assert_eq!(stage.expect(second, "ready").generation, 2);
        first.expect("handed-over");
        let service = stage.expect_bound(second).0;
        stage.expect_owner(second, 2, &service);
    }
}
