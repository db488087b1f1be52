//! Taking another candidate's place away: its node is deleted, in one transaction with the check that one has a place oneself.

use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Deserialize;
use zookeeper_client::{CheckWriteError, Client, Error};

use super::{ASK_AT_ONCE, ZooKeeperCoordinator, queue, unavailable};
use crate::coordinator::{MasterAddr, StoreError};

/// As often as the queue changes between looking and deleting.
const TRIES_MAX: usize = 4;

/// Deletes the nodes before the own one that show this address. Says whether there was one.
pub(super) async fn evict(
    config: &ZooKeeperCoordinator,
    client: &Client,
    own: &str,
    who: &MasterAddr,
) -> Result<bool, StoreError> {
    for _ in 0..TRIES_MAX {
        let nodes = before(config, client, own, who).await?;
        if nodes.is_empty() {
            return Ok(false);
        }
        let mut writer =
            client.new_check_writer(&format!("{}/lock/{own}", config.path), None).map_err(unavailable)?;
        for (node, version) in nodes {
            writer.add_delete(&node, Some(version)).map_err(unavailable)?;
        }
        match writer.commit().await {
            Ok(_) => return Ok(true),
            Err(CheckWriteError::CheckFailed { source: Error::NoNode }) => return Err(gone()),
            // Gone by itself, or not the one that was read.
            Err(CheckWriteError::OperationFailed { source: Error::NoNode | Error::BadVersion, .. }) => {}
            Err(error) => return Err(unavailable(error.into())),
        }
    }
    Err(StoreError::Unavailable("the queue changes all the time".to_owned()))
}

/// Nodes before the own one that show this address, and their versions.
async fn before(
    config: &ZooKeeperCoordinator,
    client: &Client,
    own: &str,
    who: &MasterAddr,
) -> Result<Vec<(String, i32)>, StoreError> {
    let lock = format!("{}/lock", config.path);
    let names = match client.list_children(&lock).await {
        Err(Error::NoNode) => return Err(gone()),
        names => names.map_err(unavailable)?,
    };
    let before = queue::before(&names, own).ok_or_else(gone)?;
    let mut nodes = Vec::with_capacity(before.len());
    nodes.extend(before.into_iter().map(|name| format!("{lock}/{name}")));
    let read = nodes.into_iter().map(|node| async move {
        match client.get_data(&node).await {
            Ok((data, stat)) => Ok(shows(&data, who).then_some((node, stat.version))),
            Err(Error::NoNode) => Ok(None),
            Err(error) => Err(unavailable(error)),
        }
    });
    let found: Vec<_> = stream::iter(read).buffered(ASK_AT_ONCE).try_collect().await?;
    Ok(found.into_iter().flatten().collect())
}

fn shows(data: &[u8], who: &MasterAddr) -> bool {
    #[derive(Deserialize)]
    struct Shown {
        #[serde(flatten)]
        addr: MasterAddr,
    }
    serde_json::from_slice::<Shown>(data).is_ok_and(|shown| shown.addr == *who)
}

fn gone() -> StoreError {
    StoreError::Fenced("the node in the queue is gone".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_address_counts_and_nodes_without_one_are_nobody() {
        let who = MasterAddr { host: "127.0.0.1".into(), port: 3005 };
        assert!(shows(br#"{"id":"master-server-1","host":"127.0.0.1","port":3005,"pid":7}"#, &who));
        assert!(!shows(br#"{"id":"master-server-1","host":"127.0.0.1","port":3006,"pid":7}"#, &who));
        for data in [&b""[..], b"{}", b"127.0.0.1:3005"] {
            assert!(!shows(data, &who));
        }
    }
}
