//! What an attack costs an upgrade, against upgrades without it in the same run.

use std::time::{Duration, Instant};

use crate::support::control::status;
use crate::support::{Family, Way};

/// How many upgrades of each sort there are.
const ROUNDS: usize = 11;

/// The most that an attack may delay an upgrade. What it costs the owner itself is far less, and measured
/// by itself: see `cost`. Here every process of the machine counts.
const MOST: Duration = Duration::from_millis(100);

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
    let decoy = format!("decoy {}", order.split_once(' ').unwrap().1);
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let quiet = upgrade(family, &mut owner, way);
        let [aside, attacked] = [&decoy, order].map(|order| {
            family.tell(attacker, order);
            family.expect(attacker, "attacking");
            if when == When::Behind {
                expect_over(family, attacker);
            }
            let taken = upgrade(family, &mut owner, way);
            if when == When::Beside {
                expect_over(family, attacker);
            }
            taken
        });
        rounds.push([quiet, aside, attacked]);
    }
    judge(&format!("{order}, {when:?}, {way:?}"), &rounds);
    owner
}

/// Waits until the attack is over and the owner has done with it: connections are taken in order, so
/// whoever asks now is the last.
fn expect_over(family: &mut Family, attacker: u32) {
    family.expect(attacker, "attacked");
    status(family.setting("HANDOFF")).unwrap();
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

/// Each attack is compared with the upgrades of its own round, which the machine was as busy for; the
/// median of that is what it costs.
fn judge(what: &str, rounds: &[[Duration; 3]]) {
    let cost = |[quiet, aside, attacked]: [Duration; 3]| attacked.saturating_sub(quiet.max(aside));
    let [quiet, aside, attacked] = [0, 1, 2].map(|sort| median(rounds.iter().map(|it| it[sort])));
    let cost = median(rounds.iter().copied().map(cost));
    let numbers = format!(
        "{what}: an upgrade takes {quiet:.1?} in peace, {aside:.1?} beside an attack elsewhere, \
         {attacked:.1?} under attack, {cost:.1?} more than either"
    );
    eprintln!("{numbers}");
    assert!(cost < MOST, "{numbers}");
}

fn median(times: impl Iterator<Item = Duration>) -> Duration {
    let mut times: Vec<Duration> = times.collect();
    times.sort();
    times[times.len() / 2]
}
