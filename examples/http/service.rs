//! The service: take over from the predecessor, serve, hand over to the successor, drain.

use std::convert::Infallible;
use std::error::Error;
use std::process;
use std::sync::Arc;
use std::time::Duration;

use heirloom::{Exit, Signal, Upgrader};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::signal::unix::{self, SignalKind};
use tokio::task::JoinSet;
use tokio::time;

use crate::arguments::Arguments;
use crate::report::{Phases, Report};

/// A process that has inherited what it needs, or bound it, and does not own the service yet.
pub(crate) struct Service {
    upgrader: Upgrader,
    listener: std::net::TcpListener,
    drain_timeout: Duration,
    report: Report,
    phases: Phases,
}

impl Service {
    /// Meets the predecessor, if there is one, and inherits its listener.
    pub(crate) fn start(arguments: Arguments) -> Result<Self, heirloom::Error> {
        let mut phases = Phases::begin();
        let mut builder = Upgrader::builder()
            .service("http")
            .handoff_socket(&arguments.handoff_socket)
            .ready_timeout(arguments.ready_timeout);
        if let Some(path) = &arguments.pid_file {
            builder = builder.pid_file(path);
        }
        let upgrader = builder.start()?;
        phases.end("start");

        // Tokio's sockets do not block. Both processes share the mode, so it is right from birth.
        let listener = upgrader.fds().nonblocking().bind(&arguments.listen)?;
        upgrader.upgrade_on(Signal::SIGHUP)?;
        phases.end("bind");

        let drain_timeout = arguments.drain_timeout;
        let report = arguments.report;
        Ok(Self { upgrader, listener, drain_timeout, report, phases })
    }

    /// Becomes the owner, serves until a successor owns or SIGTERM comes, drains.
    pub(crate) fn run(mut self) -> Result<(), Box<dyn Error>> {
        // What is slow or may fail comes before `ready`: until then the predecessor serves, and an
        // error costs nothing. Here a real service loads its data and warms its caches.
        let address = self.listener.local_addr()?;
        let runtime = Runtime::new()?;
        let context = runtime.enter();
        let listener = TcpListener::from_std(self.listener)?;
        let terminate = unix::signal(SignalKind::terminate())?;
        drop(context);
        self.phases.end("warm_up");

        // Blocks, so it is called outside of the runtime; inside there is `spawn_blocking`.
        self.upgrader.ready()?;
        self.phases.end("ready");

        let generation = self.upgrader.generation();
        let ready = format!("generation={generation} address={address}{}", self.phases);
        self.report.line("ready", ready);
        let connections = serve(listener, terminate, &self.upgrader, self.report);
        let mut connections = runtime.block_on(connections);

        self.report.line("draining", format!("connections={}", connections.len()));
        runtime.block_on(drain(&mut connections, self.drain_timeout));
        self.report.line("gone", format!("closed={}", connections.len()));
        Ok(())
    }
}

/// Accepts until the process is to exit; returns the connections still open.
async fn serve(
    listener: TcpListener,
    mut terminate: unix::Signal,
    upgrader: &Upgrader,
    report: Report,
) -> JoinSet<()> {
    let generation = upgrader.generation();
    let mut exit = upgrader.exit();
    let server = Arc::new(Server { generation, exit: upgrader.exit() });
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = &mut exit => break,
            _ = terminate.recv() => upgrader.stop(),
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(converse(stream, Arc::clone(&server)));
                }
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
    connections
}

/// Serves one connection to its end.
///
/// Draining does not use hyper's `graceful_shutdown`: that closes an idle connection at once, under
/// a client that may be writing, whose request then fails. Here the next answer says `Connection:
/// close`, and hyper closes after it. A client that stays silent is left alone until the deadline.
async fn converse(stream: TcpStream, server: Arc<Server>) {
    let _ = stream.set_nodelay(true);
    let answer = |request| {
        let answer = server.answer(&request);
        async { Ok::<_, Infallible>(answer) }
    };
    // An error is the client's: it went away, or did not speak HTTP.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)).await;
}

/// Waits until all connections have ended or `timeout` has passed.
async fn drain(connections: &mut JoinSet<()>, timeout: Duration) {
    let all_ended = async { while connections.join_next().await.is_some() {} };
    let _ = time::timeout(timeout, all_ended).await;
}

/// What the connections share.
struct Server {
    generation: u64,
    exit: Exit,
}

impl Server {
    /// Says who answers, and what was asked.
    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let (generation, pid) = (self.generation, process::id());
        let body = json!({ "generation": generation, "pid": pid, "path": request.uri().path() });
        let mut response = Response::new(Full::from(format!("{body}\n")));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert("x-generation", generation.into());
        headers.insert("x-pid", pid.into());
        if self.exit.is_fired() {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
