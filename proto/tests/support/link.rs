//! One connection: frames on their way, and who has closed his end.

use std::collections::VecDeque;

#[derive(Clone, Debug)]
pub struct Link {
    /// From the owner's driver: not yet taken by the kernel.
    pub to_send: VecDeque<Parcel>,
    pub to_younger: VecDeque<Parcel>,
    pub to_older: VecDeque<Vec<u8>>,
    pub older_closed: bool,
    pub younger_closed: bool,
    /// A forked child holds the other end open: no end of file comes.
    pub held_open: bool,
    /// Frames that the queue to the successor takes.
    pub room: usize,
}

/// A frame with what travels with it.
#[derive(Clone, Debug)]
pub struct Parcel {
    pub frame: Vec<u8>,
    pub descriptors: usize,
    pub token: usize,
}

impl Default for Link {
    fn default() -> Self {
        Self {
            to_send: VecDeque::new(),
            to_younger: VecDeque::new(),
            to_older: VecDeque::new(),
            older_closed: false,
            younger_closed: false,
            held_open: false,
            room: usize::MAX,
        }
    }
}

impl Link {
    /// Nothing more arrives, whatever was on its way.
    pub fn cut(&mut self) {
        self.to_younger.clear();
        self.to_older.clear();
        self.older_closed = true;
        self.younger_closed = true;
    }
}
