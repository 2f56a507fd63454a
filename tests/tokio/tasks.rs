//! A role that lives on one worker, whose runtime has neither a timer nor I/O.
//!
//! Orders: `tick` (answered at once, by a task), `ready`, `upgrade`, `await <ms>`, `forget` (drop the
//! future of whatever is being asked for), `drop` (the last handle), `end` (the same, awaited).
//! Events: `started <generation>`, `tick`, `ready`, `upgraded`, `awaited`, `exit`, `forgotten`,
//! `dropped`, `ended`, or `failed`.

use std::future::Future;
use std::thread;
use std::time::Duration;

use heirloom::{Builder, Error, tokio::Upgrader};
use tokio::runtime;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::{JoinHandle, spawn};

use crate::support::role::{Role, emit, emit_failed};

type Orders = UnboundedReceiver<String>;

pub(crate) fn run(role: &Role) {
    let (sender, orders) = unbounded_channel();
    let builder = role.builder();
    let worker = thread::spawn(|| {
        let runtime = runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(live(builder, orders));
    });
    while !worker.is_finished() {
        let _ = sender.send(role.next_order());
    }
}

async fn live(builder: Builder, mut orders: Orders) {
    let Some(upgrader) = start(builder, &mut orders).await else {
        emit("forgotten", "");
        return while answer_tick(&mut orders).await.is_some() {};
    };
    tell_exit(&upgrader);
    let mut asked: Option<JoinHandle<()>> = None;
    while let Some(order) = answer_tick(&mut orders).await {
        match order.split_once(' ').unwrap_or((&order, "")) {
            ("forget", _) => forget(asked.take().unwrap()).await,
            ("drop", _) => {
                drop(upgrader);
                emit("dropped", "");
                break;
            }
            ("end", _) => {
                spawn(end(upgrader));
                break;
            }
            (verb, argument) => asked = Some(ask(&upgrader, verb, argument)),
        }
    }
    while answer_tick(&mut orders).await.is_some() {}
}

fn tell_exit(upgrader: &Upgrader) {
    let exit = upgrader.exit();
    spawn(async {
        exit.await;
        emit("exit", "");
    });
}

async fn end(upgrader: Upgrader) {
    upgrader.end().await;
    emit("ended", "");
}

async fn start(builder: Builder, orders: &mut Orders) -> Option<Upgrader> {
    let started = tokio::select! {
        started = builder.start_async() => started,
        order = answer_tick(orders) => {
            assert_eq!(order.as_deref(), Some("forget"));
            return None;
        }
    };
    match started {
        Ok(upgrader) => {
            emit("started", &upgrader.generation().to_string());
            Some(upgrader)
        }
        Err(error) => {
            emit_failed("start", &error);
            None
        }
    }
}

/// Answers ticks until another order comes.
async fn answer_tick(orders: &mut Orders) -> Option<String> {
    loop {
        match orders.recv().await? {
            order if order == "tick" => emit("tick", ""),
            order => return Some(order),
        }
    }
}

/// Asks for something, and tells when it is done.
fn ask(upgrader: &Upgrader, verb: &str, argument: &str) -> JoinHandle<()> {
    let upgrader = upgrader.clone();
    match verb {
        "ready" => spawn(tell("ready", async move { upgrader.ready().await })),
        "upgrade" => spawn(tell("upgraded", async move { upgrader.upgrade().await.map(drop) })),
        "await" => {
            let timeout = Duration::from_millis(argument.parse().unwrap());
            let wait = async move { upgrader.wait_for_predecessor(timeout).await };
            spawn(tell("awaited", wait))
        }
        other => panic!("unknown order `{other}`"),
    }
}

async fn tell(done: &'static str, what: impl Future<Output = Result<(), Error>>) {
    match what.await {
        Ok(()) => emit(done, ""),
        Err(error) => emit_failed(done, &error),
    }
}

async fn forget(asked: JoinHandle<()>) {
    asked.abort();
    assert!(asked.await.unwrap_err().is_cancelled());
    emit("forgotten", "");
}
