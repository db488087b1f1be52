//! The servers of the cluster as this one knows them, and how to choose among them ([`choice`]).
//!
//! What is known comes from the membership view of `pomelo-cluster`; nothing here asks a master.

mod choice;

use std::{
    collections::{BTreeSet, HashMap},
    fmt, slice,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

use pomelo_protocol::{ServerId, ServerInfo};
use rustc_hash::FxHashMap;

use self::choice::Choices;
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
///
/// It also chooses, for [route functions](crate::App::route):
///
/// ```
/// # use pomelo::{App, Config, ServerId, Servers, Session};
/// fn by_room(session: &Session, chats: &Servers) -> Option<ServerId> {
///     match session.get::<String>("rid") {
///         Some(room) => chats.by_hash(&room),
///         None => chats.least_outstanding(),
///     }
/// }
/// # fn app(config: Config) -> App {
/// App::new(config).route("chat", by_room).route("auth", |_, auths| auths.round_robin())
/// # }
/// ```
#[derive(Clone)]
pub struct Servers(Arc<Inner>);

struct Inner {
    list: Vec<Arc<ServerInfo>>,
    by_type: FxHashMap<String, Servers>,
    choices: Arc<Choices>,
}

impl Default for Servers {
    fn default() -> Self {
        Self::new([])
    }
}

impl Servers {
    /// Of these servers. Handlers are given theirs; this is for tests of functions that choose.
    pub fn new(servers: impl IntoIterator<Item = Arc<ServerInfo>>) -> Self {
        Self::choosing(servers.into_iter().collect(), Arc::default())
    }

    /// Of these servers, with choices that go on from those before.
    fn choosing(mut list: Vec<Arc<ServerInfo>>, choices: Arc<Choices>) -> Self {
        list.sort_by(|a, b| a.id.cmp(&b.id));
        let mut types: HashMap<String, Vec<Arc<ServerInfo>>> = HashMap::new();
        for server in &list {
            types.entry(server.server_type.as_str().to_owned()).or_default().push(Arc::clone(server));
        }
        let of_type = |(name, list)| (name, Self::only(list, Arc::clone(&choices)));
        let by_type = types.into_iter().map(of_type).collect();
        Self(Arc::new(Inner { list, by_type, choices }))
    }

    /// Those of one type; none if there are none.
    pub fn of_type(&self, server_type: &str) -> Servers {
        if let Some(servers) = self.0.by_type.get(server_type) {
            return servers.clone();
        }
        let fits = |s: &&Arc<ServerInfo>| s.server_type.as_str() == server_type;
        Self::only(self.iter().filter(fits).cloned().collect(), Arc::clone(&self.0.choices))
    }

    /// Those that are not among these.
    pub(crate) fn without(&self, others: &[ServerId]) -> Servers {
        let stays = |s: &&Arc<ServerInfo>| !others.contains(&s.id);
        Self::only(self.iter().filter(stays).cloned().collect(), Arc::clone(&self.0.choices))
    }

    /// The server with this id.
    pub fn get(&self, id: &str) -> Option<&Arc<ServerInfo>> {
        self.0.list.binary_search_by(|s| s.id.as_str().cmp(id)).ok().map(|at| &self.0.list[at])
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.list.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.list.is_empty()
    }

    /// One after the other, by id.
    pub fn iter(&self) -> slice::Iter<'_, Arc<ServerInfo>> {
        self.0.list.iter()
    }

    fn list(&self) -> &[Arc<ServerInfo>] {
        &self.0.list
    }

    fn choices(&self) -> &Choices {
        &self.0.choices
    }

    fn only(list: Vec<Arc<ServerInfo>>, choices: Arc<Choices>) -> Self {
        Self(Arc::new(Inner { list, by_type: FxHashMap::default(), choices }))
    }
}

impl fmt::Debug for Servers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(|s| &s.id)).finish()
    }
}

impl<'a> IntoIterator for &'a Servers {
    type Item = &'a Arc<ServerInfo>;
    type IntoIter = slice::Iter<'a, Arc<ServerInfo>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The latest [`Servers`], replaced as a whole when the membership changes.
#[derive(Default)]
pub(crate) struct Directory {
    now: Mutex<Servers>,
    /// Frontends that left, and may have users still.
    missing: Mutex<BTreeSet<ServerId>>,
    /// Nobody has said yet who is in the cluster.
    blind: AtomicBool,
    choices: Arc<Choices>,
}

impl Directory {
    pub(crate) fn now(&self) -> Servers {
        lock(&self.now).clone()
    }

    /// Those of one type.
    pub(crate) fn of_type(&self, server_type: &str) -> Servers {
        lock(&self.now).of_type(server_type)
    }

    pub(crate) fn replace(&self, servers: Servers) {
        let servers = Servers::choosing(servers.list().to_vec(), Arc::clone(&self.choices));
        *lock(&self.now) = servers;
    }

    /// Frontends that left the cluster and may have users still.
    pub(crate) fn missing(&self) -> Vec<ServerId> {
        lock(&self.missing).iter().cloned().collect()
    }

    /// Changes which those are.
    pub(crate) fn miss(&self, change: impl FnOnce(&mut BTreeSet<ServerId>)) {
        change(&mut lock(&self.missing));
    }

    /// Whether nobody has said yet who is in the cluster.
    pub(crate) fn is_blind(&self) -> bool {
        self.blind.load(Relaxed)
    }

    pub(crate) fn set_blind(&self, blind: bool) {
        self.blind.store(blind, Relaxed);
    }

    /// Says who knows how many calls of this process to a server wait. Only the first one counts.
    pub(crate) fn measure(&self, outstanding: impl Fn(&ServerId) -> usize + Send + Sync + 'static) {
        self.choices.measure(Box::new(outstanding));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn servers(ids: &[&str]) -> Servers {
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
        let one = chats.without(&[ServerId::new("chat-1").unwrap()]);
        assert_eq!(one.iter().map(|s| s.id.as_str()).collect::<Vec<_>>(), ["chat-2"]);
    }
}
