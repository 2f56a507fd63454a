//! Wakers that do more than wake.

use std::future::Future;
use std::pin::Pin;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::Instant;

use heirloom::{Exit, Upgrader};

use crate::fresh_builder;
use crate::support::DEADLINE;

/// Leaves a waker with whoever fires the exit.
fn leave(exit: &mut Exit, waker: &Waker) {
    assert!(Pin::new(exit).poll(&mut Context::from_waker(waker)).is_pending());
}

#[test]
fn last_handle_may_be_dropped_by_a_waker_on_the_drivers_thread() {
    let folder = tempfile::tempdir().unwrap();
    let (socket, pid_file) = (folder.path().join("control"), folder.path().join("pid"));
    let builder = Upgrader::builder().handoff_socket(socket.to_str().unwrap());
    let service = builder.pid_file(&pid_file).start().unwrap();
    service.ready().unwrap();
    assert!(socket.exists() && pid_file.exists());

    let (alone, waits) = mpsc::channel();
    let holder = Holder(Mutex::new(Some((service.clone(), waits))));
    let mut exit = service.exit();
    leave(&mut exit, &Waker::from(Arc::new(holder)));
    service.stop();
    drop(service);
    alone.send(()).unwrap();
    let deadline = Instant::now() + DEADLINE;
    while socket.exists() || pid_file.exists() {
        assert!(Instant::now() < deadline, "the driver has not ended the service");
        thread::yield_now(); // nobody tells that it has
    }
    assert!(exit.is_fired());
}

/// Drops the last handle once it is that.
struct Holder(Mutex<Option<(Upgrader, Receiver<()>)>>);

impl Wake for Holder {
    fn wake(self: Arc<Self>) {
        let held = self.0.lock().unwrap().take();
        let (service, waits) = held.unwrap();
        waits.recv_timeout(DEADLINE).unwrap();
        drop(service);
    }
}

#[test]
fn waker_may_ask_for_the_exit_when_it_is_dropped() {
    let (sender, done) = mpsc::channel();
    thread::spawn(move || {
        let service = fresh_builder().start().unwrap();
        let mut exit = service.exit();
        leave(&mut exit, &Waker::from(Arc::new(Curious(service.exit()))));
        leave(&mut exit, &Waker::from(Arc::new(Curious(service.exit())))); // drops the one before
        drop(exit);
        sender.send(()).unwrap();
    });
    done.recv_timeout(DEADLINE).expect("a waker that is dropped waits for itself");
}

/// Asks when it is dropped.
struct Curious(Exit);

impl Wake for Curious {
    fn wake(self: Arc<Self>) {}
}

impl Drop for Curious {
    fn drop(&mut self) {
        assert!(!self.0.is_fired());
    }
}
