//! Both machines at once, in a world of which the fuzzer chooses what happens next.

use alloc::vec::Vec;

use super::world::{Action, World};

/// How many faults there may be: as many as end everybody, and more.
pub const FAULTS: u8 = 8;

/// Takes each byte of `data` for what happens next, if it can, and then lets everything that goes
/// on by itself go on until it comes to rest. Tells which process owns the service then, and as which
/// generation.
///
/// # Panics
///
/// When a law is broken: that is a finding.
pub fn pair_steps(data: &[u8]) -> Option<(usize, u64)> {
    let actions: Vec<Action> = Action::all().collect();
    let mut world = World::new(FAULTS, None);
    for byte in data {
        // Only what can happen is counted, so that few bytes are in vain.
        let possible: Vec<_> = actions.iter().filter(|action| world.allows(**action)).collect();
        let Some(action) = possible.get(usize::from(*byte) % possible.len().max(1)) else {
            break;
        };
        world = follow(&world, **action);
    }
    while let Some(action) = actions.iter().find(|action| goes_on(&world, **action)) {
        world = follow(&world, *action);
    }
    if let Err(violation) = world.check_rest() {
        panic!("{violation}: {world:?}");
    }
    world.owner()
}

fn goes_on(world: &World, action: Action) -> bool {
    action.is_own_accord() && world.allows(action)
}

fn follow(world: &World, action: Action) -> World {
    match world.after(action) {
        Some(Ok(world)) => world,
        Some(Err(violation)) => panic!("{violation} when {}: {world:?}", world.tell(action)),
        None => world.clone(),
    }
}
