//! What requests wait while a service is upgraded under load.

use std::error::Error;
use std::path::Path;

use plotters::chart::{ChartBuilder, ChartContext};
use plotters::coord::combinators::LogCoord;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use crate::axis::{FAINT_GRID, GRID, around, number, thousands};
use crate::frame::{Canvas, Drawn, Frame, INK, MARGIN, WIDTH, text, write};
use crate::legend::{self, Legend};
use crate::look::Look;
use crate::measured::{Latency, Measured};
use crate::thin::{Bucket, millis, thin};

pub(crate) fn draw(measured: &Measured, file: &Path) -> Drawn {
    let Some(bounds) = Bounds::of(&measured.latencies) else {
        eprintln!("plot: nothing was under load: {} is left as it is", file.display());
        return Ok(());
    };
    let panels = measured.latencies.len() as u32;
    let frame = Frame {
        title: "Latency of requests while a service is upgraded",
        explanation: "From the time at which a request was due until its answer was there.",
        captions: captions(measured),
        height: legend::HEIGHT + panels * PANEL + AXIS,
    };
    frame.draw(file, |canvas| {
        let (top, below) = canvas.split_vertically(legend::HEIGHT);
        draw_legend(&top)?;
        let (below, axis) = below.split_vertically(panels * PANEL);
        for (area, latency) in
            below.split_evenly((panels as usize, 1)).iter().zip(&measured.latencies)
        {
            Panel { latency, bounds: &bounds }.draw(area, &heading(measured, latency))?;
        }
        let middle = (LABELS + WIDTH) as i32 / 2;
        write(&axis, "time (s)", (middle, 10), &text(14.0), HPos::Center)
    })
}

/// Of the axes of all panels.
struct Bounds {
    seconds: f64,
    latency: (f64, f64),
}

impl Bounds {
    fn of(latencies: &[Latency]) -> Option<Self> {
        let points = || latencies.iter().flat_map(|latency| &latency.points);
        let events =
            latencies.iter().flat_map(|latency| latency.failed.iter().chain(&latency.upgrades));
        let seconds = points().map(|(at, _)| at).chain(events).copied().max_by(f64::total_cmp)?;
        // Nobody answers in no time, and there is no place for it on the axis.
        let (least, most) = around(points().map(|&(_, latency)| millis(latency.max(1))))?;
        Some(Self { seconds, latency: (least, most * FAILURES) })
    }
}

type Chart<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, LogCoord<f64>>>;

struct Panel<'a> {
    latency: &'a Latency,
    bounds: &'a Bounds,
}

impl Panel<'_> {
    fn draw(&self, canvas: &Canvas<'_>, heading: &str) -> Drawn {
        let (head, below) = canvas.split_vertically(HEADING);
        let font = text(14.0).style(FontStyle::Bold);
        write(&head, heading, ((MARGIN + LABELS) as i32, HEADING as i32 - 10), &font, HPos::Left)?;
        let chart = self.chart(&below)?;
        let screen = canvas.use_screen_coord();
        self.draw_upgrades(&chart, &screen)?;
        self.draw_latency(&chart, &screen)?;
        self.draw_failures(&chart, &screen)
    }

    fn chart<'a, 'b>(&self, canvas: &'a Canvas<'b>) -> Result<Chart<'a, 'b>, Box<dyn Error>> {
        let (least, most) = self.bounds.latency;
        let mut chart = ChartBuilder::on(canvas)
            .margin_left(MARGIN)
            .margin_right(MARGIN)
            .x_label_area_size(24)
            .y_label_area_size(LABELS)
            .build_cartesian_2d(0.0..self.bounds.seconds, (least..most).log_scale())?;
        chart
            .configure_mesh()
            .x_labels(12)
            .y_labels(6)
            .max_light_lines(1)
            .bold_line_style(GRID)
            .light_line_style(FAINT_GRID)
            .axis_style(INK)
            .label_style(text(12.0).color(&INK))
            .axis_desc_style(text(13.0).color(&INK))
            .x_label_formatter(&|&seconds| number(seconds))
            .y_label_formatter(&|&latency| number(latency))
            .y_desc("latency (ms)")
            .draw()?;
        Ok(chart)
    }

    fn draw_upgrades(&self, chart: &Chart<'_, '_>, screen: &Canvas<'_>) -> Drawn {
        let (_, height) = chart.plotting_area().get_pixel_range();
        self.latency.upgrades.iter().try_for_each(|&at| {
            let x = self.x(chart, at);
            draw_upgrade(screen, (x, height.start), (x, height.end))
        })
    }

    /// The slowest with the space beneath it, and the median.
    fn draw_latency(&self, chart: &Chart<'_, '_>, screen: &Canvas<'_>) -> Drawn {
        let color = Look::of(&self.latency.peer).color;
        let buckets = thin(&self.latency.points, self.bounds.seconds, BUCKETS);
        let line = |of: fn(&Bucket) -> f64| -> Vec<_> {
            let point = |bucket: &Bucket| chart.backend_coord(&(bucket.at, of(bucket)));
            buckets.iter().map(point).collect()
        };
        let (slowest, median) = (line(|bucket| bucket.slowest), line(|bucket| bucket.median));
        draw_waits(screen, &slowest, &median, color)
    }

    /// Those that would be at the same pixel are one mark.
    fn draw_failures(&self, chart: &Chart<'_, '_>, screen: &Canvas<'_>) -> Drawn {
        let (_, height) = chart.plotting_area().get_pixel_range();
        let mut all: Vec<_> = self.latency.failed.iter().map(|&at| self.x(chart, at)).collect();
        all.sort_unstable();
        all.dedup();
        all.into_iter().try_for_each(|x| draw_failure(screen, (x, height.start)))
    }

    fn x(&self, chart: &Chart<'_, '_>, at: f64) -> i32 {
        chart.backend_coord(&(at, self.bounds.latency.0)).0
    }
}

