//! An exhaustive search: every interleaving of what three processes do, of what befalls them, and of
//! deadlines that pass at any moment, however early they are for the others.
//!
//! The processes run the real machines: see [`world`](heirloom_proto::fuzzing::world), where the laws
//! are too. A search visits every world that can come to be, nearest first, so the way to a broken
//! law that it shows is a shortest one.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;
use std::hash::BuildHasher;

use foldhash::quality::FixedState;
use heirloom_proto::fuzzing::world::{Action, PROCESSES, Violation, Weakness, World};

#[test]
fn no_three_faults_break_a_law_in_three_generations() {
    let found = search(&World::new(3, None));
    println!("{} states, {} of them at rest", found.states, found.rests);
    if let Some((_, way)) = found.violation {
        panic!("{way}");
    }
    assert!(found.states > 1_000_000, "the search has become shallow");
    assert_eq!(found.owners, every_owner(), "who may own the service in the end");
    if let Some(way) = found.restless {
        panic!("this never comes to rest by itself:\n{way}");
    }
}

#[test]
fn without_a_fault_each_successor_can_come_to_succeed_the_other() {
    let found = search(&World::new(0, None));
    assert!(found.violation.is_none());
    let owners: Vec<_> = [(0, 1), (1, 2), (1, 3), (2, 2), (2, 3)].into_iter().map(Some).collect();
    assert_eq!(found.owners.into_iter().collect::<Vec<_>>(), owners);
}

#[test]
fn every_rule_that_is_not_kept_is_found_out() {
    for weakness in Weakness::ALL {
        let found = search(&World::new(2, Some(weakness)));
        let Some((violation, way)) = found.violation else {
            panic!("{weakness:?} breaks no law in {} states", found.states);
        };
        println!("{weakness:?}, after {} states: {way}", found.states);
        assert!(is_expected(weakness, violation), "{weakness:?} breaks another law: {way}");
    }
}

/// Each process as its predecessor's successor, and as the first generation of a service of which
/// nobody was left; or nobody.
fn every_owner() -> BTreeSet<Option<(usize, u64)>> {
    let owners = [(0, 1), (1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3)];
    owners.into_iter().map(Some).chain([None]).collect()
}

/// Whether a law that is broken is one that the rule is there for.
fn is_expected(weakness: Weakness, violation: Violation) -> bool {
    use Violation::{
        ExitBeforeOwned, HandsOverToDead, KeepsToken, LastWordsLost, NameLost, NoWayOn, NobodyOwns,
        OwnsWithoutToken, StaysFrozen, TwoOwners, WrongPid,
    };
    match weakness {
        Weakness::NoAdoption | Weakness::GivesUpWithoutToken | Weakness::NoFence => {
            matches!(violation, NobodyOwns(_))
        }
        Weakness::TakesBackWithoutToken | Weakness::OwnsWithoutToken => {
            matches!(violation, OwnsWithoutToken(_) | TwoOwners(..))
        }
        Weakness::ReleasedBeforeCommit => matches!(violation, LastWordsLost(_)),
        Weakness::DeathByEndOfFile
        | Weakness::AttemptNotChecked
        | Weakness::KeepsEarlierConnections => matches!(violation, TwoOwners(..)),
        Weakness::BelievesTheDead | Weakness::HandsOnUnsettled => {
            matches!(violation, HandsOverToDead(_))
        }
        Weakness::EndsBeforeOwned => matches!(violation, ExitBeforeOwned(_)),
        Weakness::KeepsVoidLock => matches!(violation, KeepsToken(_)),
        Weakness::NeverThaws => matches!(violation, StaysFrozen(_)),
        Weakness::DropsName => matches!(violation, NameLost(_)),
        Weakness::PublishesNothing => matches!(violation, WrongPid(..)),
        Weakness::WaitsForEver => matches!(violation, NoWayOn(_)),
        _ => false,
    }
}

/// What a search has found.
#[derive(Default)]
struct Found {
    states: usize,
    rests: usize,
    /// Who owns the service where nothing goes on any more by itself.
    owners: BTreeSet<Option<(usize, u64)>>,
    /// A shortest way to a state from which no state of rest is reached by what goes on by itself.
    restless: Option<String>,
    /// A law that is broken, and a shortest way to it.
    violation: Option<(Violation, String)>,
}

