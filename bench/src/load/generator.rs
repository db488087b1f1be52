//! The work that a server is given: requests in a closed or an open loop, pushes, connections that only stay. One thread.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    io,
    rc::Rc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use tokio::{
    sync::mpsc,
    task::spawn_local,
    time::{MissedTickBehavior, interval, sleep, sleep_until},
};

use super::{
    connection::{Connection, DATA, HEARTBEAT, KICK, frame, is_push, is_response},
    process::{Process, Used},
};

/// Connections opened at the same time.
const OPENING: usize = 50;

/// Before anything is measured.
const WARM_UP: Duration = Duration::from_secs(1);

/// How often it is looked whether the next push may go.
const TURN: Duration = Duration::from_millis(1);

/// Clients that ask for pushes, in turn: one alone would have to wait for each answer, because requests of a session are
/// handled one after the other.
const SPEAKERS: usize = 32;

/// Longer than any run that goes on.
const STUCK: Duration = Duration::from_secs(60);

/// Bytes of text in each message.
const TEXT: usize = 64;

/// What clients do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Work {
    /// Requests to this route, each as soon as the former is answered.
    Echo { route: &'static str },
    /// So many requests a second by all together, whether they are answered or not.
    EchoAt { route: &'static str, per_second: f64 },
    /// So many pushes to everybody, at most `window` of them under way.
    Push { pushes: usize, window: usize },
    /// Pushes to everybody at a steady rate.
    PushAt { pushes: usize, per_second: f64 },
    /// Nothing.
    Idle,
}

/// What came of it.
pub(super) struct Measured {
    /// Answers, deliveries or connections.
    pub(super) units: f64,
    pub(super) seconds: f64,
    /// What each process of the server used meanwhile.
    pub(super) used: Vec<Used>,
    /// From the planned moment of a request to its answer; sorted.
    pub(super) latencies: Vec<Duration>,
    /// Connections lost and kicks.
    pub(super) errors: usize,
}

impl Measured {
    /// So many of a hundred latencies are not longer.
    pub(super) fn percentile(&self, p: usize) -> Option<Duration> {
        self.latencies.get(self.latencies.len().saturating_sub(1) * p / 100).copied()
    }
}

/// What all clients share.
struct Shared {
    measuring: Cell<bool>,
    stopping: Cell<bool>,
    units: Cell<usize>,
    errors: Cell<usize>,
    latencies: RefCell<Vec<Duration>>,
}

/// Opens `clients` connections to these addresses in turn, has them work for `seconds` where it is a matter of time, and closes them. Within a `LocalSet`.
pub(super) async fn run(
    work: Work,
    addrs: &[&str],
    clients: usize,
    seconds: f64,
    servers: &[Process],
    room: Option<&str>,
) -> Result<Measured> {
    // Before, so that what the connections take in memory is seen.
    let empty: Vec<_> = servers.iter().map(Process::used).collect::<Result<_>>()?;
    let connections = connect(addrs, clients, room).await?;
    let shared = Rc::new(Shared {
        measuring: Cell::new(false),
        stopping: Cell::new(false),
        units: Cell::new(0),
        errors: Cell::new(0),
        latencies: RefCell::default(),
    });
    let mut speakers = Vec::new();
    for (n, connection) in connections.into_iter().enumerate() {
        let shared = Rc::clone(&shared);
        match work {
            Work::Echo { route } => drop(spawn_local(echo(connection, route, shared))),
            Work::EchoAt { route, per_second } => {
                let gap = clients as f64 / per_second;
                let first = gap * n as f64 / clients as f64;
                drop(spawn_local(echo_at(connection, route, first, gap, shared)));
            }
            Work::Push { .. } | Work::PushAt { .. } | Work::Idle => {
                let pushes = (n < SPEAKERS).then(|| {
                    let (push, pushes) = mpsc::channel(1);
                    speakers.push(push);
                    pushes
                });
                drop(spawn_local(listen(connection, pushes, shared)));
            }
        }
    }
    let ask = async |n: usize| speakers[n % speakers.len()].send(()).await;
    sleep(WARM_UP).await;
    if matches!(work, Work::Push { .. } | Work::PushAt { .. }) {
        // The first pushes find every buffer small.
        for n in 0..20 {
            ask(n).await?;
        }
        delivered(&shared, 20 * clients).await?;
    }
    let before: Vec<_> = match work {
        Work::Idle => empty,
        _ => servers.iter().map(Process::used).collect::<Result<_>>()?,
    };
    shared.units.set(0);
    shared.measuring.set(true);
    let began = Instant::now();
    match work {
        Work::Echo { .. } | Work::EchoAt { .. } | Work::Idle => sleep(Duration::from_secs_f64(seconds)).await,
        Work::Push { pushes, window } => {
            for sent in 1..=pushes {
                ask(sent).await?;
                delivered(&shared, (sent * clients).saturating_sub((window - 1) * clients)).await?;
            }
            delivered(&shared, pushes * clients).await?;
        }
        Work::PushAt { pushes, per_second } => {
            for sent in 0..pushes {
                let due = began + Duration::from_secs_f64(sent as f64 / per_second);
                sleep_until(due.into()).await;
                ask(sent).await?;
            }
            delivered(&shared, pushes * clients).await?;
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    let after: Vec<_> = servers.iter().map(Process::used).collect::<Result<_>>()?;
    shared.measuring.set(false);
    shared.stopping.set(true);
    let mut latencies = shared.latencies.take();
    latencies.sort_unstable();
    let units = if work == Work::Idle { clients } else { shared.units.get() };
    Ok(Measured {
        units: units as f64,
        seconds,
        used: after.iter().zip(&before).map(|(after, before)| after.since(before)).collect(),
        latencies,
        errors: shared.errors.get(),
    })
}

async fn connect(addrs: &[&str], clients: usize, room: Option<&str>) -> Result<Vec<Connection>> {
    let mut connections = Vec::with_capacity(clients);
    while connections.len() < clients {
        let first = connections.len();
        let opening: Vec<_> = (first..clients.min(first + OPENING))
            .map(|n| {
                let (addr, room) = (addrs[n % addrs.len()].to_owned(), room.map(str::to_owned));
                spawn_local(async move { enter(&addr, n, room).await })
            })
            .collect();
        for connection in opening {
            connections.push(connection.await?.with_context(|| format!("a client of {addrs:?}"))?);
        }
    }
    Ok(connections)
}

async fn enter(addr: &str, n: usize, room: Option<String>) -> Result<Connection> {
    let mut connection = Connection::open(addr).await?;
    if let Some(room) = room {
        let who = json!({"username": format!("u{n}"), "rid": room, "quiet": true, "chatId": "chat-server-1"});
        let answer = connection.call("connector.entryHandler.enter", &who).await?;
        if answer["code"] != 200 {
            bail!("entering was refused: {answer}");
        }
    }
    Ok(connection)
}

/// Waits until so many pushes came since the measurement began.
async fn delivered(shared: &Shared, wanted: usize) -> Result<()> {
    let began = Instant::now();
    while shared.units.get() < wanted {
        if began.elapsed() > STUCK {
            bail!("only {} of {wanted} deliveries in {} s", shared.units.get(), STUCK.as_secs());
        }
        sleep(TURN).await;
    }
    Ok(())
}

/// The `interval` of a client's heartbeats.
fn heartbeats(connection: &Connection) -> tokio::time::Interval {
    let mut beats = interval(connection.heartbeat.unwrap_or(Duration::from_secs(3600)));
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    beats
}

/// Ends with the connection or the measurement; a connection that is lost before is an error.
async fn counted(shared: &Shared, work: impl Future<Output = io::Result<()>>) {
    if work.await.is_err() && !shared.stopping.get() {
        shared.errors.set(shared.errors.get() + 1);
    }
}

async fn echo(mut connection: Connection, route: &str, shared: Rc<Shared>) {
    let request = connection.request(1, route, &text());
    let mut beats = heartbeats(&connection);
    let work = async {
        while !shared.stopping.get() {
            let sent = Instant::now();
            connection.send(&request).await?;
            let mut answered = false;
            while !answered {
                tokio::select! {
                    read = connection.read(|kind, body| {
                        answered |= kind == DATA && is_response(body);
                        kicked(&shared, kind);
                    }) => read?,
                    _ = beats.tick() => connection.send(&frame(HEARTBEAT, b"")).await?,
                }
            }
            answered_after(&shared, sent);
        }
        Ok(())
    };
    counted(&shared, work).await;
}

async fn echo_at(mut connection: Connection, route: &str, first: f64, gap: f64, shared: Rc<Shared>) {
    let request = connection.request(1, route, &text());
    let mut beats = heartbeats(&connection);
    let mut due = Instant::now() + Duration::from_secs_f64(first);
    // Answers of one session come in the order of its requests.
    let mut planned = VecDeque::new();
    let work = async {
        while !shared.stopping.get() {
            tokio::select! {
                read = connection.read(|kind, body| {
                    if kind == DATA && is_response(body) && let Some(at) = planned.pop_front() {
                        answered_after(&shared, at);
                    }
                    kicked(&shared, kind);
                }) => read?,
                () = sleep_until(due.into()) => {
                    connection.send(&request).await?;
                    planned.push_back(due);
                    due += Duration::from_secs_f64(gap);
                }
                _ = beats.tick() => connection.send(&frame(HEARTBEAT, b"")).await?,
            }
        }
        Ok(())
    };
    counted(&shared, work).await;
}

/// Counts pushes; a client with `pushes` has them sent.
async fn listen(mut connection: Connection, mut pushes: Option<mpsc::Receiver<()>>, shared: Rc<Shared>) {
    let request = connection.request(1, "chat.chatHandler.bench", &json!({"n": 1, "msg": "x".repeat(TEXT)}));
    let mut beats = heartbeats(&connection);
    let work = async {
        while !shared.stopping.get() {
            let wanted = async {
                match &mut pushes {
                    Some(pushes) => pushes.recv().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                read = connection.read(|kind, body| {
                    if kind == DATA && is_push(body) {
                        shared.units.set(shared.units.get() + 1);
                    }
                    kicked(&shared, kind);
                }) => read?,
                push = wanted => match push {
                    Some(()) => connection.send(&request).await?,
                    None => return Ok(()),
                },
                _ = beats.tick() => connection.send(&frame(HEARTBEAT, b"")).await?,
            }
        }
        Ok(())
    };
    counted(&shared, work).await;
}

fn text() -> Value {
    json!({"msg": "x".repeat(TEXT)})
}

fn answered_after(shared: &Shared, sent: Instant) {
    if shared.measuring.get() {
        shared.units.set(shared.units.get() + 1);
        shared.latencies.borrow_mut().push(sent.elapsed());
    }
}

fn kicked(shared: &Shared, kind: u8) {
    if kind == KICK {
        shared.errors.set(shared.errors.get() + 1);
    }
}
