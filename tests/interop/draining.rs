//! A predecessor says that it drains, and its successor hears that.

use crate::stage::Stage;
use crate::support::both_ways;

both_ways! {
    fn stranger_hears_that_a_real_process_drains_before_it_retires(way: Way) {
        let mut stage = Stage::new();
        stage.set_next("DRAIN", "manual");
        let (first, ..) = stage.start_real();
        let mut second = stage.succeed_by_stranger(first, way, &[]);
        let heard = second.expect_one_of(&["draining", "retired"]);
        assert_eq!((&heard["event"], &heard["generation"]), (&"draining".into(), &1.into()));
        stage.expect(first, "exit");
        stage.tell(first, "drain");
        assert_eq!(second.expect("retired")["generation"], 1);
        stage.expect_only(&[second.pid]);
    }
}
