//! Every chart that there is, in the order of the protocol's text.

use crate::event::Side;
use crate::moment::Moment;
use crate::scenario::{self, Fault, Owner, Twist};

pub(crate) struct Chart {
    /// How its paragraph in the text begins.
    pub(crate) heading: String,
    pub(crate) body: String,
    /// The moments at which its fault takes this course.
    pub(crate) moments: Vec<Moment>,
    pub(crate) fault: Option<Fault>,
}

/// Faults that take another course than the table's.
const TWISTS: [(Moment, Fault, Twist, Owner); 5] = [
    (Moment::Preparing, Fault::Killed(Side::Predecessor), Twist::Leak, Owner::Successor),
    (Moment::Committed, Fault::Killed(Side::Predecessor), Twist::DeathFirst, Owner::Successor),
    (Moment::Locked, Fault::Killed(Side::Successor), Twist::Leak, Owner::Predecessor),
    (Moment::Owned, Fault::Killed(Side::Successor), Twist::Leak, Owner::Predecessor),
    (Moment::Locked, Fault::Frozen(Side::Successor), Twist::NoFence, Owner::Successor),
];

/// The good handoff first, then the table of faults column by column, then what may be otherwise.
pub(crate) fn charts() -> Vec<Chart> {
    let good = Chart {
        heading: "**Chart 1.** A good handoff.".into(),
        body: scenario::good(),
        moments: Vec::new(),
        fault: None,
    };
    let mut charts = vec![good];
    Fault::ALL.into_iter().for_each(|fault| add_column(&mut charts, fault));
    for (moment, fault, twist, owner) in TWISTS {
        let number = charts.len() + 1;
        let (body, owns) = scenario::faulty(moment, fault, twist);
        assert_eq!(owns, owner, "{fault} at {}, {twist}", moment.letter());
        let heading = format!("**Chart {number}.** {fault} at {}, {twist}.", moment.letter());
        charts.push(Chart { heading, body, moments: Vec::new(), fault: None });
    }
    charts
}

/// Moments at which the same happens share a chart.
fn add_column(charts: &mut Vec<Chart>, fault: Fault) {
    for moment in Moment::ALL {
        let (body, owner) = scenario::faulty(moment, fault, Twist::None);
        assert_eq!(owner, owner_after(moment, fault), "{fault} at {}", moment.letter());
        let shared =
            charts.iter_mut().find(|chart| chart.fault == Some(fault) && chart.body == body);
        match shared {
            Some(chart) => chart.moments.push(moment),
            None => charts.push(Chart {
                heading: format!("**Chart {}.** {fault} at ", charts.len() + 1),
                body,
                moments: vec![moment],
                fault: Some(fault),
            }),
        }
    }
    for chart in charts.iter_mut().filter(|chart| chart.fault == Some(fault)) {
        let letters: Vec<_> = chart.moments.iter().map(|moment| moment.letter()).collect();
        chart.heading += &format!("{}.", letters.join(", "));
    }
}

/// Who is to own the service: this is not drawn from what the machines do.
fn owner_after(moment: Moment, fault: Fault) -> Owner {
    match fault {
        Fault::Killed(Side::Predecessor) if moment == Moment::Transferring => Owner::Nobody,
        Fault::Killed(Side::Predecessor) => Owner::Successor,
        Fault::Killed(Side::Successor) => Owner::Predecessor,
        Fault::Frozen(Side::Predecessor) if moment < Moment::Unlocked => Owner::Predecessor,
        Fault::Frozen(Side::Predecessor) => Owner::Successor,
        Fault::Frozen(Side::Successor) if moment == Moment::Owned => Owner::Successor,
        Fault::Frozen(Side::Successor) => Owner::Predecessor,
    }
}
