//! The bytes of a `sockaddr`, for people.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddrV4, SocketAddrV6};

use nix::libc;

/// The address that these bytes are, as the kernel wrote them: see `ip(7)`, `ipv6(7)`, `unix(7)`. Empty for
/// a socket without a name, and for what is none.
pub(crate) fn shown(bytes: &[u8]) -> String {
    let Some((family, rest)) = bytes.split_first_chunk() else {
        return String::new();
    };
    let family = i32::from(u16::from_ne_bytes(*family));
    let shown = match family {
        libc::AF_INET => ipv4(rest),
        libc::AF_INET6 => ipv6(rest),
        libc::AF_UNIX => Some(unix(rest)),
        _ => None,
    };
    shown.unwrap_or_else(|| format!("address of family {family}"))
}

fn ipv4(rest: &[u8]) -> Option<String> {
    let (port, rest) = rest.split_first_chunk()?;
    let address: &[u8; 4] = rest.first_chunk()?;
    Some(SocketAddrV4::new(Ipv4Addr::from(*address), u16::from_be_bytes(*port)).to_string())
}

fn ipv6(rest: &[u8]) -> Option<String> {
    let (port, rest) = rest.split_first_chunk()?;
    let (_flow, rest) = rest.split_first_chunk::<4>()?;
    let (address, rest) = rest.split_first_chunk::<16>()?;
    let scope = u32::from_ne_bytes(*rest.first_chunk()?);
    let address = Ipv6Addr::from(*address);
    Some(SocketAddrV6::new(address, u16::from_be_bytes(*port), 0, scope).to_string())
}

fn unix(rest: &[u8]) -> String {
    match rest.split_first() {
        None => String::new(),
        Some((0, [])) => String::new(),
        Some((0, name)) => format!("@{}", String::from_utf8_lossy(name)),
        Some(_) => {
            let path = rest.split(|byte| *byte == 0).next().unwrap_or_default();
            String::from_utf8_lossy(path).into_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, UdpSocket};
    use std::os::fd::AsFd;
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};

    use heirloom_proto::Identity;

    use crate::sys::identity::identity;

    #[track_caller]
    fn of(socket: &impl AsFd) -> String {
        match identity(socket.as_fd()).unwrap() {
            Identity::Socket(socket) => shown(socket.local.as_bytes()),
            other => panic!("no socket: {other:?}"),
        }
    }

    #[test]
    fn every_address_is_shown_as_it_is_spelled() {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        assert_eq!(of(&tcp), tcp.local_addr().unwrap().to_string());
        if let Ok(udp) = UdpSocket::bind("[::1]:0") {
            assert_eq!(of(&udp), udp.local_addr().unwrap().to_string());
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        assert_eq!(of(&UnixListener::bind(&path).unwrap()), path.to_str().unwrap());
        let name = format!("heirloom-shown-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        assert_eq!(of(&UnixListener::bind_addr(&address).unwrap()), format!("@{name}"));
        assert_eq!(of(&UnixStream::pair().unwrap().0), "");
    }

    #[test]
    fn what_is_cut_or_unknown_is_no_error() {
        assert_eq!(shown(&[]), "");
        assert_eq!(shown(&[2, 0, 1]), "address of family 2");
        assert_eq!(shown(&[16, 0, 1, 2, 3]), "address of family 16");
    }
}
