//! What all pictures have: a title, an explanation, and where it was measured.

use std::error::Error;
use std::path::Path;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

/// A part of a picture. Its unit is the pixel.
pub(crate) type Canvas<'a> = DrawingArea<SVGBackend<'a>, Shift>;

pub(crate) type Drawn = Result<(), Box<dyn Error>>;

pub(crate) struct Frame<'a> {
    pub(crate) title: &'a str,
    /// One line on what is measured.
    pub(crate) explanation: &'a str,
    /// What is below the picture, line by line.
    pub(crate) captions: Vec<String>,
    /// Of all that is within.
    pub(crate) height: u32,
}

impl Frame<'_> {
    pub(crate) fn draw(&self, file: &Path, draw: impl FnOnce(&Canvas<'_>) -> Drawn) -> Drawn {
        let foot = LINE * self.captions.len() as u32 + MARGIN + 4;
        let size = (WIDTH, HEAD + self.height + foot);
        let canvas = SVGBackend::new(file, size).into_drawing_area();
        // The page may be dark.
        canvas.draw(&Rectangle::new([(0, 0), (size.0 as i32, size.1 as i32)], WHITE.filled()))?;
        let (head, below) = canvas.split_vertically(HEAD);
        let (within, foot) = below.split_vertically(self.height);
        write(
            &head,
            self.title,
            (MARGIN as i32, 28),
            &text(20.0).style(FontStyle::Bold),
            HPos::Left,
        )?;
        write(&head, self.explanation, (MARGIN as i32, 52), &text(13.0), HPos::Left)?;
        for (line, y) in self.captions.iter().zip((18..).step_by(LINE as usize)) {
            write(&foot, &fitting(line), (MARGIN as i32, y), &text(12.0), HPos::Left)?;
        }
        draw(&within)?;
        canvas.present().map_err(|error| format!("{}: {error}", file.display()))?;
        Ok(())
    }
}

/// At a place that is in the middle of its height.
pub(crate) fn write(
    canvas: &Canvas<'_>,
    words: &str,
    at: (i32, i32),
    font: &FontDesc<'_>,
    from: HPos,
) -> Drawn {
    let style = TextStyle::from(font.clone()).color(&INK).pos(Pos::new(from, VPos::Center));
    Ok(canvas.draw_text(words, &style, at)?)
}

/// A line of the foot: what a peer has said may be of any length.
fn fitting(line: &str) -> String {
    match line.char_indices().nth(WORDS) {
        None => line.to_owned(),
        Some(_) => line.chars().take(WORDS - 1).chain(['…']).collect(),
    }
}

/// A font of so many pixels: the backend makes it smaller by this factor.
pub(crate) fn text(pixels: f64) -> FontDesc<'static> {
    FontDesc::new(FontFamily::SansSerif, 1.24 * pixels, FontStyle::Normal)
}

pub(crate) const INK: RGBColor = RGBColor(40, 40, 40);

pub(crate) const WIDTH: u32 = 880;
pub(crate) const MARGIN: u32 = 20;
const HEAD: u32 = 70;
const LINE: u32 = 18;
/// So many characters fit in a line of the foot, in all fonts that a browser may have.
const WORDS: usize = 120;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_too_long_is_cut() {
        assert_eq!(fitting("short"), "short");
        let cut = fitting(&"ä".repeat(1_000));
        assert_eq!(cut.chars().count(), WORDS);
        assert!(cut.ends_with("ä…"));
    }
}
