//! The counts of a toolchain, and the file that holds them.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::process::Command;

/// The counts of every path by name, as one toolchain has compiled them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) toolchain: String,
    pub(crate) counts: BTreeMap<String, u64>,
}

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/instructions.txt");

/// How much a count may move before somebody has to look at it, in percent.
const TOLERANCE: f64 = 5.0;

const RENEW: &str = ".ci/instructions --write";

impl Record {
    pub(crate) fn read() -> Self {
        let text = fs::read_to_string(FILE).unwrap();
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        let toolchain = lines.next().unwrap().into();
        let counts = lines.map(|line| {
            let (name, count) = line.rsplit_once(' ').unwrap();
            (name.trim_end().into(), count.parse().unwrap())
        });
        Self { toolchain, counts: counts.collect() }
    }

    pub(crate) fn write(&self) {
        fs::write(FILE, self.to_string()).unwrap();
        print!("{self}");
    }

    /// Prints how each count compares with what is recorded here. Whether none has grown too much, and
    /// every one was counted: another toolchain's are not judged, which is good enough unless everything
    /// is to be tried.
    pub(crate) fn judge(&self, counted: &Self) -> bool {
        let known = self.toolchain == counted.toolchain;
        if !known {
            println!("NOT JUDGED: these are counts of {}", counted.toolchain);
            println!("            and not of {}, whose counts are recorded", self.toolchain);
        }
        let good = counted.counts.iter().fold(true, |good, (name, count)| {
            let moved = self.counts.get(name).map(|recorded| moved(*recorded, *count));
            println!("{name:24} {count:>12}  {}", verdict(moved));
            good && moved.is_some_and(|moved| moved <= TOLERANCE)
        });
        let complete = self.counts.keys().eq(counted.counts.keys());
        if !complete {
            println!("other paths are recorded than were counted: {RENEW}");
        }
        if known { good && complete } else { !crate::is_everything_tried() }
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "# Instructions that each path takes. Renewed by `{RENEW}`.\n{}",
            self.toolchain
        )?;
        self.counts.iter().try_for_each(|(name, count)| writeln!(f, "{name:24} {count:>12}"))
    }
}

/// In percent of what it was.
fn moved(recorded: u64, count: u64) -> f64 {
    (count as f64 / recorded as f64 - 1.0) * 100.0
}

fn verdict(moved: Option<f64>) -> String {
    match moved {
        None => format!("NOT RECORDED: {RENEW}"),
        Some(moved) if moved > TOLERANCE => {
            format!("{moved:+.1} %  GROWN by more than {TOLERANCE} %; if it has to: {RENEW}")
        }
        Some(moved) if moved < -TOLERANCE => {
            format!("{moved:+.1} %  shrunk by more than {TOLERANCE} %: keep it so with {RENEW}")
        }
        Some(moved) => format!("{moved:+.1} %"),
    }
}

/// What compiles here, and for what: `1.95.0 x86_64-unknown-linux-gnu`.
pub(crate) fn toolchain() -> String {
    let rustc = Command::new("rustc").arg("-vV").output().unwrap();
    let told = String::from_utf8(rustc.stdout).unwrap();
    let field = |name| told.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    format!("rustc {} for {}", field("release: "), field("host: "))
}
