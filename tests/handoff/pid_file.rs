//! The PID file names the owner, at every stage.

use std::fs;

use crate::support::{Family, both_ways};

/// A family whose PID file has a folder of its own.
fn family() -> Family {
    let mut family = Family::new();
    fs::create_dir(family.path("run")).unwrap();
    let path = family.path("run/pid");
    family.set("PID_FILE", path.to_str().unwrap());
    family
}

/// Files beside the PID file: written and not yet renamed.
fn prepared(family: &Family) -> usize {
    let files = fs::read_dir(family.path("run")).unwrap();
    let names = files.map(|file| file.unwrap().file_name());
    names.filter(|name| name != "pid").count()
}

both_ways! {
    fn pid_file_is_renamed_when_the_token_is_held_and_before_the_predecessor_lets_go(way: Way) {
        let mut family = family();
        let (first, _) = family.set("COMMIT_MS", "20000").start_service();
        assert_eq!(family.pid_file(), Some(first));
        let stages = [
            ("successor.after.send-received", first, 0),
            ("successor.before.lock", first, 1),
            ("successor.before.publish", first, 1),
            ("successor.after.publish", 0, 0),
            ("successor.before.send-owned", 0, 0),
        ];
        family.hold_next(&stages.map(|(point, ..)| point).join(","));
        let second = family.succeed(first, way);
        for (point, owner, beside) in stages {
            family.expect_like(second, "held", point);
            let owner = if owner == 0 { second } else { owner };
            assert_eq!(family.pid_file(), Some(owner), "at {point}");
            assert_eq!(prepared(&family), beside, "at {point}");
            assert!(!family.has_come(first, "exit"), "at {point}");
            family.tell(second, "resume");
        }
        family.expect(first, "exit");
        family.expect_end(first);
        assert_eq!(family.pid_file(), Some(second));
        assert_eq!(prepared(&family), 0);
    }

    fn pid_file_that_cannot_be_written_stops_the_handoff_before_the_predecessor_is_told(way: Way) {
        let mut family = Family::new();
        let (first, _) = family.start_service();
        let nowhere = family.path("missing/pid");
        family.set_next("PID_FILE", nowhere.to_str().unwrap());
        let second = family.succeed(first, way);
        family.expect_like(second, "failed", "ready PidFile");
        assert!(!family.has_come(first, "exit"));
        fs::create_dir(family.path("missing")).unwrap();
        family.tell(second, "ready");
        family.expect(second, "ready");
        assert_eq!(fs::read_to_string(nowhere).unwrap(), format!("{second}\n"));
    }
}
