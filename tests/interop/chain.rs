//! Real processes and strangers by turns.

use std::net::TcpStream;

use crate::stage::{MANY, Stage, connect_and_say, expect_holds, expect_same, read_line};
use crate::support::{Way, ask, both_ways};

both_ways! {
    fn everything_is_the_same_after_four_handoffs_between_real_processes_and_strangers(way: Way) {
        let mut stage = Stage::with_many();
        let (mut owner, service, holding) = stage.start_real();
        let mut client = connect_and_say(&holding, "unread");
        stage.tell(owner, "keep");
        stage.expect(owner, "kept");
        let list = stage.list(owner);
        assert_eq!(list.len(), MANY + 5);
        for generation in [2, 4] {
            owner = there_and_back(&mut stage, owner, generation, way, &list);
            assert_eq!(stage.expect_bound(owner), (service.clone(), holding.clone()));
            expect_same(&stage.list(owner), &list);
            stage.expect_owner(owner, generation + 1, &service);
            stage.expect_only(&[owner]);
        }
        expect_still_usable(&mut stage, owner, &mut client);
        assert_eq!(ask(&service).unwrap(), (owner, 5));
    }
}

/// A stranger succeeds a real process, and is succeeded by one: that is told.
fn there_and_back(
    stage: &mut Stage,
    owner: u32,
    generation: u64,
    way: Way,
    list: &[String],
) -> u32 {
    let mut stranger = stage.succeed_by_stranger(owner, way, &[]);
    assert_eq!(stranger.expect("owned")["generation"], generation);
    assert_eq!(stranger.expect("retired")["generation"], generation - 1);
    stage.expect_end(owner);
    expect_holds(stranger.pid, list);
    stage.expect_told_owner(stranger.pid, generation);
    let next = stage.succeed_by_real(&mut stranger, way);
    let started = stage.expect(next, "started");
    assert_eq!(started.word(0), stranger.pid.to_string(), "who listens, by the kernel");
    assert_eq!(stage.expect(next, "ready").generation, generation + 1);
    assert_eq!(stranger.expect("handed-over")["generation"], generation + 1);
    stranger.order("drained");
    stage.expect_like(next, "log", "an older generation has retired");
    stage.expect_end(stranger.pid);
    next
}

/// Neither the unread bytes nor the offset in the file were touched.
fn expect_still_usable(stage: &mut Stage, owner: u32, client: &mut TcpStream) {
    stage.tell(owner, "read");
    assert_eq!(stage.expect_like(owner, "read", "kept").details, "kept unread");
    assert_eq!(stage.expect_like(owner, "read", "file").details, "file  000");
    stage.tell(owner, "answer answered\n");
    assert_eq!(read_line(client), "answered");
}

both_ways! {
    fn generation_that_drains_is_handed_on_by_a_stranger_and_its_end_is_noticed(way: Way) {
        let mut stage = Stage::new();
        stage.set_next("DRAIN", "manual");
        let (first, service, _) = stage.start_real();
        let mut second = stage.succeed_by_stranger(first, way, &[]);
        second.expect("owned");
        stage.expect(first, "exit");
        let third = stage.succeed_by_real(&mut second, way);
        stage.expect(third, "ready");
        second.expect("handed-over");
        stage.tell(first, "drain");
        stage.expect_field(third, &format!("pid={first} generation=1"));
        second.order("drained");
        stage.expect_field(third, " generation=2");
        stage.expect_only(&[third]);
        stage.expect_owner(third, 3, &service);
    }

    fn stranger_that_drains_is_handed_on_and_its_end_is_noticed_by_a_stranger(way: Way) {
        let mut stage = Stage::new();
        stage.set("MODE", "blocking");
        let mut first = stage.start_stranger(&[]);
        first.expect("serving");
        let second = stage.succeed_by_real(&mut first, way);
        stage.expect(second, "ready");
        first.expect("handed-over");
        let mut third = stage.succeed_by_stranger(second, way, &[]);
        third.expect("owned");
        assert_eq!(third.expect("retired")["generation"], 2);
        first.order("drained");
        assert_eq!(third.expect("retired")["generation"], 1);
        stage.expect_only(&[third.pid]);
        stage.expect_told_owner(third.pid, 3);
    }
}
