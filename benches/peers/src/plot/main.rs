//! Draws what the runner has told as JSON: see `README.md`.

mod axis;
mod frame;
mod legend;
mod look;
mod measured;
mod thin;
mod upgrade_latency;
mod upgrade_time;

use std::env;
use std::error::Error;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use measured::Measured;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("plot: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let mut given = env::args_os().skip(1).map(PathBuf::from);
    let folder = given.next().ok_or("usage: plot FOLDER [FILE]")?;
    let measured = Measured::parse(&read(given.next())?)?;
    upgrade_time::draw(&measured, &folder.join("upgrade-time.svg"))?;
    upgrade_latency::draw(&measured, &folder.join("upgrade-latency.svg"))
}

fn read(file: Option<PathBuf>) -> Result<String, String> {
    match file {
        Some(file) => fs::read_to_string(&file).map_err(|error| format!("{file:?}: {error}")),
        None => io::read_to_string(io::stdin()).map_err(|error| error.to_string()),
    }
}
