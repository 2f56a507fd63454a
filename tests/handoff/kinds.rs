//! One descriptor of every kind, known by what the kernel calls it and by what it still holds.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::linux::fs::MetadataExt;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram, UnixListener, UnixStream};

use heirloom::{Error, Fds, Passable, UnixSeqpacketListener};
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};
use socket2::SockRef;

use crate::support::role::{Role, emit, emit_failed};
use crate::support::{DEADLINE, Family, both_ways};

/// Binds or claims one of each, tells what the kernel calls it, and uses it when told `use`.
pub(crate) fn run(role: &Role) {
    let upgrader = role.start().unwrap();
    let kinds = match Kinds::take(role, &upgrader.fds()) {
        Ok(kinds) => kinds,
        Err(error) => return emit_failed("take", &error),
    };
    upgrader.ready().unwrap();
    emit("ready", "");
    loop {
        match role.next_order().as_str() {
            "upgrade" => drop(upgrader.upgrade().unwrap()),
            "use" => kinds.use_all().unwrap(),
            _ => return,
        }
    }
}

struct Kinds {
    tcp: Vec<TcpListener>,
    udp: Vec<UdpSocket>,
    unix: Vec<UnixListener>,
    datagram: Vec<UnixDatagram>,
    seqpacket: Vec<UnixSeqpacketListener>,
    connection: TcpStream,
    local: UnixStream,
    file: File,
    pipe: File,
}

impl Kinds {
    fn take(role: &Role, fds: &Fds) -> Result<Self, Error> {
        let hosts: Vec<&str> = role.all("HOSTS").collect();
        let addresses: Vec<&str> = role.all("ADDRESSES").collect();
        let udp_name = |host: &str| format!("udp {host}");
        let with =
            |end: &'static str| addresses.iter().map(move |address| format!("{address}{end}"));
        let kinds = Self {
            tcp: hosts.iter().map(|host| fds.bind_as(host, host)).collect::<Result<_, _>>()?,
            udp: hosts
                .iter()
                .map(|host| fds.bind_as(&udp_name(host), host))
                .collect::<Result<_, _>>()?,
            unix: with(".stream").map(|address| fds.bind(address)).collect::<Result<_, _>>()?,
            datagram: with(".datagram")
                .map(|address| fds.bind(address))
                .collect::<Result<_, _>>()?,
            seqpacket: with(".packet")
                .map(|address| fds.bind(address))
                .collect::<Result<_, _>>()?,
            connection: claim_or(fds, "connection", || {
                TcpStream::connect(role.get("TCP_PEER").unwrap())
            })?,
            local: claim_or(fds, "local", || UnixStream::connect(role.path("peer")))?,
            file: claim_or(fds, "file", || {
                let mut file = File::open(role.path("file"))?;
                file.read_exact(&mut [0; 4])?;
                Ok(file)
            })?,
            pipe: File::from(claim_or(fds, "pipe", || {
                let (reader, mut writer) = io::pipe()?;
                writer.write_all(b"piped")?;
                Ok(OwnedFd::from(reader))
            })?),
        };
        for socket in &kinds.tcp {
            tell("tcp", socket, &socket.local_addr().unwrap());
        }
        for socket in &kinds.udp {
            tell("udp", socket, &socket.local_addr().unwrap());
        }
        kinds.unix.iter().for_each(|socket| tell("unix", socket, &""));
        kinds.datagram.iter().for_each(|socket| tell("datagram", socket, &""));
        kinds.seqpacket.iter().for_each(|socket| tell("packet", socket, &""));
        tell("connection", &kinds.connection, &"");
        tell("local", &kinds.local, &"");
        tell("file", &kinds.file, &"");
        tell("pipe", &kinds.pipe, &"");
        Ok(kinds)
    }

    /// Answers whoever waits in a queue, and tells what there is to read.
    fn use_all(&self) -> io::Result<()> {
        for listener in &self.tcp {
            listener.accept()?.0.write_all(b"served")?;
        }
        for listener in &self.unix {
            listener.accept()?.0.write_all(b"served")?;
        }
        for listener in &self.seqpacket {
            // One write is one packet, whatever the type is called.
            UnixStream::from(listener.accept()?).write_all(b"served")?;
        }
        let mut buffer = [0; 64];
        for socket in &self.udp {
            let length = socket.recv(&mut buffer)?;
            emit("read", &String::from_utf8_lossy(&buffer[..length]));
        }
        for socket in &self.datagram {
            let length = socket.recv(&mut buffer)?;
            emit("read", &String::from_utf8_lossy(&buffer[..length]));
        }
        let readers: [&mut dyn Read; 3] =
            [&mut &self.connection, &mut &self.local, &mut &self.pipe];
        for reader in readers {
            let length = reader.read(&mut buffer)?;
            emit("read", &String::from_utf8_lossy(&buffer[..length]));
        }
        (&self.connection).write_all(b"served")?;
        (&self.local).write_all(b"served")?;
        let mut digits = [0; 3];
        (&self.file).read_exact(&mut digits)?;
        emit("read", &String::from_utf8_lossy(&digits));
        emit("used", "");
        Ok(())
    }
}

fn claim_or<T: Passable>(
    fds: &Fds,
    name: &str,
    make: impl FnOnce() -> io::Result<T>,
) -> Result<T, Error> {
    if let Some(claimed) = fds.claim(name)? {
        return Ok(claimed);
    }
    let made = make().unwrap();
    fds.add(name, &made)?.keep();
    Ok(made)
}

