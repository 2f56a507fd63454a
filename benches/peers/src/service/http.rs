//! The HTTP that all services in Rust speak.

use std::convert::Infallible;
use std::process;
use std::time::Duration;

use hyper::Response;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// How long what is in flight may take when a successor owns the service.
pub const DRAIN_LIMIT: Duration = Duration::from_secs(30);

/// Answers a client until it leaves. Once `is_told` each answer closes its connection, so that no client
/// writes to one that is being closed.
///
/// hyper's `graceful_shutdown` closes idle connections under their clients. None of the libraries asks for
/// it, so none is charged with what it costs.
pub async fn serve(client: TcpStream, is_told: impl Fn() -> bool) {
    let _ = client.set_nodelay(true);
    let answer = service_fn(async |_| {
        let mut answer = Response::new(format!("{}\n", process::id()));
        if is_told() {
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        Ok::<_, Infallible>(answer)
    });
    // An error is the client's.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(client), answer).await;
}
