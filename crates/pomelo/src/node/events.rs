//! What goes on around a running server, told to its hooks: one after the other, in a task of its own.
//!
//! The task looks at the latest membership when it is done with the hooks before. So nothing piles up: a server that came
//! and went meanwhile is not mentioned.

use std::{collections::BTreeMap, sync::Arc};

use pomelo_protocol::{ServerId, ServerInfo};
use tokio::sync::watch;

use super::Node;
use crate::{ServerChange, Servers};

/// What the task is told.
#[derive(Debug)]
pub(super) struct Told {
    /// All servers, whenever they change.
    pub(super) servers: watch::Sender<Servers>,
    /// Whether all servers of the configuration have started.
    pub(super) all_started: watch::Sender<bool>,
}

impl Told {
    pub(super) fn new() -> Self {
        Self { servers: watch::Sender::new(Servers::default()), all_started: watch::Sender::new(false) }
    }

    /// Runs the hooks until this is dropped.
    pub(super) fn hooks(&self, node: Arc<Node>) -> impl Future<Output = ()> + use<> {
        let (servers, all_started) = (self.servers.subscribe(), self.all_started.subscribe());
        run(node, servers, all_started)
    }
}

async fn run(node: Arc<Node>, mut servers: watch::Receiver<Servers>, mut all_started: watch::Receiver<bool>) {
    node.event(&node.hooks.started, &node.lifecycle()).await;
    let mut known = BTreeMap::new();
    let mut waiting = true;
    loop {
        tokio::select! {
            changed = servers.changed() => {
                if changed.is_err() {
                    return;
                }
                let now = servers.borrow_and_update().clone();
                tell(&node, &mut known, &now).await;
            }
            Ok(()) = all_started.changed(), if waiting => {
                waiting = false;
                node.event(&node.hooks.all_started, &node.lifecycle()).await;
            }
        }
    }
}

async fn tell(node: &Node, known: &mut BTreeMap<ServerId, Arc<ServerInfo>>, now: &Servers) {
    let (added, removed) = changes(known, now, &node.parts.0.me.id);
    for server in removed {
        known.remove(&server.id);
        let change = ServerChange { parts: node.parts.clone(), server };
        node.event(&node.hooks.server_removed, &change).await;
    }
    for server in added {
        known.insert(server.id.clone(), Arc::clone(&server));
        let change = ServerChange { parts: node.parts.clone(), server };
        node.event(&node.hooks.server_added, &change).await;
    }
}

type List = Vec<Arc<ServerInfo>>;

/// Who is new and who is gone. Another life of a server is both.
fn changes(known: &BTreeMap<ServerId, Arc<ServerInfo>>, now: &Servers, me: &ServerId) -> (List, List) {
    let same = |a: &ServerInfo, b: &ServerInfo| a.incarnation == b.incarnation;
    let others = now.iter().filter(|server| server.id != *me);
    let added = others.filter(|server| !known.get(&server.id).is_some_and(|known| same(known, server)));
    let removed =
        known.values().filter(|server| !now.get(server.id.as_str()).is_some_and(|now| same(now, server)));
    (added.cloned().collect(), removed.cloned().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(id: &str, life: u64) -> Arc<ServerInfo> {
        let json = serde_json::json!({ "id": id, "serverType": "chat", "host": "h", "incarnation": life });
        Arc::new(serde_json::from_value(json).unwrap())
    }

    #[test]
    fn who_came_who_went_and_who_was_started_again() {
        let before = [server("a", 1), server("b", 1), server("c", 1)];
        let known = before.into_iter().map(|server| (server.id.clone(), server)).collect();
        let now = Servers::new([server("a", 1), server("b", 2), server("d", 1), server("me", 1)]);
        let (added, removed) = changes(&known, &now, &ServerId::new("me").unwrap());
        let ids = |list: &List| list.iter().map(|s| s.id.to_string()).collect::<Vec<_>>();
        assert_eq!(
            (ids(&added), ids(&removed)),
            (vec!["b".into(), "d".into()], vec!["b".into(), "c".into()])
        );
    }
}
