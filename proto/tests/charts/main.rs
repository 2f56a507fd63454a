//! The sequence charts of PROTOCOL.md, held against what both machines do.
//!
//! Whoever changes the protocol on purpose has them printed:
//! `cargo test -p heirloom-proto --test charts -- --ignored --nocapture`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../support/mod.rs"]
mod support;

mod event;
mod gallery;
mod layout;
mod moment;
mod protocol;
mod recorder;
mod render;
mod scenario;
mod steps;
mod words;

use moment::Moment;
use scenario::Fault;

#[test]
fn every_chart_shows_what_the_machines_do() {
    let written = protocol::charts();
    for (drawn, written) in gallery::charts().iter().zip(&written) {
        let (heading, paragraph) = (&drawn.heading, written.paragraph);
        assert!(paragraph.starts_with(heading.as_str()), "`{heading}`, not `{paragraph}`");
        let (new, old) = (&drawn.body, written.body);
        assert!(new == old, "{heading} The machines do this:\n\n{new}\nThe text has:\n\n{old}");
    }
}

#[test]
fn every_chart_of_the_text_is_held_against_the_machines() {
    let drawn = gallery::charts().len();
    assert_eq!((protocol::charts().len(), protocol::drawings()), (drawn, drawn));
}

#[test]
fn the_table_of_faults_names_the_chart_of_each() {
    let charts = gallery::charts();
    let rows = protocol::faults();
    assert_eq!(rows.len(), Moment::ALL.len());
    for (row, moment) in rows.iter().zip(Moment::ALL) {
        assert_eq!(row[0], moment.name());
        for (cell, fault) in row[1..].iter().zip(Fault::ALL) {
            let shows = |chart: &gallery::Chart| {
                chart.fault == Some(fault) && chart.moments.contains(&moment)
            };
            let number = charts.iter().position(shows).unwrap() + 1;
            assert!(
                cell.ends_with(&format!(": {number}")),
                "{fault} at {moment:?}: {number}, not {cell}"
            );
        }
    }
}

#[test]
fn no_chart_is_wider_than_a_hundred_columns() {
    for chart in protocol::charts() {
        let widest = chart.body.lines().max_by_key(|line| line.chars().count()).unwrap();
        assert!(widest.chars().count() <= 100, "{widest}");
    }
}

#[test]
#[ignore = "prints every chart, for a change of the protocol"]
fn the_charts_as_the_machines_draw_them() {
    for gallery::Chart { heading, body, .. } in gallery::charts() {
        println!("{heading}\n\n```\n{body}```\n");
    }
}
