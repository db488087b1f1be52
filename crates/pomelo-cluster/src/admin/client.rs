//! What a tool asks a master with: connects, registers with user and password, asks and waits for the answer.
//!
//! Works with a master of the original as with ours. Ours says at registration who leads, which is how
//! [`AdminClient::connect_any`] finds the active one. What to ask, and how to show the answer, is up to the tool.

use std::time::Duration;

use md5::{Digest, Md5};
use pomelo_protocol::admin::{
    AdminMessage, ClientRegister, ClusterState, Envelope, Failure, Hello, Leader, MasterRole, Register,
};
use serde_json::Value;
use tokio::{
    sync::Mutex,
    task::JoinSet,
    time::{Instant, timeout_at},
};

use super::{Link, LinkConfig, LinkError};
use crate::coordinator::MasterAddr;

/// How long [`AdminClient::connect_any`] waits for other masters once one has said that it leads: a master that was cut off may
/// say so too, with a lower epoch. Not waited for where it can't be that one: another master names it, or its epoch has begun
/// since the tool last heard of one.
const SECOND_OPINION: Duration = Duration::from_millis(100);
/// How often a tool lets itself be sent to another master before it gives up.
const MOVES_MAX: usize = 3;
/// What masters, ours and the original's, answer to a user who may not do what he asks for.
const DENIED: &str = "Command permission denied";

/// A tool's connection to a master.
#[derive(Debug)]
pub struct AdminClient {
    conversation: Mutex<Conversation>,
    master: MasterAddr,
    cluster: Option<ClusterState>,
    client_id: String,
    username: String,
    timeout: Duration,
}

#[derive(Debug)]
struct Conversation {
    link: Link,
    last_req_id: u64,
}

/// Why a master could not be asked, or did not answer. Each is one line for a person.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// Nobody listens there, or the host is unknown.
    #[error("can't connect to master {master}: {source}")]
    Connect {
        /// Where.
        master: MasterAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// The master does not take this user with this password; or the tool at all.
    #[error("master {master} refused user {username:?}: {why}")]
    Refused {
        /// Which one.
        master: MasterAddr,
        /// Who asked.
        username: String,
        /// Its words.
        why: String,
    },
    /// No answer in time.
    #[error("master {master} gave no {missing} within {} ms", after.as_millis())]
    Timeout {
        /// Which one.
        master: MasterAddr,
        /// What did not come.
        missing: &'static str,
        /// How long was waited.
        after: Duration,
    },
    /// What listens there speaks something else, or hangs up at once.
    #[error("{master} does not answer as a pomelo master: {why}")]
    NotAMaster {
        /// Where.
        master: MasterAddr,
        /// What was wrong with what it said.
        why: String,
    },
    /// The connection ended before the answer came. Whether the master has done what it was asked is not known.
    #[error("connection to master {master} is closed: {why}")]
    Closed {
        /// Which one.
        master: MasterAddr,
        /// What was seen of it.
        why: String,
    },
    /// The master does not lead, another one does.
    #[error("master {master} is not active; the active master is {}:{} (epoch {})", leader.host, leader.port, leader.epoch)]
    Moved {
        /// Which one.
        master: MasterAddr,
        /// Who leads.
        leader: Leader,
    },
    /// The master does not lead and knows none that does.
    #[error("no active master: {master} is {} and knows of none ({coordinator})", role.as_str())]
    NoActive {
        /// Which one.
        master: MasterAddr,
        /// What it is.
        role: MasterRole,
        /// Where it queues for leadership, in its own words, and what is wrong there.
        coordinator: String,
    },
    /// None of several masters could be used.
    #[error("no active master: {}", reasons(tried))]
    None {
        /// What each of them said.
        tried: Vec<AdminError>,
    },
    /// The user may look, and no more.
    #[error("master {master}: user {username:?} may only look: {why}")]
    Denied {
        /// Which one.
        master: MasterAddr,
        /// Who asked.
        username: String,
        /// Its words.
        why: Failure,
    },
    /// The master answered that it can't.
    #[error("master {master}: {why}")]
    Answer {
        /// Which one.
        master: MasterAddr,
        /// Its words.
        why: Failure,
    },
}

