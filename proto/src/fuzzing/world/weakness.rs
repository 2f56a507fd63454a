//! Rules that a driver may break, for a search to find out.

/// One rule that the machines' drivers do not keep: a search has to find out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Weakness {
    /// A successor gives up when its predecessor is gone, even if it has everything.
    NoAdoption,
    /// A predecessor whose patience ends takes the service back without asking for the token.
    TakesBackWithoutToken,
    /// `Released` and the token come before `Commit`.
    ReleasedBeforeCommit,
    /// A successor that is ready and waits in vain gives up without trying the token.
    GivesUpWithoutToken,
    /// A successor that is ready and waits in vain owns without having the token.
    OwnsWithoutToken,
    /// A successor that holds the token in silence is left alone.
    NoFence,
    /// A peer is dead when its end of file comes, and not before.
    DeathByEndOfFile,
    /// The number of the attempt in the token is not looked at.
    AttemptNotChecked,
    /// Those who have connected before the owner called `listen(2)` are kept.
    KeepsEarlierConnections,
    /// A predecessor takes a successor's word for true without asking whether it lives.
    BelievesTheDead,
    /// A new owner hands the service on before its predecessor has heard that it is the owner.
    HandsOnUnsettled,
    /// A predecessor ends when it has said `Released`.
    EndsBeforeOwned,
    /// A successor whose attempt is void keeps the lock that it got.
    KeepsVoidLock,
    /// A predecessor whose handoff fails leaves its application frozen.
    NeverThaws,
    /// A successor that comes to own closes the control listener.
    DropsName,
    /// Whoever comes to own leaves the PID file and the control socket as they are.
    PublishesNothing,
    /// No deadline passes.
    WaitsForEver,
}

impl Weakness {
    /// Every one.
    pub const ALL: [Self; 17] = [
        Self::NoAdoption,
        Self::TakesBackWithoutToken,
        Self::ReleasedBeforeCommit,
        Self::GivesUpWithoutToken,
        Self::OwnsWithoutToken,
        Self::NoFence,
        Self::DeathByEndOfFile,
        Self::AttemptNotChecked,
        Self::KeepsEarlierConnections,
        Self::BelievesTheDead,
        Self::HandsOnUnsettled,
        Self::EndsBeforeOwned,
        Self::KeepsVoidLock,
        Self::NeverThaws,
        Self::DropsName,
        Self::PublishesNothing,
        Self::WaitsForEver,
    ];
}
