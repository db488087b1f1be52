//! The documents with which a connection begins: who registers, and what the master replies.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Shape, envelope::insert_some};
use crate::{ServerId, ServerInfo};

/// Version of what Rust peers add to the original's protocol; goes into [`Hello::link`].
pub const LINK_VERSION: u32 = 1;

/// Who registers at a master. On the wire `type` says which.
#[derive(Clone, Debug, PartialEq)]
pub enum Register {
    /// A game server.
    Monitor(MonitorRegister),
    /// A tool with a user and a password.
    Client(ClientRegister),
    /// The supervisor of a machine's processes. Rust only.
    Agent(AgentRegister),
    /// Another master. Rust only.
    Candidate(CandidateRegister),
}

/// `type: "monitor"`.
#[derive(Clone, Debug, PartialEq)]
pub struct MonitorRegister {
    /// The server's id.
    pub id: ServerId,
    /// As it came. The original says it here as well as in `info`.
    pub server_type: String,
    /// Its process.
    pub pid: Option<u32>,
    /// The server's record; [`MonitorRegister::server`] reads it. Kept as it came, since the original's peers compare texts in
    /// it.
    pub info: Map<String, Value>,
    /// What `adminServer.json` demands of servers of this type. [`super::AdminMessage::Reconnect`] has none.
    pub token: Option<String>,
    /// Only from Rust servers.
    pub hello: Option<Hello>,
}

/// `type: "client"`. Its debug text leaves the password out.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientRegister {
    /// Any text, unique among tools; the original sends `pomelo_cli_` and the time in milliseconds.
    pub id: String,
    /// A user of `adminUser.json`.
    pub username: String,
    /// The password, or the hex of its MD5.
    pub password: String,
    /// Whether `password` is the MD5.
    pub md5: bool,
    /// Only from Rust tools.
    pub hello: Option<Hello>,
}

/// `type: "agent"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentRegister {
    /// Unique among agents.
    pub id: String,
    /// The machine, as `servers.json` names it.
    pub host: String,
    /// Its process.
    pub pid: u32,
    /// As for servers.
    pub token: Option<String>,
    /// Always there from our agents.
    pub hello: Option<Hello>,
}

/// `type: "candidate"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CandidateRegister {
    /// The master's server id. Masters may share one.
    pub id: ServerId,
    /// Where it listens.
    pub host: String,
    /// Port of the admin protocol there.
    pub port: u16,
    /// Its process.
    pub pid: u32,
    /// As for servers.
    pub token: Option<String>,
    /// Always there from our masters.
    pub hello: Option<Hello>,
}

/// By which a Rust peer makes itself known, and what it knows already: fields `link`, `maxEpoch`, `view`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hello {
    /// [`LINK_VERSION`] of the sender.
    pub link: u32,
    /// Highest epoch it has seen, 0 if none.
    pub max_epoch: u64,
    /// The membership it has, if any, so that nobody sends it what it knows.
    pub view: Option<ViewStamp>,
}

/// Names a membership without listing it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ViewStamp {
    /// Of the master that made it.
    pub epoch: u64,
    /// Grows by one with each change within an epoch.
    pub rev: u64,
    /// Of the members and their incarnations, hex.
    pub digest: String,
}

/// A master's reply to a registration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// 1 is accepted; the original refuses with -1 or 0.
    pub code: i64,
    /// `ok`, or why not.
    pub msg: String,
    /// Only from Rust masters.
    pub cluster: Option<ClusterState>,
    /// With a refusal of a Rust master: the incarnation of a later process that has this server's id. The one that asks must
    /// end.
    pub newer: Option<u64>,
}

/// What a Rust master says of itself and the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterState {
    /// Its own role.
    pub role: MasterRole,
    /// Its membership; `view.epoch` is its own epoch if it is active, else the highest it has seen.
    pub view: ViewStamp,
    /// Who leads, as far as it knows; itself if it is active.
    pub leader: Option<Leader>,
    /// For a person: `embedded (run/ha)`, `zookeeper 127.0.0.1:2181/pomelo/master`, and what is wrong there.
    pub coordinator: String,
}

/// What a master is at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MasterRole {
    /// Not in the coordinator's queue yet.
    Joining,
    /// Waits for its turn; also what an unknown word is read as.
    Standby,
    /// Leads.
    Active,
    /// Led, and does not hear the coordinator: reads only.
    Suspended,
}

/// The master that leads, and since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leader {
    /// Where it listens.
    pub host: String,
    /// Port of the admin protocol there.
    pub port: u16,
    /// Its term.
    pub epoch: u64,
}

