//! The first message of every link: who it is, and whether it may stay.

use std::time::{Duration, Instant};

use pomelo_cluster::{
    coordinator::{CandidateInfo, MasterAddr},
    messages::{self, CLUSTER, MONITOR_WATCHER},
};
use pomelo_protocol::admin::{AdminMessage, ClientRegister, Envelope, MonitorRegister, Register, Registered};
use tracing::{debug, info, warn};

use super::{Action, Control, Peer};
use crate::{
    link::LinkId,
    registry::{Admitted, Refused},
};

/// Longest reason of a refusal: it may quote what the peer said.
const WHY_CHARS_MAX: usize = 300;
/// Servers are told so often at most that the same master has come: one that comes and goes costs them nothing.
const BACK_AGAIN: Duration = Duration::from_secs(1);

impl Control {
    pub(super) fn register(&mut self, link: LinkId, register: Register, now: Instant) {
        let hello = register.hello().cloned();
        let who = register.describe();
        let admitted = match register {
            Register::Monitor(monitor) => self.monitor(link, &monitor, now),
            Register::Client(client) => self.client(&client),
            Register::Agent(agent) => self.peer(agent.token.as_deref(), Peer::Agent { id: agent.id }),
            Register::Candidate(candidate) => {
                let addr = MasterAddr { host: candidate.host, port: candidate.port };
                let info = CandidateInfo { id: candidate.id, addr, pid: candidate.pid };
                self.peer(candidate.token.as_deref(), Peer::Candidate(info))
            }
        };
        match admitted {
            Ok(Guest { peer, joined, again }) => {
                info!(target: "pomelo::master", "link {}: {who} registered", link.0);
                // Whoever showed the cluster's token is believed; a tool follows nobody and knows of no epoch.
                if let (Some(hello), true) = (&hello, peer.follows()) {
                    self.seen(hello.max_epoch, now);
                }
                self.peers.insert(link, peer);
                let reply = Registered::ok(hello.map(|_| self.cluster_state()));
                self.actions.push(Action::Admit { link, reply });
                if again {
                    let message = self.request(MONITOR_WATCHER, self.all_servers());
                    self.send(vec![link], AdminMessage::Monitor(message));
                }
                self.master_came(link, now);
                self.joined(link, joined, now);
                self.ending_joined(link);
                self.ops_look(now);
            }
            Err(Unwelcome { why, newer }) => {
                let why: String = why.chars().take(WHY_CHARS_MAX).collect();
                let refused = format!("{who} refused: {why}");
                if refused == self.refused {
                    debug!(target: "pomelo::master", "again: {refused}");
                } else {
                    warn!(target: "pomelo::master", "{refused}");
                    self.refused = refused;
                }
                self.actions.push(Action::Refuse { link, why, newer });
            }
        }
    }

    fn monitor(&mut self, link: LinkId, monitor: &MonitorRegister, now: Instant) -> Result<Guest, Unwelcome> {
        // A server of the original shows its token once; when its link was lost it comes back without one, and does not
        // subscribe again.
        let again = monitor.token.is_none() && monitor.hello.is_none();
        let known =
            || self.registry.view().servers.get(&monitor.id).is_some_and(|known| known.pid == monitor.pid);
        let allowed =
            self.access.server(&monitor.server_type, monitor.token.as_deref()) || (again && known());
        if !allowed {
            let server_type = &monitor.server_type;
            return Err(
                format!("server auth failed: not the token of servers of type {server_type:?}").into()
            );
        }
        let info = monitor.server()?;
        let claimed = self.claims.is_claimed(&info.id, info.incarnation);
        let joined = self.registry.admit(link, info, claimed, now)?;
        self.claims.came(&monitor.id);
        let peer = Peer::Server { rust: monitor.hello.is_some(), subscribed: again };
        Ok(Guest { peer, joined: Some(joined), again })
    }

    fn client(&self, client: &ClientRegister) -> Result<Guest, Unwelcome> {
        let clients = self.peers.values().filter(|peer| matches!(peer, Peer::Client { .. })).count();
        if clients >= self.limits.clients_max {
            return Err(format!("too many clients: {clients} are logged in").into());
        }
        match self.access.client(client) {
            Some(right) => Ok(Guest { peer: Peer::Client { right }, joined: None, again: false }),
            // As recorded: tools print it.
            None => Err("client auth failed with username or password error".to_owned().into()),
        }
    }

    fn peer(&self, token: Option<&str>, peer: Peer) -> Result<Guest, Unwelcome> {
        if self.access.peer(token) {
            Ok(Guest { peer, joined: None, again: false })
        } else {
            Err("server auth failed: not a token of this cluster's adminServer.json".to_owned().into())
        }
    }

    /// Everybody who has no link to a master that came, perhaps again, makes one at once.
    fn master_came(&mut self, link: LinkId, now: Instant) {
        let Some(addr) = self.master_on(link) else { return };
        self.lost_masters.remove(&addr);
        if !self.is_linked_to(&addr) {
            // What it says of itself comes on the link to it, also that it leads when this master hands over.
            self.actions.push(Action::Dial { to: addr.clone() });
        }
        if let Some(failsafe) = &mut self.failsafe {
            failsafe.came(addr.clone(), now);
            self.stand(now);
        }
        self.told_back.retain(|_, at| now.saturating_duration_since(*at) < BACK_AGAIN);
        if self.is_active() && !self.told_back.contains_key(&addr) {
            let back = Envelope::notify(CLUSTER, messages::candidate_back(&addr));
            self.tell(|peer| peer.is_rust() && !matches!(peer, Peer::Candidate(_)), back);
            self.told_back.insert(addr, now);
        }
    }

    /// Closes the link that a server was on before, and tells the others of it.
    fn joined(&mut self, link: LinkId, joined: Option<Admitted>, now: Instant) {
        let Some(Admitted { replaced, delta }) = joined else { return };
        if let Some(old) = replaced {
            self.close(old, "its server came on another link");
        }
        self.publish(delta, link);
        if let Some(id) = self.registry.server_on(link).cloned() {
            let frontend = self.registry.view().servers.get(&id).is_some_and(|info| info.frontend);
            // A later life of a server leaves nothing to be waited for from the former one.
            self.ops_gone(&id, now);
            self.tell_blacklist(link, frontend);
            if let Some(info) = self.registry.view().servers.get(&id).cloned() {
                self.tell_crons(link, &info);
            }
        }
    }
}

/// Somebody who may not stay.
struct Unwelcome {
    /// For a person.
    why: String,
    /// The life of the server that has begun since, for one of an earlier life.
    newer: Option<u64>,
}

impl From<String> for Unwelcome {
    fn from(why: String) -> Self {
        Self { why, newer: None }
    }
}

impl From<Refused> for Unwelcome {
    fn from(refused: Refused) -> Self {
        let newer = match &refused {
            Refused::Older { known, .. } => Some(*known),
            Refused::Held { .. } => None,
        };
        Self { why: refused.to_string(), newer }
    }
}

/// Somebody who may stay.
struct Guest {
    peer: Peer,
    /// Only servers join the membership.
    joined: Option<Admitted>,
    /// A server of the original after a lost link.
    again: bool,
}
