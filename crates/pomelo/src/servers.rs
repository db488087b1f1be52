//! The servers of the cluster as this one knows them, and how to choose among them.
//!
//! What is known comes from the membership view of `pomelo-cluster`; nothing here asks a master.

use std::{
    collections::HashMap,
    slice,
    sync::{Arc, Mutex},
};

use pomelo_protocol::{ServerId, ServerInfo};

use crate::lock;

/// Servers, sorted by id: those of the whole cluster as an argument of a handler, or those of one type.
///
/// A snapshot: it does not change while one looks at it. Cheap to clone.
///
/// ```
/// # use pomelo::{Result, Route, Servers};
/// # struct Query; struct Entry { host: String, port: u16 }
/// async fn query_entry(servers: Servers, query: Query) -> Result<Option<Entry>> {
///     let connectors = servers.of_type("connector");
///     Ok(connectors.iter().next().and_then(|c| Some(Entry { host: c.client_host.clone()?, port: c.client_port? })))
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Servers {
    list: Arc<[Arc<ServerInfo>]>,
    by_type: Arc<HashMap<String, Servers>>,
}

impl Default for Servers {
    fn default() -> Self {
        Self::new([])
    }
}

impl Servers {
    /// Of these servers. Handlers are given theirs; this is for tests of functions that choose.
    pub fn new(servers: impl IntoIterator<Item = Arc<ServerInfo>>) -> Self {
        let mut list: Vec<_> = servers.into_iter().collect();
        list.sort_by(|a, b| a.id.cmp(&b.id));
        let mut types: HashMap<String, Vec<Arc<ServerInfo>>> = HashMap::new();
        for server in &list {
            types.entry(server.server_type.as_str().to_owned()).or_default().push(Arc::clone(server));
        }
        let by_type = types.into_iter().map(|(name, list)| (name, Self::only(list))).collect();
        Self { list: list.into(), by_type: Arc::new(by_type) }
    }

    /// Those of one type; none if there are none.
    pub fn of_type(&self, server_type: &str) -> Servers {
        if let Some(servers) = self.by_type.get(server_type) {
            return servers.clone();
        }
        let fits = |s: &&Arc<ServerInfo>| s.server_type.as_str() == server_type;
        Self::only(self.list.iter().filter(fits).cloned().collect())
    }

    /// The server with this id.
    pub fn get(&self, id: &str) -> Option<&Arc<ServerInfo>> {
        self.list.binary_search_by(|s| s.id.as_str().cmp(id)).ok().map(|at| &self.list[at])
    }

    /// The one that `key` falls to, the same in every process that knows the same servers. When a server comes or goes,
    /// only the keys that fall to it move (rendezvous hashing). `None` if there are no servers.
    pub fn by_hash(&self, key: &str) -> Option<ServerId> {
        self.list.iter().max_by_key(|s| weight(s.id.as_str(), key)).map(|s| s.id.clone())
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// One after the other, by id.
    pub fn iter(&self) -> slice::Iter<'_, Arc<ServerInfo>> {
        self.list.iter()
    }

    fn only(list: Vec<Arc<ServerInfo>>) -> Self {
        Self { list: list.into(), by_type: Arc::default() }
    }
}

impl<'a> IntoIterator for &'a Servers {
    type Item = &'a Arc<ServerInfo>;
    type IntoIter = slice::Iter<'a, Arc<ServerInfo>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// FNV-1a over both names, then a mixing step, because FNV alone leaves the high bits of short names alike.
fn weight(server: &str, key: &str) -> u64 {
    let bytes = server.bytes().chain([0]).chain(key.bytes());
    let hash = bytes
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

/// The latest [`Servers`], replaced as a whole when the membership changes.
#[derive(Default)]
pub(crate) struct Directory(Mutex<Servers>);

impl Directory {
    pub(crate) fn now(&self) -> Servers {
        lock(&self.0).clone()
    }

    pub(crate) fn replace(&self, servers: Servers) {
        *lock(&self.0) = servers;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(ids: &[&str]) -> Servers {
        Servers::new(ids.iter().map(|id| {
            let kind = id.split('-').next().unwrap();
            let json = serde_json::json!({ "id": id, "serverType": kind, "host": "127.0.0.1" });
            Arc::new(serde_json::from_value(json).unwrap())
        }))
    }

    #[test]
    fn servers_are_found_by_type_and_by_id() {
        let all = servers(&["chat-2", "gate-1", "chat-1"]);
        let chats = all.of_type("chat");
        assert_eq!(chats.iter().map(|s| s.id.as_str()).collect::<Vec<_>>(), ["chat-1", "chat-2"]);
        assert_eq!(chats.of_type("chat").len(), 2);
        assert!(chats.of_type("gate").is_empty());
        assert!(all.get("gate-1").is_some());
        assert!(all.get("gate-2").is_none());
    }

    #[test]
    fn when_a_server_leaves_only_its_own_keys_move() {
        let three = servers(&["chat-1", "chat-2", "chat-3"]);
        let two = servers(&["chat-1", "chat-3"]);
        let mut counts = HashMap::new();
        for n in 0..3000 {
            let key = format!("room{n}");
            let before = three.by_hash(&key).unwrap();
            *counts.entry(before.clone()).or_insert(0) += 1;
            if before.as_str() != "chat-2" {
                assert_eq!(two.by_hash(&key), Some(before));
            }
        }
        assert!(counts.values().all(|&n| (800..1200).contains(&n)), "not spread evenly: {counts:?}");
        assert_eq!(servers(&[]).by_hash("x"), None);
    }
}
