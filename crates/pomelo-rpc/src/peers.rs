//! Which link belongs to which peer: dials them, takes those the peers open, and keeps one connection a pair (`verdict`). Not
//! here: the API (`links`), and links themselves.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use fastrand::Rng;
use futures_util::future::join_all;
use pomelo_protocol::ServerId;
use rustc_hash::FxHashMap;
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::{Instant, sleep, timeout};

use crate::backoff::Backoff;
use crate::drive::{Connection, End, drive, keep_time};
use crate::frame::{Frame, Reason};
use crate::hello::{Greeted, HelloError, Refusal, be_greeted, greet, refuse};
use crate::incoming::Incoming;
use crate::link::{Link, Lost, Phase, millis};
use crate::links::{FAR, Hello, Resolve};
use crate::tasks::Tasks;
use crate::transport::{Connect, Stream, to_itself};
use crate::verdict::{Verdict, judge};
use crate::{DialError, ErrorKind, Limit, Limits, RpcError, Secret, Service};

/// How soon a dial is repeated when the peer says that it keeps a connection this side does not have (any more).
const DUPLICATE_PAUSE: Duration = Duration::from_millis(20);

/// What the side with the higher id is told when both have dialled.
const KEPT: &str = "the connection opened by this side stays";

/// Everything the links of one server share.
pub(crate) struct Peers {
    pub(crate) me: Hello,
    pub(crate) limits: Arc<Limits>,
    /// What whoever is linked has to know.
    secret: Option<Secret>,
    /// Becomes true when [`Peers::close`] is called.
    pub(crate) closing: watch::Sender<bool>,
    resolve: Resolve,
    service: Arc<dyn Service>,
    connect: Connect,
    table: Mutex<Table>,
    /// One task a link that is up.
    links: Tasks,
    /// Dials, hellos and calls of peers.
    work: Tasks,
}

struct Table {
    peers: FxHashMap<ServerId, Peer>,
    /// Links made so far.
    made: u64,
    closing: bool,
    rng: Rng,
}

#[derive(Default)]
struct Peer {
    link: Option<Arc<Link>>,
    /// The peer's own connection, held back until our dial has come to something.
    held_back: Option<Greeted>,
    backoff: Backoff,
    /// What the last dial failed with.
    failed: Option<Arc<DialError>>,
}

impl Peers {
    pub(crate) fn new(
        me: Hello,
        resolve: Resolve,
        service: Arc<dyn Service>,
        limits: Limits,
        secret: Option<Secret>,
        connect: Connect,
    ) -> Arc<Self> {
        let table = Table { peers: FxHashMap::default(), made: 0, closing: false, rng: Rng::new() };
        Arc::new(Self {
            me,
            limits: Arc::new(limits),
            secret,
            closing: watch::Sender::new(false),
            resolve,
            service,
            connect,
            table: Mutex::new(table),
            links: Tasks::default(),
            work: Tasks::default(),
        })
    }

    /// The link to `server`; starts a dial if there is none.
    pub(crate) fn link_to(self: &Arc<Self>, server: &ServerId) -> Result<Arc<Link>, RpcError> {
        if let Some(link) = self.table().open_link(server) {
            return Ok(link);
        }
        if *server == self.me.id {
            return self.link_to_itself();
        }
        // Foreign code: not under the lock.
        let addr = (self.resolve)(server);
        let mut table = self.table();
        if table.closing {
            return Err(RpcError::local(server, ErrorKind::Closed));
        }
        if let Some(link) = table.open_link(server) {
            return Ok(link);
        }
        let Some(addr) = addr else { return Err(RpcError::local(server, ErrorKind::UnknownServer)) };
        let now = Instant::now();
        let number = table.number();
        let Some(peer) = table.peer(server, self.limits.links_max, now) else {
            return Err(RpcError::local(server, ErrorKind::Busy(Limit::Links)));
        };
        if peer.backoff.holds(now)
            && let Some(error) = &peer.failed
        {
            return Err(RpcError::not_sent(server, ErrorKind::Dial(error.clone())));
        }
        let link = Link::new(server.clone(), number, self.limits.clone());
        peer.link = Some(link.clone());
        drop(table);
        self.work.spawn(self.clone().dial(link.clone(), addr));
        Ok(link)
    }

