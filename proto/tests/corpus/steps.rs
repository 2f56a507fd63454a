//! What may befall one side, in the bytes that its target reads; and what the side does in the end.

use heirloom_proto::Phase;
use heirloom_proto::fuzzing::{predecessor_steps, successor_steps};

use super::Seed;
use super::frames::file;
use super::script::Script;

#[test]
fn every_seed_takes_the_owner_where_its_name_says() {
    for ((name, bytes), end) in predecessor() {
        assert_eq!(predecessor_steps(&bytes), end, "{name}");
    }
}

#[test]
fn every_seed_takes_the_successor_where_its_name_says() {
    for ((name, bytes), end) in successor() {
        assert_eq!(successor_steps(&bytes), end, "{name}");
    }
}

/// Steps of an owner, each with the answers to what it makes the machine ask.
mod older {
    use super::Script;

    pub(super) fn begin() -> Script {
        begin_with_elder(0)
    }

    /// The generation before it may have said nothing yet; its connection is the first.
    pub(super) fn begin_with_elder(elder: u8) -> Script {
        const DEFAULT_TIMEOUTS: u8 = 0;
        const FENCES: u8 = 1;
        let settings = Script::new().byte(1).byte(DEFAULT_TIMEOUTS).byte(FENCES).byte(elder);
        settings.then(super::file("file", b"")).byte(13) // ready
    }

    /// A second connection, on which `Hello` comes.
    pub(super) fn hello_beside_elder() -> Script {
        const FIELDS: usize = 15;
        const SECOND_CONNECTION: u8 = 1;
        begin_with_elder(1).then(connect()).byte(2).zeros(FIELDS).byte(SECOND_CONNECTION)
    }

    /// `Draining`; one batch of entries goes to whoever has waited for that.
    pub(super) fn elder_drains() -> Script {
        const UNDAMAGED: u8 = 0;
        const DRAINING: u8 = 16;
        const FIRST_CONNECTION: u8 = 0;
        const EIGHT_ENTRIES: u8 = 1;
        Script::new()
            .byte(1)
            .byte(UNDAMAGED)
            .byte(DRAINING)
            .byte(FIRST_CONNECTION)
            .byte(EIGHT_ENTRIES)
    }

    pub(super) fn connect() -> Script {
        Script::new().byte(0)
    }

    /// `Hello`, which is welcomed and sent eight entries for each of `eights`.
    pub(super) fn hello(eights: u8) -> Script {
        const FIELDS: usize = 15;
        const FIRST_CONNECTION: usize = 1;
        const TAKEN_AT_ONCE: usize = 2;
        Script::new().byte(2).zeros(FIELDS + FIRST_CONNECTION).byte(eights).zeros(TAKEN_AT_ONCE)
    }

    pub(super) fn received() -> Script {
        Script::new().byte(2)
    }

    /// `Received`, as any frame comes.
    pub(super) fn acknowledges_1000() -> Script {
        const UNDAMAGED: u8 = 0;
        const RECEIVED: u8 = 4;
        const OF_TWO_BYTES: u8 = 1;
        let count = Script::new().byte(OF_TWO_BYTES).byte(0xe8).byte(0x03);
        Script::new().byte(1).byte(UNDAMAGED).byte(RECEIVED).then(count).byte(0)
    }

    /// `Ready`; the application freezes, and says this.
    pub(super) fn ready(late_state: &[u8]) -> Script {
        const ANSWERS_AT_ONCE: u8 = 1;
        const FREEZES: u8 = 0;
        const TAKEN_AT_ONCE: usize = 2;
        Script::new()
            .byte(2)
            .byte(ANSWERS_AT_ONCE)
            .byte(FREEZES)
            .bytes(late_state)
            .zeros(TAKEN_AT_ONCE)
    }

    pub(super) fn owned() -> Script {
        Script::new().byte(2)
    }

