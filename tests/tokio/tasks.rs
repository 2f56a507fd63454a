//! A role that lives on one worker, whose runtime has neither a timer nor I/O.
//!
//! Orders: `tick` (answered at once, by a task), `ready`, `upgrade`, `await <ms>`, `forget` (drop the
//! future of whatever is being asked for), `drop` (the last handle), `end` (the same, awaited).
//! Events: `started <generation>`, `tick`, `ready`, `upgraded`, `awaited`, `exit`, `forgotten`,
//! `dropped`, `ended`, or `failed`.

use std::future::Future;
use std::thread;

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
        return while answer_tick(&mut orders).await.is_some() {};
    };
    let exit = upgrader.exit();
    spawn(async {
        exit.await;
        emit("exit", "");
    });
    let mut asked: Option<JoinHandle<()>> = None;
    while let Some(order) = answer_tick(&mut orders).await {
        let its = upgrader.clone();
        match order.split_once(' ').unwrap_or((&order, "")) {
            ("ready", _) => asked = Some(ask("ready", async move { its.ready().await })),
            ("upgrade", _) => {
                asked = Some(ask("upgraded", async move { its.upgrade().await.map(drop) }));
            }
            ("await", ms) => {
                let timeout = std::time::Duration::from_millis(ms.parse().unwrap());
                let wait = async move { its.wait_for_predecessor(timeout).await };
                asked = Some(ask("awaited", wait));
            }
            ("forget", _) => forget(asked.take().unwrap()).await,
            ("drop", _) => {
                drop((its, upgrader));
                emit("dropped", "");
                return while answer_tick(&mut orders).await.is_some() {};
            }
            ("end", _) => {
                drop(its);
                spawn(async {
                    upgrader.end().await;
                    emit("ended", "");
                });
                return while answer_tick(&mut orders).await.is_some() {};
            }
            (other, _) => panic!("unknown order `{other}`"),
        }
    }
}

async fn start(builder: Builder, orders: &mut Orders) -> Option<Upgrader> {
    let mut start = Box::pin(builder.start_async());
    tokio::select! {
        started = &mut start => match started {
            Ok(upgrader) => {
                emit("started", &upgrader.generation().to_string());
                Some(upgrader)
            }
            Err(error) => {
                emit_failed("start", &error);
                None
            }
        },
        order = answer_tick(orders) => {
            assert_eq!(order.as_deref(), Some("forget"));
            drop(start);
            emit("forgotten", "");
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

fn ask(
    done: &'static str,
    what: impl Future<Output = Result<(), Error>> + Send + 'static,
) -> JoinHandle<()> {
    spawn(async move {
        match what.await {
            Ok(()) => emit(done, ""),
            Err(error) => emit_failed(done, &error),
        }
    })
}

async fn forget(asked: JoinHandle<()>) {
    asked.abort();
    assert!(asked.await.unwrap_err().is_cancelled());
    emit("forgotten", "");
}
