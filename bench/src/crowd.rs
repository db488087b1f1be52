//! Thousands of servers in one process, as far as masters can tell: each keeps a link to every master, registers, pings, answers, and
//! follows the highest epoch that is announced, as `pomelo_cluster::follow` does, with the same pauses between attempts.
//!
//! What is left out is what would not fit: each real server keeps the list of all others, and here nobody does. A server here takes
//! it that its list has the digest which the leader announces, which is the normal case of a failover and of servers that
//! remember the cluster. It runs in a thread of its own, so that who measures is not in its way.

mod link;

use std::{
    cell::Cell,
    collections::BTreeMap,
    rc::Rc,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use pomelo_cluster::{coordinator::MasterAddr, membership::Version};
use pomelo_protocol::ServerInfo;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::json;
use tokio::{
    sync::{Semaphore, watch},
    task::LocalSet,
    time::sleep,
};

/// Pauses between attempts, as the real follower's.
const RETRY_MS: std::ops::RangeInclusive<u64> = 50..=2_000;

/// Files a link needs, here and at its master, and some for all the rest.
const SPARE_FILES: u64 = 1_000;

/// A crowd of servers.
pub(crate) struct Crowd {
    told: Arc<Tally>,
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<Result<()>>>,
}

/// What the thread tells.
#[derive(Debug, Default)]
struct Tally {
    /// Links to each master that are registered.
    linked: BTreeMap<MasterAddr, AtomicUsize>,
    /// How many servers follow each epoch, and when the last one began.
    followed: Mutex<BTreeMap<u64, (usize, Instant)>>,
    /// Registrations that were refused, the last with its reason.
    refused: Mutex<Option<String>>,
    dials: AtomicUsize,
}

impl Tally {
    fn follows(&self, epoch: u64) {
        let mut followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = followed.entry(epoch).or_insert((0, Instant::now()));
        *entry = (entry.0 + 1, Instant::now());
    }
}

impl Crowd {
    /// Begins to dial, so many at once. `ping` is how often each link pings.
    pub(crate) fn start(
        servers: usize,
        masters: &[MasterAddr],
        ping: Duration,
        dialling: usize,
    ) -> Result<Self> {
        open_files_max((servers * masters.len()) as u64 + SPARE_FILES)?;
        let linked = masters.iter().map(|addr| (addr.clone(), AtomicUsize::new(0))).collect();
        let told = Arc::new(Tally { linked, ..Tally::default() });
        let (stop, stopped) = watch::channel(false);
        let (masters, tally) = (masters.to_vec(), Arc::clone(&told));
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(LocalSet::new().run_until(run(
                servers,
                masters,
                tally,
                (ping, dialling),
                stopped,
            )));
            Ok(())
        });
        Ok(Self { told, stop, thread: Some(thread) })
    }

    /// How many are registered at a master.
    pub(crate) fn linked(&self, master: &MasterAddr) -> usize {
        self.told.linked.get(master).map_or(0, |linked| linked.load(Relaxed))
    }

    /// How many follow this epoch, and since when the last of them does.
    pub(crate) fn followed(&self, epoch: u64) -> Option<(usize, Instant)> {
        self.told.followed.lock().unwrap_or_else(PoisonError::into_inner).get(&epoch).copied()
    }

    /// The highest epoch that any follows.
    pub(crate) fn epoch(&self) -> u64 {
        let followed = self.told.followed.lock().unwrap_or_else(PoisonError::into_inner);
        followed.last_key_value().map_or(0, |(epoch, _)| *epoch)
    }

    /// Why a master refused one, if any did.
    pub(crate) fn refused(&self) -> Option<String> {
        self.told.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How often any of them dialled.
    pub(crate) fn dials(&self) -> usize {
        self.told.dials.load(Relaxed)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            // Its error was there from the start and everything else has failed for it.
            let _ = thread.join();
        }
    }
}

/// Raises the limit of open files, of this process and of those it starts.
pub(crate) fn open_files_max(wanted: u64) -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let enough = |limit: Option<u64>| limit.is_none_or(|limit| limit >= wanted);
    if enough(limit.current) {
        return Ok(());
    }
    let maximum = if enough(limit.maximum) { limit.maximum } else { Some(wanted) };
    setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum })
        .with_context(|| format!("{wanted} open files are not allowed here (ulimit -n)"))
}

/// What all links of the thread share.
struct Shared {
    told: Arc<Tally>,
    dialling: Semaphore,
    ping: Duration,
    /// The last announcement as it came: thousands of the same need not be read.
    announced: Cell<Option<(Bytes, Version)>>,
}

struct Server {
    info: ServerInfo,
    epoch: Cell<u64>,
}

async fn run(
    servers: usize,
    masters: Vec<MasterAddr>,
    told: Arc<Tally>,
    (ping, dialling): (Duration, usize),
    mut stopped: watch::Receiver<bool>,
) {
    let shared =
        Rc::new(Shared { told, dialling: Semaphore::new(dialling), ping, announced: Cell::default() });
    for n in 1..=servers {
        let Ok(info) = server(n) else { return };
        let server = Rc::new(Server { info, epoch: Cell::new(0) });
        for master in &masters {
            tokio::task::spawn_local(keep(Rc::clone(&shared), Rc::clone(&server), master.clone()));
        }
    }
    // The tasks end with the set.
    let _ = stopped.wait_for(|stop| *stop).await;
}

/// The record of one of them.
pub(crate) fn server(n: usize) -> Result<ServerInfo> {
    let record = json!({
        "id": format!("crowd-server-{n}"), "serverType": "chat", "host": "127.0.0.1", "port": 1 + n % 60_000,
        "pid": n, "incarnation": n,
    });
    Ok(serde_json::from_value(record)?)
}

/// One server's link to one master, again and again.
async fn keep(shared: Rc<Shared>, server: Rc<Server>, master: MasterAddr) {
    let mut last = *RETRY_MS.start();
    loop {
        let permit = shared.dialling.acquire().await;
        shared.told.dials.fetch_add(1, Relaxed);
        let opened = link::open(&shared, &server, &master).await;
        drop(permit);
        match opened {
            Ok(mut link) => {
                let linked = shared.told.linked.get(&master);
                linked.inspect(|linked| _ = linked.fetch_add(1, Relaxed));
                let since = Instant::now();
                // Any end is the end of the link; the next attempt tells more.
                let _ = link.converse(&shared, &server).await;
                linked.inspect(|linked| _ = linked.fetch_sub(1, Relaxed));
                if since.elapsed() > Duration::from_secs(1) {
                    last = *RETRY_MS.start();
                }
            }
            Err(error) => {
                let text = format!("{error:#}");
                if text.contains("refused the registration") {
                    *shared.told.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
                }
            }
        }
        last = fastrand::u64(*RETRY_MS.start()..=(last * 3).min(*RETRY_MS.end()));
        sleep(Duration::from_millis(last)).await;
    }
}