    /// `Watch`, on the first connection, and the report that it is answered with.
    pub(super) fn watch() -> Script {
        const UNDAMAGED: u8 = 0;
        const WATCH: u8 = 18;
        const FIRST_CONNECTION: u8 = 0;
        const TAKEN_AT_ONCE: u8 = 0;
        let frame = Script::new().byte(1).byte(UNDAMAGED).byte(WATCH);
        frame.byte(FIRST_CONNECTION).byte(TAKEN_AT_ONCE)
    }

    /// An upgrade, of which a watcher is told.
    pub(super) fn upgrade() -> Script {
        const TAKEN_AT_ONCE: u8 = 0;
        Script::new().byte(8).byte(TAKEN_AT_ONCE)
    }

    /// A stop. Neither what has failed by it nor the stop itself can be told to the watcher.
    pub(super) fn stop_untold() -> Script {
        const LOST: u8 = 1;
        Script::new().byte(11).byte(LOST).byte(LOST)
    }

    pub(super) fn dies() -> Script {
        Script::new().byte(5).byte(0)
    }

    pub(super) fn deadline() -> Script {
        Script::new().byte(7)
    }

    /// Somebody else takes the token, writes into it, or lets it go.
    pub(super) fn meddle(what: u8) -> Script {
        Script::new().byte(15).byte(what)
    }

    pub(super) fn until_commit() -> Script {
        begin().then(connect()).then(hello(1)).then(received()).then(ready(b"last words"))
    }
}

/// Seeds for an owner, and what it does in the end.
pub(crate) fn predecessor() -> Vec<(Seed, Phase)> {
    use older::*;
    let locked = || until_commit().then(meddle(0));
    let seeds = [
        ("serves", begin(), Phase::Serving),
        ("stopped", begin().byte(11), Phase::Stopped),
        ("waits-for-its-spawned-successor", begin().byte(8), Phase::Spawning),
        ("waits-for-received", begin().then(connect()).then(hello(1)), Phase::Transferring),
        ("many-batches", begin().then(connect()).then(hello(200)), Phase::Transferring),
        (
            "acknowledged-by-whatever-frame",
            begin().then(connect()).then(hello(200)).then(acknowledges_1000()),
            Phase::Transferring,
        ),
        ("commits", until_commit(), Phase::Releasing),
        ("hands-over", locked().then(owned()), Phase::Draining),
        ("owned-without-the-token", until_commit().then(owned()), Phase::Serving),
        ("successor-dies-before-it-locks", until_commit().then(dies()), Phase::Serving),
        ("successor-falls-silent", locked().then(deadline()), Phase::Fencing),
        (
            "silent-successor-is-killed",
            locked().then(deadline()).byte(0).then(meddle(1)).then(dies()),
            Phase::Serving,
        ),
        ("lock-of-the-dead-is-leaked", locked().then(dies()), Phase::Releasing),
        ("stopped-unseen", locked().then(meddle(0)).then(owned()), Phase::Draining),
        (
            "stopped-unseen-and-let-go",
            locked().then(meddle(0)).then(meddle(1)).then(owned()),
            Phase::Draining,
        ),
        (
            "attempt-written-by-no-owner",
            locked().then(meddle(0)).then(meddle(1)).then(deadline()),
            Phase::Serving,
        ),
        ("generation-before-has-yet-to-drain", hello_beside_elder(), Phase::Greeting),
        (
            "generation-before-drains-at-last",
            hello_beside_elder().then(elder_drains()),
            Phase::Transferring,
        ),
        ("generation-before-never-drains", hello_beside_elder().then(deadline()), Phase::Serving),
        ("stopped-before-it-is-settled", begin_with_elder(1).byte(11), Phase::Stopped),
        (
            "successor-is-never-ready",
            begin().then(connect()).then(hello(1)).then(received()).then(deadline()),
            Phase::Serving,
        ),
        (
            "watcher-is-lost-by-two-tales-at-once",
            begin().then(connect()).then(watch()).then(upgrade()).then(stop_untold()),
            Phase::Stopped,
        ),
    ];
    seeds.map(|(name, script, end)| ((name, script.into_bytes()), end)).into()
}