    /// This server calls itself as it calls others: what was begun goes on when its caller is gone, and the same limits hold.
    fn link_to_itself(self: &Arc<Self>) -> Result<Arc<Link>, RpcError> {
        let me = &self.me.id;
        let mut table = self.table();
        if table.closing {
            return Err(RpcError::local(me, ErrorKind::Closed));
        }
        if let Some(link) = table.open_link(me) {
            return Ok(link);
        }
        // Nobody has to find out whether it is still there.
        let limits = Limits { ping_idle: FAR, dead_after: FAR, ..(*self.limits).clone() };
        let link = Link::new(me.clone(), table.number(), Arc::new(limits));
        table.peers.entry(me.clone()).or_default().link = Some(link.clone());
        let greeted = Greeted { stream: to_itself(), read: BytesMut::new(), peer: self.me.clone() };
        self.attach(link.clone(), greeted, true);
        Ok(link)
    }

    /// The link that takes messages for `server`, if there is one.
    pub(crate) fn present(&self, server: &ServerId) -> Option<Arc<Link>> {
        self.table().open_link(server)
    }

    /// Reads the hello of an accepted connection in a task of its own; `waiting` is held until it is done.
    pub(crate) fn accept(self: &Arc<Self>, stream: Stream, from: String, waiting: OwnedSemaphorePermit) {
        let peers = self.clone();
        self.work.spawn(async move {
            let _waiting = waiting;
            match timeout(peers.limits.hello_timeout, be_greeted(stream, &peers.me, peers.secret.as_ref()))
                .await
            {
                Ok(Ok(greeted)) => peers.greeted(greeted),
                // A port scan or a health check.
                Ok(Err(HelloError::Ended)) => {
                    tracing::debug!(%from, "connection to the RPC port ended without a hello");
                }
                Ok(Err(error)) => tracing::warn!(%from, %error, "connection to the RPC port is no link"),
                Err(_) => tracing::warn!(%from, "connection to the RPC port said no hello in time"),
            }
        });
    }

    /// Ends the link to `server` and forgets its failed dials. This server itself stays.
    pub(crate) fn forget(&self, server: &ServerId) {
        if *server == self.me.id {
            return;
        }
        let peer = self.table().peers.remove(server);
        if let Some(link) = peer.and_then(|peer| peer.link) {
            self.end(&link, Lost::Disconnected("the server was removed from the cluster".into()));
        }
    }

    /// Ends a link to an earlier life of `server` and forgets its failed dials.
    pub(crate) fn forget_before(&self, server: &ServerId, life: u64) {
        let mut table = self.table();
        let Some(peer) = table.peers.get_mut(server) else { return };
        peer.backoff = Backoff::default();
        let earlier = |link: &Arc<Link>| matches!(link.phase(), Phase::Up { incarnation, .. } if incarnation != 0 && incarnation < life);
        let former = if peer.link.as_ref().is_some_and(earlier) { peer.link.take() } else { None };
        drop(table);
        if let Some(link) = former {
            self.end(&link, Lost::Disconnected("the server was started again".into()));
        }
    }

    /// The others with a connection.
    pub(crate) fn linked(&self) -> Vec<ServerId> {
        let table = self.table();
        let up = |peer: &Peer| {
            peer.link.as_ref().is_some_and(|link| matches!(link.phase(), Phase::Up { .. } | Phase::Closing))
        };
        let mut linked: Vec<_> = table
            .peers
            .iter()
            .filter(|(id, peer)| **id != self.me.id && up(peer))
            .map(|(id, _)| id.clone())
            .collect();
        linked.sort();
        linked
    }

    /// See [`crate::Links::close`].
    pub(crate) async fn close(&self) {
        let links: Vec<_> = {
            let mut table = self.table();
            table.closing = true;
            table.peers.values_mut().for_each(|peer| peer.held_back = None);
            table.peers.values().filter_map(|peer| peer.link.clone()).collect()
        };
        links.iter().for_each(|link| link.leave());
        self.closing.send_replace(true);
        let quietly = async {
            // Whoever holds all permits knows that no call of that peer runs, and that none starts.
            let max = u32::try_from(self.limits.calls_in_progress_max).unwrap_or(u32::MAX);
            let idle = join_all(links.iter().map(|link| link.running.acquire_many(max))).await;
            links.iter().for_each(|link| link.close());
            self.links.finished().await;
            drop(idle);
        };
        if timeout(self.limits.close_timeout, quietly).await.is_err() {
            let timeout_ms = self.limits.close_timeout.as_millis();
            tracing::warn!(timeout_ms, "links were closed with calls in progress or bytes unwritten");
        }
        self.stop();
    }

    /// Ends everything where it is.
    pub(crate) fn stop(&self) {
        let peers = {
            let mut table = self.table();
            table.closing = true;
            std::mem::take(&mut table.peers)
        };
        for link in peers.into_values().filter_map(|peer| peer.link) {
            link.fail(Lost::Closed);
        }
        self.links.stop();
        self.work.stop();
    }

