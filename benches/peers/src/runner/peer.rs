//! Whom we measure.

use std::env;
use std::io;
use std::path::PathBuf;
use std::str::FromStr;

/// A library, by a service that uses it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    /// None at all: the least that an upgrade takes.
    Floor,
    Tableflip,
    Ecdysis,
    Shellflip,
    Heirloom,
}

/// What a peer passes on in place of an inherited, abstract Unix listener.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Makeshift {
    /// Said wherever its figures are.
    pub(crate) note: &'static str,
    /// Its listeners have paths.
    pub(crate) paths: bool,
}

impl Peer {
    pub(crate) const ALL: [Self; 5] =
        [Self::Floor, Self::Tableflip, Self::Ecdysis, Self::Shellflip, Self::Heirloom];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Floor => "floor",
            Self::Tableflip => "tableflip",
            Self::Ecdysis => "ecdysis",
            Self::Shellflip => "shellflip",
            Self::Heirloom => "heirloom",
        }
    }

    /// Whether its service answers HTTP.
    pub(crate) fn serves(self) -> bool {
        self != Self::Floor
    }

    /// What it does instead of what was asked for, if it cannot do that.
    pub(crate) fn makeshift(self) -> Option<Makeshift> {
        match self {
            Self::Ecdysis => {
                let note = "refuses abstract Unix listeners: measured with paths";
                Some(Makeshift { note, paths: true })
            }
            Self::Shellflip => {
                let note = "passes no sockets: its process inherits those of a socket unit";
                Some(Makeshift { note, paths: false })
            }
            Self::Floor | Self::Tableflip | Self::Heirloom => None,
        }
    }

    /// Its service, beside the runner.
    ///
    /// # Errors
    ///
    /// If it is not there: how to build it.
    pub(crate) fn program(self) -> io::Result<PathBuf> {
        let file = match self {
            Self::Floor => "peer-bare".into(),
            _ => format!("peer-{}", self.name()),
        };
        let program = env::current_exe()?.with_file_name(file);
        match program.exists() {
            true => Ok(program),
            false => Err(io::Error::other(self.way_to_build())),
        }
    }

    fn way_to_build(self) -> &'static str {
        match self {
            Self::Tableflip => {
                "not built: apt-get install golang-go golang-github-cloudflare-tableflip-dev"
            }
            _ => "not built: cargo build --release",
        }
    }
}

impl FromStr for Peer {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|peer| peer.name() == text).ok_or(())
    }
}