impl Register {
    /// The extra fields of a Rust peer.
    pub fn hello(&self) -> Option<&Hello> {
        match self {
            Self::Monitor(monitor) => monitor.hello.as_ref(),
            Self::Client(client) => client.hello.as_ref(),
            Self::Agent(agent) => agent.hello.as_ref(),
            Self::Candidate(candidate) => candidate.hello.as_ref(),
        }
    }

    /// Replaces the extra fields of a Rust peer.
    pub fn set_hello(&mut self, hello: Hello) {
        *match self {
            Self::Monitor(monitor) => &mut monitor.hello,
            Self::Client(client) => &mut client.hello,
            Self::Agent(agent) => &mut agent.hello,
            Self::Candidate(candidate) => &mut candidate.hello,
        } = Some(hello);
    }

    /// For logs: the type and the id, in one line of limited length whatever a stranger says.
    pub fn describe(&self) -> String {
        match self {
            Self::Monitor(monitor) => format!("monitor {}", monitor.id),
            Self::Client(client) => {
                format!("client {} (user {})", shown(&client.id), shown(&client.username))
            }
            Self::Agent(agent) => format!("agent {}", shown(&agent.id)),
            Self::Candidate(candidate) => format!("candidate {}:{}", shown(&candidate.host), candidate.port),
        }
    }

    pub(super) fn from_json(json: Value) -> Result<Self, Shape> {
        match json.get("type").and_then(Value::as_str) {
            Some("monitor") => MonitorRegister::from_json(json).map(Self::Monitor),
            Some("client") => Ok(Self::Client(ClientRegister {
                id: text(&json, "id", "id (text)")?,
                username: text(&json, "username", "username (text)")?,
                password: text(&json, "password", "password (text)")?,
                md5: json.get("md5").and_then(Value::as_bool).unwrap_or(false),
                hello: Hello::from_json(&json)?,
            })),
            Some("agent") => Ok(Self::Agent(AgentRegister {
                id: text(&json, "id", "id (text)")?,
                host: text(&json, "host", "host (text)")?,
                pid: pid(&json)?.unwrap_or(0),
                token: token(&json),
                hello: Hello::from_json(&json)?,
            })),
            Some("candidate") => Ok(Self::Candidate(CandidateRegister {
                id: server_id(&json)?,
                host: text(&json, "host", "host (text)")?,
                port: port(&json)?,
                pid: pid(&json)?.unwrap_or(0),
                token: token(&json),
                hello: Hello::from_json(&json)?,
            })),
            _ => Err(Shape::new("type monitor, client, agent or candidate", &json)),
        }
    }

    pub(super) fn to_json(&self) -> Value {
        let mut fields = Map::new();
        let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
        match self {
            Self::Monitor(monitor) => return monitor.to_json(),
            Self::Client(client) => {
                put("type", "client".into());
                put("id", client.id.clone().into());
                put("username", client.username.clone().into());
                put("password", client.password.clone().into());
                put("md5", client.md5.into());
            }
            Self::Agent(agent) => {
                put("id", agent.id.clone().into());
                put("type", "agent".into());
                put("host", agent.host.clone().into());
                put("pid", agent.pid.into());
                insert_some(&mut fields, "token", agent.token.clone().map(Value::from));
            }
            Self::Candidate(candidate) => {
                put("id", candidate.id.as_str().into());
                put("type", "candidate".into());
                put("host", candidate.host.clone().into());
                put("port", candidate.port.into());
                put("pid", candidate.pid.into());
                insert_some(&mut fields, "token", candidate.token.clone().map(Value::from));
            }
        }
        if let Some(hello) = self.hello() {
            hello.put(&mut fields);
        }
        Value::Object(fields)
    }
}

impl fmt::Debug for ClientRegister {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("ClientRegister");
        text.field("id", &self.id).field("username", &self.username).finish_non_exhaustive()
    }
}

impl MonitorRegister {
    /// The registration of `server`, which says who it is itself.
    pub fn of(server: &ServerInfo, token: Option<String>, hello: Hello) -> Self {
        let info = match serde_json::to_value(server) {
            Ok(Value::Object(fields)) => fields,
            // A record is an object of plain values; there is nothing in it that could not become JSON.
            _ => Map::new(),
        };
        Self {
            id: server.id.clone(),
            server_type: server.server_type.to_string(),
            pid: server.pid,
            info,
            token,
            hello: Some(hello),
        }
    }

