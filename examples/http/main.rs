//! An HTTP service on axum and tokio that is upgraded while it serves.
//!
//! ```text
//! cargo run --release --example http            # serves 127.0.0.1:8080
//! curl -i http://127.0.0.1:8080/hello           # told by generation 1
//! kill -HUP <pid>                               # it spawns its successor ...
//! cargo run --release --example http            # ... or a copy started by hand takes over
//! kill <pid>                                    # finishes what is in flight and ends
//! ```

mod arguments;
mod report;
mod service;

use std::env;
use std::error::Error;
use std::process::ExitCode;

use arguments::Arguments;
use service::Service;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("http: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse(env::args().skip(1))?;
    Service::start(arguments).await?.run().await
}
