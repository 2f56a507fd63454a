//! The token as one side sees it: it has it, somebody else has it, or nobody.

use crate::Lock;

/// The token and the number in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) holder: Option<Holder>,
    pub(super) attempt: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    ThisSide,
    Another,
}

impl Token {
    pub(super) fn is_held(&self) -> bool {
        self.holder == Some(Holder::ThisSide)
    }

    pub(super) fn try_lock(&mut self) -> Lock {
        let attempt = self.attempt;
        match *self.holder.get_or_insert(Holder::ThisSide) {
            Holder::ThisSide => Lock::Got { attempt },
            Holder::Another => Lock::Held { attempt },
        }
    }

    pub(super) fn unlock(&mut self) {
        assert!(self.is_held(), "it lets go what it does not hold");
        self.holder = None;
    }

    /// Another process does something with the token: it may write into it and not be the owner.
    pub(super) fn meddle(&mut self, what: u8) {
        match (self.holder, what) {
            (None, _) => self.holder = Some(Holder::Another),
            (Some(Holder::Another), 0) => self.attempt += 1,
            (Some(Holder::Another), _) => self.holder = None,
            (Some(Holder::ThisSide), _) => {}
        }
    }
}
