//! tokio's types go from generation to generation like those of the standard library.

use heirloom::{ErrorKind, Fds, testing};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket, UnixDatagram, UnixListener, UnixStream};

type Bound = (TcpListener, UdpSocket, UnixListener, UnixDatagram);

fn bind(fds: &Fds, name: &str) -> Bound {
    (
        fds.bind("127.0.0.1:0").unwrap(),
        fds.bind("127.0.0.1:0").unwrap(),
        fds.bind(format!("@{name}-stream")).unwrap(),
        fds.bind(format!("@{name}-datagram")).unwrap(),
    )
}

#[tokio::test]
async fn sockets_are_bound_and_inherited() {
    let name = format!("heirloom-tokio-{}", std::process::id());
    let first = testing::first().unwrap();
    let (tcp, udp, ..) = bind(&first.fds(), &name);
    first.ready().unwrap();
    let second = testing::successor_of(&first).unwrap();
    let (next_tcp, next_udp, unix, datagram) = bind(&second.fds(), &name);
    assert_eq!(tcp.local_addr().unwrap(), next_tcp.local_addr().unwrap());
    assert_eq!(udp.local_addr().unwrap(), next_udp.local_addr().unwrap());
    second.ready().unwrap();
    first.exit().await;
    drop((first, tcp, udp));

    let mut client = TcpStream::connect(next_tcp.local_addr().unwrap()).await.unwrap();
    client.write_all(b"hello").await.unwrap();
    let mut heard = [0; 5];
    next_tcp.accept().await.unwrap().0.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"hello");
    drop((unix, datagram));
}

#[tokio::test]
async fn a_connection_is_added_and_claimed() {
    let first = testing::first().unwrap();
    let (mut client, server) = UnixStream::pair().unwrap();
    let guard = first.fds().add("client", &server).unwrap();
    first.ready().unwrap();
    let second = testing::successor_of(&first).unwrap();
    let mut claimed: UnixStream = second.fds().claim("client").unwrap().unwrap();
    second.ready().unwrap();
    drop((guard, server));
    claimed.write_all(b"x").await.unwrap();
    drop(claimed);
    let mut heard = String::new();
    client.read_to_string(&mut heard).await.unwrap();
    assert_eq!(heard, "x");
}

#[tokio::test]
async fn a_blocking_socket_is_refused_unless_the_change_is_asked_for() {
    let first = testing::first().unwrap();
    let _blocking: std::net::TcpListener = first.fds().bind("127.0.0.1:0").unwrap();
    first.ready().unwrap();
    let second = testing::successor_of(&first).unwrap();
    let error = second.fds().bind::<TcpListener>("127.0.0.1:0").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WrongMode);
    assert!(second.fds().switch_mode().bind::<TcpListener>("127.0.0.1:0").is_ok());
}

#[test]
fn without_a_runtime_it_is_an_error_and_no_panic() {
    let first = testing::first().unwrap();
    let error = first.fds().bind::<TcpListener>("127.0.0.1:0").unwrap_err();
    assert!(error.to_string().contains("reactor"), "{error}");
}
