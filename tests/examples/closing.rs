//! How the example `grpc` closes a connection while its client still sends.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::time::timeout;

use super::client::Client;
use super::support::DEADLINE;

#[test]
fn connection_is_not_reset_by_what_its_client_still_sends() {
    Runtime::new().unwrap().block_on(async {
        let (mut client, mut connection) = connect().await;
        client.write_all(b"nobody reads this").await.unwrap();
        connection.write_all(b"the end").await.unwrap();
        let closed = tokio::spawn(async move { connection.shutdown().await });

        let mut heard = Vec::new();
        client.read_to_end(&mut heard).await.unwrap();
        assert_eq!(heard, b"the end");
        client.write_all(b"nor this").await.unwrap();
        client.write_all(b"nor that").await.unwrap();
        assert!(!closed.is_finished(), "the client may send more");
        client.shutdown().await.unwrap();
        timeout(DEADLINE, closed).await.unwrap().unwrap().unwrap();
    });
}

async fn connect() -> (TcpStream, Client) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (connection, _) = listener.accept().await.unwrap();
    (client, Client::new(connection).unwrap())
}
