//! `flock(2)` on memfds, each with the number of the latest attempt in it.

use heirloom_proto::Lock;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Older,
    Younger(usize),
    /// A forked child of a process that is gone.
    Stranger,
}

#[derive(Clone, Debug)]
pub struct Kernel {
    tokens: Vec<Token>,
    /// Whose lock outlives its process.
    pub leaks: Option<Who>,
}

#[derive(Clone, Debug)]
struct Token {
    holder: Option<Who>,
    attempt: u64,
}

impl Kernel {
    /// One token, locked by the owner.
    pub fn new(attempt: u64) -> Self {
        let holder = Some(Who::Older);
        Self { tokens: vec![Token { holder, attempt }], leaks: None }
    }

    pub fn try_lock(&mut self, who: Who, token: usize) -> Lock {
        let Token { holder, attempt } = &mut self.tokens[token];
        let attempt = *attempt;
        match *holder.get_or_insert(who) == who {
            true => Lock::Got { attempt },
            false => Lock::Held { attempt },
        }
    }

    pub fn unlock(&mut self, who: Who, token: usize) {
        let holder = &mut self.tokens[token].holder;
        holder.take_if(|holder| *holder == who);
    }

    pub fn renew(&mut self, who: Who) -> usize {
        let attempt = self.tokens.last().unwrap().attempt;
        let holder = Some(who);
        self.tokens.push(Token { holder, attempt });
        self.tokens.len() - 1
    }

    pub fn write_attempt(&mut self, token: usize, attempt: u64) {
        self.tokens[token].attempt = attempt;
    }

    pub fn attempt(&self, token: usize) -> u64 {
        self.tokens[token].attempt
    }

    pub fn holds(&self, who: Who, token: usize) -> bool {
        self.tokens[token].holder == Some(who)
    }

    pub fn holder(&self) -> Option<Who> {
        self.tokens.last().unwrap().holder
    }

    /// Every copy of the descriptor is closed, but for those that were leaked.
    pub fn exit(&mut self, who: Who) {
        let heir = (self.leaks == Some(who)).then_some(Who::Stranger);
        for token in &mut self.tokens {
            if token.holder == Some(who) {
                token.holder = heir;
            }
        }
    }
}