impl AdminClient {
    /// Connects to the master at `master` and to no other. A standby is [`AdminError::Moved`] or
    /// [`AdminError::NoActive`]. `timeout` is for each step, and for each answer later on.
    pub async fn connect(
        master: &MasterAddr,
        username: &str,
        password: &str,
        timeout: Duration,
    ) -> Result<Self, AdminError> {
        let client = Self::open(master, username, password, timeout).await?;
        match &client.cluster {
            Some(ClusterState {
                role: MasterRole::Standby | MasterRole::Joining,
                leader: Some(leader),
                ..
            }) => Err(AdminError::Moved { master: master.clone(), leader: leader.clone() }),
            Some(ClusterState {
                role: role @ (MasterRole::Standby | MasterRole::Joining),
                coordinator,
                ..
            }) => {
                let (master, coordinator) = (master.clone(), coordinator.clone());
                Err(AdminError::NoActive { master, role: *role, coordinator })
            }
            _ => Ok(client),
        }
    }

    /// Connects to the active master, whichever it is of `candidates` or of those they name.
    ///
    /// The error is that of the candidate if there is one, a refused password if there was one, else what all of them said.
    pub async fn connect_any(
        candidates: &[MasterAddr],
        username: &str,
        password: &str,
        timeout: Duration,
    ) -> Result<Self, AdminError> {
        Self::connect_later(candidates, None, username, password, timeout).await
    }

    /// As [`AdminClient::connect_any`], for a tool that knows an epoch that is over or about to be: whoever leads in a later one is
    /// not waited to be confirmed.
    pub(super) async fn connect_later(
        candidates: &[MasterAddr],
        known: Option<u64>,
        username: &str,
        password: &str,
        timeout: Duration,
    ) -> Result<Self, AdminError> {
        let mut candidates = candidates.to_vec();
        let mut tried = Vec::new();
        for _ in 0..=MOVES_MAX {
            let (found, errors) = ask_all(&candidates, known, username, password, timeout).await;
            if let Some(client) = found {
                return Ok(client);
            }
            tried = errors;
            let leader = tried.iter().filter_map(AdminError::leader).max_by_key(|leader| leader.epoch);
            let Some(leader) = leader else { break };
            let leader = MasterAddr { host: leader.host.clone(), port: leader.port };
            if candidates.contains(&leader) {
                // It was asked in this round and did not say that it leads: its fault is the news.
                break;
            }
            candidates = vec![leader];
        }
        if let Some(at) =
            tried.iter().position(|e| tried.len() == 1 || matches!(e, AdminError::Refused { .. }))
        {
            return Err(tried.swap_remove(at));
        }
        Err(AdminError::None { tried })
    }

    /// Connects to the master at `master`, whatever it is: a standby answers what is asked about the masters.
    pub async fn connect_in_any_role(
        master: &MasterAddr,
        username: &str,
        password: &str,
        timeout: Duration,
    ) -> Result<Self, AdminError> {
        Self::open(master, username, password, timeout).await
    }

    /// Asks a module and waits for its answer. To a body that is an object the fields `clientId` and `username` are added,
    /// by which a master knows who asks.
    ///
    /// One request at a time: a second one waits for the first.
    pub async fn request(&self, module_id: &str, body: Value) -> Result<Value, AdminError> {
        self.request_within(module_id, body, self.timeout).await
    }

