//! Whole lives of a service, in the bytes that `pair_steps` reads; and who owns it in the end.

use heirloom_proto::fuzzing::world::{Action, World};
use heirloom_proto::fuzzing::{FAULTS, pair_steps};

use super::Seed;

#[test]
fn every_seed_ends_with_the_owner_that_its_name_says() {
    for ((name, bytes), owner) in lives() {
        assert_eq!(pair_steps(&bytes), owner, "{name}");
    }
}

/// Seeds, each with the owner that it ends with: the process and its generation.
pub(crate) fn lives() -> Vec<(Seed, Option<(usize, u64)>)> {
    use Action::{Clog, Connect, Hang, Kill, Leak};
    let seeds = [
        ("one-handoff", Life::new().act(Connect(1)).rest(), Some((1, 2))),
        ("two-handoffs", Life::new().act(Connect(1)).rest().act(Connect(2)).rest(), Some((2, 3))),
        (
            "the-second-comes-during-the-first",
            Life::new().act(Connect(1)).until("says Ready").act(Connect(2)).rest(),
            Some((1, 2)),
        ),
        (
            "predecessor-killed-before-commit",
            Life::new().act(Connect(1)).until("says Commit").act(Kill(0)).rest(),
            Some((1, 2)),
        ),
        (
            "predecessor-killed-and-its-lock-leaked",
            Life::new().act(Connect(1)).until("says Commit").act(Leak(0)).rest(),
            Some((1, 2)),
        ),
        (
            "predecessor-hangs-after-it-let-go",
            Life::new().act(Connect(1)).until("says Released").act(Hang(0)).rest(),
            Some((1, 2)),
        ),
        (
            "successor-killed-with-the-token",
            Life::new().act(Connect(1)).until("listens on").act(Kill(1)).rest(),
            Some((0, 1)),
        ),
        (
            "successor-hangs-with-the-token",
            Life::new().act(Connect(1)).until("listens on").act(Hang(1)).rest(),
            Some((0, 1)),
        ),
        (
            "the-queue-is-full-at-commit",
            Life::new().act(Connect(1)).until("says Commit").act(Clog(0)).rest(),
            Some((1, 2)),
        ),
        (
            "nobody-is-left-and-one-begins",
            Life::new().act(Kill(0)).rest().act(Connect(2)).rest(),
            Some((2, 1)),
        ),
        ("nobody-is-left", Life::new().act(Kill(0)).rest(), None),
    ];
    seeds.map(|(name, life, owner)| ((name, life.bytes), owner)).into()
}

/// A life as it goes, and the bytes that make it go so.
struct Life {
    world: World,
    bytes: Vec<u8>,
}

impl Life {
    fn new() -> Self {
        Self { world: World::new(FAULTS, None), bytes: Vec::new() }
    }

    fn act(mut self, action: Action) -> Self {
        let mut possible = Action::all().filter(|possible| self.world.allows(*possible));
        let index = possible.position(|possible| possible == action).unwrap();
        self.bytes.push(u8::try_from(index).unwrap());
        self.world = self.world.after(action).unwrap().unwrap();
        self
    }

    /// What goes on by itself goes on until something is about to happen.
    fn until(self, what: &str) -> Self {
        self.run(Some(what))
    }

    /// What goes on by itself goes on until nothing does.
    fn rest(self) -> Self {
        self.run(None)
    }

    fn run(mut self, until: Option<&str>) -> Self {
        loop {
            let mut next = Action::all().filter(|action| action.is_own_accord());
            let next = next.find(|action| self.world.allows(*action) && !is_deadline(*action));
            match next.or_else(|| self.deadline()) {
                Some(action)
                    if until.is_some_and(|what| self.world.tell(action).contains(what)) =>
                {
                    return self;
                }
                Some(action) => self = self.act(action),
                None => return self,
            }
        }
    }

    /// Deadlines pass when nothing else happens.
    fn deadline(&self) -> Option<Action> {
        Action::all().find(|action| is_deadline(*action) && self.world.allows(*action))
    }
}

fn is_deadline(action: Action) -> bool {
    matches!(action, Action::Timer(_))
}
