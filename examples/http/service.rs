//! The service: take over from the predecessor, serve, hand over to the successor, drain.

use std::error::Error;
use std::process;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::{CONNECTION, CONTENT_TYPE};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::{Router, http::Uri};
use heirloom::{Drain, Signal, tokio::Upgrader};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{self, SignalKind};
use tokio::time;

use crate::arguments::Arguments;
use crate::report::{Phases, Report};

/// A process that has inherited what it needs, or bound it, and does not own the service yet.
pub(crate) struct Service {
    upgrader: Upgrader,
    listener: TcpListener,
    drain_timeout: Duration,
    report: Report,
    phases: Phases,
}

impl Service {
    /// Meets the predecessor, if there is one, and inherits its listener.
    pub(crate) async fn start(arguments: Arguments) -> Result<Self, heirloom::Error> {
        let mut phases = Phases::begin();
        let mut builder = heirloom::Upgrader::builder()
            .service("http")
            .handoff_socket(&arguments.handoff_socket)
            .ready_timeout(arguments.ready_timeout);
        if let Some(path) = &arguments.pid_file {
            builder = builder.pid_file(path);
        }
        let upgrader = builder.start_async().await?;
        phases.end("start");

        let listener = upgrader.fds().bind(&arguments.listen)?;
        upgrader.upgrade_on(Signal::SIGHUP)?;
        phases.end("bind");

        let drain_timeout = arguments.drain_timeout;
        let report = arguments.report;
        Ok(Self { upgrader, listener, drain_timeout, report, phases })
    }

    /// Becomes the owner, serves until a successor owns or SIGTERM comes, drains.
    pub(crate) async fn run(mut self) -> Result<(), Box<dyn Error>> {
        // What is slow or may fail comes before `ready`: until then the predecessor serves, and an
        // error costs nothing. Here a real service loads its data and warms its caches.
        let address = self.listener.local_addr()?;
        let drain = self.upgrader.drain();
        let router = router(self.upgrader.generation(), &drain);
        let terminate = unix::signal(SignalKind::terminate())?;
        self.phases.end("warm_up");

        self.upgrader.ready().await?;
        self.phases.end("ready");

        let generation = self.upgrader.generation();
        let ready = format!("generation={generation} address={address}{}", self.phases);
        self.report.line("ready", ready);
        accept(self.listener, router, terminate, &self.upgrader, self.report).await;

        drain.tell(); // every answer from here on closes its connection
        self.report.line("draining", format!("connections={}", drain.open()));
        let drained = drain.drained(Duration::ZERO, self.drain_timeout).await?;
        self.report.line("gone", format!("closed={}", drained.dropped));
        self.upgrader.end().await;
        Ok(())
    }
}

/// What the service answers.
fn router(generation: u64, drain: &Drain) -> Router {
    Router::new()
        .fallback(move |uri: Uri| async move { answer(generation, &uri) })
        .layer(from_fn_with_state(drain.clone(), close_when_told))
}

/// Asks a client to close its connection with the answer it is given, once this process drains.
///
/// A server's own graceful shutdown, axum's and hyper's, closes an idle connection at once, under a
/// client that may be writing, whose request then fails. Here whoever asks again is answered once more,
/// and connects to the successor next; a client that stays silent is left alone until the hard limit.
async fn close_when_told(State(drain): State<Drain>, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    if drain.is_told() {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Accepts until the process is to exit.
async fn accept(
    listener: TcpListener,
    router: Router,
    mut terminate: unix::Signal,
    upgrader: &Upgrader,
    report: Report,
) {
    let drain = upgrader.drain();
    let mut exit = upgrader.exit();
    loop {
        tokio::select! {
            biased;
            () = &mut exit => break,
            _ = terminate.recv() => upgrader.stop(),
            accepted = listener.accept() => match accepted {
                // It is in flight from here on, whenever its task begins.
                Ok((client, _)) => drop(tokio::spawn(drain.run(serve(client, router.clone())))),
                // Most often out of descriptors: it passes when some connections have ended.
                Err(error) => {
                    report.line("not-accepted", format!("error={error}"));
                    time::sleep(Duration::from_millis(10)).await;
                }
            },
        }
    }
    // The listener is closed here, in this process only. Who connects from now on waits in its
    // queue, which is the successor's too.
}

/// Serves one connection to its end.
async fn serve(client: TcpStream, router: Router) {
    let _ = client.set_nodelay(true);
    let service = TowerToHyperService::new(router);
    // An error is the client's: it went away, or did not speak HTTP.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(client), service).await;
}

/// Says who answers, and what was asked.
fn answer(generation: u64, uri: &Uri) -> impl IntoResponse + use<> {
    let pid = process::id();
    let body = json!({ "generation": generation, "pid": pid, "path": uri.path() });
    let headers = [
        (CONTENT_TYPE.as_str(), "application/json".to_owned()),
        ("x-generation", generation.to_string()),
        ("x-pid", pid.to_string()),
    ];
    (headers, format!("{body}\n"))
}
