//! The process that plays a part of the crowd: `bench crowd PLAN`, which nobody types. It says how its servers stand, a line each
//! time that has changed, and ends with its standard input.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    io::{self, Write as _},
    rc::Rc,
    time::{Duration, Instant},
};

use anyhow::Result;
use bytes::Bytes;
use pomelo_cluster::{coordinator::MasterAddr, membership::Version};
use pomelo_protocol::ServerInfo;
use rustix::time::{ClockId, clock_gettime};
use tokio::{
    sync::{Semaphore, oneshot},
    task::LocalSet,
    time::{MissedTickBehavior, interval, sleep},
};

use super::{link, server};

/// Pauses between attempts, as the real follower's.
const RETRY_MS: std::ops::RangeInclusive<u64> = 50..=2_000;

/// Files that are needed beside the links.
const SPARE_FILES: u64 = 1_000;

/// How often it is looked whether there is something to say. Times are those at which something happened.
const SAY: Duration = Duration::from_millis(5);

/// Of so many epochs it is said who follows them: the last ones.
const EPOCHS_MAX: usize = 4;

/// What one process plays.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The number of its first server ...
    pub(super) from: usize,
    /// ... and of its last.
    pub(super) to: usize,
    pub(super) masters: Vec<MasterAddr>,
    pub(super) ping: Duration,
    pub(super) dialling: usize,
}

impl Plan {
    pub(super) fn to_text(&self) -> Result<String> {
        let ping = u64::try_from(self.ping.as_millis())?;
        Ok(serde_json::to_string(&(self.from, self.to, &self.masters, ping, self.dialling))?)
    }

    /// Reads what the measuring process wrote.
    pub(crate) fn of_text(text: &str) -> Result<Self> {
        let (from, to, masters, ping, dialling) = serde_json::from_str(text)?;
        Ok(Self { from, to, masters, ping: Duration::from_millis(ping), dialling })
    }
}

/// How its servers stand.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Links to each master that are registered.
    pub(super) linked: Vec<usize>,
    /// Epochs, growing; how many servers followed each, and when the last one began, in ns of the machine's clock.
    pub(super) followed: Vec<(u64, usize, u64)>,
    /// Why a registration was refused last.
    pub(super) refused: Option<String>,
    pub(super) dials: usize,
}

impl Told {
    fn to_text(&self) -> Result<String> {
        Ok(serde_json::to_string(&(&self.linked, &self.followed, &self.refused, self.dials))?)
    }

    pub(super) fn of_text(text: &str) -> Result<Self> {
        let (linked, followed, refused, dials) = serde_json::from_str(text)?;
        Ok(Self { linked, followed, refused, dials })
    }
}

/// The clock that all processes of a machine share.
pub(super) fn monotonic() -> Duration {
    Duration::try_from(clock_gettime(ClockId::Monotonic)).unwrap_or_default()
}

/// What is counted.
#[derive(Default)]
pub(super) struct Tally {
    linked: Vec<Cell<usize>>,
    followed: RefCell<BTreeMap<u64, (usize, u64)>>,
    refused: RefCell<Option<String>>,
    dials: Cell<usize>,
    news: Cell<bool>,
}

impl Tally {
    pub(super) fn follows(&self, epoch: u64) {
        let at = u64::try_from(monotonic().as_nanos()).unwrap_or(u64::MAX);
        let mut followed = self.followed.borrow_mut();
        let entry = followed.entry(epoch).or_default();
        *entry = (entry.0 + 1, at);
        self.news.set(true);
    }

    fn links(&self, master: usize, links: impl Fn(usize) -> usize) {
        if let Some(linked) = self.linked.get(master) {
            linked.set(links(linked.get()));
        }
        self.news.set(true);
    }

    fn told(&self) -> Told {
        let followed = self.followed.borrow();
        let last = followed.iter().rev().take(EPOCHS_MAX).map(|(epoch, (count, at))| (*epoch, *count, *at));
        let mut last: Vec<_> = last.collect();
        last.reverse();
        Told {
            linked: self.linked.iter().map(Cell::get).collect(),
            followed: last,
            refused: self.refused.borrow().clone(),
            dials: self.dials.get(),
        }
    }
}

