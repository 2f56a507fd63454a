//! A real process succeeds a stranger.

use crate::stage::{MANY, Stage, connect_and_say, expect_holds, read_line, text, text_from};
use crate::support::{Way, ask, both_ways};

both_ways! {
    fn real_process_takes_over_everything_that_a_stranger_holds(way: Way) {
        let mut stage = Stage::with_many();
        stage.set("MODE", "blocking").set("TAKEOVER", "require").set("PREPARE", "manual");
        let mut first = stage.start_stranger(&[]);
        let serving = first.expect("serving");
        let at = |name: &str| serving["listeners"][name].as_str().unwrap().to_owned();
        let client = connect_and_say(&at("holding"), "unread");
        first.order("keep holding kept");
        first.expect("kept");
        first.order("read file");
        let position = first.expect("read")["data"].as_str().unwrap().len();

        let second = stage.succeed_by_real(&mut first, way);
        assert_eq!(first.expect("hello")["spawned"], way == Way::Spawned);
        assert_eq!(first.expect("passed")["entries"], MANY + 5);
        let (service, holding) = stage.expect_bound(second);
        assert_eq!([&service, &holding], [&at("service"), &at("holding")]);
        let list = stage.list(second);
        assert_eq!(list.len(), MANY + 5);
        expect_holds(first.pid, &list);
        let served = connect_and_say(&service, "who\n");
        first.order("serve service");
        assert_eq!(read_line(served), "stranger 1", "it serves until another owns");
        let meanwhile = stage.connect_unix();
        stage.tell(second, "ready");
        assert_eq!(stage.expect(second, "ready").generation, 2);
        assert_eq!(first.expect("handed-over")["generation"], 2);
        stage.expect_owner(second, 2, &service);
        first.order("drained");
        stage.expect_like(second, "log", "an older generation has retired");
        stage.expect_only(&[second]);

        stage.tell(second, "greet");
        assert_eq!(read_line(meanwhile), format!("{second} 2"));
        stage.tell(second, "read");
        assert_eq!(stage.expect_like(second, "read", "kept").details, "kept unread");
        let file = stage.expect_like(second, "read", "file").details;
        assert_eq!(file, format!("file {}", text_from(position)));
        stage.tell(second, "answer answered\n");
        assert_eq!(read_line(client), "answered");
        assert!(position < text().len());
        assert_eq!(ask(&service).unwrap(), (second, 2));
    }
}
