use std::error::Error;

use shellflip::lifecycle::{receive_from_old_process, LifecycleHandler, PipeWriter};
use shellflip::{RestartConfig, ShutdownCoordinator};
use tokio::io::{copy, split, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

struct Restarts(u32);

#[async_trait::async_trait]
impl LifecycleHandler for Restarts {
    async fn send_to_new_process(&mut self, mut pipe: PipeWriter) -> std::io::Result<()> {
        pipe.write_u32(self.0).await
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let restarts = match receive_from_old_process() {
        Some(mut pipe) => pipe.read_u32().await? + 1,
        None => 0,
    };
    let restarter = RestartConfig {
        enabled: true,
        coordination_socket_path: "/run/echo/restart".into(),
        lifecycle_handler: Box::new(Restarts(restarts)),
        ..Default::default()
    };
    let restarted = restarter.try_into_restart_task()?;
    tokio::pin!(restarted);
    let shutdown = ShutdownCoordinator::new();

    // Another port in each process: shellflip hands no socket over.
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let ((client, _), guard) = (accepted?, shutdown.handle());
                tokio::spawn(async move {
                    let (mut reader, mut writer) = split(client);
                    let _ = copy(&mut reader, &mut writer).await;
                    drop(guard);
                });
            }
            _ = &mut restarted => break,
        }
    }
    shutdown.shutdown().await;
    Ok(())
}
