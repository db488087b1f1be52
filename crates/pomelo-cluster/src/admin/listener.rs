//! Where a master accepts links.

use std::{
    io,
    net::SocketAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpSocket, TcpStream, lookup_host},
    time::{Instant, sleep},
};

/// How many connections the kernel holds for a master that is busy: after a failover everybody may come at once.
const BACKLOG: u32 = 4096;
/// How long to wait when the process is out of file descriptors.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);
/// That is said at once, and again so often while it lasts.
const COMPLAIN_INTERVAL: Duration = Duration::from_secs(5);

/// A port of the admin protocol.
#[derive(Debug)]
pub struct AdminListener {
    listener: TcpListener,
    complained: Mutex<Option<Instant>>,
}

impl AdminListener {
    /// Listens; port 0 takes a free one.
    pub async fn bind(host: &str, port: u16) -> io::Result<Self> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "host name has no address");
        for addr in lookup_host((host, port)).await? {
            match listen(addr) {
                Ok(listener) => return Ok(Self { listener, complained: Mutex::default() }),
                Err(e) => last = e,
            }
        }
        Err(last)
    }

    /// Where it listens.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// The next connection; [`Link::accept`](super::Link::accept) takes it on, in a task of its own, since the peer may be slow
    /// or silent. Never fails: what goes wrong with one connection is not the end of the others. Cancel safe.
    pub async fn accept(&self) -> TcpStream {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => return stream,
                Err(e) if is_of_one_connection(&e) => {}
                Err(error) => {
                    self.complain(&error);
                    sleep(ACCEPT_RETRY).await;
                }
            }
        }
    }

    fn complain(&self, error: &io::Error) {
        let mut complained = self.complained.lock().unwrap_or_else(PoisonError::into_inner);
        if complained.is_none_or(|at| at.elapsed() >= COMPLAIN_INTERVAL) {
            *complained = Some(Instant::now());
            tracing::warn!(target: "pomelo::admin", %error, "can't accept connections, trying again");
        }
    }
}

fn listen(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A master that is started again must get its port although old connections still linger there.
    socket.set_reuseaddr(true)?;
    // Connections inherit it. A tool may be silent for ever; one whose machine is gone must not hold its place as long.
    socket.set_keepalive(true)?;
    socket.bind(addr)?;
    socket.listen(BACKLOG)
}

fn is_of_one_connection(e: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(e.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