    async fn dial(self: Arc<Self>, link: Arc<Link>, addr: String) {
        let limit = self.limits.dial_timeout;
        let outcome = tokio::select! {
            outcome = timeout(limit, self.try_dial(&link, &addr)) => outcome,
            never = keep_time(&link) => match never {},
        };
        let timed_out = || DialError::TimedOut { addr, timeout_ms: millis(limit) };
        let outcome = outcome.unwrap_or_else(|_| Err(timed_out()));
        match outcome {
            Ok(Some(greeted)) => self.dial_succeeded(&link, greeted),
            Ok(None) => {}
            Err(error) => self.dial_failed(&link, error),
        }
    }

    /// `None` if the link was made by the peer, or ended, while this dial was under way.
    async fn try_dial(&self, link: &Link, addr: &str) -> Result<Option<Greeted>, DialError> {
        loop {
            let stream = (self.connect)(addr.to_owned())
                .await
                .map_err(|error| DialError::Connect { addr: addr.to_owned(), error: error.to_string() })?;
            match greet(stream, &self.me, &link.peer, addr, self.secret.as_ref()).await {
                Ok(greeted) => return Ok(Some(greeted)),
                Err(Refusal::Failed(error)) => return Err(error),
                Err(Refusal::Duplicate) if link.phase() != Phase::Dialling => return Ok(None),
                // The peer has not noticed yet that its connection is gone.
                Err(Refusal::Duplicate) => sleep(DUPLICATE_PAUSE).await,
            }
        }
    }

    fn dial_succeeded(self: &Arc<Self>, link: &Arc<Link>, greeted: Greeted) {
        let mut table = self.table();
        let Some(peer) = table.dialling(link) else { return };
        peer.backoff = Backoff::default();
        peer.failed = None;
        let held_back = peer.held_back.take();
        self.attach(link.clone(), greeted, true);
        drop(table);
        if let Some(held_back) = held_back {
            self.refuse(held_back, Reason::Duplicate, KEPT);
        }
    }

    fn dial_failed(self: &Arc<Self>, link: &Arc<Link>, error: DialError) {
        let error = Arc::new(error);
        let mut table = self.table();
        let Table { peers, rng, .. } = &mut *table;
        let Some(peer) = peers.get_mut(&link.peer).filter(|peer| peer.is_dialling(link)) else { return };
        if let Some(held_back) = peer.held_back.take() {
            self.attach(link.clone(), held_back, false);
            return;
        }
        peer.backoff.failed(Instant::now(), self.limits.backoff_min, self.limits.backoff_max, rng);
        peer.failed = Some(error.clone());
        peer.link = None;
        drop(table);
        tracing::warn!(peer = %link.peer, %error, "no link");
        self.end(link, Lost::Dial(error));
    }

    /// A peer opened a connection.
    fn greeted(self: &Arc<Self>, greeted: Greeted) {
        let id = greeted.peer.id.clone();
        // The table is locked in this statement only.
        let admitted = self.admit(&mut self.table(), greeted);
        match admitted {
            Ok(None) => {}
            Ok(Some(former)) => {
                self.end(&former, Lost::Disconnected("the peer opened a new connection".into()));
            }
            Err((greeted, reason, why)) => {
                if reason != Reason::Duplicate {
                    tracing::warn!(peer = %id, why, "refused a link");
                }
                self.refuse(greeted, reason, why);
            }
        }
    }

    /// Puts a peer's connection where it belongs and returns the link it replaces, or says why not.
    fn admit(
        self: &Arc<Self>,
        table: &mut Table,
        greeted: Greeted,
    ) -> Result<Option<Arc<Link>>, (Greeted, Reason, &'static str)> {
        if table.closing {
            return Err((greeted, Reason::Other, "this server is closing its links"));
        }
        let id = greeted.peer.id.clone();
        let present = table.peers.get(&id).and_then(|peer| peer.link.clone());
        let phase = present.as_ref().map_or(Phase::Down, |link| link.phase());
        let verdict = judge(&self.me, &greeted.peer, phase);
        if verdict == Verdict::Impostor {
            return Err((greeted, Reason::WrongId, "this server has that id itself"));
        }
        let number = table.number();
        let Some(peer) = table.peer(&id, self.limits.links_max, Instant::now()) else {
            return Err((greeted, Reason::Other, "this server has too many links"));
        };
        match (verdict, present) {
            (Verdict::Join, Some(link)) => {
                peer.backoff = Backoff::default();
                self.attach(link, greeted, false);
                Ok(None)
            }
            (Verdict::HoldBack, _) => {
                peer.held_back = Some(greeted);
                Ok(None)
            }
            (Verdict::Duplicate, Some(link)) => {
                // If the peer lost our connection and we do not know yet, this brings it to light.
                link.ping();
                Err((greeted, Reason::Duplicate, KEPT))
            }
            (Verdict::Stale, _) => Err((greeted, Reason::Other, "a later process has this server's id")),
            // The others need a link that is there, or were dealt with above.
            (Verdict::Take | Verdict::Join | Verdict::Duplicate | Verdict::Impostor, former) => {
                let link = Link::new(id, number, self.limits.clone());
                peer.link = Some(link.clone());
                peer.backoff = Backoff::default();
                self.attach(link, greeted, false);
                Ok(former)
            }
        }
    }

