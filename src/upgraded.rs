//! The neighbours of a generation.

/// The process from which this one has taken over.
///
/// ```
/// use heirloom::testing;
///
/// let first = testing::first()?;
/// first.ready()?;
/// let second = testing::successor_of(&first)?;
/// assert_eq!(second.predecessor().unwrap().generation, 1);
/// assert!(first.predecessor().is_none());
/// # Ok::<(), heirloom::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PredecessorInfo {
    /// Its process id, as the kernel tells it to this process.
    pub pid: u32,
    /// Its generation.
    pub generation: u64,
}

/// The process that owns the service after an upgrade.
///
/// ```no_run
/// # let upgrader = heirloom::testing::first()?;
/// let owner = upgrader.upgrade()?;
/// println!("process {} is generation {}", owner.pid, owner.generation);
/// # Ok::<(), heirloom::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Upgraded {
    /// Its process id, as the kernel tells it to this process.
    pub pid: u32,
    /// Its generation.
    pub generation: u64,
}
