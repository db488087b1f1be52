//! The leaders' records as nodes below the folders beside the queue: one transaction for each step, with a check of the node that
//! the leader was promoted with.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::Mutex,
};

use futures_util::{StreamExt, TryStreamExt, stream};
use zookeeper_client::{CheckWriteError, Client, Error};

use super::{ASK_AT_ONCE, ZooKeeperCoordinator, access, unavailable};
use crate::coordinator::{Record, StoreError, Write};

/// What is known to exist heals with each try; more are needed only if somebody else writes, which nobody may.
const TRIES_MAX: usize = 4;

/// Which keys exist, as far as this candidate has seen. A mistake costs one more round trip.
#[derive(Debug, Default)]
pub(super) struct Known(Mutex<HashSet<String>>);

impl Known {
    fn has(&self, key: &str) -> bool {
        self.0.lock().is_ok_and(|known| known.contains(key))
    }

    fn learn(&self, key: &str, exists: bool) {
        let Ok(mut known) = self.0.lock() else { return };
        if exists {
            known.insert(key.to_owned());
        } else {
            known.remove(key);
        }
    }
}

/// Makes a step, if the node in the queue is there.
pub(super) async fn write(
    config: &ZooKeeperCoordinator,
    client: &Client,
    own: &str,
    known: &Known,
    writes: &[Write],
) -> Result<(), StoreError> {
    let mut seen = HashMap::new();
    for _ in 0..TRIES_MAX {
        let exists = |key: &str| seen.get(key).copied().or_else(|| known.has(key).then_some(true));
        match commit(config, client, own, writes, exists).await {
            Ok(()) => {
                for write in writes {
                    known.learn(write.key(), matches!(write, Write::Put { .. }));
                }
                return Ok(());
            }
            Err(CheckWriteError::CheckFailed { source: Error::NoNode }) => {
                return Err(StoreError::Fenced("the node in the queue is gone".to_owned()));
            }
            Err(CheckWriteError::OperationFailed { source: Error::NoNode | Error::NodeExists, .. }) => {
                seen = look(config, client, writes).await.map_err(unavailable)?;
            }
            Err(error) => return Err(unavailable(error.into())),
        }
    }
    Err(StoreError::Unavailable("somebody else changes the records all the time".to_owned()))
}

async fn commit(
    config: &ZooKeeperCoordinator,
    client: &Client,
    own: &str,
    writes: &[Write],
    exists: impl Fn(&str) -> Option<bool>,
) -> Result<(), CheckWriteError> {
    let mut writer = client.new_check_writer(&format!("{}/lock/{own}", config.path), None)?;
    for write in writes {
        let node = format!("{}/{}", config.path, write.key());
        match (write, exists(write.key())) {
            (Write::Put { value, .. }, Some(true)) => writer.add_set_data(&node, value, None)?,
            (Write::Put { value, .. }, _) => {
                writer.add_create(&node, value, &access::persistent(config.credentials.as_ref()))?;
            }
            (Write::Delete { .. }, Some(false)) => {}
            (Write::Delete { .. }, _) => writer.add_delete(&node, None)?,
        }
    }
    writer.commit().await.map(drop)
}

/// Makes the folders that are missing, and looks which keys are there.
async fn look(
    config: &ZooKeeperCoordinator,
    client: &Client,
    writes: &[Write],
) -> Result<HashMap<String, bool>, Error> {
    let folders: BTreeSet<_> = writes.iter().filter_map(|write| write.key().split('/').next()).collect();
    let options = access::persistent(config.credentials.as_ref());
    for folder in folders {
        client.mkdir(&format!("{}/{folder}", config.path), &options).await?;
    }
    let mut keys = Vec::with_capacity(writes.len());
    keys.extend(writes.iter().map(|write| write.key().to_owned()));
    let asked = keys.into_iter().map(|key| async move {
        let stat = client.check_stat(&format!("{}/{key}", config.path)).await?;
        Ok((key, stat.is_some()))
    });
    stream::iter(asked).buffer_unordered(ASK_AT_ONCE).try_collect().await
}

/// The records of a folder, in the order of their keys.
pub(super) async fn list(
    config: &ZooKeeperCoordinator,
    client: &Client,
    known: &Known,
    folder: &str,
) -> Result<Vec<Record>, StoreError> {
    let mut names = match client.list_children(&format!("{}/{folder}", config.path)).await {
        Err(Error::NoNode) => return Ok(Vec::new()),
        names => names.map_err(unavailable)?,
    };
    names.sort_unstable();
    let read = names.into_iter().map(|name| async move {
        let key = format!("{folder}/{name}");
        match client.get_data(&format!("{}/{key}", config.path)).await {
            Ok((value, _)) => Ok(Some(Record { key, value })),
            // Deleted since it was listed.
            Err(Error::NoNode) => Ok(None),
            Err(error) => Err(unavailable(error)),
        }
    });
    let records: Vec<_> = stream::iter(read).buffered(ASK_AT_ONCE).try_collect().await?;
    let records: Vec<_> = records.into_iter().flatten().collect();
    for record in &records {
        known.learn(&record.key, true);
    }
    Ok(records)
}