/// Tells a descriptor's name in the kernel: a socket's cookie, or device and inode.
fn tell(kind: &str, descriptor: &impl AsFd, address: &impl ToString) {
    let identity = match SockRef::from(descriptor).cookie() {
        Ok(cookie) => format!("cookie:{cookie}"),
        Err(_) => {
            let path = format!("/proc/self/fd/{}", descriptor.as_fd().as_raw_fd());
            let found = fs::metadata(path).unwrap();
            format!("file:{}:{}", found.st_dev(), found.st_ino())
        }
    };
    emit("entry", &format!("{kind} {identity} {}", address.to_string()));
}

/// The other ends: what the test holds.
struct Peers {
    connection: TcpStream,
    local: UnixStream,
    waiting: Vec<Box<dyn Read>>,
}

impl Peers {
    /// Leaves something in every queue there is.
    fn fill(mut self, entries: &[Vec<String>], addresses: &[String]) -> Self {
        self.connection.write_all(b"unread by tcp").unwrap();
        self.local.write_all(b"unread by unix").unwrap();
        for entry in entries.iter().filter(|entry| entry[0] == "tcp") {
            let stream = TcpStream::connect(&entry[2]).unwrap();
            stream.set_read_timeout(Some(DEADLINE)).unwrap();
            self.waiting.push(Box::new(stream));
        }
        for entry in entries.iter().filter(|entry| entry[0] == "udp") {
            let from = if entry[2].starts_with('[') { "[::1]:0" } else { "127.0.0.1:0" };
            UdpSocket::bind(from).unwrap().send_to(b"queued udp", &entry[2]).unwrap();
        }
        for address in addresses {
            let at = |end| format!("{address}.{end}");
            let stream = UnixStream::connect_addr(&unix_address(&at("stream"))).unwrap();
            stream.set_read_timeout(Some(DEADLINE)).unwrap();
            self.waiting.push(Box::new(stream));
            self.waiting.push(Box::new(connect_seqpacket(&at("packet"))));
            let socket = UnixDatagram::unbound().unwrap();
            socket.send_to_addr(b"queued datagram", &unix_address(&at("datagram"))).unwrap();
        }
        self
    }

    /// Everybody has been served.
    fn expect_served(self) {
        let mut all = self.waiting;
        all.push(Box::new(self.connection));
        all.push(Box::new(self.local));
        for mut stream in all {
            let mut answer = [0; 6];
            stream.read_exact(&mut answer).unwrap();
            assert_eq!(&answer, b"served");
        }
    }
}

fn unix_address(address: &str) -> SocketAddr {
    match address.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name).unwrap(),
        None => SocketAddr::from_pathname(address).unwrap(),
    }
}

fn connect_seqpacket(address: &str) -> UnixStream {
    let (family, flags) = (AddressFamily::Unix, SockFlag::SOCK_CLOEXEC);
    let made = socket(family, SockType::SeqPacket, flags, None).unwrap();
    let name = match address.strip_prefix('@') {
        Some(name) => UnixAddr::new_abstract(name.as_bytes()).unwrap(),
        None => UnixAddr::new(address).unwrap(),
    };
    connect(made.as_raw_fd(), &name).unwrap();
    let stream = UnixStream::from(made);
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream
}

/// What a process holds: kind, identity, address.
fn entries(family: &mut Family, pid: u32) -> Vec<Vec<String>> {
    let entries = family.take_all(pid, "entry").into_iter();
    entries.map(|entry| entry.details.split(' ').map(String::from).collect()).collect()
}

both_ways! {
    fn every_kind_is_the_same_in_the_successor_with_what_was_queued_in_it(way: Way) {
        let mut family = Family::new();
        let hosts = match TcpListener::bind("[::1]:0") {
            Ok(_) => "127.0.0.1:0,[::1]:0",
            Err(error) => {
                eprintln!("SKIPPED: no IPv6 here: {error}");
                "127.0.0.1:0"
            }
        };
        let scratch = family.path("at").to_str().unwrap().to_owned();
        let addresses = vec![scratch, format!("{}-at", family.setting("HANDOFF"))];
        let (tcp, unix) = (
            TcpListener::bind("127.0.0.1:0").unwrap(),
            UnixListener::bind(family.path("peer")).unwrap(),
        );
        fs::write(family.path("file"), "0123456789").unwrap();
        family
            .set("ROLE", "kinds")
            .set("HOSTS", hosts)
            .set("ADDRESSES", &addresses.join(","))
            .set("TCP_PEER", &tcp.local_addr().unwrap().to_string());
        let first = family.start();
        let peers = Peers {
            connection: tcp.accept().unwrap().0,
            local: unix.accept().unwrap().0,
            waiting: Vec::new(),
        };
        family.expect(first, "ready");
        let before = entries(&mut family, first);
        let peers = peers.fill(&before, &addresses);

        let second = family.succeed(first, way);
        family.expect(second, "ready");
        assert_eq!(entries(&mut family, second), before);
        assert_eq!(before.len(), 2 * hosts.split(',').count() + 3 * 2 + 4);
        family.tell(first, "end");
        family.expect_end(first);

        family.tell(second, "use");
        family.expect(second, "used");
        let read = family.take_all(second, "read").into_iter();
        let read: Vec<_> = read.map(|event| event.details).collect();
        let mut expected = vec!["queued udp"; hosts.split(',').count()];
        expected.extend(["queued datagram", "queued datagram"]);
        expected.extend(["unread by tcp", "unread by unix", "piped", "456"]);
        assert_eq!(read, expected);
        peers.expect_served();
    }
}
