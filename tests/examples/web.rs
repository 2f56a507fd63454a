//! `examples/web`: what the README leads to, under load.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;

use super::load::Load;
use super::service::Service;
use super::support::{DEADLINE, Way};

const CLIENTS: usize = 8;

/// A connection that is kept alive until an answer says that it was the last.
struct Connection {
    stream: BufReader<TcpStream>,
    is_last: bool,
}

impl Connection {
    fn new(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(DEADLINE))?;
        Ok(Self { stream: BufReader::new(stream), is_last: false })
    }

    /// Asks once; tells what the answer says.
    fn ask(&mut self) -> io::Result<String> {
        self.stream.get_ref().write_all(b"GET / HTTP/1.1\r\nhost: test\r\n\r\n")?;
        let (mut line, mut length) = (String::new(), 0);
        while line != "\r\n" {
            line.clear();
            if self.stream.read_line(&mut line)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            match line.trim_end().split_once(": ") {
                Some(("content-length", value)) => length = value.parse().unwrap(),
                Some(("connection", "close")) => self.is_last = true,
                _ => {}
            }
        }
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body)?;
        Ok(String::from_utf8(body).unwrap())
    }
}

/// Asks over and over, on one connection for as long as that may be used.
fn ask_until_over(load: &Load, client: usize, address: SocketAddr) {
    let mut connection = Connection::new(address).unwrap();
    while !load.is_over() {
        let answer = connection.ask().unwrap();
        assert!(answer.starts_with("generation "), "{answer}");
        load.count(client);
        if connection.is_last {
            connection = Connection::new(address).unwrap();
        }
    }
}

#[test]
fn web_is_launched_anew_and_no_client_notices() {
    let mut service = Service::start("web", &[]);
    let load = Load::new(CLIENTS);
    let address = service.address;
    thread::scope(|scope| {
        let _stop = load.stop_on_drop();
        for client in 0..CLIENTS {
            let load = &load;
            scope.spawn(move || ask_until_over(load, client, address));
        }
        for generation in 2..8 {
            load.expect_rounds(20);
            match generation % 2 {
                0 => service.launch(),
                _ => service.upgrade(Way::External),
            }
            service.expect_drained();
        }
        load.expect_rounds(20);
    });
    let answer = Connection::new(address).unwrap().ask().unwrap();
    assert_eq!(answer, "generation 7\n");
}
