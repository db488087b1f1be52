//! `cluster.json`: which master leads, for players who watch. All masters of the configuration are asked, over connections that are
//! kept, and whoever knows of the highest epoch is believed: so it does not matter where the masters meet, nor which of them are dead.
//! They are asked only while somebody wants to know, and at most once in [`FRESH`].

use std::time::Duration;

use futures_util::future::join_all;
use pomelo_cluster::{
    admin::AdminClient,
    config::{AdminUser, Environment, MasterEntry},
    coordinator::MasterAddr,
    status::{LeaderStatus, Masters},
};
use serde::Serialize;
use serde_json::json;
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};
use tracing::debug;

/// How old an answer may be.
pub const FRESH: Duration = Duration::from_secs(1);

/// How long a master has for its answer.
pub const ANSWER_MAX: Duration = Duration::from_millis(400);

/// Who leads, as it is sent; nobody by default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Leader {
    leader: Option<String>,
    epoch: Option<u64>,
}

/// The masters, and what was last heard of them.
#[derive(Debug)]
pub(crate) struct Leading {
    user: Option<AdminUser>,
    /// Held while they are asked, so that whoever comes meanwhile waits for the same answer.
    heard: Mutex<Heard>,
}

#[derive(Debug)]
struct Heard {
    masters: Vec<Master>,
    leader: Leader,
    at: Option<Instant>,
}

#[derive(Debug)]
struct Master {
    addr: MasterAddr,
    client: Option<AdminClient>,
}

impl Leading {
    /// Asks with the least powerful user of the configuration; without one nobody is asked.
    pub(crate) fn new(environment: &Environment) -> Self {
        let user = environment.admin_users.iter().max_by_key(|user| user.level).cloned();
        let master = |entry: &MasterEntry| Master { addr: entry.addr(), client: None };
        let masters = environment.candidates.iter().map(master).collect();
        Self { user, heard: Mutex::new(Heard { masters, leader: Leader::default(), at: None }) }
    }

    pub(crate) async fn now(&self) -> Leader {
        let Some(user) = &self.user else { return Leader::default() };
        let mut heard = self.heard.lock().await;
        if heard.at.is_none_or(|at| at.elapsed() >= FRESH) {
            let told = join_all(heard.masters.iter_mut().map(|master| master.ask(user))).await;
            let leader = told.into_iter().flatten().max_by_key(|leader| leader.epoch);
            heard.leader = leader.map_or_else(Leader::default, |leader| Leader {
                // Masters often share an id; their hosts are nobody's business.
                leader: Some(format!("{}:{}", leader.id, leader.addr.port)),
                epoch: Some(leader.epoch),
            });
            heard.at = Some(Instant::now());
        }
        heard.leader.clone()
    }
}

impl Master {
    /// Who leads, as far as this one knows. A connection that is of no use is not kept.
    async fn ask(&mut self, user: &AdminUser) -> Option<LeaderStatus> {
        let kept = self.client.take();
        let asked = timeout(ANSWER_MAX, async {
            let client = match kept {
                Some(client) => client,
                None => {
                    let AdminUser { username, password, .. } = user;
                    AdminClient::connect_in_any_role(&self.addr, username, password, ANSWER_MAX).await?
                }
            };
            let masters = client.request("__console__", json!({ "signal": "masters" })).await?;
            Ok((client, masters))
        });
        match asked.await {
            Ok(Ok((client, masters))) => {
                self.client = Some(client);
                serde_json::from_value::<Masters>(masters).ok()?.leader
            }
            Ok(Err(error)) => {
                let error: pomelo_cluster::admin::AdminError = error;
                debug!(%error, "no answer from a master");
                None
            }
            Err(_) => {
                debug!(master = %self.addr, "no answer from a master in time");
                None
            }
        }
    }
}
