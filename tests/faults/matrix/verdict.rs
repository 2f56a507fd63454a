//! What the clients of a case got, and whether they may have.

use std::fmt;
use std::time::{Duration, Instant};

use super::case::{COMMIT, Case, Course, Fault, Victim};
use super::outcome::Outcome;
use crate::support::open_loop::{Client, End};

/// Beyond its deadline a client may wait as long as this, and twice as long as any client of a service
/// that nothing befalls has waited meanwhile.
const GRACE: Duration = Duration::from_millis(100);

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
    /// How long an answer may take before it is late, but for what noise adds.
    allowed: Duration,
    /// Longest that any other answer was waited for.
    longest: Duration,
    /// Longest that a client of another service had to wait at the same time.
    noise: Duration,
}

impl Verdict {
    pub(super) fn new(case: Case, course: &Course, calm: &Calm) -> Self {
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
            noise: Duration::ZERO,
            case,
        };
        let restored = match verdict.case.stands_still() {
            true => course.caught_up(),
            false => course.restored,
        };
        // What a crowd leaves behind is cleared away while the next ones are served.
        verdict.allowed += restored - course.restored;
        for client in &course.clients {
            verdict.count(client, course, restored, calm);
        }
        verdict
    }

    /// Whether every client got what it may expect.
    pub(super) fn is_good(&self) -> bool {
        self.refused + self.reset + self.lost + self.late == 0
    }

    fn count(&mut self, client: &Client, course: &Course, restored: Instant, calm: &Calm) {
        let struck = course.struck;
        let end = client.end.map(|(_, end)| end);
        let lasts = |end: Option<Instant>| end.is_none_or(|end| end >= struck);
        let in_flight = client.begun < struck && course.in_flight.contains(&client.port);
        for (asked, answered) in &client.answers {
            self.answers += 1;
            match *asked < restored && lasts(Some(*answered)) {
                true if in_flight => {}
                true if self.case.stands_still() => self.stood_still += 1,
                _ => self.judge(*asked, *answered, calm),
            }
        }
        let is_met = lasts(client.end.map(|(at, _)| at));
        match end {
            Some(End::Served) => {}
            _ if is_met && in_flight => self.in_flight += 1,
            _ if is_met && client.asked < restored && self.case.is_without_listener() => {
                self.nobody_there += 1;
            }
            Some(End::Refused) => self.refused += 1,
            Some(End::Reset) => self.reset += 1,
            Some(End::Closed) | None => self.lost += 1,
        }
    }

    fn judge(&mut self, asked: Instant, answered: Instant, calm: &Calm) {
        let waited = answered.saturating_duration_since(asked);
        let noise = calm.noise(asked, answered);
        self.longest = self.longest.max(waited);
        self.noise = self.noise.max(noise);
        if waited > self.allowed + GRACE + 2 * noise {
            self.late += 1;
        }
    }
}

impl Course {
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

    /// The only process that had the listener is gone.
    fn is_without_listener(&self) -> bool {
        matches!(self.outcome, Outcome::Nobody | Outcome::Afresh)
    }
}

/// What the clients of a service got that nothing befalls: how noisy the machine was, and when.
pub(super) struct Calm {
    begun: Instant,
    /// Longest that an answer was waited for, by the tenths of a second in which somebody waited.
    longest: Vec<Duration>,
}

impl Calm {
    pub(super) fn new(begun: Instant, clients: &[Client]) -> Self {
        let mut calm = Self { begun, longest: Vec::new() };
        for (asked, answered) in clients.iter().flat_map(|client| &client.answers) {
            let (first, last) = (calm.tenth(*asked), calm.tenth(*answered));
            calm.longest.resize(calm.longest.len().max(last + 1), Duration::ZERO);
            for longest in &mut calm.longest[first..=last] {
                *longest = (*longest).max(*answered - *asked);
            }
        }
        calm
    }

    /// Longest that an answer was waited for in that time.
    fn noise(&self, from: Instant, to: Instant) -> Duration {
        let tenths = self.longest.iter().take(self.tenth(to) + 1).skip(self.tenth(from));
        tenths.copied().max().unwrap_or_default()
    }

    fn tenth(&self, at: Instant) -> usize {
        (at.saturating_duration_since(self.begun).as_millis() / 100) as usize
    }
}

/// The head of the table of verdicts: clients and answers, what failed for no good reason, what could
/// not be served, and times in milliseconds.
pub(super) const HEAD: &str = "\
scenario  process point                              way      fault  owner     clients answers refused reset  lost  late | \
in flight nobody stood still | longest allowed noise";

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
        let [longest, allowed, noise] =
            [self.longest, self.allowed, self.noise].map(|time| time.as_millis());
        write!(f, "{longest:7} {allowed:7} {noise:5}")
    }
}
