//! What `pomelo master status` shows: the document with which a master answers `{"signal":"masters"}` of module `__console__`,
//! and the record of a failover, which the leader also keeps in the coordinator's store.
//!
//! Only the documents: they are made in `pomelo-master` and shown by the tool. A reader takes fields that are missing for unknown,
//! so that tools and masters of different versions understand each other.

use pomelo_protocol::ServerId;
use serde::{Deserialize, Serialize};

use crate::coordinator::MasterAddr;

/// Key of the list of [`Failover`]s in the coordinator's store: JSON, the oldest first.
pub const FAILOVERS_KEY: &str = "history/failovers";
/// Most failovers that are kept.
pub const FAILOVERS_MAX: usize = 32;

/// Everything about the masters of a cluster, as one of them knows it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Masters {
    /// Who leads; `None` while nobody is known to.
    pub leader: Option<LeaderStatus>,
    /// Every configured master and every other one that is linked, the leader included, by address.
    pub candidates: Vec<CandidateStatus>,
    /// The last failovers, the oldest first.
    pub failovers: Vec<Failover>,
}

/// The master that leads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LeaderStatus {
    /// Its id.
    pub id: ServerId,
    /// Where it listens.
    #[serde(flatten)]
    pub addr: MasterAddr,
    /// Its process.
    pub pid: u32,
    /// Its term.
    pub epoch: u64,
    /// When its term began, in ms since 1970.
    #[serde(default)]
    pub since_ms: u64,
    /// Servers that have said that they follow it in this term.
    #[serde(default)]
    pub following: usize,
    /// Servers linked with it that know of terms; those of the original don't.
    #[serde(default)]
    pub linked: usize,
    /// Servers of the membership.
    #[serde(default)]
    pub servers: usize,
    /// Whether it leads without hearing its coordinator, because all other masters have promised to wait.
    #[serde(default)]
    pub failsafe: bool,
}

/// One master.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CandidateStatus {
    /// Where it listens.
    #[serde(flatten)]
    pub addr: MasterAddr,
    /// Its id, if it is configured or linked.
    #[serde(default)]
    pub id: Option<ServerId>,
    /// Its process, if it is linked.
    #[serde(default)]
    pub pid: Option<u32>,
    /// What it is, as far as is known, in a word of [`MasterRole::as_str`](pomelo_protocol::admin::MasterRole::as_str).
    #[serde(default)]
    pub role: Option<String>,
    /// Whether there are links both ways between it and the master that answers; true for that one itself.
    #[serde(default)]
    pub link: bool,
    /// Why there is no link to it, or why it has not answered.
    #[serde(default)]
    pub why: Option<String>,
    /// How many are before it in the queue.
    #[serde(default)]
    pub ahead: Option<usize>,
    /// How many steps of the membership it is behind the leader; `None` if it does not follow the leader's term.
    #[serde(default)]
    pub lag: Option<u64>,
    /// Where it queues for leadership.
    #[serde(default)]
    pub coordinator: String,
    /// What is wrong between it and the coordinator.
    #[serde(default)]
    pub trouble: Option<String>,
    /// Its guardian, if it has one.
    #[serde(default)]
    pub guardian: Option<GuardianStatus>,
}

/// The parent of a master ([`crate::guardian`]).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GuardianStatus {
    /// Its process.
    pub pid: u32,
    /// Silence after which it kills its master, in ms; 0 is never.
    #[serde(default)]
    pub silence_ms: u64,
    /// Its own connection to the coordinator, for a person.
    #[serde(default)]
    pub coordinator: String,
}

/// One change of the leader, measured by the new one. Times are in milliseconds, with decimals.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Failover {
    /// The new term.
    pub epoch: u64,
    /// When it began, in ms since 1970.
    pub at_ms: u64,
    /// Who led before, if that is known.
    #[serde(default)]
    pub from: Option<MasterAddr>,
    /// Who leads since.
    pub to: MasterAddr,
    /// What made it necessary: `its link broke`, `handed over`.
    pub why: String,
    /// From the loss of the former leader's link (or its own word) until this master was first in the queue. `None` if neither
    /// was seen.
    #[serde(default)]
    pub detect_ms: Option<f64>,
    /// From there until the term was granted.
    #[serde(default)]
    pub elect_ms: f64,
    /// From there until the announcement was written to every link.
    #[serde(default)]
    pub publish_ms: f64,
    /// From there until the last linked server said that it follows.
    #[serde(default)]
    pub follow_ms: f64,
    /// How many servers followed within the time that is waited for them.
    #[serde(default)]
    pub followed: usize,
    /// How many were linked.
    #[serde(default)]
    pub linked: usize,
}

impl Failover {
    /// The whole of it, in ms: from the first sign until the last server followed.
    pub fn total_ms(&self) -> f64 {
        self.detect_ms.unwrap_or_default() + self.elect_ms + self.publish_ms + self.follow_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_with_less_is_understood() {
        let text = r#"{"leader":{"id":"m","host":"h","port":3005,"pid":7,"epoch":3},"candidates":[{"host":"h","port":3005}]}"#;
        let masters: Masters = serde_json::from_str(text).unwrap();
        assert_eq!(masters.leader.unwrap().epoch, 3);
        assert_eq!(masters.candidates[0].role, None);
        assert!(masters.failovers.is_empty());
    }

    #[test]
    fn what_is_written_is_read() {
        let addr = MasterAddr { host: "h".into(), port: 3005 };
        let failover = Failover {
            epoch: 2,
            at_ms: 1,
            from: None,
            to: addr,
            why: "its link broke".into(),
            detect_ms: Some(1.5),
            elect_ms: 2.0,
            publish_ms: 0.5,
            follow_ms: 1.0,
            followed: 5,
            linked: 5,
        };
        assert!((failover.total_ms() - 5.0).abs() < 1e-9);
        let text = serde_json::to_string(&failover).unwrap();
        assert_eq!(serde_json::from_str::<Failover>(&text).unwrap(), failover);
    }
}
