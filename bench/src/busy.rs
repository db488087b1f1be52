//! Nothing happens, on a machine without a moment of rest: how often does somebody take a master for dead that is not?

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use pomelo_cli::drill::watch::Watcher;
use pomelo_cluster::config::Config;
use pomelo_testkit::{
    cluster::{Cluster, PATIENCE, SERVERS},
    eventually,
    zookeeper::ZooKeeper,
};
use serde_json::json;

use crate::Output;

/// How often the time is said.
const SAY: Duration = Duration::from_secs(30);

/// Keeps every core busy for so long, and counts failovers.
pub(crate) async fn run(seconds: u64, output: &Output) -> Result<()> {
    let zookeeper = ZooKeeper::start().await?;
    let cluster = Cluster::start(Some(&zookeeper)).await?;
    let environment = Config::load(cluster.game.path().join("config"))?.environment("production")?;
    let watcher = Watcher::start(&environment, "bench");
    eventually("a master leads", PATIENCE, async || {
        (watcher.epoch() > 0 && watcher.standbys().len() == 2).then_some(())
    })
    .await;
    let (first, pid) = (watcher.epoch(), cluster.active().await?.pid);
    let spinning = Spinning::start()?;
    let threads = spinning.threads.len();
    println!("{threads} threads spin for {seconds} s beside {} servers and 3 masters", SERVERS.len());
    let (began, length) = (Instant::now(), Duration::from_secs(seconds));
    while began.elapsed() < length {
        tokio::time::sleep(SAY.min(length.saturating_sub(began.elapsed()))).await;
        let failovers = watcher.epoch() - first;
        println!("{:>5.0} s: {failovers} failovers", began.elapsed().as_secs_f64());
    }
    drop(spinning);
    let (failovers, now) = (watcher.epoch() - first, cluster.active().await?);
    output.write(&json!({ "busySeconds": seconds, "threads": threads, "changesOfMaster": failovers }))?;
    println!("\nfalse failovers in {seconds} s with every core busy: {failovers}");
    ensure!(failovers > 0 || now.pid == pid, "the master is another process in the same epoch");
    cluster.stop(now.port).await
}

/// A thread for each core that never waits.
struct Spinning {
    stop: Arc<AtomicBool>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Spinning {
    fn start() -> Result<Self> {
        let stop = Arc::<AtomicBool>::default();
        let cores = std::thread::available_parallelism().context("the number of cores")?.get();
        let spin = |_| {
            let stop = Arc::clone(&stop);
            std::thread::spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            })
        };
        let threads = (0..cores).map(spin).collect();
        Ok(Self { stop, threads })
    }
}

impl Drop for Spinning {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // It only spins.
            let _ = thread.join();
        }
    }
}
