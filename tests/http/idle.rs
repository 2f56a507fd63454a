//! Connections that are kept alive and idle while the service is upgraded.

use std::io::{Read, Write};
use std::net::TcpStream;

use nix::sys::signal::Signal;

use crate::clients::connect;
use crate::response::Response;
use crate::service::Service;

fn ask(stream: &mut TcpStream, path: &str) -> Response {
    write!(stream, "GET {path} HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
    let response = Response::read(stream).unwrap_or_else(|no_answer| panic!("{no_answer}"));
    response.check(path).unwrap_or_else(|no_answer| panic!("{no_answer}"));
    response
}

#[test]
fn idle_connection_is_answered_once_more_and_closed_with_the_answer() {
    let mut service = Service::start();
    let mut idle = connect(service.address()).unwrap();
    assert!(!ask(&mut idle, "/before").close);
    let mut silent = connect(service.address()).unwrap(); // accepted before the next one is answered
    let mut other = connect(service.address()).unwrap();
    assert!(!ask(&mut other, "/other").close);
    assert_eq!(service.begin_upgrade(), 3);

    let last = ask(&mut idle, "/after");
    assert_eq!((last.generation, last.close), (1, true));
    assert_eq!(idle.read(&mut [0; 1]).unwrap(), 0, "closed in order");
    let first = ask(&mut silent, "/first");
    assert_eq!((first.generation, first.close), (1, true));
    assert_eq!(ask(&mut connect(service.address()).unwrap(), "/anew").generation, 2);
}

#[test]
fn service_that_is_stopped_answers_once_more_too_and_ends() {
    let mut service = Service::start();
    let mut idle = connect(service.address()).unwrap();
    ask(&mut idle, "/before");
    service.signal(Signal::SIGTERM);
    service.expect("draining");
    assert!(ask(&mut idle, "/after").close);
    assert_eq!(service.expect("gone").get::<u64>("closed").unwrap(), 0);
}
