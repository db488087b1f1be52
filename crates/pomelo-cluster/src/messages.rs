//! What masters tell about the membership and about each other: the bodies of modules `__monitorwatcher__` and
//! `__cluster__`. One place for both ends, so that what a master writes is what a follower reads.
//!
//! `__monitorwatcher__` is the original's; `epoch`, `rev` and `incarnation` are extra fields that its servers ignore.
//! `__cluster__` is only between Rust peers:
//!
//! | from | kind | body |
//! | --- | --- | --- |
//! | leader | notify | `{"action":"announce","epoch","rev","digest"}` on every link when it begins to lead |
//! | master | notify | `{"action":"state"}` with the fields of [`ClusterState`], on every link when its role changes otherwise |
//! | follower | request | `{"action":"snapshot"}`; the answer's body is that of `replaceServer` |
//! | follower | notify | `{"action":"superseded","epoch","leader":{"host","port","epoch"} or null}` to a master whose epoch is over |
//! | follower | notify | `{"action":"following","epoch","rev"}` to the leader, once it has its membership |
//! | follower | notify | `{"action":"unreachable","leader":{"host","port","epoch"}}` to the other masters, each second without a link to the leader |
//! | agent | notify | `{"action":"died","servers":[{"id","incarnation"}]}` to every master |
//! | agent | notify | `{"action":"children","servers":[id]}` to every master: the servers it keeps, when they change or a link is new |
//! | leader | notify | `{"action":"candidate","host","port"}` on every link when another master has registered |
//! | leader | request | `{"action":"stepAside","to":{"host","port"}}` to another master; answered when it is at the tail of the queue |
//! | leader | request | `{"action":"about"}` to another master: how it is |
//! | leader | notify | `{"action":"handingOver","to":{"host","port"}}` to the other masters, when it gives its place back on purpose |
//! | leader | request | `{"action":"failsafe","epoch"}` to another master; the answer is `{"promise_ms"}` |
//! | standby | notify | `{"action":"cede","epoch"}` to a leader that does not hear the coordinator |
//!
//! Not here: envelopes and registrations ([`pomelo_protocol::admin`]), what is made of them ([`crate::follower`]).

mod peers;

use pomelo_protocol::{
    ServerId, ServerInfo,
    admin::{ClusterState, ViewStamp},
};
use serde_json::{Map, Value, json};

pub use self::peers::{Asked, DIED_MAX, Said, candidate_back, promise, read_promise};
use crate::{
    coordinator::MasterAddr,
    follower::Leader,
    membership::{Change, Version, View},
};

/// Module of what only Rust peers say to each other.
pub const CLUSTER: &str = "__cluster__";
/// Module of a server that is told who comes and goes.
pub const MONITOR_WATCHER: &str = "__monitorwatcher__";
/// Module of a master that is asked who is there.
pub const MASTER_WATCHER: &str = "__masterwatcher__";

/// What a master says about the membership. `version` is missing from a master of the original.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    /// The sender leads, with this membership.
    Announce(ViewStamp),
    /// What the sender is now, if not the leader of a new term.
    State(ClusterState),
    /// Everybody who is there.
    Snapshot {
        /// Which state of the list.
        version: Option<Version>,
        /// The list.
        servers: Vec<ServerInfo>,
    },
    /// One step.
    Step {
        /// Which state of the list it leads to.
        version: Option<Version>,
        /// The step.
        change: Change,
    },
    /// Another master is there, perhaps again.
    Candidate(MasterAddr),
}

