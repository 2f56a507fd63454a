//! From what has happened to the text of a chart.

use std::time::Duration;

use crate::event::{Event, Side};
use crate::layout::{Fate, Layout};

/// What a chart is drawn from.
pub(crate) struct Drawing<'a> {
    /// Everything from the first frame on.
    pub(crate) events: &'a [Event],
    /// The first event that is drawn.
    pub(crate) from: usize,
    /// Draw the moments of a handoff, and what is waited for even if it comes in time.
    pub(crate) is_whole: bool,
    /// How things stand at the end.
    pub(crate) end: &'a str,
}

impl Drawing<'_> {
    pub(crate) fn text(&self) -> String {
        let mut layout = Layout::default();
        layout.head();
        self.draw_queues(&mut layout);
        let mut rest = &self.events[self.from..];
        while let [event, behind @ ..] = rest {
            rest = match event {
                Event::Tries { side, got, .. } => draw_tries(&mut layout, *side, *got, rest),
                event => {
                    self.draw(&mut layout, event);
                    behind
                }
            };
        }
        layout.across(self.end, '═');
        layout.into_text()
    }

    /// The frames that were sent before and are read in this chart.
    fn draw_queues(&self, layout: &mut Layout) {
        for event in &self.events[..self.from] {
            if let Event::Sends { side, number, .. } = event
                && self.read_at(*side, *number).is_some_and(|read| read >= self.from)
            {
                self.draw(layout, event);
            }
        }
    }

    fn draw(&self, layout: &mut Layout, event: &Event) {
        match event {
            Event::Does { side, what } => layout.does(*side, what),
            Event::Hears { side, what } => layout.hears(*side, what),
            Event::Sends { side, what, number } => {
                layout.arrow(*side, what, self.fate(*side, *number));
            }
            Event::Reads { side, what, number, emptying } => {
                let name = what.split(" +").next().unwrap_or(what);
                match (self.fate(side.peer(), *number), emptying) {
                    (Fate::ReadLater, true) => layout.does(*side, &format!("reads {name}")),
                    (Fate::ReadLater, false) => layout.hears(*side, &format!("reads {name}")),
                    (Fate::Read | Fate::Lost, _) => {}
                }
            }
            Event::Waited { side, what, length } => {
                layout.hears(*side, &format!("{} without {what}", shown(*length)));
            }
            Event::Waits { side, what, length } if self.is_whole => {
                layout.alone(*side, &format!("waits for {what}: {}", shown(*length)));
            }
            Event::Reaches(moment) if self.is_whole => layout.across(moment.name(), '┄'),
            Event::Fault { side, what } => layout.alone(*side, what),
            Event::Tries { .. } | Event::Waits { .. } | Event::Reaches(_) => {}
        }
    }

    fn fate(&self, sender: Side, frame: usize) -> Fate {
        let sent = self.events.iter().position(|event| match event {
            Event::Sends { side, number, .. } => (*side, *number) == (sender, frame),
            _ => false,
        });
        match (sent, self.read_at(sender, frame)) {
            (Some(sent), Some(read)) => {
                let is_late = self.events[sent..read].iter().any(Event::takes_time)
                    || matches!(self.events[read], Event::Reads { emptying: true, .. });
                if is_late { Fate::ReadLater } else { Fate::Read }
            }
            _ => Fate::Lost,
        }
    }

    fn read_at(&self, sender: Side, frame: usize) -> Option<usize> {
        let reader = sender.peer();
        self.events.iter().position(|event| match event {
            Event::Reads { side, number, .. } => (*side, *number) == (reader, frame),
            _ => false,
        })
    }
}

/// One text for a token that is tried again and again; returns the events behind.
fn draw_tries<'a>(layout: &mut Layout, side: Side, got: bool, events: &'a [Event]) -> &'a [Event] {
    let times = events.iter().map_while(|event| match event {
        Event::Tries { side: again, got: answer, now } => {
            ((*again, *answer) == (side, got)).then_some(*now)
        }
        _ => None,
    });
    let times: Vec<_> = times.collect();
    let lasted = match times[..] {
        [first, second, .., last] => {
            format!(" each {} for {}", shown(second - first), shown(last - first))
        }
        _ => String::new(),
    };
    let answer = if got { "got" } else { "held" };
    layout.does(side, &format!("tries the token{lasted}: {answer}"));
    &events[times.len()..]
}

fn shown(time: Duration) -> String {
    match time.as_millis() {
        millis if millis % 1_000 == 0 => format!("{} s", millis / 1_000),
        millis => format!("{millis} ms"),
    }
}
