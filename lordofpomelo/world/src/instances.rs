//! Which instance lives on which server, as the manager keeps it: a state machine without I/O. Callers who ask for the same instance
//! at once share one creation. Not here: the instance itself ([`crate::area::Area`]), and the calls between servers.
//!
//! Where an instance is made follows from its key and the servers that are there. So a manager that was started again, and knows of none,
//! asks the server for it that has it, and none is there twice; unless servers have come or failed since.

use std::cmp::Reverse;
use std::collections::HashMap;

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
    servers: Vec<Server>,
    instances: HashMap<String, Entry<W>>,
}

#[derive(Debug)]
struct Server {
    id: String,
    /// Whether it could not make the last one it was to make: then it is passed over once.
    failed: bool,
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
        Self { servers: Vec::new(), instances: HashMap::new() }
    }
}

impl<W> Instances<W> {
    /// An instance server joined the cluster.
    pub fn server_added(&mut self, server: &str) {
        if !self.servers.iter().any(|known| known.id == server) {
            self.servers.push(Server { id: server.to_owned(), failed: false });
        }
    }

    /// An instance server left the cluster: its instances are forgotten, and who waits for one is told the error.
    #[must_use = "the callers wait for the error"]
    pub fn server_removed(&mut self, server: &str) -> Vec<(W, InstanceError)> {
        self.servers.retain(|known| known.id != server);
        let gone = self.instances.extract_if(|_, entry| entry.server == server);
        let waiting = gone.flat_map(|(_, entry)| entry.waiting.unwrap_or_default());
        waiting.map(|caller| (caller, InstanceError::Failed(server.to_owned()))).collect()
    }

    /// `caller` asks for an instance.
    pub fn ask(&mut self, instance_id: &str, caller: W) -> Asked {
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
        let Some(server) = self.choose(instance_id) else { return Asked::Refused(InstanceError::NoServer) };
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
        if let Some(server) = self.servers.iter_mut().find(|known| known.id == server) {
            server.failed = true;
        }
        (waiting, failed())
    }

