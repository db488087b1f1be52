//! Which instance lives on which server, as the manager keeps it: a state machine without I/O. Callers who ask for the same instance
//! at once share one creation. Not here: the instance itself ([`crate::area::Area`]), and the calls between servers.
//!
//! Whoever asks says which servers may make an instance, in an order that follows from its key and the servers that are there. So a manager
//! that was started again, and knows of no instance, asks the server for it that has it, and none is there twice; unless servers have come
//! or failed since.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::area::Area;

/// How long an empty instance lives by default.
pub const LIFE_MS: u64 = 1_800_000;

/// How often an instance server looks for instances that are over, by default.
pub const CHECK_MS: u64 = 60_000;

/// Instances at a time; more are refused with [`InstanceError::Full`].
pub const INSTANCES_MAX: usize = 100_000;

/// Callers that wait for one creation; more are refused with [`InstanceError::Full`].
pub const WAITING_MAX: usize = 64;

/// An instance and the server it is on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Instance {
    /// [`instance_id`].
    pub instance_id: String,
    /// The instance server.
    pub server_id: String,
}

/// Why there is no instance.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InstanceError {
    /// None is known.
    #[error("there is no instance server")]
    NoServer,
    /// A limit is reached: [`INSTANCES_MAX`] or [`WAITING_MAX`].
    #[error("too many instances, or too many wait for this one")]
    Full,
    /// The server that should have made it could not, or is gone.
    #[error("the instance server {0} failed")]
    Failed(String),
}

/// What a caller who asked for an instance gets.
#[derive(Debug, PartialEq, Eq)]
pub enum Asked {
    /// It is there.
    Ready(Instance),
    /// It is to be made: call `areaRemote.create` on this server, then [`Instances::created`]. The caller waits until then.
    Create(Instance),
    /// It is being made for somebody else; the caller waits.
    Wait,
    /// There will be none.
    Refused(InstanceError),
}

/// The directory. `W` stands for a waiting caller: whatever the driver answers it with.
#[derive(Debug)]
pub struct Instances<W> {
    /// Servers that could not make the last one they were to make: they are passed over once.
    failed: HashSet<String>,
    instances: HashMap<String, Entry<W>>,
}

#[derive(Debug)]
struct Entry<W> {
    server: String,
    /// Who waits for the creation; `None` once it is done.
    waiting: Option<Vec<W>>,
}

/// The key of the instance of area `area_id` that belongs to the player or team numbered `owner`.
#[must_use]
pub fn instance_id(area_id: u32, owner: u32) -> String {
    format!("{area_id}_{owner}")
}

impl<W> Default for Instances<W> {
    fn default() -> Self {
        Self { failed: HashSet::new(), instances: HashMap::new() }
    }
}

impl<W> Instances<W> {
    /// An instance server left the cluster: its instances are forgotten, and who waits for one is told the error.
    #[must_use = "the callers wait for the error"]
    pub fn server_removed(&mut self, server: &str) -> Vec<(W, InstanceError)> {
        self.failed.remove(server);
        let gone = self.instances.extract_if(|_, entry| entry.server == server);
        let waiting = gone.flat_map(|(_, entry)| entry.waiting.unwrap_or_default());
        waiting.map(|caller| (caller, InstanceError::Failed(server.to_owned()))).collect()
    }

    /// `caller` asks for an instance. If it is not there, `servers` says which may make it, the best first.
    pub fn ask(&mut self, instance_id: &str, servers: impl FnOnce() -> Vec<String>, caller: W) -> Asked {
        if let Some(entry) = self.instances.get_mut(instance_id) {
            return match &mut entry.waiting {
                None => Asked::Ready(instance(instance_id, &entry.server)),
                Some(waiting) if waiting.len() < WAITING_MAX => {
                    waiting.push(caller);
                    Asked::Wait
                }
                Some(_) => Asked::Refused(InstanceError::Full),
            };
        }
        if self.instances.len() >= INSTANCES_MAX {
            return Asked::Refused(InstanceError::Full);
        }
        let Some(server) = self.choose(servers()) else { return Asked::Refused(InstanceError::NoServer) };
        let asked = instance(instance_id, &server);
        self.instances.insert(instance_id.to_owned(), Entry { server, waiting: Some(vec![caller]) });
        Asked::Create(asked)
    }

    /// The creation on `server` ended well or not. All who waited are to be told the result.
    #[must_use = "the callers wait for the result"]
    pub fn created(
        &mut self,
        instance_id: &str,
        server: &str,
        well: bool,
    ) -> (Vec<W>, Result<Instance, InstanceError>) {
        let failed = || Err(InstanceError::Failed(server.to_owned()));
        let Some(entry) = self.instances.get_mut(instance_id).filter(|entry| entry.server == server) else {
            return (Vec::new(), failed());
        };
        let waiting = entry.waiting.take().unwrap_or_default();
        if well {
            return (waiting, Ok(instance(instance_id, server)));
        }
        self.instances.remove(instance_id);
        self.failed.insert(server.to_owned());
        (waiting, failed())
    }

