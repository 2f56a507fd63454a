//! More descriptors than a frame takes, and than may be in flight at once.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::UdpSocket;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use socket2::SockRef;

use crate::support::role::{Role, emit};
use crate::support::{Family, both_ways};

/// Binds or inherits as many sockets as it is told, and tells a digest of their cookies by name.
pub(crate) fn run(role: &Role) {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    let upgrader = role.start().unwrap();
    let mut digest = DefaultHasher::new();
    let count: usize = role.get("COUNT").unwrap().parse().unwrap();
    for number in 0..count {
        let fds = upgrader.fds();
        let name = format!("socket {number}");
        let bind = || UdpSocket::bind("127.0.0.1:0");
        let socket: UdpSocket = fds.bind_with(&name, bind).unwrap();
        let cookie = SockRef::from(&socket).cookie().unwrap();
        (name, cookie).hash(&mut digest);
    }
    emit("digest", &digest.finish().to_string());
    upgrader.ready().unwrap();
    emit("ready", "");
    loop {
        match role.next_order().as_str() {
            "upgrade" => drop(upgrader.upgrade().unwrap()),
            _ => return,
        }
    }
}

both_ways! {
    fn twelve_hundred_descriptors_arrive_each_under_its_name(way: Way) {
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
        if hard < 1_300 {
            return eprintln!("SKIPPED: at most {hard} descriptors are allowed here");
        }
        let mut family = Family::new();
        family.set("ROLE", "many").set("COUNT", "1200");
        let first = family.start();
        let digest = family.expect(first, "digest").details;
        family.expect(first, "ready");
        let second = family.succeed(first, way);
        assert_eq!(family.expect(second, "digest").details, digest);
        family.expect(second, "ready");
    }
}
