//! Load shedding: what can't be done in time is refused at once, so that the rest is done in time.

use std::{
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    time::Duration,
};

use pomelo_rpc::BoxFuture;
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep_until},
};

use super::{ReadyMade, Refused};
use crate::{Error, Filter, Incoming, Needs, Next, Response, lock};

/// How often it is looked how late turns come.
const PROBE_INTERVAL: Duration = Duration::from_millis(50);

/// Refuses requests or calls with code 503 ([`Error::BUSY`]), before anything is done for them, while too many are in progress or
/// while the process is too slow: when what is due comes to its turn late, everything else in the process does.
///
/// One value counts what passes the place where it stands, so a server type and the remotes of it are best given one each.
///
/// ```
/// # use std::time::Duration;
/// # use pomelo::{Server, filters::Shed};
/// # let server = Server::default();
/// server
///     .filter(Shed::new().lag_max(Duration::from_millis(100)))
///     .remote_filter(Shed::new().in_progress_max(2_000));
/// ```
#[derive(Debug)]
pub struct Shed {
    in_progress_max: usize,
    lag_max: Duration,
    load: Arc<Load>,
}

#[derive(Debug, Default)]
struct Load {
    in_progress: AtomicUsize,
    lag_us: AtomicU64,
    /// Measures the lag while this is there.
    probe: Mutex<Option<JoinHandle<()>>>,
}

/// One that is in progress.
struct Admitted(Arc<Load>);

impl Shed {
    /// Refuses when 10,000 are in progress, or turns come more than 70 ms late, which is what the original's `toobusy`
    /// allows.
    pub fn new() -> Self {
        Self { in_progress_max: 10_000, lag_max: Duration::from_millis(70), load: Arc::default() }
    }

    /// How many may be in progress at once.
    #[must_use]
    pub fn in_progress_max(mut self, requests: usize) -> Self {
        self.in_progress_max = requests;
        self
    }

    /// How late turns may come, on an average of the last few; zero means that it does not matter.
    #[must_use]
    pub fn lag_max(mut self, lag: Duration) -> Self {
        self.lag_max = lag;
        self
    }

    fn admit(&self) -> Result<Admitted, Refused> {
        if !self.lag_max.is_zero() {
            self.load.keep_probing();
            let lag = Duration::from_micros(self.load.lag_us.load(Relaxed));
            if lag > self.lag_max {
                return Err(Refused::Lag { lag });
            }
        }
        let in_progress = self.load.in_progress.fetch_add(1, Relaxed);
        // Counted until it is dropped, also when it is refused.
        let admitted = Admitted(Arc::clone(&self.load));
        if in_progress >= self.in_progress_max {
            Err(Refused::InProgress { in_progress })
        } else {
            Ok(admitted)
        }
    }
}

impl Default for Shed {
    fn default() -> Self {
        Self::new()
    }
}

impl<C: Incoming> Filter<ReadyMade, C> for Shed {
    fn call(&self, incoming: C, next: Next<C>) -> BoxFuture<'static, Response> {
        match self.admit() {
            Ok(admitted) => Box::pin(async move {
                let response = next.run(incoming).await;
                drop(admitted);
                response
            }),
            Err(refused) => Box::pin(async { Response::error(Error::from(refused).with_code(Error::BUSY)) }),
        }
    }

    fn needs(_: &mut Needs<'_>) {}
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.0.in_progress.fetch_sub(1, Relaxed);
    }
}

impl Load {
    /// Starts the probe with the first request, in the runtime that the requests run in.
    fn keep_probing(self: &Arc<Self>) {
        let mut probe = lock(&self.probe);
        if probe.as_ref().is_none_or(JoinHandle::is_finished) {
            *probe = Some(tokio::spawn(probe_lag(Arc::downgrade(self))));
        }
    }

    /// A turn came so late. One that is late alone does not count for much.
    fn came_late(&self, lag: Duration) {
        let last = self.lag_us.load(Relaxed);
        let lag = u64::try_from(lag.as_micros()).unwrap_or(u64::MAX);
        self.lag_us.store(last / 3 * 2 + lag / 3, Relaxed);
    }
}

/// Measures until nobody is interested.
async fn probe_lag(load: Weak<Load>) {
    loop {
        let due = Instant::now() + PROBE_INTERVAL;
        sleep_until(due).await;
        let Some(load) = load.upgrade() else { return };
        load.came_late(due.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_so_many_are_in_progress_and_the_next_is_refused_until_one_is_done() {
        let shed = Shed::new().in_progress_max(2).lag_max(Duration::ZERO);
        let first = shed.admit().ok().unwrap();
        let _second = shed.admit().ok().unwrap();
        for _ in 0..3 {
            assert_eq!(shed.admit().err(), Some(Refused::InProgress { in_progress: 2 }));
        }
        drop(first);
        assert!(shed.admit().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_that_comes_late_again_and_again_is_spared_until_it_is_in_time() {
        let shed = Shed::new();
        assert!(shed.admit().is_ok());
        shed.load.came_late(Duration::from_millis(150));
        assert!(shed.admit().is_ok(), "late once");
        for _ in 0..3 {
            shed.load.came_late(Duration::from_millis(150));
        }
        assert!(matches!(shed.admit().err(), Some(Refused::Lag { .. })));
        // The probe finds that turns come in time again.
        tokio::time::sleep(20 * PROBE_INTERVAL).await;
        assert!(shed.admit().is_ok());
    }

    #[tokio::test]
    async fn the_probe_sees_a_thread_that_is_blocked_and_ends_with_its_filter() {
        let shed = Shed::new().lag_max(Duration::from_millis(20));
        assert!(shed.admit().is_ok());
        tokio::task::yield_now().await;
        #[expect(clippy::disallowed_methods, reason = "the fault that is to be found")]
        std::thread::sleep(Duration::from_millis(300));
        tokio::time::timeout(Duration::from_secs(10), async {
            while shed.admit().is_ok() {
                tokio::task::yield_now().await;
            }
        })
        .await
        .expect("nobody noticed");
        let probe = lock(&shed.load.probe).take().unwrap();
        drop(shed);
        tokio::time::timeout(Duration::from_secs(10), probe).await.expect("it goes on").unwrap();
    }
}