/// What all links share.
pub(super) struct Shared {
    pub(super) told: Tally,
    dialling: Semaphore,
    pub(super) ping: Duration,
    /// The last announcement as it came: thousands of the same need not be read ...
    pub(super) announced: Cell<Option<(Bytes, Version)>>,
    /// ... and the answer, which is the same for all.
    pub(super) following: RefCell<(Version, Bytes)>,
}

pub(super) struct Server {
    pub(super) info: ServerInfo,
    pub(super) epoch: Cell<u64>,
}

/// Plays until standard input ends.
pub(crate) async fn play(plan: Plan) -> Result<()> {
    pomelo_robot::open_files(((plan.to + 1 - plan.from) * plan.masters.len()) as u64 + SPARE_FILES)?;
    let (end, ended) = oneshot::channel();
    std::thread::spawn(move || {
        _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        _ = end.send(());
    });
    let play = async {
        tokio::select! {
            said = dial(plan) => said,
            _ = ended => Ok(()),
        }
    };
    LocalSet::new().run_until(play).await
}

async fn dial(plan: Plan) -> Result<()> {
    let shared = Rc::new(Shared {
        told: Tally { linked: plan.masters.iter().map(|_| Cell::new(0)).collect(), ..Tally::default() },
        dialling: Semaphore::new(plan.dialling),
        ping: plan.ping,
        announced: Cell::default(),
        following: RefCell::default(),
    });
    for n in plan.from..=plan.to {
        let server = Rc::new(Server { info: server(n)?, epoch: Cell::new(0) });
        for (index, master) in plan.masters.iter().enumerate() {
            let master = (index, master.clone());
            tokio::task::spawn_local(keep(Rc::clone(&shared), Rc::clone(&server), master));
        }
    }
    let mut says = interval(SAY);
    says.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut out = io::stdout().lock();
    loop {
        says.tick().await;
        if shared.told.news.take() {
            writeln!(out, "{}", shared.told.told().to_text()?)?;
        }
    }
}

/// One server's link to one master, again and again.
async fn keep(shared: Rc<Shared>, server: Rc<Server>, (index, master): (usize, MasterAddr)) {
    let mut last = *RETRY_MS.start();
    loop {
        let permit = shared.dialling.acquire().await;
        shared.told.dials.set(shared.told.dials.get() + 1);
        let opened = link::open(&shared, &server, &master).await;
        drop(permit);
        let mut dead = None;
        match opened {
            Ok(mut link) => {
                shared.told.links(index, |links| links + 1);
                let since = Instant::now();
                // Any end is the end of the link; the next attempt tells more.
                let _ = link.converse(&shared, &server).await;
                shared.told.links(index, |links| links.saturating_sub(1));
                if since.elapsed() > Duration::from_secs(1) {
                    last = *RETRY_MS.start();
                }
                dead = Some(link);
            }
            Err(error) => {
                let text = format!("{error:#}");
                if text.contains("refused the registration") {
                    shared.told.refused.replace(Some(text));
                    shared.told.news.set(true);
                }
            }
        }
        last = fastrand::u64(*RETRY_MS.start()..=(last * 3).min(*RETRY_MS.end()));
        sleep(Duration::from_millis(last)).await;
        // Each real server closes its end on a machine of its own; here all of them would do so in the time that is measured.
        drop(dead);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_planned_and_told_is_read_as_it_was_written() {
        let masters = vec![MasterAddr { host: "127.0.0.1".into(), port: 3005 }];
        let plan = Plan { from: 1, to: 9, masters, ping: Duration::from_secs(3), dialling: 5 };
        assert_eq!(format!("{:?}", Plan::of_text(&plan.to_text().unwrap()).unwrap()), format!("{plan:?}"));
        let tally = Tally { linked: vec![Cell::new(0), Cell::new(0)], ..Tally::default() };
        tally.links(1, |links| links + 2);
        for epoch in [1, 2, 2, 3, 4, 5] {
            tally.follows(epoch);
        }
        let told = tally.told();
        assert_eq!(told.linked, [0, 2]);
        let counts: Vec<_> = told.followed.iter().map(|(epoch, count, _)| (*epoch, *count)).collect();
        assert_eq!(counts, [(2, 2), (3, 1), (4, 1), (5, 1)]);
        assert_eq!(format!("{:?}", Told::of_text(&told.to_text().unwrap()).unwrap()), format!("{told:?}"));
    }
}