    /// Gives `link` its connection and starts its task. The table is locked, so nobody sees it in between.
    fn attach(self: &Arc<Self>, link: Arc<Link>, greeted: Greeted, dialled: bool) {
        let Greeted { stream, read, peer } = greeted;
        link.up(peer.incarnation, dialled);
        let mut first = Vec::new();
        if !dialled {
            let Hello { id, incarnation } = self.me.clone();
            Frame::<&str>::Welcome { id, incarnation }.encode(&mut first);
        }
        let incoming = Incoming::new(link.clone(), self.service.clone(), self.work.clone());
        let peers = self.clone();
        self.links.spawn(async move {
            // Made here: a runtime that shuts down drops the task where it is spawned, and there the table is locked.
            let mut ending = Ending { peers, link, why: Lost::Closed };
            tracing::debug!(peer = %ending.link.peer, dialled, "link is up");
            match drive(Connection { stream, read, first }, &ending.link, incoming).await {
                End::Down => tracing::debug!(peer = %ending.link.peer, "link closed"),
                end => {
                    tracing::info!(peer = %ending.link.peer, why = %end, "link lost");
                    ending.because(Lost::Disconnected(end.to_string().into()));
                }
            }
        });
    }

    fn refuse(&self, greeted: Greeted, reason: Reason, message: &'static str) {
        let limit = self.limits.hello_timeout;
        self.work.spawn(async move {
            // If it can't be told, it notices.
            let _ = timeout(limit, refuse(greeted.stream, reason, message.to_owned())).await;
        });
    }

    fn end(&self, link: &Link, why: Lost) {
        let one_ways = link.fail(why);
        if one_ways > 0 {
            tracing::warn!(peer = %link.peer, one_ways, "one-way messages were lost with their link");
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    /// For the next link.
    fn number(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    /// The link that takes messages for `server`.
    fn open_link(&self, server: &ServerId) -> Option<Arc<Link>> {
        let link = self.peers.get(server)?.link.as_ref()?;
        matches!(link.phase(), Phase::Dialling | Phase::Up { .. }).then(|| link.clone())
    }

    /// The entry of `server`, made if there is room for it. Peers that are only remembered make room.
    fn peer(&mut self, server: &ServerId, links_max: usize, now: Instant) -> Option<&mut Peer> {
        if !self.peers.contains_key(server) && self.peers.len() >= links_max {
            self.peers.retain(|_, peer| peer.link.is_some() || peer.backoff.holds(now));
            if self.peers.len() >= links_max {
                return None;
            }
        }
        Some(self.peers.entry(server.clone()).or_default())
    }

    /// The entry of `link`'s peer, if that link is the current one and waits for its dial.
    fn dialling(&mut self, link: &Arc<Link>) -> Option<&mut Peer> {
        self.peers.get_mut(&link.peer).filter(|peer| peer.is_dialling(link))
    }
}

impl Peer {
    fn is_dialling(&self, link: &Arc<Link>) -> bool {
        let current = self.link.as_ref().is_some_and(|current| Arc::ptr_eq(current, link));
        current && link.phase() == Phase::Dialling
    }
}

/// Takes a link out of the table when its task ends, whichever way it ends.
struct Ending {
    peers: Arc<Peers>,
    link: Arc<Link>,
    why: Lost,
}

impl Ending {
    fn because(&mut self, why: Lost) {
        self.why = why;
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        self.peers.end(&self.link, self.why.clone());
        let mut table = self.peers.table();
        if let Some(peer) = table.peers.get(&self.link.peer)
            && peer.link.as_ref().is_some_and(|current| Arc::ptr_eq(current, &self.link))
        {
            table.peers.remove(&self.link.peer);
        }
    }
}
