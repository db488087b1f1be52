//! Who is in the cluster: a list of servers with a version, and the steps that change it.
//!
//! Pure. The master that leads makes the steps and numbers them; everybody else only applies them, in order, and asks for
//! the whole list ([`Applied::NeedSnapshot`]) when a number is missing. Not here: who leads ([`crate::follower`]), and
//! how steps travel ([`crate::messages`]).

mod members;

use std::{fmt, sync::Arc};

use pomelo_protocol::{ServerId, ServerInfo, ServerType};
use serde::{Deserialize, Serialize};

pub use self::members::Members;

/// Which state of the list: the epoch of the master that made it, and its number within that epoch. Ordered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Version {
    /// Epoch of the master that made this state; 0 before any master was heard.
    pub epoch: u64,
    /// Grows by one with each step of that master.
    pub rev: u64,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch, self.rev)
    }
}

/// The list of servers at one version.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct View {
    /// Which state this is.
    pub version: Version,
    /// Every server that is registered, by id.
    pub servers: Members,
}

/// One step from a [`Version`] to the next.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A server is there, or is there again with other details.
    Add(ServerInfo),
    /// A server is gone.
    Remove {
        /// Which.
        id: ServerId,
        /// Which life of it ended; `None` if that is not known, which ends any.
        incarnation: Option<u64>,
    },
}

/// What [`View::apply`] made of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// The view is one step further.
    Done,
    /// The step is older than the view; nothing changed.
    Old,
    /// Steps in between, or the beginning of the epoch, are missing; nothing changed.
    NeedSnapshot,
}

impl View {
    /// A view of these servers.
    pub fn new(version: Version, servers: impl IntoIterator<Item = ServerInfo>) -> Self {
        Self { version, servers: servers.into_iter().collect() }
    }

    /// What [`View::apply`] would make of the step to `version`, whatever it is.
    pub fn takes(&self, version: Version) -> Applied {
        if version <= self.version {
            Applied::Old
        } else if version.epoch != self.version.epoch || version.rev != self.version.rev + 1 {
            Applied::NeedSnapshot
        } else {
            Applied::Done
        }
    }

    /// Applies the step that leads to `version`, if it is the one that comes next.
    pub fn apply(&mut self, version: Version, change: Change) -> Applied {
        let takes = self.takes(version);
        if takes == Applied::Done {
            self.version = version;
            self.change(change);
        }
        takes
    }

    /// Makes the next step: what a leading master does. `None` if it would change nothing (and then takes no number).
    pub fn advance(&mut self, change: Change) -> Option<Version> {
        if !self.change(change) {
            return None;
        }
        self.version.rev += 1;
        Some(self.version)
    }

    /// Servers of one type, ordered by id.
    pub fn servers_of<'a>(
        &'a self,
        server_type: &'a ServerType,
    ) -> impl Iterator<Item = &'a Arc<ServerInfo>> + 'a {
        self.servers.values().filter(move |info| info.server_type == *server_type)
    }

    /// The server with this id.
    pub fn server(&self, id: &ServerId) -> Option<&Arc<ServerInfo>> {
        self.servers.get(id)
    }

    /// Hexadecimal digest of who is there in which life. Two views with equal digests hold the same processes, whatever
    /// their versions; that is how a new leader takes over without sending the list to anybody who has it.
    pub fn digest(&self) -> String {
        self.servers.digest()
    }

    fn change(&mut self, change: Change) -> bool {
        match change {
            Change::Add(info) => {
                if let Some(member) = self.servers.get(&info.id)
                    && (older(info.incarnation, member.incarnation) || **member == info)
                {
                    return false;
                }
                self.servers.insert(info.id.clone(), Arc::new(info));
                true
            }
            Change::Remove { id, incarnation } => {
                let Some(member) = self.servers.get(&id) else { return false };
                if older(incarnation, member.incarnation) {
                    return false;
                }
                self.servers.remove(&id);
                true
            }
        }
    }
}

/// Whether the life `of` is known to have ended before `member` began.
fn older(of: Option<u64>, member: Option<u64>) -> bool {
    matches!((of, member), (Some(of), Some(member)) if of < member)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(id: &str, incarnation: u64) -> ServerInfo {
        let value = serde_json::json!({
            "id": id, "serverType": "chat", "host": "127.0.0.1", "port": 6050, "incarnation": incarnation
        });
        serde_json::from_value(value).unwrap()
    }

    fn remove(id: &str, incarnation: u64) -> Change {
        Change::Remove { id: ServerId::new(id).unwrap(), incarnation: Some(incarnation) }
    }

    fn v(epoch: u64, rev: u64) -> Version {
        Version { epoch, rev }
    }

    #[test]
    fn only_the_next_step_of_the_same_epoch_applies() {
        let mut view = View::new(v(2, 5), [server("a", 1)]);
        assert_eq!(view.apply(v(2, 5), Change::Add(server("b", 1))), Applied::Old);
        assert_eq!(view.apply(v(1, 9), Change::Add(server("b", 1))), Applied::Old);
        assert_eq!(view.apply(v(2, 7), Change::Add(server("b", 1))), Applied::NeedSnapshot);
        assert_eq!(view.apply(v(3, 6), Change::Add(server("b", 1))), Applied::NeedSnapshot);
        assert_eq!(view.servers.len(), 1);
        assert_eq!(view.apply(v(2, 6), Change::Add(server("b", 1))), Applied::Done);
        assert_eq!((view.version, view.servers.len()), (v(2, 6), 2));
    }

    #[test]
    fn a_late_leave_does_not_evict_a_restarted_server_but_counts_as_a_step() {
        let mut view = View::new(v(1, 0), [server("a", 7)]);
        assert_eq!(view.apply(v(1, 1), remove("a", 6)), Applied::Done);
        assert_eq!((view.version, view.servers.len()), (v(1, 1), 1));
        assert_eq!(view.apply(v(1, 2), remove("a", 7)), Applied::Done);
        assert!(view.servers.is_empty());
    }

    #[test]
    fn an_older_life_does_not_replace_a_newer_one() {
        let mut view = View::new(v(1, 0), [server("a", 7)]);
        view.apply(v(1, 1), Change::Add(server("a", 6)));
        assert_eq!(view.server(&ServerId::new("a").unwrap()).unwrap().incarnation, Some(7));
    }

    #[test]
    fn a_change_that_changes_nothing_takes_no_number() {
        let mut view = View::new(v(1, 0), [server("a", 7)]);
        assert_eq!(view.advance(Change::Add(server("a", 7))), None);
        assert_eq!(view.advance(remove("a", 6)), None);
        assert_eq!(view.advance(remove("b", 1)), None);
        assert_eq!(view.advance(Change::Add(server("a", 8))), Some(v(1, 1)));
    }

    #[test]
    fn the_digest_tells_lives_apart_and_ignores_versions() {
        let one = View::new(v(1, 4), [server("a", 1), server("b", 1)]);
        let same = View::new(v(2, 0), [server("b", 1), server("a", 1)]);
        let other = View::new(v(1, 4), [server("a", 1), server("b", 2)]);
        assert_eq!(one.digest(), same.digest());
        assert_ne!(one.digest(), other.digest());
        assert_eq!(one.digest().len(), 32);
    }
}
