//! Connections: how many there are, how long they may take, and how they end. Not here: what is answered.

use std::{
    collections::HashMap,
    convert::Infallible,
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
    time::{sleep, timeout},
};
use tracing::{debug, warn};

use crate::{replies::Refusal, site::Site};

/// What connections may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once; more wait until one of them ends.
    pub connections: usize,
    /// Connections of one address at once; one more is closed. Not counted behind a proxy.
    pub connections_of_one: usize,
    /// From the opening, or from the last answer, until the head of a request is complete: then the connection is closed.
    pub head_within: Duration,
    /// From there until the body is complete: then the answer is 408.
    pub body_within: Duration,
    /// From there until the answer is ready: then it is 503.
    pub answer_within: Duration,
    /// After this time a connection takes no other request ...
    pub connection_ends_after: Duration,
    /// ... and this much later it is closed, however slowly the answer is read.
    pub last_answer_within: Duration,
    /// What the answers in hand have when the server ends.
    pub stop_within: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1_024,
            connections_of_one: 128,
            head_within: Duration::from_secs(15),
            body_within: Duration::from_secs(5),
            answer_within: Duration::from_secs(15),
            connection_ends_after: Duration::from_secs(120),
            last_answer_within: Duration::from_secs(60),
            stop_within: Duration::from_secs(5),
        }
    }
}

/// Largest head of a request, in bytes, and most of its fields.
const HEAD_BYTES_MAX: usize = 16 * 1024;
const HEAD_FIELDS_MAX: usize = 64;

/// Pause after a connection could not be taken, because there are no more file descriptors for example.
const PAUSE: Duration = Duration::from_millis(100);

/// Answers who connects, until `stop` is ready and the answers in hand are given.
pub async fn serve(listener: TcpListener, site: Arc<Site>, stop: impl Future<Output = ()>) {
    let limits = site.limits;
    let places = Arc::new(Semaphore::new(limits.connections));
    let crowd = Arc::new(Crowd::default());
    let (ends, ended) = watch::channel(false);
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            // What they return says nothing; the set is to forget them.
            Some(_) = connections.join_next() => {}
            accepted = next(&listener, &places) => match accepted {
                Ok((stream, peer, place)) => {
                    let peer = peer.ip().to_canonical();
                    let most = if site.is_behind_proxy() { usize::MAX } else { limits.connections_of_one };
                    if let Some(seat) = Crowd::take(&crowd, peer, most) {
                        let (site, ended) = (Arc::clone(&site), ended.clone());
                        connections.spawn(async move {
                            connection(stream, peer, site, ended).await;
                            drop((seat, place));
                        });
                    } else {
                        debug!(%peer, "too many connections of one address");
                    }
                }
                Err(error) => {
                    warn!(%error, "could not take a connection");
                    sleep(PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    ends.send_replace(true);
    let all = async { while connections.join_next().await.is_some() {} };
    if timeout(limits.stop_within, all).await.is_err() {
        debug!("some answers were not read to their end");
    }
}

async fn next(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, place))
}

async fn connection(stream: TcpStream, peer: IpAddr, site: Arc<Site>, mut ended: watch::Receiver<bool>) {
    let limits = site.limits;
    // Answers are written whole.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let site = Arc::clone(&site);
        async move {
            let within = limits.body_within + limits.answer_within;
            let answered = timeout(within, site.answer(request, peer)).await;
            Ok::<_, Infallible>(answered.unwrap_or_else(|_| Refusal::Busy.reply()))
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_within)
        .max_headers(HEAD_FIELDS_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    tokio::select! {
        done = &mut connection => {
            if let Err(error) = done {
                debug!(%peer, %error, "a connection broke");
            }
            return;
        }
        () = sleep(limits.connection_ends_after) => {}
        _ = ended.wait_for(|ended| *ended) => {}
    }
    connection.as_mut().graceful_shutdown();
    if timeout(limits.last_answer_within, connection).await.is_err() {
        debug!(%peer, "an answer was not read to its end");
    }
}

/// How many connections each address has.
#[derive(Debug, Default)]
struct Crowd(Mutex<HashMap<IpAddr, usize>>);

impl Crowd {
    fn take(this: &Arc<Self>, address: IpAddr, most: usize) -> Option<Seat> {
        let mut crowd = this.0.lock().unwrap_or_else(PoisonError::into_inner);
        let there = crowd.entry(address).or_default();
        if *there >= most {
            return None;
        }
        *there += 1;
        Some(Seat { crowd: Arc::clone(this), address })
    }
}

/// One connection of an address.
struct Seat {
    crowd: Arc<Crowd>,
    address: IpAddr,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut crowd = self.crowd.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(there) = crowd.get_mut(&self.address) {
            *there -= 1;
            if *there == 0 {
                crowd.remove(&self.address);
            }
        }
    }
}
