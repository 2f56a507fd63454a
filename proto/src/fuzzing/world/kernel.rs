//! `flock(2)` on memfds, each with the number of the latest attempt in it.

use alloc::vec::Vec;

use crate::Lock;

/// Every token there has been. A process has one open description of each token that it knows, so
/// a lock is told apart by the process whose description has it.
#[derive(Clone, Debug, Hash)]
pub(super) struct Kernel(Vec<Token>);

#[derive(Clone, Debug, Hash)]
struct Token {
    holder: Option<usize>,
    attempt: u64,
}

impl Kernel {
    /// One token, locked by process 0.
    pub(super) fn new() -> Self {
        Self(alloc::vec![Token { holder: Some(0), attempt: 0 }])
    }

    /// Makes a token that `process` has locked, and tells its number.
    pub(super) fn create(&mut self, process: usize, attempt: u64) -> usize {
        self.0.push(Token { holder: Some(process), attempt });
        self.0.len() - 1
    }

    pub(super) fn try_lock(&mut self, process: usize, token: usize) -> Lock {
        let Token { holder, attempt } = &mut self.0[token];
        let attempt = *attempt;
        match *holder.get_or_insert(process) == process {
            true => Lock::Got { attempt },
            false => Lock::Held { attempt },
        }
    }

    pub(super) fn unlock(&mut self, process: usize, token: usize) {
        self.0[token].holder.take_if(|holder| *holder == process);
    }

    pub(super) fn attempt(&self, token: usize) -> u64 {
        self.0[token].attempt
    }

    pub(super) fn write_attempt(&mut self, token: usize, attempt: u64) {
        self.0[token].attempt = attempt;
    }

    pub(super) fn holds(&self, process: usize, token: usize) -> bool {
        self.0[token].holder == Some(process)
    }

    /// The process's copies of its descriptions are closed. `copied` is one that a child has too: its
    /// lock stays.
    pub(super) fn close_all(&mut self, process: usize, copied: Option<usize>) {
        for (number, token) in self.0.iter_mut().enumerate() {
            if copied != Some(number) {
                token.holder.take_if(|holder| *holder == process);
            }
        }
    }
}
