//! Thousands of servers in a few processes, as far as masters can tell: each keeps a link to every master, registers, pings, answers,
//! and follows the highest epoch that is announced, as `pomelo_cluster::follow` does, with the same pauses between attempts.
//!
//! What is left out is what would not fit: each real server keeps the list of all others, and here nobody does. A server here takes
//! it that its list has the digest which the leader announces, which is the normal case of a failover and of servers that
//! remember the cluster. The servers are played by processes of their own ([`part`]), so that who measures is not in their way and
//! no process needs more open files than it may have.

mod link;
pub(crate) mod part;

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use pomelo_cluster::coordinator::MasterAddr;
use pomelo_protocol::ServerInfo;
use serde_json::json;

use self::part::{Plan, Told, monotonic};

/// Most links of one process: with what else it opens, less than the 20,000 files that systems often allow.
const PART_LINKS_MAX: usize = 16_000;

/// A crowd of servers.
pub(crate) struct Crowd {
    masters: Vec<MasterAddr>,
    parts: Vec<Part>,
}

/// A process that plays some of the servers.
struct Part {
    process: Child,
    told: Arc<Mutex<Told>>,
    reader: Option<JoinHandle<()>>,
}

impl Crowd {
    /// Begins to dial, so many at once. `ping` is how often each link pings.
    pub(crate) fn start(
        servers: usize,
        masters: &[MasterAddr],
        ping: Duration,
        dialling: usize,
    ) -> Result<Self> {
        let parts = (servers * masters.len()).div_ceil(PART_LINKS_MAX).max(1);
        let plan = |part: usize| Plan {
            from: servers * part / parts + 1,
            to: servers * (part + 1) / parts,
            masters: masters.to_vec(),
            ping,
            dialling: dialling.div_ceil(parts),
        };
        let started = (0..parts).map(|part| Part::start(&plan(part)));
        Ok(Self { masters: masters.to_vec(), parts: started.collect::<Result<_>>()? })
    }

    /// How many are registered at a master.
    pub(crate) fn linked(&self, master: &MasterAddr) -> usize {
        let Some(index) = self.masters.iter().position(|addr| addr == master) else { return 0 };
        self.told(|told| told.linked.get(index).copied().unwrap_or_default()).sum()
    }

    /// How many follow this epoch, and since when the last of them does.
    pub(crate) fn followed(&self, epoch: u64) -> Option<(usize, Instant)> {
        let of_epoch = |told: &Told| told.followed.iter().find(|(of, ..)| *of == epoch).copied();
        let all: Vec<_> = self.told(of_epoch).flatten().collect();
        let last = all.iter().map(|(_, _, at)| Duration::from_nanos(*at)).max()?;
        let at = Instant::now().checked_sub(monotonic().saturating_sub(last))?;
        Some((all.iter().map(|(_, count, _)| count).sum(), at))
    }

    /// The highest epoch that any follows.
    pub(crate) fn epoch(&self) -> u64 {
        self.told(|told| told.followed.last().map_or(0, |(epoch, ..)| *epoch)).max().unwrap_or_default()
    }

    /// Why a master refused one, if any did.
    pub(crate) fn refused(&self) -> Option<String> {
        self.told(|told| told.refused.clone()).flatten().next()
    }

    /// How often any of them dialled.
    pub(crate) fn dials(&self) -> usize {
        self.told(|told| told.dials).sum()
    }

    fn told<T>(&self, what: impl Fn(&Told) -> T) -> impl Iterator<Item = T> {
        self.parts.iter().map(move |part| what(&part.told.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

impl Part {
    fn start(plan: &Plan) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("crowd").arg(plan.to_text()?).stdin(Stdio::piped()).stdout(Stdio::piped());
        // The end of a link is an error there: a thousand ends with their stacks would be what is measured.
        command.env("RUST_BACKTRACE", "0");
        let mut process = command.spawn().context("a part of the crowd does not start")?;
        let out = process.stdout.take().context("a part of the crowd has no output")?;
        let told = Arc::new(Mutex::new(Told::default()));
        let latest = Arc::clone(&told);
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if let Ok(told) = Told::of_text(&line) {
                    *latest.lock().unwrap_or_else(PoisonError::into_inner) = told;
                }
            }
        });
        Ok(Self { process, told, reader: Some(reader) })
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // Its error was there from the start and everything else has failed for it.
        let _ = self.process.kill();
        let _ = self.process.wait();
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}

/// The record of one of them.
pub(crate) fn server(n: usize) -> Result<ServerInfo> {
    let record = json!({
        "id": format!("crowd-server-{n}"), "serverType": "chat", "host": "127.0.0.1", "port": 1 + n % 60_000,
        "pid": n, "incarnation": n,
    });
    Ok(serde_json::from_value(record)?)
}
