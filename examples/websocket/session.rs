//! One client's connection.

use futures_util::{SinkExt, StreamExt};
use heirloom::Notice;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, Result};
use tokio_tungstenite::{WebSocketStream, accept_async_with_config};

use crate::journal::Journal;

type Socket = WebSocketStream<TcpStream>;

/// Most bytes of a message. Whoever sends a longer one is hung up on.
const LONGEST_MESSAGE: usize = 4_096;

/// Takes messages until the client leaves or this process has told it to.
///
/// A message is in the journal before it comes back to its client. What has not come back when the
/// client reads `1001` is not in the journal: sent again, on a new connection, it is taken once.
pub(crate) async fn serve(client: TcpStream, journal: &Journal, mut told: Notice) -> Result<()> {
    client.set_nodelay(true)?;
    let config = WebSocketConfig::default().max_message_size(Some(LONGEST_MESSAGE));
    let mut socket = accept_async_with_config(client, Some(config)).await?;
    loop {
        let message = tokio::select! {
            biased;
            () = &mut told => return say_goodbye(socket).await,
            message = socket.next() => message,
        };
        match message {
            Some(message) => take(message?, journal, &mut socket).await?,
            None => return Ok(()),
        }
    }
}

/// Once begun it is not interrupted: a message that is in the journal is acknowledged before the goodbye.
async fn take(message: Message, journal: &Journal, socket: &mut Socket) -> Result<()> {
    // All others are answered by the library.
    if let Message::Text(text) = message {
        let line = journal.append(&text)?;
        socket.send(Message::text(line)).await?;
    }
    Ok(())
}

/// Closes in order: says why, and waits until the client has said goodbye too. Whoever hung up at once
/// would reset the connection under a client that is writing, and take from it what it has not read yet.
async fn say_goodbye(mut socket: Socket) -> Result<()> {
    let reason = "the service is upgraded".into();
    socket.close(Some(CloseFrame { code: CloseCode::Away, reason })).await?;
    // What comes until then was sent too late. It cannot be acknowledged any more, so it is not taken.
    while let Some(message) = socket.next().await {
        message?;
    }
    Ok(())
}