/// Steps of a successor, each with the answers to what it makes the machine ask.
mod younger {
    use super::Script;

    /// It has said `Hello`, and is going to be told of so many entries.
    pub(super) fn begin(entries: u8) -> Script {
        const HELLO: usize = 15;
        Script::new().zeros(HELLO).byte(entries)
    }

    pub(super) fn welcome() -> Script {
        Script::new().byte(1)
    }

    /// A batch of so many entries, which are what they should be.
    pub(super) fn manifest(entries: u8) -> Script {
        const VERIFIES_AT_ONCE: u8 = 1;
        const RIGHT: u8 = 0;
        Script::new()
            .byte(1)
            .byte(entries)
            .then(super::file("file", b""))
            .byte(VERIFIES_AT_ONCE)
            .byte(RIGHT)
    }

    pub(super) fn ready() -> Script {
        Script::new().byte(10)
    }

    pub(super) fn commit(late_state: &[u8]) -> Script {
        Script::new().byte(1).bytes(late_state)
    }

    /// The predecessor, which has the token at first, lets it go.
    pub(super) fn let_go() -> Script {
        Script::new().byte(13).byte(1)
    }

    /// The predecessor begins another attempt.
    pub(super) fn next_attempt() -> Script {
        Script::new().byte(13).byte(0)
    }

    /// `Released`; if it gets the token, nothing more is queued.
    pub(super) fn released() -> Script {
        Script::new().byte(1).byte(0)
    }

    pub(super) fn publish(fails: bool) -> Script {
        Script::new().byte(12).byte(u8::from(fails))
    }

    pub(super) fn closed() -> Script {
        Script::new().byte(5)
    }

    pub(super) fn died() -> Script {
        Script::new().byte(6)
    }

    pub(super) fn deadline() -> Script {
        Script::new().byte(8)
    }

    pub(super) fn until_ready() -> Script {
        begin(2).then(welcome()).then(manifest(1)).then(manifest(1)).then(ready())
    }

    pub(super) fn until_commit() -> Script {
        until_ready().then(commit(b"last words"))
    }
}

/// Seeds for a successor, and what it does in the end.
pub(crate) fn successor() -> Vec<(Seed, Phase)> {
    use younger::*;
    let locked = || until_commit().then(let_go()).then(released());
    let seeds = [
        ("waits-for-welcome", begin(0), Phase::Greeting),
        (
            "waits-for-the-next-batch",
            begin(2).then(welcome()).then(manifest(1)),
            Phase::Transferring,
        ),
        ("waits-for-commit", until_ready(), Phase::Committing),
        ("waits-for-released", until_commit(), Phase::Releasing),
        ("owns", locked().then(publish(false)), Phase::Serving),
        ("cannot-publish", locked().then(publish(true)), Phase::Stopped),
        (
            "adopts",
            until_ready().then(let_go()).then(died()).byte(0).then(publish(false)),
            Phase::Serving,
        ),
        ("end-of-file-and-the-lock-is-held", until_ready().then(closed()), Phase::Reclaiming),
        (
            "predecessor-is-frozen-after-it-let-go",
            until_commit().then(let_go()).then(deadline()),
            Phase::Reclaiming,
        ),
        (
            "predecessor-keeps-the-token",
            until_commit().then(deadline()).then(out_of_patience()),
            Phase::Stopped,
        ),
        (
            "lock-of-the-dead-is-leaked",
            until_ready().then(died()).then(out_of_patience()),
            Phase::Reclaiming,
        ),
        ("superseded", until_ready().then(next_attempt()).then(closed()), Phase::Stopped),
        (
            "superseded-and-nobody-is-left",
            until_ready().then(next_attempt()).then(let_go()).then(closed()),
            Phase::Stopped,
        ),
        ("times-out", begin(0).then(deadline()), Phase::Stopped),
    ];
    seeds.map(|(name, script, end)| ((name, script.into_bytes()), end)).into()
}

/// 65.535 s go by at once.
fn out_of_patience() -> Script {
    Script::new().byte(7).byte(1).byte(0xff).byte(0xff)
}