    /// As [`AdminClient::request`], for what may take longer, such as stopping a cluster.
    pub async fn request_within(
        &self,
        module_id: &str,
        mut body: Value,
        timeout: Duration,
    ) -> Result<Value, AdminError> {
        if let Value::Object(fields) = &mut body {
            fields.insert("clientId".into(), self.client_id.clone().into());
            fields.insert("username".into(), self.username.clone().into());
        }
        let until = Instant::now() + timeout;
        let answered = timeout_at(until, async {
            let mut conversation = self.conversation.lock().await;
            conversation.ask(module_id, body).await
        });
        let answer = answered.await.unwrap_or(Err(LinkError::Timeout { missing: "answer", after: timeout }));
        match answer.map_err(|e| AdminError::of(&self.master, &self.username, e))? {
            Ok(result) => Ok(result),
            Err(Failure { leader: Some(leader), .. }) => {
                Err(AdminError::Moved { master: self.master.clone(), leader })
            }
            Err(why) if why.message == DENIED => {
                Err(AdminError::Denied { master: self.master.clone(), username: self.username.clone(), why })
            }
            Err(why) => Err(AdminError::Answer { master: self.master.clone(), why }),
        }
    }

    /// The master that is asked.
    pub fn master(&self) -> &MasterAddr {
        &self.master
    }

    /// What it said of itself when the tool registered; nothing from a master of the original.
    pub fn cluster(&self) -> Option<&ClusterState> {
        self.cluster.as_ref()
    }

    async fn open(
        master: &MasterAddr,
        username: &str,
        password: &str,
        timeout: Duration,
    ) -> Result<Self, AdminError> {
        let since_1970 = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        // Two tools may be started in the same millisecond.
        let client_id = format!("pomelo_cli_{}{:04}", since_1970.as_millis(), fastrand::u16(..10_000));
        let register = Register::Client(ClientRegister {
            id: client_id.clone(),
            username: username.to_owned(),
            password: hex(&Md5::digest(password)),
            md5: true,
            hello: Some(Hello::new()),
        });
        let fault = |e| match AdminError::of(master, username, e) {
            // A master that closes a link says why before; who hangs up at the first words is something else.
            AdminError::Closed { master, why } => AdminError::NotAMaster { master, why },
            other => other,
        };
        let config = LinkConfig { open_timeout: timeout, ..LinkConfig::default() };
        let mut link = Link::dial(master, &config).await.map_err(fault)?;
        let reply = link.register(register).await.map_err(fault)?;
        Ok(Self {
            conversation: Mutex::new(Conversation { link, last_req_id: 0 }),
            master: master.clone(),
            cluster: reply.cluster,
            client_id,
            username: username.to_owned(),
            timeout,
        })
    }

    /// The epoch it leads in; 0 for a master of the original.
    pub(super) fn epoch(&self) -> u64 {
        self.cluster.as_ref().map_or(0, |cluster| cluster.view.epoch)
    }
}

impl Conversation {
    async fn ask(&mut self, module_id: &str, body: Value) -> Result<Result<Value, Failure>, LinkError> {
        self.last_req_id += 1;
        let req_id = self.last_req_id;
        self.link.send(&AdminMessage::Client(Envelope::request(req_id, module_id, body)))?;
        loop {
            // Other answers belong to requests that were given up, or come twice, as those of the original do.
            if let AdminMessage::Client(Envelope::Response(response)) = self.link.recv().await?
                && response.resp_id.number() == Some(req_id)
            {
                return Ok(response.into_result());
            }
        }
    }
}

impl AdminError {
    fn leader(&self) -> Option<&Leader> {
        match self {
            Self::Moved { leader, .. } => Some(leader),
            _ => None,
        }
    }

    /// Which master it is about, if one, and what is wrong there, without saying which.
    fn parts(&self) -> (Option<&MasterAddr>, String) {
        match self {
            Self::Connect { master, source } => (Some(master), format!("can't connect: {source}")),
            Self::Refused { master, username, why } => {
                (Some(master), format!("refused user {username:?}: {why}"))
            }
            Self::Timeout { master, missing, after } => {
                (Some(master), format!("no {missing} within {} ms", after.as_millis()))
            }
            Self::NotAMaster { master, why } => (Some(master), format!("not a pomelo master: {why}")),
            Self::Closed { master, why } => (Some(master), format!("connection is closed: {why}")),
            Self::Moved { master, leader: Leader { host, port, epoch } } => {
                (Some(master), format!("says that {host}:{port} leads (epoch {epoch})"))
            }
            Self::NoActive { master, role, coordinator } => {
                (Some(master), format!("{} and knows of none ({coordinator})", role.as_str()))
            }
            Self::None { .. } | Self::Denied { .. } | Self::Answer { .. } => (None, self.to_string()),
        }
    }

