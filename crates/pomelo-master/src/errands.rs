//! What [`crate::control`] wants done that takes time: writes to and reads from the coordinator's store, and a look whether
//! anybody listens at an address. Each ends as one event, whatever happens.
//!
//! Writes are made in the order they were asked for, as many at once as the store takes in one step. Nothing is decided here:
//! not even whether a write is made again.

use std::{collections::VecDeque, io, sync::Arc, time::Duration};

use pomelo_cluster::coordinator::{
    Candidacy, MasterAddr, StoreError, Term, Write,
    store::{STEP_BYTES_MAX, WRITES_MAX},
};
use pomelo_protocol::ServerId;
use tokio::{
    net::TcpStream,
    sync::{Semaphore, mpsc},
    task::JoinSet,
    time::timeout,
};

use crate::control::Event;

/// Writes that wait; one more fails at once.
const WAITING_MAX: usize = 1024;
/// How long a write or a read may take. The coordinator has its own, shorter limits; this one is for those it lacks.
const STORE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection attempt may take: a machine that does not answer says nothing about its processes.
const PROBE_TIMEOUT: Duration = Duration::from_secs(1);
/// Connection attempts at once: a network that fails takes thousands of links with it. One more is not made, and says nothing.
const PROBES_MAX: usize = 256;

/// Everything under way.
pub(crate) struct Errands {
    waiting: VecDeque<Waiting>,
    writing: bool,
    probes: Arc<Semaphore>,
    tasks: JoinSet<()>,
    done: mpsc::Sender<Done>,
    events: mpsc::Receiver<Done>,
    ready: VecDeque<Event>,
}

struct Waiting {
    id: u64,
    epoch: u64,
    writes: Vec<Write>,
}

enum Done {
    Written(Vec<u64>, Result<(), StoreError>),
    Other(Event),
}

impl Errands {
    pub(crate) fn new() -> Self {
        // Each task says one thing, so that this only bounds how much is said at once.
        let (done, events) = mpsc::channel(64);
        Self {
            waiting: VecDeque::new(),
            writing: false,
            probes: Arc::new(Semaphore::new(PROBES_MAX)),
            tasks: JoinSet::new(),
            done,
            events,
            ready: VecDeque::new(),
        }
    }

    /// Writes, in the term `epoch`, through the place in the queue that this master has at the moment of writing.
    pub(crate) fn store(
        &mut self,
        place: Option<Arc<dyn Candidacy>>,
        id: u64,
        epoch: u64,
        writes: Vec<Write>,
    ) {
        if self.waiting.len() >= WAITING_MAX {
            let result = Err(StoreError::Unavailable(format!("{WAITING_MAX} writes wait already")));
            return self.ready.push_back(Event::Stored { id, result });
        }
        self.waiting.push_back(Waiting { id, epoch, writes });
        self.write(place);
    }

    /// Begins the next step, if none is under way: called again after each [`Errands::next`].
    pub(crate) fn write(&mut self, place: Option<Arc<dyn Candidacy>>) {
        if self.writing {
            return;
        }
        let Some(place) = place else {
            let stored = |waiting: Waiting| Event::Stored { id: waiting.id, result: Err(no_place()) };
            return self.ready.extend(self.waiting.drain(..).map(stored));
        };
        let Some((epoch, ids, writes)) = self.next_step() else { return };
        self.writing = true;
        let done = self.done.clone();
        self.tasks.spawn(async move {
            let term = Term { epoch };
            let written = timeout(STORE_TIMEOUT, place.write(&term, writes)).await;
            let result = written.unwrap_or_else(|_| Err(too_long()));
            _ = done.send(Done::Written(ids, result)).await;
        });
    }

    /// As many writes as fit in one step.
    fn next_step(&mut self) -> Option<(u64, Vec<u64>, Vec<Write>)> {
        let first = self.waiting.pop_front()?;
        let (mut ids, mut writes) = (vec![first.id], first.writes);
        let mut bytes = bytes_of(&writes);
        while let Some(next) = self.waiting.front() {
            let fits = writes.len() + next.writes.len() <= WRITES_MAX
                && bytes + bytes_of(&next.writes) <= STEP_BYTES_MAX;
            // A key that is written twice in one step is not every store's.
            let apart = next.writes.iter().all(|write| writes.iter().all(|other| other.key() != write.key()));
            if next.epoch != first.epoch || !fits || !apart {
                break;
            }
            let Some(next) = self.waiting.pop_front() else { break };
            bytes += bytes_of(&next.writes);
            ids.push(next.id);
            writes.extend(next.writes);
        }
        Some((first.epoch, ids, writes))
    }

    /// Reads a folder.
    pub(crate) fn read(&mut self, place: Option<Arc<dyn Candidacy>>, id: u64, folder: &'static str) {
        let Some(place) = place else {
            return self.ready.push_back(Event::Read { id, folder, result: Err(no_place()) });
        };
        let done = self.done.clone();
        self.tasks.spawn(async move {
            let read = timeout(STORE_TIMEOUT, place.list(folder)).await;
            let result = read.unwrap_or_else(|_| Err(too_long()));
            _ = done.send(Done::Other(Event::Read { id, folder, result })).await;
        });
    }

    /// Finds out whether the machine of a server says that nobody listens at its address.
    pub(crate) fn probe(&mut self, server: ServerId, incarnation: Option<u64>, addr: MasterAddr) {
        let Ok(permit) = Arc::clone(&self.probes).try_acquire_owned() else {
            return self.ready.push_back(Event::Probed { server, incarnation, refused: false });
        };
        let done = self.done.clone();
        self.tasks.spawn(async move {
            let _permit = permit;
            let dialled = timeout(PROBE_TIMEOUT, TcpStream::connect((addr.host.as_str(), addr.port))).await;
            let refused = matches!(dialled, Ok(Err(why)) if why.kind() == io::ErrorKind::ConnectionRefused);
            _ = done.send(Done::Other(Event::Probed { server, incarnation, refused })).await;
        });
    }

    /// Anything else that takes time.
    pub(crate) fn run(&mut self, errand: impl Future<Output = Event> + Send + 'static) {
        let done = self.done.clone();
        self.tasks.spawn(async move { _ = done.send(Done::Other(errand.await)).await });
    }

    /// What has been done; never ends. Cancel safe.
    pub(crate) async fn next(&mut self) -> Event {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return event;
            }
            // Never empty of senders: one is kept here.
            match self.events.recv().await {
                Some(Done::Other(event)) => self.ready.push_back(event),
                Some(Done::Written(ids, result)) => {
                    self.writing = false;
                    let stored = |id| Event::Stored { id, result: result.clone() };
                    self.ready.extend(ids.into_iter().map(stored));
                }
                None => std::future::pending().await,
            }
            while self.tasks.try_join_next().is_some() {}
        }
    }
}

fn bytes_of(writes: &[Write]) -> usize {
    let value = |write: &Write| match write {
        Write::Put { value, .. } => value.len(),
        Write::Delete { .. } => 0,
    };
    writes.iter().map(|write| write.key().len() + value(write)).sum()
}

fn no_place() -> StoreError {
    StoreError::Unavailable("this master has no place in the coordinator's queue".to_owned())
}

fn too_long() -> StoreError {
    StoreError::Unavailable(format!("no answer within {} s", STORE_TIMEOUT.as_secs()))
}

#[cfg(test)]
mod tests;