    /// The server's record, with the process id of the registration if the record lacks it. Fails with words if a field is
    /// missing or the record names another server.
    pub fn server(&self) -> Result<ServerInfo, String> {
        let mut info: ServerInfo = serde_json::from_value(Value::Object(self.info.clone()))
            .map_err(|e| format!("info of {}: {e}", self.id))?;
        if info.id != self.id {
            return Err(format!("registers as {} with the info of {}", self.id, info.id));
        }
        info.pid = info.pid.or(self.pid);
        Ok(info)
    }

    pub(super) fn from_json(mut json: Value) -> Result<Self, Shape> {
        let info = match json.get_mut("info").map(Value::take) {
            Some(Value::Object(info)) => info,
            other => return Err(Shape::new("info (object)", &other.unwrap_or_default())),
        };
        Ok(Self {
            id: server_id(&json)?,
            server_type: text(&json, "serverType", "serverType (text)")?,
            pid: pid(&json)?,
            info,
            token: token(&json),
            hello: Hello::from_json(&json)?,
        })
    }

    fn to_json(&self) -> Value {
        let mut fields = Map::new();
        fields.insert("id".into(), self.id.as_str().into());
        fields.insert("type".into(), "monitor".into());
        fields.insert("serverType".into(), self.server_type.clone().into());
        insert_some(&mut fields, "pid", self.pid.map(Value::from));
        fields.insert("info".into(), Value::Object(self.info.clone()));
        insert_some(&mut fields, "token", self.token.clone().map(Value::from));
        if let Some(hello) = &self.hello {
            hello.put(&mut fields);
        }
        Value::Object(fields)
    }

    /// The same fields in the order the original has them on topic `reconnect`.
    pub(super) fn to_reconnect_json(&self) -> Value {
        let mut fields = Map::new();
        fields.insert("id".into(), self.id.as_str().into());
        fields.insert("type".into(), "monitor".into());
        fields.insert("info".into(), Value::Object(self.info.clone()));
        insert_some(&mut fields, "pid", self.pid.map(Value::from));
        fields.insert("serverType".into(), self.server_type.clone().into());
        insert_some(&mut fields, "token", self.token.clone().map(Value::from));
        if let Some(hello) = &self.hello {
            hello.put(&mut fields);
        }
        Value::Object(fields)
    }
}

impl Hello {
    /// Of this version, with nothing seen yet.
    pub fn new() -> Self {
        Self { link: LINK_VERSION, ..Self::default() }
    }

    fn from_json(json: &Value) -> Result<Option<Self>, Shape> {
        let Some(link) = json.get("link") else { return Ok(None) };
        let version = link.as_u64().and_then(|version| u32::try_from(version).ok());
        Ok(Some(Self {
            link: version.ok_or_else(|| Shape::new("link (version number)", link))?,
            max_epoch: json.get("maxEpoch").and_then(Value::as_u64).unwrap_or(0),
            view: json.get("view").map(ViewStamp::from_json).transpose()?,
        }))
    }

    fn put(&self, fields: &mut Map<String, Value>) {
        fields.insert("link".into(), self.link.into());
        fields.insert("maxEpoch".into(), self.max_epoch.into());
        insert_some(fields, "view", self.view.as_ref().map(ViewStamp::to_json));
    }
}

impl ViewStamp {
    /// Of an object that has fields `epoch`, `rev` and `digest`, whatever else.
    pub fn of_json(json: &Value) -> Option<Self> {
        Self::from_json(json).ok()
    }

    /// `{"epoch", "rev", "digest"}`.
    pub fn to_json(&self) -> Value {
        serde_json::json!({ "epoch": self.epoch, "rev": self.rev, "digest": self.digest })
    }

    fn from_json(json: &Value) -> Result<Self, Shape> {
        Ok(Self {
            epoch: number(json, "epoch", "epoch (number)")?,
            rev: number(json, "rev", "rev (number)")?,
            digest: text(json, "digest", "digest (text)")?,
        })
    }
}

impl Registered {
    /// What the original says.
    pub fn ok(cluster: Option<ClusterState>) -> Self {
        Self { code: 1, msg: "ok".into(), cluster, newer: None }
    }

    /// A refusal, for a person to read.
    pub fn refused(why: impl Into<String>) -> Self {
        Self { code: -1, msg: why.into(), cluster: None, newer: None }
    }

    /// A refusal because a later process has this server's id, with `incarnation` if it is known.
    #[must_use]
    pub fn newer(mut self, incarnation: Option<u64>) -> Self {
        self.newer = incarnation;
        self
    }

    /// Whether the registration was taken.
    pub fn is_ok(&self) -> bool {
        self.code == 1
    }

