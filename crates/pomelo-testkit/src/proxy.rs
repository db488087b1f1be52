//! A TCP proxy whose lines can be cut: partitions without rights, on one machine. One direction at a time or delays are
//! not here yet.

use std::{io, net::SocketAddr};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinHandle,
};

/// What happens to what is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// It arrives.
    Pass,
    /// It is held back, and nobody is told: what a partition looks like. New connections are accepted and lead nowhere.
    Silent,
    /// Connections are closed, new ones too.
    Closed,
}

/// Listens on a free port of its own and forwards to one address.
#[derive(Debug)]
pub struct Proxy {
    addr: SocketAddr,
    line: watch::Sender<Line>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Starts forwarding to `target`, `host:port`.
    pub async fn to(target: &str) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let addr = listener.local_addr()?;
        let (line, state) = watch::channel(Line::Pass);
        let task = tokio::spawn(accept(listener, target.to_owned(), state));
        Ok(Self { addr, line, task })
    }

    /// Where to connect instead of the target, `host:port`.
    pub fn addr(&self) -> String {
        self.addr.to_string()
    }

    /// From now on.
    pub fn set(&self, line: Line) {
        self.line.send_replace(line);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.line.send_replace(Line::Closed);
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, target: String, line: watch::Receiver<Line>) {
    while let Ok((client, _)) = listener.accept().await {
        tokio::spawn(forward(client, target.clone(), line.clone()));
    }
}

async fn forward(client: TcpStream, target: String, mut line: watch::Receiver<Line>) {
    if line.wait_for(|line| *line != Line::Silent).await.is_ok_and(|line| *line == Line::Closed) {
        return;
    }
    let Ok(server) = TcpStream::connect(target).await else { return };
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    tokio::select! {
        () = pump(from_client, to_server, line.clone()) => {}
        () = pump(from_server, to_client, line.clone()) => {}
        // Also when the proxy is gone.
        _ = line.wait_for(|line| *line == Line::Closed) => {}
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut line: watch::Receiver<Line>) {
    let mut buffer = [0; 4096];
    loop {
        let Ok(n @ 1..) = from.read(&mut buffer).await else { return };
        if line.wait_for(|line| *line == Line::Pass).await.is_err()
            || to.write_all(&buffer[..n]).await.is_err()
        {
            return;
        }
    }
}