/// A world that is yet to be left, and where its first visit is noted.
struct Open {
    world: World,
    hashes: [u64; PROCESSES + 1],
    visit: u32,
}

/// Visits every world that can come to be from this one, unless a law is broken first.
fn search(first: &World) -> Found {
    let actions: Vec<Action> = Action::all().collect();
    let mut log = Log::default();
    let mut found = Found::default();
    let hashes = log.hashes(first, None);
    log.visit(&hashes, 0, 0);
    let mut rests = Vec::new();
    let mut layer = vec![Open { world: first.clone(), hashes, visit: 0 }];
    while !layer.is_empty() {
        let mut next = Vec::new();
        for open in layer {
            let mut goes_on = false;
            for (number, action) in actions.iter().enumerate() {
                let world = match open.world.after(*action) {
                    None => continue,
                    Some(Ok(world)) => world,
                    Some(Err(violation)) => {
                        let way = log.way(first, &actions, open.visit, Some(*action));
                        found.violation = Some((violation, format!("{violation}:\n{way}")));
                        return found;
                    }
                };
                let hashes = log.hashes(&world, Some((&open.world, &open.hashes)));
                let (visit, is_first) = log.visit(&hashes, open.visit, number);
                // What changes nothing is no way on.
                if action.is_own_accord() && visit != open.visit {
                    goes_on = true;
                    log.ways_on.push((visit, open.visit));
                }
                if is_first {
                    next.push(Open { world, hashes, visit });
                }
            }
            found.states += 1;
            if !goes_on {
                rests.push(open.visit);
                found.owners.insert(open.world.owner());
                if let Err(violation) = open.world.check_rest() {
                    let way = log.way(first, &actions, open.visit, None);
                    found.violation = Some((violation, format!("{violation}:\n{way}")));
                    return found;
                }
            }
        }
        layer = next;
    }
    found.rests = rests.len();
    found.restless = log.first_without(rests).map(|visit| log.way(first, &actions, visit, None));
    found
}

/// Every visit: which came before it, and what led to it.
#[derive(Default)]
struct Log {
    state: FixedState,
    known: HashMap<u64, u32, FixedState>,
    visits: Vec<(u32, u8)>,
    /// What goes on by itself: to which visit, from which.
    ways_on: Vec<(u32, u32)>,
}

impl Log {
    fn hashes(
        &self,
        world: &World,
        before: Option<(&World, &[u64; PROCESSES + 1])>,
    ) -> [u64; PROCESSES + 1] {
        world.hashes(&self.state, before)
    }

    /// Notes a visit, unless there was one. Tells which it is, and whether it is the first.
    fn visit(&mut self, hashes: &[u64; PROCESSES + 1], before: u32, action: usize) -> (u32, bool) {
        let next = u32::try_from(self.visits.len()).unwrap();
        let visit = *self.known.entry(self.state.hash_one(hashes)).or_insert(next);
        if visit == next {
            self.visits.push((before, u8::try_from(action).unwrap()));
        }
        (visit, visit == next)
    }

    /// The first visit that comes to none of these by what goes on by itself, and is none of them.
    fn first_without(&mut self, mut open: Vec<u32>) -> Option<u32> {
        self.ways_on.sort_unstable();
        let mut comes = vec![false; self.visits.len()];
        open.iter().for_each(|visit| comes[*visit as usize] = true);
        while let Some(to) = open.pop() {
            let first = self.ways_on.partition_point(|(other, _)| *other < to);
            for (_, from) in self.ways_on[first..].iter().take_while(|(other, _)| *other == to) {
                if !std::mem::replace(&mut comes[*from as usize], true) {
                    open.push(*from);
                }
            }
        }
        comes.iter().position(|comes| !comes).map(|visit| u32::try_from(visit).unwrap())
    }

    /// What leads from the first world to a visit, and beyond it by one more action.
    fn way(&self, first: &World, all: &[Action], mut visit: u32, last: Option<Action>) -> String {
        let mut actions: Vec<Action> = last.into_iter().collect();
        while visit != 0 {
            let (before, action) = self.visits[visit as usize];
            actions.push(all[usize::from(action)]);
            visit = before;
        }
        let mut text = String::new();
        let mut world = first.clone();
        for action in actions.into_iter().rev() {
            writeln!(text, "  {}", world.tell(action)).unwrap();
            if let Some(Ok(after)) = world.after(action) {
                world = after;
            }
        }
        text
    }
}
