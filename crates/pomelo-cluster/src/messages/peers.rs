//! What Rust peers say to each other about leading: a follower to masters ([`Said`]), and a leader to the other masters
//! ([`Asked`]). Bodies of module [`CLUSTER`], each with the function that writes it and the one that reads it.
//!
//! Not here: the membership and who leads ([`super::Told`]).

use std::time::Duration;

use pomelo_protocol::ServerId;
use serde_json::{Value, json};

use super::{CLUSTER, missing, superseded};
use crate::{coordinator::MasterAddr, follower::Leader, membership::Version};

/// Most servers that one [`Said::Died`] names; more are told in several.
pub const DIED_MAX: usize = 1_024;

/// What a server, an agent or another master tells a master, whoever leads. None of it is obeyed blindly: it is news.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// It has seen a higher epoch than the one the master spoke in.
    Superseded {
        /// The highest it has seen.
        epoch: u64,
    },
    /// It follows the master, and has this membership.
    Following {
        /// Its membership, and in it the epoch of the master.
        version: Version,
    },
    /// It has had no link to the leader for a second or longer.
    Unreachable {
        /// Which leader, as it knows it.
        leader: Leader,
    },
    /// A standby that hears the coordinator asks a leader that does not to give up.
    Cede {
        /// The term to give up.
        epoch: u64,
    },
    /// Servers that an agent had started have ended.
    Died {
        /// Each with its incarnation: a later life of the same server is not meant.
        servers: Vec<(ServerId, u64)>,
    },
}

impl Said {
    /// Reads what came for a module; `None` if it is something else. An error says in words what is wrong.
    pub fn read(module_id: &str, body: &Value) -> Result<Option<Self>, String> {
        if module_id != CLUSTER {
            return Ok(None);
        }
        let action = body.get("action").and_then(Value::as_str).unwrap_or_default();
        let number = |field: &str| {
            body.get(field)
                .and_then(Value::as_u64)
                .ok_or_else(|| missing(action, &format!("{field} (number)")))
        };
        Ok(Some(match action {
            "superseded" => Self::Superseded { epoch: number("epoch")? },
            "following" => {
                Self::Following { version: Version { epoch: number("epoch")?, rev: number("rev")? } }
            }
            "unreachable" => {
                let leader = body.get("leader").and_then(read_leader);
                Self::Unreachable {
                    leader: leader.ok_or_else(|| missing(action, "leader (host, port, epoch)"))?,
                }
            }
            "cede" => Self::Cede { epoch: number("epoch")? },
            "died" => Self::Died { servers: read_died(body)? },
            _ => return Ok(None),
        }))
    }

    /// Body for [`CLUSTER`].
    pub fn body(&self) -> Value {
        match self {
            Self::Superseded { epoch } => superseded(*epoch, None),
            Self::Following { version } => {
                json!({ "action": "following", "epoch": version.epoch, "rev": version.rev })
            }
            Self::Unreachable { leader } => {
                json!({ "action": "unreachable", "leader": leader.to_wire().to_json() })
            }
            Self::Cede { epoch } => json!({ "action": "cede", "epoch": epoch }),
            Self::Died { servers } => {
                let dead =
                    |(id, incarnation): &(ServerId, u64)| json!({ "id": id, "incarnation": incarnation });
                json!({ "action": "died", "servers": servers.iter().map(dead).collect::<Vec<_>>() })
            }
        }
    }
}

/// What a leader asks of the other masters, as [orders](crate::follow::Order) in its epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Leave the queue and join it again at its tail, so that the master at `to` is first; answer when that is done.
    StepAside {
        /// Who is to lead.
        to: MasterAddr,
    },
    /// Whether the other master hears the coordinator: the leader does not. The answer is [`promise`].
    Failsafe {
        /// The leader's term.
        epoch: u64,
    },
    /// How it is: the answer is a [`CandidateStatus`](crate::status::CandidateStatus) with `epoch` and `rev` of its membership.
    About,
    /// News: the leader gives its place back now, on purpose.
    HandingOver {
        /// Who is to lead.
        to: MasterAddr,
    },
}

impl Asked {
    /// Reads what came for a module; `None` if it is something else. An error says in words what is wrong.
    pub fn read(module_id: &str, body: &Value) -> Result<Option<Self>, String> {
        let action = body.get("action").and_then(Value::as_str).unwrap_or_default();
        match (module_id, action) {
            (CLUSTER, "stepAside") => {
                let to = body.get("to").and_then(read_addr);
                Ok(Some(Self::StepAside { to: to.ok_or_else(|| missing(action, "to (host, port)"))? }))
            }
            (CLUSTER, "failsafe") => {
                let epoch = body.get("epoch").and_then(Value::as_u64);
                Ok(Some(Self::Failsafe { epoch: epoch.ok_or_else(|| missing(action, "epoch (number)"))? }))
            }
            (CLUSTER, "about") => Ok(Some(Self::About)),
            (CLUSTER, "handingOver") => {
                let to = body.get("to").and_then(read_addr);
                Ok(Some(Self::HandingOver { to: to.ok_or_else(|| missing(action, "to (host, port)"))? }))
            }
            _ => Ok(None),
        }
    }

