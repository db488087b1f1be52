//! The document with which a connection begins: who registers. What the master replies is in [`super::cluster`].

use std::fmt;

use serde_json::{Map, Value};

use super::{
    Shape, ViewStamp,
    cluster::{port, text},
    envelope::insert_some,
};
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

/// A peer's text for a log.
fn shown(text: &str) -> String {
    /// Longer than any name that is meant.
    const SHOWN_CHARS_MAX: usize = 64;
    text.chars().take(SHOWN_CHARS_MAX).flat_map(char::escape_debug).collect()
}

fn server_id(json: &Value) -> Result<ServerId, Shape> {
    let value = json.get("id").unwrap_or(&Value::Null);
    let id = value.as_str().and_then(|id| ServerId::new(id).ok());
    id.ok_or_else(|| Shape::new("id (1 to 128 visible characters)", value))
}

fn pid(json: &Value) -> Result<Option<u32>, Shape> {
    let Some(value) = json.get("pid").filter(|pid| !pid.is_null()) else { return Ok(None) };
    let pid = value.as_u64().and_then(|pid| u32::try_from(pid).ok());
    pid.map(Some).ok_or_else(|| Shape::new("pid (number)", value))
}

fn token(json: &Value) -> Option<String> {
    json.get("token").and_then(Value::as_str).map(str::to_owned)
}
