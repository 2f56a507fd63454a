//! An unprivileged user has more descriptors than the kernel lets him have in flight:
//! `ETOOMANYREFS` is back-pressure, not an error. See `unix(7)`.

use std::fs::{self, Permissions};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::sync::Mutex;
use std::time::Instant;

use heirloom_proto::limits::LOCK_RETRY;
use nix::sys::resource::{Resource, getrlimit};
use nix::unistd::Uid;
use sendfd::SendWithFd;

use crate::support::outcome::expect_next_try_succeeds;
use crate::support::role::{Role, emit};
use crate::support::{Event, Family, Way, ask, both_ways, limits};

/// What is handed over.
const MANY: usize = 1_200;

/// How many descriptors the predecessor may have, and its user in flight.
const SOFT: usize = MANY + 100;

/// What another process of the user has in flight already: a batch fits beside it, and no second one.
const BALLAST: usize = 1_200;

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// A family of a user who may not have as much in flight as he likes, and its ballast. Descriptors in
/// flight are counted by user, so each test has one of its own where it can.
fn family(way: Way, hard: u64) -> (Family, u32) {
    let mut family = Family::new();
    if Uid::effective().is_root() {
        become_another(&mut family, way);
    }
    family.set("MANY", &MANY.to_string()).set("RECORD", "yes");
    family.set("ROLE", "ballast").set("NOFILE", &format!("{hard}:{hard}"));
    let ballast = family.start();
    family.expect(ballast, "in-flight");
    family.set("ROLE", "serve").unset("NOFILE");
    (family, ballast)
}

/// Root may have in flight what he likes.
fn become_another(family: &mut Family, way: Way) {
    // Few users have a name in a container: those of 16 bits. This run's differ from another's.
    let users = 20_000 + std::process::id() % 20_000 * 2;
    let user = match way {
        Way::Spawned => users,
        Way::External => users + 1,
    };
    family.set("USER", &user.to_string());
    // What this user spawns must be a file that he can reach, and bind its socket in the folder.
    let program = family.path("program");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    family.set_program(&program);
    fs::set_permissions(program, Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(family.path(""), Permissions::from_mode(0o777)).unwrap();
}

/// Waits until the predecessor has tried to send a batch so often without success that it must have
/// taken a while, counted from when nothing was sent yet: it does not keep a processor busy with that.
fn expect_retries(family: &mut Family, predecessor: u32, begun: Instant) {
    const TRIES: u32 = 50;
    let is_step = |event: &Event, step: &str| {
        event.pid == predecessor && event.name == "step" && event.details == step
    };
    let mut sent = 0;
    let mut waiting = 0;
    while waiting < TRIES {
        let event = family.expect_where("a batch", |event| {
            is_step(event, "predecessor.before.send-manifest")
                || is_step(event, "predecessor.after.send-manifest")
        });
        match event.details.contains(".after.") {
            true => (sent, waiting) = (sent + 1, 0),
            false => waiting += 1,
        }
    }
    let taken = begun.elapsed();
    assert!(taken >= (TRIES - 1) * LOCK_RETRY, "{TRIES} tries within {taken:.1?}");
    // Without back-pressure there would be four: 1,000 descriptors.
    assert!(sent < 4, "{sent} batches were sent");
}

/// The role: another process of the user, which sends descriptors that nobody takes.
pub(crate) fn run_ballast(role: &Role) {
    limits::begin(role);
    let (sender, _receiver) = UnixStream::pair().unwrap();
    let batch = [sender.as_raw_fd(); 200];
    for _ in 0..BALLAST / batch.len() {
        sender.send_with_fd(b"x", &batch).unwrap();
    }
    emit("in-flight", "");
    role.next_order();
}

both_ways! {
    fn more_descriptors_than_may_be_in_flight_are_handed_over_bit_by_bit(way: Way) {
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        if hard < 4_000 {
            return eprintln!("SKIPPED: at most {hard} descriptors are allowed here");
        }
        // An ordinary user has one count for both.
        let _alone = ONE_AT_A_TIME.lock();
        let (mut family, ballast) = family(way, hard);
        family.set_next("NOFILE", &format!("{SOFT}:{hard}"));
        let (first, address) = family.start_service();
        let told = family.expect(first, "many").details;
        family.hold_next("successor.after.receive-welcome");
        let begun = Instant::now();
        let second = family.succeed(first, way);
        family.expect(second, "held");
        expect_retries(&mut family, first, begun);
        assert_eq!(ask(&address).unwrap(), (first, 1));
        assert!(!family.has_come(second, "failed"));
        family.tell(second, "resume");
        family.expect(second, "ready");
        assert_eq!(family.expect(second, "many").details, told);
        family.expect_end(first);
        family.kill(ballast);
        expect_next_try_succeeds(&mut family, second, &address, way);
    }
}
