//! Writing a term: check of the own node, next epoch and the published leader in one transaction.
//!
//! The check is what fences a candidate that does not know yet that its session ended; the version of the epoch's node
//! is what makes two candidates with one epoch impossible.

use futures_util::future;
use serde::{Deserialize, Serialize};
use zookeeper_client::{CheckWriteError, Client, Error};

use super::{Place, ZooKeeperCoordinator, queue};
use crate::coordinator::{self, CandidateInfo, PromoteError, Term};

/// A lagging server of the ensemble may show an old epoch; after so many stale reads the candidate pauses instead.
const TRIES_MAX: usize = 4;

/// Data of the leader's node. The original writes and reads `id`, `host` and `port`.
#[derive(Debug, Serialize, Deserialize)]
struct Published {
    #[serde(flatten)]
    leader: CandidateInfo,
    epoch: u64,
    lock: String,
    session: String,
}

pub(super) async fn promote(
    config: &ZooKeeperCoordinator,
    me: &CandidateInfo,
    place: &Place,
    above: u64,
) -> Result<Term, PromoteError> {
    let attempt = Attempt { config, client: &place.client, me, node: &place.node, above };
    match config.in_time(attempt.run(place.epoch)).await {
        Some(result) => result,
        None => Err(PromoteError::Unavailable("no answer to the promotion".to_owned())),
    }
}

struct Attempt<'a> {
    config: &'a ZooKeeperCoordinator,
    client: &'a Client,
    me: &'a CandidateInfo,
    node: &'a str,
    above: u64,
}

/// What a transaction came to.
enum Written {
    Done(Term),
    /// Read again and try again.
    Stale,
}

impl Attempt<'_> {
    /// Begins with the epoch and the version that were seen, if there are any.
    async fn run(&self, seen: Option<(u64, i32)>) -> Result<Term, PromoteError> {
        if let Some((last, version)) = seen
            && let Written::Done(term) = self.write(last, version).await?
        {
            return Ok(term);
        }
        for _ in 0..TRIES_MAX {
            if let Written::Done(term) = self.read_and_write().await? {
                return Ok(term);
            }
        }
        Err(PromoteError::Unavailable("the epoch changes all the time".to_owned()))
    }

    async fn read_and_write(&self) -> Result<Written, PromoteError> {
        let path = &*self.config.path;
        let epoch_path = format!("{path}/epoch");
        let reads = future::join(self.client.get_data(&epoch_path), self.client.get_data(path)).await;
        let ((epoch, stat), (published, _)) = match reads {
            (Err(Error::NoNode), _) | (_, Err(Error::NoNode)) => return self.prepare().await,
            (epoch, published) => (epoch.map_err(unavailable)?, published.map_err(unavailable)?),
        };
        let last = parse_epoch(&epoch)?;
        if let Some(term) = self.granted_before(&published, last) {
            return Ok(Written::Done(term));
        }
        self.write(last, stat.version).await
    }

    /// The epoch after this one, if its node still has this version.
    async fn write(&self, last: u64, version: i32) -> Result<Written, PromoteError> {
        let path = &*self.config.path;
        let epoch_path = format!("{path}/epoch");
        let last = last.max(self.above);
        let epoch =
            last.checked_add(1).ok_or_else(|| PromoteError::Fenced(format!("no epoch after {last}")))?;
        let published = self.published(epoch)?;

        let lock = format!("{path}/lock/{}", self.node);
        let mut writer = self.client.new_check_writer(&lock, None).map_err(unavailable)?;
        writer
            .add_set_data(&epoch_path, epoch.to_string().as_bytes(), Some(version))
            .and_then(|()| writer.add_set_data(path, &published, None))
            .map_err(unavailable)?;
        match writer.commit().await {
            Ok(_) => Ok(Written::Done(Term { epoch })),
            Err(CheckWriteError::CheckFailed { .. }) => {
                Err(PromoteError::Fenced("the node in the queue is gone".to_owned()))
            }
            Err(CheckWriteError::OperationFailed { source: Error::BadVersion, .. }) => {
                self.client.sync(&epoch_path).await.map_err(unavailable)?;
                Ok(Written::Stale)
            }
            Err(CheckWriteError::OperationFailed { source: Error::NoNode, .. }) => self.prepare().await,
            Err(error) => Err(unavailable(error.into())),
        }
    }

    async fn prepare(&self) -> Result<Written, PromoteError> {
        queue::prepare(self.client, self.config).await.map_err(unavailable)?;
        Ok(Written::Stale)
    }

    fn published(&self, epoch: u64) -> Result<Vec<u8>, PromoteError> {
        let published = Published {
            leader: self.me.clone(),
            epoch,
            lock: self.node.to_owned(),
            session: self.client.session_id().to_string(),
        };
        serde_json::to_vec(&published).map_err(|error| PromoteError::Unavailable(error.to_string()))
    }

    /// An earlier transaction of this candidate went through though its answer was lost: the term is granted already.
    fn granted_before(&self, published: &[u8], last: u64) -> Option<Term> {
        let published: Published = serde_json::from_slice(published).ok()?;
        let mine = published.lock == self.node && published.session == self.client.session_id().to_string();
        (mine && published.epoch == last && last > self.above).then_some(Term { epoch: last })
    }
}

pub(super) fn parse_epoch(text: &[u8]) -> Result<u64, PromoteError> {
    coordinator::parse_epoch("the epoch's node", text)
}

#[expect(clippy::needless_pass_by_value, reason = "used as `map_err(unavailable)`")]
fn unavailable(error: Error) -> PromoteError {
    PromoteError::Unavailable(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coordinator::MasterAddr;

    #[test]
    fn the_published_leader_begins_as_the_original_writes_it() {
        let leader = CandidateInfo {
            id: "master-server-1".parse().unwrap(),
            addr: MasterAddr { host: "127.0.0.1".into(), port: 3005 },
            pid: 7,
        };
        let lock = "master-server-1-0000000000".to_owned();
        let text =
            serde_json::to_string(&Published { leader, epoch: 4, lock, session: "0x1".into() }).unwrap();
        assert!(
            text.starts_with(r#"{"id":"master-server-1","host":"127.0.0.1","port":3005,"pid":7,"epoch":4,"#),
            "{text}"
        );
    }
}