impl Told {
    /// Reads what came for a module; `None` if it is not about the membership (`startOver`, another module). An error says
    /// in words what is wrong.
    pub fn read(module_id: &str, body: &Value) -> Result<Option<Self>, String> {
        let action = body.get("action").and_then(Value::as_str).unwrap_or_default();
        match (module_id, action) {
            (CLUSTER, "announce") => {
                let stamp = ViewStamp::of_json(body).ok_or_else(|| missing(action, "epoch, rev, digest"))?;
                Ok(Some(Self::Announce(stamp)))
            }
            (CLUSTER, "state") => {
                let state = ClusterState::of_json(body);
                state.map(Self::State).map(Some).ok_or_else(|| missing(action, "role, epoch, rev, digest"))
            }
            (CLUSTER, "candidate") => {
                let addr = peers::read_addr(body).ok_or_else(|| missing(action, "host, port"))?;
                Ok(Some(Self::Candidate(addr)))
            }
            (MONITOR_WATCHER, "replaceServer") => Self::snapshot(body).map(Some),
            (MONITOR_WATCHER, "addServer") => {
                let record = body.get("server").ok_or_else(|| missing(action, "server"))?;
                Ok(Some(Self::Step { version: version(body), change: Change::Add(server(record)?) }))
            }
            (MONITOR_WATCHER, "removeServer") => {
                let id = body.get("id").and_then(Value::as_str).ok_or_else(|| missing(action, "id"))?;
                let id = ServerId::new(id).map_err(|e| e.to_string())?;
                let incarnation = body.get("incarnation").and_then(Value::as_u64);
                Ok(Some(Self::Step { version: version(body), change: Change::Remove { id, incarnation } }))
            }
            _ => Ok(None),
        }
    }

    /// Reads the body of `replaceServer`, which is also the answer to [`ask_snapshot`].
    pub fn snapshot(body: &Value) -> Result<Self, String> {
        let records = body.get("servers").ok_or_else(|| missing("replaceServer", "servers"))?;
        Ok(Self::Snapshot { version: version(body), servers: servers(records)? })
    }
}

/// Body of the leader's announcement, for [`CLUSTER`].
pub fn announce(view: &View) -> Value {
    let Version { epoch, rev } = view.version;
    json!({ "action": "announce", "epoch": epoch, "rev": rev, "digest": view.digest() })
}

/// Body of a master's word on its role, for [`CLUSTER`].
pub fn state(state: &ClusterState) -> Value {
    let mut body = state.to_json();
    body["action"] = "state".into();
    body
}

/// Body of the request for the whole list, for [`CLUSTER`].
pub fn ask_snapshot() -> Value {
    json!({ "action": "snapshot" })
}

/// Body for [`MONITOR_WATCHER`]: everybody who is there. `records` are the servers' records by id.
pub fn replace_servers(version: Version, records: Value) -> Value {
    json!({ "action": "replaceServer", "servers": records, "epoch": version.epoch, "rev": version.rev })
}

/// Body for [`MONITOR_WATCHER`]: a server is there. `record` is its record.
pub fn add_server(version: Version, record: Value) -> Value {
    json!({ "action": "addServer", "server": record, "epoch": version.epoch, "rev": version.rev })
}

/// Body for [`MONITOR_WATCHER`]: a server is gone.
pub fn remove_server(version: Version, id: &ServerId, incarnation: Option<u64>) -> Value {
    let mut body = json!({ "action": "removeServer", "id": id, "epoch": version.epoch, "rev": version.rev });
    if let Some(incarnation) = incarnation {
        body["incarnation"] = incarnation.into();
    }
    body
}

/// Body of the answer to a master whose epoch is over, for [`CLUSTER`].
pub fn superseded(epoch: u64, leader: Option<&Leader>) -> Value {
    let leader = leader.map(|leader| leader.to_wire().to_json());
    json!({ "action": "superseded", "epoch": epoch, "leader": leader })
}

/// Reads [`superseded`]: the epoch that a follower has seen.
pub fn read_superseded(module_id: &str, body: &Value) -> Option<u64> {
    let about = module_id == CLUSTER && body.get("action").is_some_and(|action| action == "superseded");
    body.get("epoch").and_then(Value::as_u64).filter(|_| about)
}