    pub(super) fn from_json(json: Value) -> Result<Self, Shape> {
        let code = json.get("code").and_then(Value::as_i64);
        Ok(Self {
            code: code.ok_or_else(|| Shape::new("code (number)", &json))?,
            msg: json.get("msg").and_then(Value::as_str).unwrap_or_default().to_owned(),
            cluster: json.get("cluster").map(ClusterState::from_json).transpose()?,
            newer: json.get("newer").and_then(Value::as_u64),
        })
    }

    pub(super) fn to_json(&self) -> Value {
        let mut fields = Map::new();
        fields.insert("code".into(), self.code.into());
        fields.insert("msg".into(), self.msg.clone().into());
        insert_some(&mut fields, "cluster", self.cluster.as_ref().map(ClusterState::to_json));
        insert_some(&mut fields, "newer", self.newer.map(Value::from));
        Value::Object(fields)
    }
}

impl ClusterState {
    /// Reads its fields where they stand in another document; `None` if they are not all there.
    pub fn of_json(json: &Value) -> Option<Self> {
        Self::from_json(json).ok()
    }

    fn from_json(json: &Value) -> Result<Self, Shape> {
        let leader = json.get("leader").filter(|leader| !leader.is_null());
        Ok(Self {
            role: MasterRole::from_word(&text(json, "role", "role (text)")?),
            view: ViewStamp::from_json(json)?,
            leader: leader.map(Leader::from_json).transpose()?,
            coordinator: text(json, "coordinator", "coordinator (text)").unwrap_or_default(),
        })
    }

    /// Its fields.
    pub fn to_json(&self) -> Value {
        serde_json::json!({
            "role": self.role.as_str(),
            "epoch": self.view.epoch,
            "rev": self.view.rev,
            "digest": self.view.digest,
            "leader": self.leader.as_ref().map(Leader::to_json),
            "coordinator": self.coordinator,
        })
    }
}

impl MasterRole {
    /// As it stands on the wire and in tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Joining => "joining",
            Self::Standby => "standby",
            Self::Active => "active",
            Self::Suspended => "suspended",
        }
    }

    fn from_word(word: &str) -> Self {
        [Self::Joining, Self::Active, Self::Suspended]
            .into_iter()
            .find(|role| role.as_str() == word)
            .unwrap_or(Self::Standby)
    }
}

impl Leader {
    /// `{"host", "port", "epoch"}`.
    pub fn to_json(&self) -> Value {
        serde_json::json!({ "host": self.host, "port": self.port, "epoch": self.epoch })
    }

    pub(super) fn from_json(json: &Value) -> Result<Self, Shape> {
        Ok(Self {
            host: text(json, "host", "host (text)")?,
            port: port(json)?,
            epoch: number(json, "epoch", "epoch (number)")?,
        })
    }
}

/// A peer's text for a log.
fn shown(text: &str) -> String {
    /// Longer than any name that is meant.
    const SHOWN_CHARS_MAX: usize = 64;
    text.chars().take(SHOWN_CHARS_MAX).flat_map(char::escape_debug).collect()
}

fn text(json: &Value, field: &str, expected: &'static str) -> Result<String, Shape> {
    let value = json.get(field).unwrap_or(&Value::Null);
    value.as_str().map(str::to_owned).ok_or_else(|| Shape::new(expected, value))
}

fn number(json: &Value, field: &str, expected: &'static str) -> Result<u64, Shape> {
    let value = json.get(field).unwrap_or(&Value::Null);
    value.as_u64().ok_or_else(|| Shape::new(expected, value))
}

fn server_id(json: &Value) -> Result<ServerId, Shape> {
    let value = json.get("id").unwrap_or(&Value::Null);
    let id = value.as_str().and_then(|id| ServerId::new(id).ok());
    id.ok_or_else(|| Shape::new("id (1 to 128 visible characters)", value))
}

fn port(json: &Value) -> Result<u16, Shape> {
    let value = json.get("port").unwrap_or(&Value::Null);
    let port = value.as_u64().and_then(|port| u16::try_from(port).ok());
    port.ok_or_else(|| Shape::new("port (1 to 65535)", value))
}

fn pid(json: &Value) -> Result<Option<u32>, Shape> {
    let Some(value) = json.get("pid").filter(|pid| !pid.is_null()) else { return Ok(None) };
    let pid = value.as_u64().and_then(|pid| u32::try_from(pid).ok());
    pid.map(Some).ok_or_else(|| Shape::new("pid (number)", value))
}

fn token(json: &Value) -> Option<String> {
    json.get("token").and_then(Value::as_str).map(str::to_owned)
}