    fn of(master: &MasterAddr, username: &str, error: LinkError) -> Self {
        let master = master.clone();
        let why = error.to_string();
        match error {
            LinkError::Dial(source) => Self::Connect { master, source },
            LinkError::Refused { why, .. } => Self::Refused { master, username: username.to_owned(), why },
            LinkError::Timeout { missing, after } => Self::Timeout { master, missing, after },
            LinkError::Mqtt(_) | LinkError::Decode(_) | LinkError::Unexpected { .. } => {
                Self::NotAMaster { master, why }
            }
            LinkError::Left
            | LinkError::Ended
            | LinkError::Closed
            | LinkError::Overflown
            | LinkError::Silent { .. }
            | LinkError::Io(_) => Self::Closed { master, why },
        }
    }
}

/// Asks all at once who leads. Of several that claim to, the one with the highest epoch.
async fn ask_all(
    candidates: &[MasterAddr],
    known: Option<u64>,
    username: &str,
    password: &str,
    timeout: Duration,
) -> (Option<AdminClient>, Vec<AdminError>) {
    let mut asked = JoinSet::new();
    for master in candidates {
        let (master, username, password) = (master.clone(), username.to_owned(), password.to_owned());
        asked.spawn(async move { AdminClient::connect(&master, &username, &password, timeout).await });
    }
    let (mut found, mut errors): (Option<AdminClient>, Vec<AdminError>) = (None, Vec::new());
    // Every one of them ends by its own timeouts.
    let mut until = Instant::now() + timeout * 4;
    while let Ok(Some(answer)) = timeout_at(until, asked.join_next()).await {
        match answer {
            Ok(Ok(client)) => {
                until = until.min(Instant::now() + SECOND_OPINION);
                if found.as_ref().is_none_or(|other| other.epoch() < client.epoch()) {
                    found = Some(client);
                }
            }
            Ok(Err(e)) => errors.push(e),
            // Only a panic ends there: there is nobody who aborts.
            Err(_) => {}
        }
        if found.as_ref().is_some_and(|client| is_certain(client, known, &errors)) {
            break;
        }
    }
    (found, errors)
}

/// Whether nobody who is still asked could say more: the epoch is a new one, or somebody else follows it.
fn is_certain(client: &AdminClient, known: Option<u64>, others: &[AdminError]) -> bool {
    let latest = others.iter().filter_map(AdminError::leader).max_by_key(|leader| leader.epoch);
    match latest {
        Some(leader) if leader.epoch > client.epoch() => false,
        Some(leader) if leader.epoch == client.epoch() => true,
        _ => known.is_some_and(|known| client.epoch() > known),
    }
}

/// What several masters said, each reason once with all who gave it, in the order of their addresses.
fn reasons(tried: &[AdminError]) -> String {
    let mut reasons: Vec<(Vec<String>, String)> = Vec::new();
    let mut tried: Vec<_> = tried.iter().map(AdminError::parts).collect();
    tried.sort();
    for (master, reason) in tried {
        let known = reasons.iter().position(|(_, known)| *known == reason).unwrap_or(reasons.len());
        if known == reasons.len() {
            reasons.push((Vec::new(), reason));
        }
        reasons[known].0.extend(master.map(ToString::to_string));
    }
    let one = |(masters, reason): &(Vec<String>, String)| match masters.as_slice() {
        [] => reason.clone(),
        masters => format!("{}: {reason}", masters.join(", ")),
    };
    reasons.iter().map(one).collect::<Vec<_>>().join("; ")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
