use std::net::SocketAddr;

use ecdysis::tokio_ecdysis::{SignalKind, StopOnShutdown, TokioEcdysisBuilder};
use futures::StreamExt;
use tokio::io::{copy, split};
use tokio::task::JoinSet;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let mut builder = TokioEcdysisBuilder::new(SignalKind::hangup())?;
    builder.stop_on_signal(SignalKind::terminate())?;
    builder.upgrade_on_socket("/run/echo/upgrade")?;
    builder.set_pid_file("/run/echo/pid");

    let address: SocketAddr = ([127, 0, 0, 1], 7000).into();
    let mut clients = builder.build_listen_tcp(StopOnShutdown::Yes, address, |socket, address| {
        socket.set_reuse_address(true)?;
        socket.bind(&address.into())?;
        socket.listen(128)?;
        Ok(socket.into())
    })?;
    let (_ecdysis, exit) = builder.ready()?;

    let server = tokio::spawn(async move {
        let mut connections = JoinSet::new();
        while let Some(Ok(client)) = clients.next().await {
            connections.spawn(async move {
                let (mut reader, mut writer) = split(client);
                let _ = copy(&mut reader, &mut writer).await;
            });
        }
        connections.join_all().await;
    });
    let _ = exit.await;
    server.await?;
    Ok(())
}
