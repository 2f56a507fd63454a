//! How each peer looks, in both pictures. The colours are those of Okabe and Ito, which the colour-blind can
//! tell apart.

use plotters::element::{Circle, DashedPathElement, Polygon};
use plotters::prelude::*;

use crate::frame::{Canvas, Drawn};

pub(crate) struct Look {
    pub(crate) color: RGBColor,
    /// What it is, if its name does not say it.
    pub(crate) remark: &'static str,
    dashed: bool,
    marker: Marker,
}

#[derive(Clone, Copy)]
enum Marker {
    Circle,
    Square,
    Triangle,
    Diamond,
    Dot,
}

impl Look {
    pub(crate) fn of(peer: &str) -> Self {
        let (color, marker) = match peer {
            "heirloom" => (RGBColor(0, 114, 178), Marker::Circle),
            "tableflip" => (RGBColor(230, 159, 0), Marker::Square),
            "ecdysis" => (RGBColor(0, 158, 115), Marker::Triangle),
            "shellflip" => (RGBColor(204, 121, 167), Marker::Diamond),
            _ => (RGBColor(110, 110, 110), Marker::Dot),
        };
        let floor = peer == "floor";
        let remark = if floor { " (no library)" } else { "" };
        Self { color, remark, dashed: floor, marker }
    }

    /// A line with a marker at each point.
    pub(crate) fn draw(&self, screen: &Canvas<'_>, points: &[(i32, i32)]) -> Drawn {
        self.draw_line(screen, points)?;
        points.iter().try_for_each(|&point| self.draw_marker(screen, point))
    }

    /// A line with a marker in its middle.
    pub(crate) fn draw_sample(
        &self,
        screen: &Canvas<'_>,
        from: (i32, i32),
        to: (i32, i32),
    ) -> Drawn {
        self.draw_line(screen, &[from, to])?;
        self.draw_marker(screen, (i32::midpoint(from.0, to.0), i32::midpoint(from.1, to.1)))
    }

    /// From a marker to a worse value of the same.
    pub(crate) fn draw_bar(&self, screen: &Canvas<'_>, from: (i32, i32), to: (i32, i32)) -> Drawn {
        let (x, y) = to;
        let style = self.color.stroke_width(1);
        screen.draw(&PathElement::new([from, to], style))?;
        Ok(screen.draw(&PathElement::new([(x - 4, y), (x + 4, y)], style))?)
    }

    fn draw_line(&self, screen: &Canvas<'_>, points: &[(i32, i32)]) -> Drawn {
        let style = self.color.stroke_width(2);
        if self.dashed {
            screen.draw(&DashedPathElement::new(points.iter().copied(), 6, 5, style))?;
        } else {
            screen.draw(&PathElement::new(points, style))?;
        }
        Ok(())
    }

    fn draw_marker(&self, screen: &Canvas<'_>, (x, y): (i32, i32)) -> Drawn {
        let corners: &[_] = match self.marker {
            Marker::Circle => return self.draw_circle(screen, (x, y), 5),
            Marker::Dot => return self.draw_circle(screen, (x, y), 3),
            Marker::Square => &[(-5, -5), (5, -5), (5, 5), (-5, 5)],
            Marker::Triangle => &[(0, -6), (6, 5), (-6, 5)],
            Marker::Diamond => &[(0, -7), (7, 0), (0, 7), (-7, 0)],
        };
        let corners: Vec<_> = corners.iter().map(|&(right, down)| (x + right, y + down)).collect();
        Ok(screen.draw(&Polygon::new(corners, self.color.filled()))?)
    }

    fn draw_circle(&self, screen: &Canvas<'_>, at: (i32, i32), radius: i32) -> Drawn {
        Ok(screen.draw(&Circle::new(at, radius, self.color.filled()))?)
    }
}
