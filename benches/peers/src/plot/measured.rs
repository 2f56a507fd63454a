//! The runner's records, as far as they are drawn.

use serde::Deserialize;

/// All of a run, in the order in which it was told.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    pub(crate) machine: Option<Machine>,
    pub(crate) upgrades: Vec<Upgrade>,
    /// Without those in calm.
    pub(crate) loads: Vec<Load>,
    pub(crate) latencies: Vec<Latency>,
}

impl Measured {
    /// Reads a record from each line.
    pub(crate) fn parse(lines: &str) -> Result<Self, String> {
        let mut measured = Self::default();
        for (number, line) in (1..).zip(lines.lines()) {
            let record = serde_json::from_str(line);
            measured.add(record.map_err(|error| format!("line {number}: {error}"))?);
        }
        Ok(measured)
    }

    fn add(&mut self, record: Record) {
        match record {
            Record::Machine(machine) => self.machine = Some(machine),
            Record::Upgrade(upgrade) => self.upgrades.push(upgrade),
            Record::Load(load) if load.upgrades > 0 => self.loads.push(load),
            Record::Latency(latency) => self.latencies.push(latency),
            Record::Load(_) | Record::Other => {}
        }
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct Machine {
    cores: usize,
    kernel: String,
    cpu: String,
    date: String,
}

impl Machine {
    pub(crate) fn caption(&self) -> String {
        let Self { cores, kernel, cpu, date } = self;
        let day = date.split_once('T').map_or(date.as_str(), |(day, _)| day);
        format!("measured on {day}: {cpu}, {cores} cores, Linux {kernel}")
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct Upgrade {
    pub(crate) peer: String,
    pub(crate) listeners: u32,
    #[serde(flatten)]
    pub(crate) outcome: Outcome,
    pub(crate) note: Option<String>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(untagged)]
pub(crate) enum Outcome {
    Took { median_us: u64, p95_us: u64 },
    Cannot { cannot: String },
}

#[derive(Debug, Deserialize)]
pub(crate) struct Load {
    pub(crate) peer: String,
    pub(crate) upgrades: usize,
    pub(crate) requests: Option<u32>,
    pub(crate) cannot: Option<String>,
    pub(crate) note: Option<String>,
}

/// All times are seconds since the load began.
#[derive(Debug, Deserialize)]
pub(crate) struct Latency {
    pub(crate) peer: String,
    /// When a request was due, and how many microseconds later it was answered.
    pub(crate) points: Vec<(f64, u64)>,
    pub(crate) failed: Vec<f64>,
    pub(crate) upgrades: Vec<f64>,
}

#[derive(Deserialize)]
#[serde(tag = "what", rename_all = "lowercase")]
enum Record {
    Machine(Machine),
    Upgrade(Upgrade),
    Load(Load),
    Latency(Latency),
    #[serde(other)]
    Other,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_is_drawn_and_skips_the_rest() {
        let measured = Measured::parse(
            r#"{"what":"machine","cores":2,"kernel":"6.1","cpu":"A","descriptors":9,"date":"2030-01-02T03:04:05Z"}
{"what":"upgrade","peer":"a","listeners":10,"runs":3,"median_us":20,"p95_us":30,"ratio":1.0}
{"what":"upgrade","peer":"b","listeners":10,"cannot":"full","note":"seldom"}
{"what":"load","peer":"a","upgrades":0,"requests":5,"failed":0}
{"what":"load","peer":"a","upgrades":3,"requests":7,"failed":1}
{"what":"latency","peer":"a","points":[[0.5,100]],"failed":[0.7],"upgrades":[0.6]}
{"what":"budget","peer":"a","kept":true}"#,
        )
        .unwrap();
        let caption = measured.machine.unwrap().caption();
        assert_eq!(caption, "measured on 2030-01-02: A, 2 cores, Linux 6.1");
        let [took, cannot] = &measured.upgrades[..] else { panic!("{:?}", measured.upgrades) };
        assert_eq!(took.outcome, Outcome::Took { median_us: 20, p95_us: 30 });
        assert_eq!(cannot.outcome, Outcome::Cannot { cannot: "full".into() });
        assert_eq!(cannot.note.as_deref(), Some("seldom"));
        let [load] = &measured.loads[..] else { panic!("{:?}", measured.loads) };
        assert_eq!((load.upgrades, load.requests), (3, Some(7)));
        assert_eq!(measured.latencies[0].points, [(0.5, 100)]);
    }

    #[test]
    fn says_which_line_is_no_record() {
        let error = Measured::parse("{\"what\":\"budget\"}\nnone").unwrap_err();
        assert!(error.starts_with("line 2: "), "{error}");
    }
}