    /// Body for [`CLUSTER`].
    pub fn body(&self) -> Value {
        match self {
            Self::StepAside { to } => json!({ "action": "stepAside", "to": addr(to) }),
            Self::Failsafe { epoch } => json!({ "action": "failsafe", "epoch": epoch }),
            Self::About => json!({ "action": "about" }),
            Self::HandingOver { to } => json!({ "action": "handingOver", "to": addr(to) }),
        }
    }
}

/// Body of the answer to [`Asked::Failsafe`]: for so long the answering master neither takes the leader's place away nor lets
/// itself be promoted in that way. Zero is no promise: it hears the coordinator.
pub fn promise(within: Duration) -> Value {
    json!({ "promise_ms": u64::try_from(within.as_millis()).unwrap_or(u64::MAX) })
}

/// Reads [`promise`]; `None` if it is none.
pub fn read_promise(answer: &Value) -> Option<Duration> {
    let ms = answer.get("promise_ms").and_then(Value::as_u64);
    ms.filter(|ms| *ms > 0).map(Duration::from_millis)
}

/// Body of the leader's news that a candidate has registered with it, for [`CLUSTER`]: whoever has no link there dials at once.
pub fn candidate_back(at: &MasterAddr) -> Value {
    json!({ "action": "candidate", "host": at.host, "port": at.port })
}

/// Reads fields `host` and `port`.
pub(super) fn read_addr(json: &Value) -> Option<MasterAddr> {
    let host = json.get("host").and_then(Value::as_str)?.to_owned();
    let port = json.get("port").and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok())?;
    Some(MasterAddr { host, port })
}

fn addr(addr: &MasterAddr) -> Value {
    json!({ "host": addr.host, "port": addr.port })
}

fn read_leader(json: &Value) -> Option<Leader> {
    Some(Leader { addr: read_addr(json)?, epoch: json.get("epoch").and_then(Value::as_u64)? })
}

fn read_died(body: &Value) -> Result<Vec<(ServerId, u64)>, String> {
    let servers = body.get("servers").and_then(Value::as_array);
    let servers = servers.ok_or_else(|| missing("died", "servers (list)"))?;
    if servers.len() > DIED_MAX {
        return Err(format!("died names {} servers, more than {DIED_MAX}", servers.len()));
    }
    let read = |dead: &Value| {
        let id = dead.get("id").and_then(Value::as_str).and_then(|id| ServerId::new(id).ok());
        let incarnation = dead.get("incarnation").and_then(Value::as_u64);
        id.zip(incarnation).ok_or_else(|| missing("died", "id and incarnation of each server"))
    };
    servers.iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_end_writes_the_other_reads() {
        let addr = MasterAddr { host: "10.0.0.1".into(), port: 3005 };
        let said = [
            Said::Superseded { epoch: 7 },
            Said::Following { version: Version { epoch: 7, rev: 9 } },
            Said::Unreachable { leader: Leader { addr: addr.clone(), epoch: 7 } },
            Said::Cede { epoch: 7 },
            Said::Died { servers: vec![(ServerId::new("chat-server-1").unwrap(), 5)] },
        ];
        for said in said {
            assert_eq!(Said::read(CLUSTER, &said.body()), Ok(Some(said.clone())));
            assert_eq!(Said::read("watchServer", &said.body()), Ok(None));
        }
        let to = addr;
        for asked in [
            Asked::StepAside { to: to.clone() },
            Asked::Failsafe { epoch: 7 },
            Asked::About,
            Asked::HandingOver { to },
        ] {
            assert_eq!(Asked::read(CLUSTER, &asked.body()), Ok(Some(asked)));
        }
        assert_eq!(read_promise(&promise(Duration::from_secs(2))), Some(Duration::from_secs(2)));
        assert_eq!(read_promise(&promise(Duration::ZERO)), None);
    }

    #[test]
    fn what_is_broken_is_named_and_what_is_meant_for_others_is_left_alone() {
        assert_eq!(Said::read(CLUSTER, &json!({ "action": "snapshot" })), Ok(None));
        assert_eq!(Asked::read(CLUSTER, &json!({ "action": "announce" })), Ok(None));
        let bad = Said::read(CLUSTER, &json!({ "action": "cede" })).unwrap_err();
        assert_eq!(bad, "cede without epoch (number)");
        assert!(Said::read(CLUSTER, &json!({ "action": "died", "servers": [{ "id": "a" }] })).is_err());
        assert!(Said::read(CLUSTER, &json!({ "action": "unreachable", "leader": { "host": "h" } })).is_err());
        assert!(Asked::read(CLUSTER, &json!({ "action": "stepAside" })).is_err());
        let many = vec![json!({ "id": "a", "incarnation": 1 }); DIED_MAX + 1];
        assert!(Said::read(CLUSTER, &json!({ "action": "died", "servers": many })).is_err());
    }
}
