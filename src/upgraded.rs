//! The neighbours of a generation.

/// The process from which this one has taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PredecessorInfo {
    /// Its process id, as the kernel tells it to this process.
    pub pid: u32,
    /// Its generation.
    pub generation: u64,
}

/// The process that owns the service after an upgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Upgraded {
    /// Its process id, as the kernel tells it to this process.
    pub pid: u32,
    /// Its generation.
    pub generation: u64,
}