    /// The first one, or the second if the first has just failed.
    fn choose(&mut self, servers: Vec<String>) -> Option<String> {
        let mut servers = servers.into_iter();
        let first = servers.next()?;
        if !self.failed.remove(&first) {
            return Some(first);
        }
        servers.next().or(Some(first))
    }

    /// `server` is about to close the instance: it is forgotten. `false` if it is another server's, or nobody's.
    pub fn remove(&mut self, instance_id: &str, server: &str) -> bool {
        let is_there = self.instances.get(instance_id).is_some_and(|entry| entry.server == server);
        is_there && self.instances.remove(instance_id).is_some()
    }

    /// How many instances are known.
    #[must_use]
    pub fn count(&self) -> usize {
        self.instances.len()
    }
}

/// Whether an instance is over at `now_ms`: nobody has been in it for `life_ms`.
#[must_use]
pub fn is_over(area: &Area, now_ms: u64, life_ms: u64) -> bool {
    area.empty_since_ms().is_some_and(|since| now_ms.saturating_sub(since) >= life_ms)
}

fn instance(instance_id: &str, server: &str) -> Instance {
    Instance { instance_id: instance_id.to_owned(), server_id: server.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of two servers.
    fn ask(instances: &mut Instances<u32>, instance_id: &str, caller: u32) -> Asked {
        instances.ask(instance_id, || ["i1", "i2"].map(str::to_owned).into(), caller)
    }

    fn create(instances: &mut Instances<u32>, instance_id: &str) -> String {
        match ask(instances, instance_id, 1) {
            Asked::Create(instance) => instance.server_id,
            other => panic!("{other:?}"),
        }
    }

    /// D-12: the original made two when two asked at once.
    #[test]
    fn callers_who_ask_at_once_share_one_creation() {
        let mut instances = Instances::default();
        assert_eq!(create(&mut instances, "5_1"), "i1");
        assert_eq!(ask(&mut instances, "5_1", 2), Asked::Wait);
        let (told, result) = instances.created("5_1", "i1", true);
        assert_eq!(told, [1, 2]);
        assert_eq!(ask(&mut instances, "5_1", 3), Asked::Ready(result.unwrap()));
    }

    #[test]
    fn a_failed_creation_is_told_to_all_and_tried_elsewhere_the_next_time() {
        let mut instances = Instances::default();
        assert_eq!(create(&mut instances, "4_1"), "i1");
        assert_eq!(ask(&mut instances, "4_1", 2), Asked::Wait);
        let (told, result) = instances.created("4_1", "i1", false);
        assert_eq!((told, result), (vec![1, 2], Err(InstanceError::Failed("i1".to_owned()))));
        assert_eq!(create(&mut instances, "4_1"), "i2");
        assert!(instances.remove("4_1", "i2"));
        assert_eq!(create(&mut instances, "4_1"), "i1", "it is passed over once");
        assert!(instances.created("4_1", "i1", false).1.is_err());
        let alone = instances.ask("4_1", || vec!["i1".to_owned()], 1);
        assert_eq!(alone, Asked::Create(instance("4_1", "i1")), "there is no other");
    }

    /// D-12: the original kept holes in its list of servers.
    #[test]
    fn a_server_that_is_gone_takes_its_instances_along() {
        let mut instances = Instances::default();
        create(&mut instances, "4_1");
        assert_eq!(instances.server_removed("i1"), [(1, InstanceError::Failed("i1".to_owned()))]);
        assert!(instances.created("4_1", "i1", true).1.is_err(), "too late");
        assert_eq!(instances.count(), 0);
        assert_eq!(instances.ask("4_1", Vec::new, 1), Asked::Refused(InstanceError::NoServer));
    }

    #[test]
    fn only_so_many_wait_for_one_creation() {
        let mut instances = Instances::default();
        create(&mut instances, "4_1");
        let limit = u32::try_from(WAITING_MAX).unwrap();
        assert!((1..limit).all(|caller| ask(&mut instances, "4_1", caller) == Asked::Wait));
        assert_eq!(ask(&mut instances, "4_1", limit), Asked::Refused(InstanceError::Full));
    }

    #[test]
    fn an_instance_that_was_removed_by_its_server_is_made_anew() {
        let mut instances = Instances::default();
        create(&mut instances, "4_1");
        let _ = instances.created("4_1", "i1", true);
        let others = instances.remove("4_1", "i2");
        assert!(!others, "what another server has of this name is no concern of ours");
        assert!(instances.remove("4_1", "i1"));
        assert!(!instances.remove("4_1", "i1"));
        assert_eq!(create(&mut instances, "4_1"), "i1");
    }
}
