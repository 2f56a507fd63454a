//! Entries side by side, each a sample and its words.

use plotters::style::text_anchor::HPos;

use crate::frame::{Canvas, Drawn, MARGIN, text, write};

pub(crate) struct Legend<'a, 'b> {
    canvas: &'a Canvas<'b>,
    x: i32,
}

impl<'a, 'b> Legend<'a, 'b> {
    /// Along the top of the canvas.
    pub(crate) fn new(canvas: &'a Canvas<'b>) -> Self {
        Self { canvas, x: MARGIN as i32 }
    }

    /// `sample` draws on the canvas around the line between two points, and beside it are the words.
    pub(crate) fn add(
        &mut self,
        words: &str,
        sample: impl FnOnce(&Canvas<'b>, (i32, i32), (i32, i32)) -> Drawn,
    ) -> Drawn {
        let right = self.x + SAMPLE;
        sample(self.canvas, (self.x, MIDDLE), (right, MIDDLE))?;
        write(self.canvas, words, (right + 8, MIDDLE), &text(13.0), HPos::Left)?;
        // No font is at hand to tell how wide the words are: this is wide enough for most.
        self.x = right + 8 + 7 * words.chars().count() as i32 + 24;
        Ok(())
    }
}

/// Of all entries.
pub(crate) const HEIGHT: u32 = 30;
const MIDDLE: i32 = 10;
const SAMPLE: i32 = 32;
