//! How long an upgrade takes, by the number of listeners.

use std::path::Path;

use plotters::chart::{ChartBuilder, ChartContext};
use plotters::coord::combinators::LogCoord;
use plotters::prelude::*;

use crate::axis::{FAINT_GRID, GRID, around, number, thousands};
use crate::frame::{Canvas, Drawn, Frame, INK, MARGIN, text};
use crate::legend::{self, Legend};
use crate::look::Look;
use crate::measured::{Measured, Outcome, Upgrade};
use crate::thin::millis;

pub(crate) fn draw(measured: &Measured, file: &Path) -> Drawn {
    let lines = lines(&measured.upgrades);
    let Some(bounds) = Bounds::of(&lines) else {
        eprintln!("plot: no upgrade was timed: {} is left as it is", file.display());
        return Ok(());
    };
    let frame = Frame {
        title: "Time of an upgrade, by the number of listeners",
        explanation: "From the call in the old process until its library has told it that the new \
            one is ready. Median, with a bar to the 95th percentile.",
        captions: captions(measured),
        height: 440,
    };
    frame.draw(file, |canvas| {
        let (top, below) = canvas.split_vertically(legend::HEIGHT);
        draw_legend(&top, &lines)?;
        let chart = bounds.chart(&below)?;
        lines.iter().try_for_each(|line| line.draw(&chart, &canvas.use_screen_coord()))
    })
}

/// What a peer took for each number of listeners.
struct Line<'a> {
    peer: &'a str,
    took: Vec<Took>,
}

/// Times are in milliseconds.
struct Took {
    listeners: f64,
    median: f64,
    p95: f64,
}

fn lines(upgrades: &[Upgrade]) -> Vec<Line<'_>> {
    let mut lines = Vec::<Line<'_>>::new();
    for upgrade in upgrades {
        let Some(took) = took(upgrade) else { continue };
        match lines.iter_mut().find(|line| line.peer == upgrade.peer) {
            Some(line) => line.took.push(took),
            None => lines.push(Line { peer: &upgrade.peer, took: vec![took] }),
        }
    }
    lines
}

fn took(upgrade: &Upgrade) -> Option<Took> {
    match upgrade.outcome {
        Outcome::Took { median_us, p95_us } => Some(Took {
            listeners: upgrade.listeners.into(),
            median: millis(median_us),
            p95: millis(p95_us),
        }),
        Outcome::Cannot { .. } => None,
    }
}

impl Line<'_> {
    fn draw(&self, chart: &Chart<'_, '_>, screen: &Canvas<'_>) -> Drawn {
        let look = Look::of(self.peer);
        for took in &self.took {
            let at = |time| chart.backend_coord(&(took.listeners, time));
            look.draw_bar(screen, at(took.median), at(took.p95))?;
        }
        let point = |took: &Took| chart.backend_coord(&(took.listeners, took.median));
        look.draw(screen, &self.took.iter().map(point).collect::<Vec<_>>())
    }
}

type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<LogCoord<f64>, LogCoord<f64>>>;

/// Of both axes.
struct Bounds {
    listeners: (f64, f64),
    time: (f64, f64),
}

impl Bounds {
    fn of(lines: &[Line<'_>]) -> Option<Self> {
        let all = || lines.iter().flat_map(|line| &line.took);
        let least = all().map(|took| took.listeners).min_by(f64::total_cmp)?;
        let most = all().map(|took| took.listeners).max_by(f64::total_cmp)?;
        let time = around(all().flat_map(|took| [took.median, took.p95]))?;
        Some(Self { listeners: (least / ROOM, most * ROOM), time })
    }

    fn chart<'a, 'b>(
        &self,
        canvas: &'a Canvas<'b>,
    ) -> Result<Chart<'a, 'b>, Box<dyn std::error::Error>> {
        let (x, y) = (self.listeners, self.time);
        let mut chart = ChartBuilder::on(canvas)
            .margin_left(MARGIN)
            .margin_right(MARGIN)
            .x_label_area_size(48)
            .y_label_area_size(60)
            .build_cartesian_2d((x.0..x.1).log_scale(), (y.0..y.1).log_scale())?;
        chart
            .configure_mesh()
            .x_labels(5)
            .y_labels(5)
            .max_light_lines(10)
            .bold_line_style(GRID)
            .light_line_style(FAINT_GRID)
            .axis_style(INK)
            .label_style(text(13.0).color(&INK))
            .axis_desc_style(text(14.0).color(&INK))
            .x_label_formatter(&|&listeners| number(listeners))
            .y_label_formatter(&|&time| number(time))
            .x_desc("listeners")
            .y_desc("time (ms)")
            .draw()?;
        Ok(chart)
    }
}

fn draw_legend(canvas: &Canvas<'_>, lines: &[Line<'_>]) -> Drawn {
    let mut legend = Legend::new(canvas);
    lines.iter().try_for_each(|line| {
        let look = Look::of(line.peer);
        legend.add(&format!("{}{}", line.peer, look.remark), |screen, left, right| {
            look.draw_sample(screen, left, right)
        })
    })
}

/// What is not in the picture, and what is not what it seems.
fn captions(measured: &Measured) -> Vec<String> {
    let mut captions = Vec::new();
    for upgrade in &measured.upgrades {
        if let Outcome::Cannot { cannot } = &upgrade.outcome {
            let listeners = thousands(upgrade.listeners);
            captions.push(format!("{}: fails with {listeners} listeners: {cannot}", upgrade.peer));
        }
        captions.extend(upgrade.note.iter().map(|note| format!("{}: {note}", upgrade.peer)));
    }
    captions.sort();
    captions.dedup();
    captions.extend(measured.machine.iter().map(|machine| machine.caption()));
    captions
}

/// The outermost points are so far from the edge.
const ROOM: f64 = 1.4;
