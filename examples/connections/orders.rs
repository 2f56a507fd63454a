//! What the library asks of the loop that serves, and how the loop hears of it.
//!
//! The loop owns everything it knows, and obeys between one turn and the next: nothing is half done then,
//! and there is no lock that a busy loop could keep to itself until a handoff is given up.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};

use heirloom::Freeze;

pub(crate) enum Order {
    /// A handoff begins: tell the state as it is now.
    Provide(Sender<Vec<u8>>),
    /// The successor is ready: stop, and tell at last what it cannot know yet.
    Freeze(Sender<Vec<u8>>),
    /// That handoff has failed: go on.
    Thaw,
}

/// The end that gives orders, on a thread of the library's own: a cheap clone.
#[derive(Clone)]
pub(crate) struct Superior {
    orders: Sender<Order>,
    wakes: Arc<PipeWriter>,
}

/// The loop's end: readable when there is an order.
pub(crate) struct Orders {
    orders: Receiver<Order>,
    woken: PipeReader,
}

pub(crate) fn orders() -> io::Result<(Superior, Orders)> {
    let (sender, orders) = mpsc::channel();
    let (woken, wakes) = io::pipe()?;
    Ok((Superior { orders: sender, wakes: Arc::new(wakes) }, Orders { orders, woken }))
}

impl Orders {
    /// The next order, if there is one.
    pub(crate) fn next(&mut self) -> Option<Order> {
        let order = self.orders.try_recv().ok()?;
        // Each comes with a byte, which is written right after it.
        self.woken.read_exact(&mut [0]).ok()?;
        Some(order)
    }
}

impl AsFd for Orders {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.woken.as_fd()
    }
}

impl Superior {
    /// The state as it is now.
    pub(crate) fn provide(&self) -> io::Result<Vec<u8>> {
        self.ask(Order::Provide)
    }

    fn ask(&self, order: impl FnOnce(Sender<Vec<u8>>) -> Order) -> io::Result<Vec<u8>> {
        let (reply, answer) = mpsc::channel();
        self.give(order(reply))?;
        answer.recv().map_err(io::Error::other)
    }

    fn give(&self, order: Order) -> io::Result<()> {
        self.orders.send(order).map_err(|_| io::Error::other("the loop has ended"))?;
        (&*self.wakes).write_all(b"!")
    }
}

impl Freeze for Superior {
    fn freeze(&mut self) -> io::Result<Vec<u8>> {
        self.ask(Order::Freeze)
    }

    fn thaw(&mut self) {
        // A loop that has ended needs none.
        let _ = self.give(Order::Thaw);
    }
}