fn draw_waits(
    screen: &Canvas<'_>,
    slowest: &[(i32, i32)],
    median: &[(i32, i32)],
    color: RGBColor,
) -> Drawn {
    let around: Vec<_> = slowest.iter().chain(median.iter().rev()).copied().collect();
    screen.draw(&Polygon::new(around, color.mix(0.3)))?;
    screen.draw(&PathElement::new(slowest, color.stroke_width(1)))?;
    Ok(screen.draw(&PathElement::new(median, INK.stroke_width(1)))?)
}

fn draw_upgrade(screen: &Canvas<'_>, top: (i32, i32), bottom: (i32, i32)) -> Drawn {
    Ok(screen.draw(&PathElement::new([top, bottom], UPGRADE.stroke_width(1)))?)
}

/// A tick at the top, which is at `y`.
fn draw_failure(screen: &Canvas<'_>, (x, y): (i32, i32)) -> Drawn {
    Ok(screen.draw(&PathElement::new([(x, y), (x, y + TICK)], FAILURE.stroke_width(2)))?)
}

fn draw_legend(canvas: &Canvas<'_>) -> Drawn {
    let mut legend = Legend::new(canvas);
    legend.add("from the median to the slowest", |screen, (left, y), (right, _)| {
        let middle = i32::midpoint(left, right);
        let slowest = [(left, y + 2), (middle, y - 8), (right, y + 2)];
        draw_waits(screen, &slowest, &[(left, y + 6), (right, y + 6)], Look::of("").color)
    })?;
    legend.add("upgrade", |screen, (left, y), (right, _)| {
        let middle = i32::midpoint(left, right);
        draw_upgrade(screen, (middle, y - 9), (middle, y + 9))
    })?;
    legend.add("failed request", |screen, (left, y), (right, _)| {
        draw_failure(screen, (i32::midpoint(left, right), y - TICK / 2))
    })
}

fn heading(measured: &Measured, latency: &Latency) -> String {
    let of_peer = measured.loads.iter().find(|load| load.peer == latency.peer);
    let of = of_peer.and_then(|load| load.requests).map(|all| format!(" of {}", thousands(all)));
    let failed = thousands(latency.failed.len() as u32);
    let (peer, upgrades, of) = (&latency.peer, latency.upgrades.len(), of.unwrap_or_default());
    format!("{peer}: {upgrades} upgrades, {failed}{of} requests failed")
}

/// What is not in the picture, and what is not all of it.
fn captions(measured: &Measured) -> Vec<String> {
    let mut captions = Vec::new();
    for load in &measured.loads {
        captions.extend(load.cannot.iter().map(|cannot| format!("{}: fails: {cannot}", load.peer)));
        captions.extend(load.note.iter().map(|note| format!("{}: {note}", load.peer)));
    }
    captions.extend(measured.machine.iter().map(|machine| machine.caption()));
    captions
}

const PANEL: u32 = 168;
const HEADING: u32 = 28;
/// To the left of each panel.
const LABELS: u32 = 66;
/// What all panels have in common is below the last.
const AXIS: u32 = 30;
/// Two pixels wide.
const BUCKETS: usize = 400;
const TICK: i32 = 10;
/// So much longer is the axis, for the ticks to be above the slowest.
const FAILURES: f64 = 2.5;

const UPGRADE: RGBColor = RGBColor(120, 120, 120);
const FAILURE: RGBColor = RGBColor(200, 0, 0);
