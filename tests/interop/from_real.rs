//! A stranger succeeds a real process.

use std::io::Read;
use std::net::TcpStream;

use crate::estate::READ;
use crate::stage::{MANY, Stage, connect_and_say, expect_holds, read_line, text, text_from};
use crate::stranger::Stranger;
use crate::support::{Way, ask, both_ways};

/// A real process that keeps a connection with bytes unread, its address, and the other end.
fn start_and_keep(stage: &mut Stage) -> (u32, String, TcpStream) {
    let (first, service, holding) = stage.start_real();
    let client = connect_and_say(&holding, "unread");
    stage.tell(first, "keep");
    stage.expect(first, "kept");
    (first, service, client)
}

/// Who has taken over is told to whoever has asked for it, and everybody else can see it.
fn expect_handed_over(stage: &mut Stage, first: u32, second: &Stranger, way: Way) {
    if way == Way::Spawned {
        let upgraded = stage.expect(first, "upgraded");
        assert_eq!(upgraded.details, format!("{} 2", second.pid));
    }
    stage.expect(first, "exit");
    stage.expect_told_owner(second.pid, 2);
}

both_ways! {
    fn stranger_takes_over_everything_that_a_real_process_holds(way: Way) {
        let mut stage = Stage::with_many();
        stage.set_next("DRAIN", "manual");
        let (first, service, mut client) = start_and_keep(&mut stage);
        let list = stage.list(first);
        assert_eq!(list.len(), MANY + 5);

        let mut second = stage.succeed_by_stranger(first, way, &["--hold"]);
        let inherited = second.expect("inherited");
        assert_eq!(inherited["count"], list.len());
        assert_eq!(second.expect("welcome")["generation"], 2);
        assert_eq!(ask(&service).unwrap(), (first, 1), "it serves until another owns");
        let meanwhile = stage.connect_unix();
        second.order("ready");
        let owned = second.expect("owned");
        assert_eq!((&owned["generation"], &owned["adopted"]), (&2.into(), &false.into()));
        assert_eq!(owned["late_state"], "");
        expect_handed_over(&mut stage, first, &second, way);
        stage.tell(first, "drain");
        assert_eq!(second.expect("retired")["generation"], 1);
        stage.expect_end(first);
        expect_holds(second.pid, &list);

        let unix = stage.setting("UNIX").to_owned();
        second.order(&format!("serve {unix}"));
        assert_eq!(second.expect("served")["data"], "who");
        assert_eq!(read_line(meanwhile), "stranger 2");
        let new = connect_and_say(&service, "who\n");
        second.order("serve service");
        assert_eq!(read_line(new), "stranger 2");

        second.order("read kept");
        assert_eq!(second.expect("read")["data"], "unread");
        second.order("write kept answered");
        assert_eq!(read_line(client.try_clone().unwrap()), "answered");
        second.order("read file");
        let read = second.expect("read")["data"].as_str().unwrap().to_owned();
        assert!(read.starts_with(&text_from(READ)), "the offset has come along");
        assert_eq!(read, text()[READ..][..read.len()]);
        second.order("end");
        stage.expect_only(&[]);
        assert_eq!(client.read(&mut [0]).unwrap(), 0, "nobody holds the connection");
    }
}
