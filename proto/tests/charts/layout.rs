//! Where the parts of a chart stand: the successor's on the left, the predecessor's on the right,
//! arrows between them.

use crate::event::Side;

/// Columns of the successor's side, of an arrow, and of the predecessor's side.
const LEFT: usize = 36;
const ARROW: usize = 14;
const RIGHT: usize = 48;

/// Lines of text. What one side does without a word to the other is put into as few as hold it.
#[derive(Default)]
pub(crate) struct Layout {
    lines: Vec<String>,
    /// The side whose last line has room, and what stands there.
    open: Option<(Side, String)>,
}

/// What becomes of a frame in its queue.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Fate {
    /// It is read before anything else happens.
    Read,
    ReadLater,
    Lost,
}

impl Layout {
    pub(crate) fn head(&mut self) {
        self.push("S", "", "P");
    }

    /// What a side does, in the line of what it did before if there is room.
    pub(crate) fn does(&mut self, side: Side, what: &str) {
        let width = match side {
            Side::Successor => LEFT + ARROW,
            Side::Predecessor => RIGHT,
        };
        match self.open.take() {
            Some((open, before)) if open == side => {
                let joined = format!("{before}; {what}");
                if joined.chars().count() < width {
                    self.open = Some((side, joined));
                } else {
                    self.alone(side, &format!("{before};"));
                    self.open = Some((side, what.into()));
                }
            }
            other => {
                self.open = other;
                self.close();
                self.open = Some((side, what.into()));
            }
        }
    }

    /// Why a side does what stands behind it.
    pub(crate) fn hears(&mut self, side: Side, what: &str) {
        self.close();
        self.open = Some((side, what.into()));
    }

    /// What becomes of a side, or what it begins to wait for: in a line of its own.
    pub(crate) fn alone(&mut self, side: Side, what: &str) {
        match side {
            Side::Successor => self.push(what, "", ""),
            Side::Predecessor => self.push("", "", what),
        }
    }

    /// A frame on its way.
    pub(crate) fn arrow(&mut self, from: Side, what: &str, fate: Fate) {
        let dash = if fate == Fate::Read { "─" } else { "╌" };
        let shaft = dash.repeat(ARROW - 1);
        let is_lost = fate == Fate::Lost;
        match from {
            Side::Successor => {
                let head = if is_lost { '✗' } else { '►' };
                self.push(what, &format!("{shaft}{head}"), "");
            }
            Side::Predecessor => {
                let head = if is_lost { '✗' } else { '◄' };
                self.push("", &format!("{head}{shaft}"), what);
            }
        }
    }

    /// A line across both sides.
    pub(crate) fn across(&mut self, what: &str, dash: char) {
        self.close();
        let rest = 2 * LEFT + ARROW - what.chars().count() - 2;
        let dashes = |count: usize| dash.to_string().repeat(count);
        let line = format!("{} {what} {}", dashes(rest / 2), dashes(rest - rest / 2));
        self.lines.push(line);
    }

    pub(crate) fn into_text(mut self) -> String {
        self.close();
        self.lines.iter().map(|line| format!("{line}\n")).collect()
    }

    fn close(&mut self) {
        if let Some((side, what)) = self.open.take() {
            self.alone(side, &what);
        }
    }

    fn push(&mut self, left: &str, middle: &str, right: &str) {
        self.close();
        let line = format!("{left:<LEFT$}{middle:<ARROW$}  {right}");
        self.lines.push(line.trim_end().into());
    }
}
