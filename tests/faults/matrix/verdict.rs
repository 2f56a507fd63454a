//! What the clients of a case got, and whether they may have.

use std::fmt;
use std::time::{Duration, Instant};

use super::case::{COMMIT, Case, Course, Fault, Victim};
use super::outcome::Outcome;
use crate::support::open_loop::{Client, End};

/// So much later than what is allowed may anything come, for a machine is never quite quiet: less than
/// any timeout, so that whoever waits for one is seen.
pub(super) const GRACE: Duration = Duration::from_millis(100);

/// Longest that it may take until a crowd is cleared away.
const CROWD: Duration = Duration::from_secs(2);

/// What the clients of a case got.
pub(super) struct Verdict {
    case: Case,
    clients: usize,
    answers: usize,
    /// Clients that did not get what they may expect, and answers that came too late.
    refused: usize,
    reset: usize,
    lost: usize,
    late: usize,
    /// In flight inside the victim, and not answered.
    in_flight: usize,
    /// Turned away, since no process was left that had the listener.
    nobody_there: usize,
    /// Answers that came once the owner, which had stood still, went on.
    stood_still: usize,
    /// How long an answer may take before it is late.
    allowed: Duration,
    /// Longest that any other answer was waited for.
    longest: Duration,
}

impl Verdict {
    pub(super) fn new(case: Case, course: &Course) -> Self {
        let mut verdict = Self {
            allowed: case.allowed(),
            clients: course.clients.len(),
            answers: 0,
            refused: 0,
            reset: 0,
            lost: 0,
            late: 0,
            in_flight: 0,
            nobody_there: 0,
            stood_still: 0,
            longest: Duration::ZERO,
            case,
        };
        let restored = match verdict.case.stands_still() {
            true => course.caught_up(),
            false => course.restored,
        };
        // What a crowd leaves behind is cleared away while the next ones are served.
        verdict.allowed += (restored - course.restored).min(CROWD);
        verdict.late += usize::from(course.gave_up.is_some_and(|gave_up| gave_up.late() > GRACE));
        for client in &course.clients {
            verdict.count(client, course, restored);
        }
        verdict
    }

    /// Whether every client got what it may expect.
    pub(super) fn is_good(&self) -> bool {
        self.failed() + self.late == 0
    }

    /// Whether nothing but time is to be complained of.
    pub(super) fn is_late_only(&self) -> bool {
        self.failed() == 0 && self.late > 0
    }

    fn failed(&self) -> usize {
        self.refused + self.reset + self.lost
    }

    fn count(&mut self, client: &Client, course: &Course, restored: Instant) {
        let struck = course.struck;
        let end = client.end.map(|(_, end)| end);
        let lasts = |end: Option<Instant>| end.is_none_or(|end| end >= struck);
        let in_flight = client.begun < struck && course.in_flight.contains(&client.port);
        for (asked, answered) in &client.answers {
            self.answers += 1;
            match *asked < restored && lasts(Some(*answered)) {
                true if in_flight => {}
                true if self.case.stands_still() => self.stood_still += 1,
                _ => self.judge(*asked, *answered),
            }
        }
        let is_met = lasts(client.end.map(|(at, _)| at));
        match end {
            Some(End::Served) => {}
            _ if is_met && in_flight => self.in_flight += 1,
            Some(end) if is_met && course.turns_away(client, end) => self.nobody_there += 1,
            Some(End::Refused) => self.refused += 1,
            Some(End::Reset) => self.reset += 1,
            Some(End::Closed) | None => self.lost += 1,
        }
    }

    fn judge(&mut self, asked: Instant, answered: Instant) {
        let waited = answered.saturating_duration_since(asked);
        self.longest = self.longest.max(waited);
        if waited > self.allowed + GRACE {
            self.late += 1;
        }
    }
}

impl Course {
    /// Whether the kernel may have turned a client away because the last process with the listener has
    /// ended: it resets those in the queue then, and refuses whoever comes from then on.
    fn turns_away(&self, client: &Client, end: End) -> bool {
        match end {
            End::Refused => self.gone.is_some() && client.begun < self.restored,
            End::Reset => self.gone.is_some_and(|gone| client.begun < gone),
            End::Served | End::Closed => false,
        }
    }

    /// When everybody was done who came while the owner stood still: they go on in a crowd.
    fn caught_up(&self) -> Instant {
        let crowd = self.clients.iter().filter(|client| client.begun < self.restored);
        let ends = crowd.filter_map(|client| client.end.map(|(at, _)| at));
        ends.chain([self.restored]).max().unwrap_or(self.restored)
    }
}

impl Case {
    /// How long whoever goes on waits for the victim before it serves.
    fn allowed(&self) -> Duration {
        let is_unlocked = ["predecessor.after.unlock", "predecessor.before.send-released"]
            .contains(&&*self.point);
        match self.fault {
            Fault::Frozen | Fault::Thawed if is_unlocked => COMMIT,
            _ => Duration::ZERO,
        }
    }

    /// The owner itself stands still or is gone, and nobody may go on in its place.
    fn stands_still(&self) -> bool {
        match (self.victim, self.outcome) {
            (Victim::First, Outcome::First) | (Victim::Second, Outcome::Second) => true,
            (_, outcome) => outcome == Outcome::Nobody,
        }
    }
}

/// The head of the table of verdicts: clients and answers, what failed for no good reason, what could
/// not be served, and times in milliseconds.
pub(super) const HEAD: &str = "\
scenario  process point                              way      fault  owner     clients answers refused reset  lost  late | \
in flight nobody stood still | longest allowed";

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Case { scenario, victim, point, fault, way, outcome } = &self.case;
        let process = if *victim == Victim::First { "P" } else { "S" };
        let scenario = format!("{scenario:?}");
        let (way, fault, outcome) =
            (format!("{way:?}"), format!("{fault:?}"), format!("{outcome:?}"));
        write!(f, "{scenario:9} {process:7} {point:34} {way:8} {fault:6} {outcome:9}")?;
        let Self { clients, answers, refused, reset, lost, late, .. } = self;
        write!(f, "{clients:8} {answers:7} {refused:7} {reset:5} {lost:5} {late:5} | ")?;
        let Self { in_flight, nobody_there, stood_still, .. } = self;
        write!(f, "{in_flight:9} {nobody_there:6} {stood_still:11} | ")?;
        let [longest, allowed] = [self.longest, self.allowed].map(|time| time.as_millis());
        write!(f, "{longest:7} {allowed:7}")
    }
}
