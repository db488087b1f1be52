//! What a master says of itself and the cluster: its reply to a registration, its role, who leads, and which membership it
//! has.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Shape, envelope::insert_some};

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

impl ViewStamp {
    /// Of an object that has fields `epoch`, `rev` and `digest`, whatever else.
    pub fn of_json(json: &Value) -> Option<Self> {
        Self::from_json(json).ok()
    }

    /// `{"epoch", "rev", "digest"}`.
    pub fn to_json(&self) -> Value {
        serde_json::json!({ "epoch": self.epoch, "rev": self.rev, "digest": self.digest })
    }

    pub(super) fn from_json(json: &Value) -> Result<Self, Shape> {
        Ok(Self {
            epoch: number(json, "epoch", "epoch (number)")?,
            rev: number(json, "rev", "rev (number)")?,
            digest: text(json, "digest", "digest (text)")?,
        })
    }
}

pub(super) fn text(json: &Value, field: &str, expected: &'static str) -> Result<String, Shape> {
    let value = json.get(field).unwrap_or(&Value::Null);
    value.as_str().map(str::to_owned).ok_or_else(|| Shape::new(expected, value))
}

fn number(json: &Value, field: &str, expected: &'static str) -> Result<u64, Shape> {
    let value = json.get(field).unwrap_or(&Value::Null);
    value.as_u64().ok_or_else(|| Shape::new(expected, value))
}

pub(super) fn port(json: &Value) -> Result<u16, Shape> {
    let value = json.get("port").unwrap_or(&Value::Null);
    let port = value.as_u64().and_then(|port| u16::try_from(port).ok());
    port.ok_or_else(|| Shape::new("port (1 to 65535)", value))
}
