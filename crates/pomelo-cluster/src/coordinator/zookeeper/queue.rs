//! The queue of candidates: entering it, looking who is before, leaving.
//!
//! Every function may fail at any point and be called again; nothing is remembered but the name of the own node.

use std::time::Duration;

use futures_util::future;
use serde::Serialize;
use tokio::time;
use zookeeper_client::{Client, Error, OneshotWatcher};

use super::{ZooKeeperCoordinator, access, promote::parse_epoch};
use crate::coordinator::{CandidateInfo, clock::since_boot, process::ProcessId};

/// A candidate looks again after this even if no watch fired: watches are how it learns fast, not how it stays right.
const LOOK_AGAIN_MS: u64 = 5_000;

/// Pause before a node's removal is tried again.
const REMOVE_RETRY_MS: u64 = 20;

#[derive(Debug, thiserror::Error)]
pub(super) enum LookError {
    /// The own node is not there any more.
    #[error("the node in the queue was deleted")]
    Gone,
    #[error(transparent)]
    Request(#[from] Error),
}

/// Where a candidate stands, and what will tell when that changes.
pub(super) struct Seen {
    pub(super) ahead: usize,
    /// When it was asked whether the own node is there, on the clock of leases.
    pub(super) asked: Duration,
    /// The last epoch and the version of its node, if they could be read.
    pub(super) epoch: Option<(u64, i32)>,
    own: OneshotWatcher,
    before: Option<OneshotWatcher>,
}

impl Seen {
    /// Returns when it is time to look again.
    pub(super) async fn changed(self) {
        let before = async {
            match self.before {
                Some(before) => _ = before.changed().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.own.changed() => {}
            () = before => {}
            () = time::sleep(Duration::from_millis(LOOK_AGAIN_MS)) => {}
        }
    }
}

/// Makes the permanent nodes that are missing.
pub(super) async fn prepare(client: &Client, config: &ZooKeeperCoordinator) -> Result<(), Error> {
    let options = access::persistent(config.credentials.as_ref());
    client.mkdir(&format!("{}/lock", config.path), &options).await?;
    match client.create(&format!("{}/epoch", config.path), b"0", &options).await {
        Ok(_) | Err(Error::NodeExists) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Data of a candidate's node. `id`, `host`, `port` and `pid` are for everybody, the rest tells this process and this session
/// from all others.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    candidate: &'a CandidateInfo,
    session: String,
    process: Option<ProcessId>,
}

/// Makes the own node, or finds it again if it was made by a request that was never answered. Its name.
pub(super) async fn enter(
    client: &Client,
    config: &ZooKeeperCoordinator,
    me: &CandidateInfo,
) -> Result<String, Error> {
    let path = &config.path;
    let prefix = format!("{}-", me.id);
    if let Some(own) = find_own(client, path, &prefix).await? {
        return Ok(own);
    }
    if config.credentials.is_some() {
        access::protect(client, path).await?;
    }
    let session = client.session_id().to_string();
    let shown = Shown { candidate: me, session, process: ProcessId::own().ok() };
    let data = serde_json::to_vec(&shown).map_err(|error| Error::UnexpectedError(error.to_string()))?;
    let node = format!("{path}/lock/{prefix}");
    let options = access::candidate(config.credentials.as_ref());
    let (_, sequence) = match client.create(&node, &data, &options).await {
        Err(Error::NoNode) => {
            prepare(client, config).await?;
            client.create(&node, &data, &options).await?
        }
        created => created?,
    };
    Ok(format!("{prefix}{sequence}"))
}

async fn find_own(client: &Client, path: &str, prefix: &str) -> Result<Option<String>, Error> {
    let nodes = match client.list_children(&format!("{path}/lock")).await {
        Err(Error::NoNode) => return Ok(None),
        nodes => nodes?,
    };
    for node in nodes.into_iter().filter(|node| node.starts_with(prefix)) {
        let stat = client.check_stat(&format!("{path}/lock/{node}")).await?;
        if stat.is_some_and(|stat| stat.ephemeral_owner == client.session_id().0) {
            return Ok(Some(node));
        }
    }
    Ok(None)
}

/// Looks who is before the own node, and watches it and the one before: only one candidate is woken when one ends.
pub(super) async fn look(client: &Client, path: &str, own: &str) -> Result<Seen, LookError> {
    let lock = format!("{path}/lock");
    let (own_node, epoch_node) = (format!("{lock}/{own}"), format!("{path}/epoch"));
    loop {
        let asked = since_boot();
        // Asked in this order, without waiting between. The watch on the own node first: its end is never missed. The epoch
        // for the case that this candidate is first, who then has a question less to ask.
        let watching = client.get_and_watch_data(&own_node);
        let (nodes, epoch) = (client.list_children(&lock), client.get_data(&epoch_node));
        let (watching, nodes, epoch) = future::join3(watching, nodes, epoch).await;
        let ((_, _, watching), nodes) = match (watching, nodes) {
            (Err(Error::NoNode), _) | (_, Err(Error::NoNode)) => return Err(LookError::Gone),
            (watching, nodes) => (watching?, nodes?),
        };
        let epoch = epoch.ok().and_then(|(text, stat)| Some((parse_epoch(&text).ok()?, stat.version)));
        let (ahead, before) = ahead(&nodes, own).ok_or(LookError::Gone)?;
        let Some(before) = before else {
            return Ok(Seen { ahead, asked, epoch, own: watching, before: None });
        };
        match client.get_and_watch_data(&format!("{lock}/{before}")).await {
            Ok((_, _, before)) => {
                return Ok(Seen { ahead, asked, epoch, own: watching, before: Some(before) });
            }
            // Gone between the list and the watch: nothing would ever fire. Look again.
            Err(Error::NoNode) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// How many nodes are before the own one, and the last of them. Nothing if the own node is not in the list.
#[doc(hidden)]
pub fn ahead<'a>(nodes: &'a [String], own: &str) -> Option<(usize, Option<&'a str>)> {
    let before = before(nodes, own)?;
    Some((before.len(), before.last().copied()))
}

/// The nodes before the own one, in the order of the queue. Nothing if the own node is not in the list.
pub(super) fn before<'a>(nodes: &'a [String], own: &str) -> Option<Vec<&'a str>> {
    let own = nodes.iter().find(|node| *node == own).and_then(|node| sequence(node))?;
    let numbered = nodes.iter().filter_map(|node| Some((sequence(node)?, node.as_str())));
    let mut before: Vec<_> = numbered.filter(|(number, _)| *number < own).collect();
    before.sort_unstable();
    Some(before.into_iter().map(|(_, node)| node).collect())
}

/// The number at the end of a node's name. Compared as a number: the original sorts it as text, so that its tenth
/// candidate comes before the ninth.
fn sequence(node: &str) -> Option<i64> {
    let (_, digits) = node.rsplit_once('-')?;
    digits.parse().ok()
}

/// Deletes a node, trying until it is gone or the session is.
pub(super) async fn remove(client: &Client, node: &str) {
    while let Err(error) = client.delete(node, None).await {
        if error == Error::NoNode || client.state().is_terminated() {
            break;
        }
        time::sleep(Duration::from_millis(REMOVE_RETRY_MS)).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn the_tenth_candidate_is_behind_the_ninth() {
        let nodes = nodes(&["m-0000000010", "m-0000000009", "m-0000000100", "m-0000000099"]);
        assert_eq!(ahead(&nodes, "m-0000000009"), Some((0, None)));
        assert_eq!(ahead(&nodes, "m-0000000010"), Some((1, Some("m-0000000009"))));
        assert_eq!(ahead(&nodes, "m-0000000100"), Some((3, Some("m-0000000099"))));
    }

    #[test]
    fn numbers_above_what_ten_digits_hold_keep_their_order() {
        let nodes = nodes(&["m-2147483647", "m-0000000002147483648"]);
        assert_eq!(ahead(&nodes, "m-0000000002147483648"), Some((1, Some("m-2147483647"))));
    }

    #[test]
    fn candidates_with_different_ids_stand_in_one_queue_and_foreign_nodes_do_not_count() {
        let nodes = nodes(&["b-0000000001", "a-0000000002", "note", "x-y"]);
        assert_eq!(ahead(&nodes, "a-0000000002"), Some((1, Some("b-0000000001"))));
        assert_eq!(ahead(&nodes, "a-0000000003"), None);
    }
}
