//! Listening for connections, of clients and of servers alike. Not here: what a taken port is called in an error
//! (`node::ports`).

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
};

use tokio::net::{TcpListener, TcpSocket};

/// Connections that wait to be accepted: as many as clients that come back at once after their connector was restarted. The
/// kernel's own limit, `net.core.somaxconn`, is usually 4096 too.
const BACKLOG: u32 = 4096;

/// All addresses of this machine, of IPv4 and IPv6; of IPv4 alone where there is nothing else.
pub(crate) fn anywhere(port: u16) -> [SocketAddr; 2] {
    [(Ipv6Addr::UNSPECIFIED, port).into(), (Ipv4Addr::UNSPECIFIED, port).into()]
}

/// Listens on the first of these addresses that this machine has; port 0 takes a free one. `::` is for IPv4, too. An error
/// says which address could not be had.
pub(crate) fn listen(addrs: &[SocketAddr]) -> Result<TcpListener, (SocketAddr, io::Error)> {
    let mut missing = (anywhere(0)[0], io::ErrorKind::InvalidInput.into());
    for &addr in addrs {
        match listen_on(addr) {
            Ok(listener) => return Ok(listener),
            Err(error) if is_missing(&error) => missing = (addr, error),
            Err(error) => return Err((addr, error)),
        }
    }
    Err(missing)
}

/// Whether it is not the port but the address that can't be had.
fn is_missing(error: &io::Error) -> bool {
    let no_such_family = rustix::io::Errno::AFNOSUPPORT.raw_os_error();
    error.kind() == io::ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(no_such_family)
}

fn listen_on(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    if addr.ip() == Ipv6Addr::UNSPECIFIED {
        // Whatever the system's default is.
        socket2::SockRef::from(&socket).set_only_v6(false)?;
    }
    // A server that is started again must not wait for old connections of its port to be forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    socket.listen(BACKLOG)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;

    use super::*;

    fn addr(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[tokio::test]
    async fn an_address_of_another_machine_is_passed_over_and_a_taken_port_is_not() {
        let elsewhere = addr("192.0.2.1:0");
        let first = listen(&[elsewhere, addr("127.0.0.1:0")]).unwrap().local_addr().unwrap();
        assert!(first.ip().is_loopback());
        assert_eq!(listen(&[elsewhere]).unwrap_err().0, elsewhere);
        let held = listen(&[addr("127.0.0.1:0")]).unwrap();
        let taken = held.local_addr().unwrap();
        let (which, error) = listen(&[taken, addr("127.0.0.1:0")]).unwrap_err();
        assert_eq!((which, error.kind()), (taken, io::ErrorKind::AddrInUse));
    }

    #[tokio::test]
    async fn anywhere_is_both_families() {
        let listener = listen(&anywhere(0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        // A machine without IPv6 has nothing to connect to.
        if std::net::TcpListener::bind("[::1]:0").is_ok() {
            TcpStream::connect(("::1", port)).await.unwrap();
        }
    }
}