    /// The server on which this instance is made: the first of those that are there, in an order of its own for each key. When servers
    /// come and go that changes for few.
    fn choose(&mut self, instance_id: &str) -> Option<String> {
        let mut servers: Vec<&mut Server> = self.servers.iter_mut().collect();
        servers.sort_by_cached_key(|server| Reverse(weight(instance_id, &server.id)));
        let (first, rest) = servers.split_first_mut()?;
        let is_passed_over = std::mem::take(&mut first.failed);
        let chosen: &Server = match rest.first() {
            Some(second) if is_passed_over => second,
            _ => first,
        };
        Some(chosen.id.clone())
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

/// The same in all managers, whatever they know: FNV-1a over both, mixed so that every letter counts for the first bits, too.
fn weight(instance_id: &str, server: &str) -> u64 {
    let letters = server.bytes().chain([0]).chain(instance_id.bytes());
    let hash = letters.fold(0xcbf2_9ce4_8422_2325, |hash: u64, letter| {
        (hash ^ u64::from(letter)).wrapping_mul(0x0100_0000_01b3)
    });
    let mixed = (hash ^ hash >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    mixed ^ mixed >> 33
}

fn instance(instance_id: &str, server: &str) -> Instance {
    Instance { instance_id: instance_id.to_owned(), server_id: server.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory() -> Instances<u32> {
        of(&["i1", "i2", "i1"])
    }

    fn of(servers: &[&str]) -> Instances<u32> {
        let mut instances = Instances::default();
        for server in servers {
            instances.server_added(server);
        }
        instances
    }

    fn to_create(asked: Asked) -> String {
        let Asked::Create(instance) = asked else { panic!("{asked:?}") };
        instance.server_id
    }

    fn other(server: &str) -> &'static str {
        if server == "i1" { "i2" } else { "i1" }
    }

    /// D-12: the original made two when two asked at once.
    #[test]
    fn callers_who_ask_at_once_share_one_creation() {
        let mut instances = directory();
        let server = to_create(instances.ask("5_1", 1));
        assert_eq!(instances.ask("5_1", 2), Asked::Wait);
        let (told, result) = instances.created("5_1", &server, true);
        assert_eq!(told, [1, 2]);
        assert_eq!(instances.ask("5_1", 3), Asked::Ready(result.unwrap()));
    }

    #[test]
    fn all_servers_have_a_fair_share_of_the_instances() {
        let mut instances = of(&["area-server-i1", "area-server-i2", "area-server-i3"]);
        let mut shares = HashMap::<_, u32>::new();
        for owner in 0..3000 {
            *shares.entry(to_create(instances.ask(&instance_id(4, owner), owner))).or_default() += 1;
        }
        assert!(shares.len() == 3 && shares.values().all(|share| (850..1150).contains(share)), "{shares:?}");
    }

    #[test]
    fn a_manager_that_was_started_again_finds_every_instance_in_whatever_order_it_hears_of_the_servers() {
        let (mut former, mut next) = (of(&["i1", "i2", "i3"]), of(&["i3", "i1", "i2"]));
        for owner in 0..100 {
            let key = instance_id(5, owner);
            assert_eq!(to_create(former.ask(&key, owner)), to_create(next.ask(&key, owner)), "{key}");
        }
    }

    #[test]
    fn a_server_that_comes_takes_over_its_share_and_leaves_the_rest_where_it_is() {
        let (mut two, mut three) = (of(&["i1", "i2"]), of(&["i1", "i2", "i3"]));
        for owner in 0..100 {
            let key = instance_id(4, owner);
            let (before, after) = (to_create(two.ask(&key, owner)), to_create(three.ask(&key, owner)));
            assert!(after == before || after == "i3", "{key}: {before}, {after}");
        }
    }

    #[test]
    fn a_failed_creation_is_told_to_all_and_tried_elsewhere_the_next_time() {
        let mut instances = directory();
        let server = to_create(instances.ask("4_1", 1));
        assert_eq!(instances.ask("4_1", 2), Asked::Wait);
        let (told, result) = instances.created("4_1", &server, false);
        assert_eq!((told, result), (vec![1, 2], Err(InstanceError::Failed(server.clone()))));
        assert_eq!(to_create(instances.ask("4_1", 1)), other(&server));
        assert!(instances.remove("4_1", other(&server)));
        assert_eq!(to_create(instances.ask("4_1", 1)), server, "it is passed over once");
        let mut alone = of(&["i1"]);
        to_create(alone.ask("4_1", 1));
        assert!(alone.created("4_1", "i1", false).1.is_err());
        assert_eq!(to_create(alone.ask("4_1", 1)), "i1");
    }

    /// D-12: the original kept holes in its list of servers.
    #[test]
    fn a_server_that_is_gone_takes_its_instances_along() {
        let mut instances = directory();
        let gone = to_create(instances.ask("4_1", 1));
        assert_eq!(instances.server_removed(&gone), [(1, InstanceError::Failed(gone.clone()))]);
        assert!(instances.created("4_1", &gone, true).1.is_err(), "too late");
        let left = to_create(instances.ask("4_1", 1));
        assert_eq!(left, other(&gone));
        assert_eq!(instances.server_removed(&left).len(), 1);
        assert_eq!(instances.count(), 0);
        assert_eq!(instances.ask("4_1", 1), Asked::Refused(InstanceError::NoServer));
    }

    #[test]
    fn only_so_many_wait_for_one_creation() {
        let mut instances = directory();
        to_create(instances.ask("4_1", 0));
        let limit = u32::try_from(WAITING_MAX).unwrap();
        assert!((1..limit).all(|caller| instances.ask("4_1", caller) == Asked::Wait));
        assert_eq!(instances.ask("4_1", limit), Asked::Refused(InstanceError::Full));
    }

    #[test]
    fn an_instance_that_was_removed_by_its_server_is_made_anew() {
        let mut instances = directory();
        let server = to_create(instances.ask("4_1", 1));
        let _ = instances.created("4_1", &server, true);
        let others = instances.remove("4_1", other(&server));
        assert!(!others, "what another server has of this name is no concern of ours");
        assert!(instances.remove("4_1", &server));
        assert!(!instances.remove("4_1", &server));
        assert_eq!(to_create(instances.ask("4_1", 1)), server);
    }
}
