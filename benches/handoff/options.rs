//! What is to be measured.

use std::error::Error;

use crate::descriptors::{MARGIN, fits};

/// What is to be measured.
pub(crate) struct Options {
    /// Numbers of descriptors, ascending.
    pub(crate) counts: Vec<usize>,
    pub(crate) rounds: usize,
    pub(crate) json: bool,
    /// Most descriptors that a process may have open.
    pub(crate) limit: usize,
}

const COUNTS: [usize; 5] = [1, 100, 1_000, 10_000, 50_000];
const ROUNDS: usize = 21;

impl Options {
    /// Reads the command line. Of a count that this machine does not allow as many are taken as it does.
    pub(crate) fn read(words: &[&str], limit: usize) -> Result<Self, Box<dyn Error>> {
        let (mut counts, mut rounds, mut json) = (COUNTS.to_vec(), ROUNDS, false);
        let mut words = words.iter();
        while let Some(word) = words.next() {
            match *word {
                "--bench" => {} // cargo's own
                "--json" => json = true,
                "--rounds" => rounds = value(&mut words, word)?.parse()?,
                "--descriptors" => {
                    let list = value(&mut words, word)?.split(',');
                    counts = list.map(str::parse).collect::<Result<_, _>>()?;
                }
                other => return Err(format!("{other} is unknown").into()),
            }
        }
        if rounds == 0 || counts.contains(&0) {
            return Err("nothing is to be measured".into());
        }
        let counts = possible(counts, limit);
        Ok(Self { counts, rounds, json, limit })
    }
}

fn value<'a>(
    words: &mut impl Iterator<Item = &'a &'a str>,
    option: &str,
) -> Result<&'a str, Box<dyn Error>> {
    words.next().copied().ok_or_else(|| format!("{option} takes a value").into())
}

fn possible(counts: Vec<usize>, limit: usize) -> Vec<usize> {
    let most = limit.saturating_sub(MARGIN);
    let possible = |count: usize| {
        if fits(count, limit) {
            return count;
        }
        eprintln!(
            "{count} descriptors are not to be had, the hard limit is {limit}: {most} instead"
        );
        most
    };
    let mut counts: Vec<usize> = counts.into_iter().map(possible).collect();
    counts.sort_unstable();
    counts.dedup();
    counts
}
