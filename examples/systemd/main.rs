//! A service for the units in this folder. `docs/guide/systemd.md` tells which to choose.
//!
//! ```sh
//! cargo build --release --features systemd --example systemd
//! install -D target/release/examples/systemd /usr/local/bin/svc
//! cp examples/systemd/svc.service /etc/systemd/system
//! systemctl daemon-reload && systemctl start svc && systemctl reload svc
//! ```

mod service;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    service::run(std::env::args().skip(1))
}
