//! Listening for connections, of clients and of servers alike. Not here: what a taken port is called in an error
//! (`node::ports`).

use std::{io, net::SocketAddr};

use tokio::net::{TcpListener, TcpSocket};

/// Connections that wait to be accepted: as many as clients that come back at once after their connector was restarted. The
/// kernel's own limit, `net.core.somaxconn`, is usually 4096 too.
const BACKLOG: u32 = 4096;

/// Listens; port 0 takes a free one.
pub(crate) fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A server that is started again must not wait for old connections of its port to be forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    socket.listen(BACKLOG)
}