/// Reads records by id: the body of the original's answer to `subscribe`.
pub fn servers(records: &Value) -> Result<Vec<ServerInfo>, String> {
    match records {
        Value::Object(by_id) => by_id.values().map(server).collect(),
        // An empty table of the original.
        Value::Null => Ok(Vec::new()),
        other => Err(format!("expected servers by id, found {}", kind(other))),
    }
}

fn server(record: &Value) -> Result<ServerInfo, String> {
    let id = record.get("id").and_then(Value::as_str).unwrap_or("without id");
    serde_json::from_value(record.clone()).map_err(|e| format!("record of server {id}: {e}"))
}

fn version(body: &Value) -> Option<Version> {
    let field = |fields: &Map<String, Value>, name: &str| fields.get(name).and_then(Value::as_u64);
    let fields = body.as_object()?;
    Some(Version { epoch: field(fields, "epoch")?, rev: field(fields, "rev")? })
}

fn missing(action: &str, what: &str) -> String {
    format!("{action} without {what}")
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const V: Version = Version { epoch: 3, rev: 7 };

    fn info() -> ServerInfo {
        serde_json::from_value(json!({ "id": "a", "serverType": "chat", "host": "h", "incarnation": 5 }))
            .unwrap()
    }

    #[test]
    fn what_a_master_writes_a_follower_reads() {
        let record = serde_json::to_value(info()).unwrap();
        let add = Told::read(MONITOR_WATCHER, &add_server(V, record.clone())).unwrap().unwrap();
        assert_eq!(add, Told::Step { version: Some(V), change: Change::Add(info()) });

        let remove = Told::read(MONITOR_WATCHER, &remove_server(V, &info().id, Some(5))).unwrap().unwrap();
        let change = Change::Remove { id: info().id, incarnation: Some(5) };
        assert_eq!(remove, Told::Step { version: Some(V), change });

        let all = replace_servers(V, json!({ "a": record }));
        let all = Told::read(MONITOR_WATCHER, &all).unwrap().unwrap();
        assert_eq!(all, Told::Snapshot { version: Some(V), servers: vec![info()] });

        let view = View::new(V, [info()]);
        let stamp = ViewStamp { epoch: 3, rev: 7, digest: view.digest() };
        assert_eq!(Told::read(CLUSTER, &announce(&view)).unwrap(), Some(Told::Announce(stamp)));
        let addr = MasterAddr { host: "h".into(), port: 3006 };
        let back = Told::read(CLUSTER, &candidate_back(&addr)).unwrap();
        assert_eq!(back, Some(Told::Candidate(addr)));
        assert_eq!(read_superseded(CLUSTER, &superseded(9, None)), Some(9));
        assert_eq!(read_superseded(CLUSTER, &announce(&view)), None);
    }

    #[test]
    fn a_master_of_the_original_gives_no_version() {
        let body = json!({ "action": "removeServer", "id": "gate-server-1" });
        let Some(Told::Step { version, .. }) = Told::read(MONITOR_WATCHER, &body).unwrap() else { panic!() };
        assert_eq!(version, None);
    }

    #[test]
    fn other_messages_are_left_alone_and_broken_ones_named() {
        assert_eq!(Told::read(MONITOR_WATCHER, &json!({ "action": "startOver" })), Ok(None));
        assert_eq!(Told::read("watchServer", &json!({ "comd": "servers" })), Ok(None));
        let bad = Told::read(MONITOR_WATCHER, &json!({ "action": "addServer", "server": { "id": "a" } }));
        assert_eq!(bad, Err("record of server a: missing field `serverType`".to_owned()));
        assert!(Told::read(MONITOR_WATCHER, &json!({ "action": "addServer" })).is_err());
        assert!(Told::read(CLUSTER, &json!({ "action": "announce", "epoch": 1 })).is_err());
        assert!(servers(&json!([1])).is_err());
    }
}
