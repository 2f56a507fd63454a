//! What an attack costs an upgrade, against upgrades without it in the same run.

use std::time::{Duration, Instant};

use crate::support::control::status;
use crate::support::{Family, Way};

/// How many upgrades of each sort there are.
const ROUNDS: usize = 11;

/// The most that an attack may cost, noise apart.
const MOST: Duration = Duration::from_millis(10);

/// How an attack and an upgrade meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum When {
    /// The upgrade begins when the attack has begun.
    Beside,
    /// The upgrade begins when everybody has been let in.
    Behind,
}

/// Upgrades with and without an attack, in turn. Tells who owns in the end.
///
/// An attack takes the processor too, whomever it is aimed at: what it may cost is counted from
/// upgrades beside as many connections to a listener of the attacker's own.
pub(crate) fn expect_no_delay(
    family: &mut Family,
    mut owner: u32,
    attacker: u32,
    order: &str,
    (when, way): (When, Way),
) -> u32 {
    let (mut quiet, mut aside, mut attacked) = (Vec::new(), Vec::new(), Vec::new());
    let decoy = format!("decoy {}", order.split_once(' ').unwrap().1);
    for _ in 0..ROUNDS {
        quiet.push(upgrade(family, &mut owner, way));
        for (order, taken) in [(decoy.as_str(), &mut aside), (order, &mut attacked)] {
            family.tell(attacker, order);
            family.expect(attacker, "attacking");
            if when == When::Behind {
                family.expect(attacker, "attacked");
                // Connections are taken in order: this one is the last.
                status(family.setting("HANDOFF")).unwrap();
            }
            taken.push(upgrade(family, &mut owner, way));
            if when == When::Beside {
                family.expect(attacker, "attacked");
            }
        }
    }
    judge(&format!("{order}, {when:?}, {way:?}"), [quiet, aside, attacked]);
    owner
}

/// Takes the time from the wish to the new owner's word that it serves.
fn upgrade(family: &mut Family, owner: &mut u32, way: Way) -> Duration {
    let begun = Instant::now();
    let successor = family.succeed(*owner, way);
    family.expect(successor, "ready");
    let taken = begun.elapsed();
    // Whoever drains would count for the next one.
    family.expect_end(*owner);
    *owner = successor;
    taken
}

/// The spread of what was measured without an attack is what this machine does by itself: from the
/// first quarter to the third, so that one that was very late does not count.
fn judge(what: &str, mut taken: [Vec<Duration>; 3]) {
    taken.iter_mut().for_each(|taken| taken.sort());
    let [quiet, aside, attacked] = taken.each_ref().map(|taken| taken[ROUNDS / 2]);
    let spread = taken[..2].iter().map(|taken| taken[3 * ROUNDS / 4] - taken[ROUNDS / 4]);
    let spread = spread.max().unwrap();
    let allowed = quiet.max(aside) + MOST + 4 * spread;
    let numbers = format!(
        "{what}: an upgrade takes {quiet:.1?} in peace, {aside:.1?} beside an attack elsewhere, \
         {attacked:.1?} under attack (spread {spread:.1?}, {allowed:.1?} allowed)"
    );
    eprintln!("{numbers}");
    assert!(attacked < allowed, "{numbers}");
}
