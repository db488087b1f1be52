//! A place in the queue without an elector: for tests of what a coordinator itself promises.

use std::time::Duration;

use pomelo_cluster::coordinator::{
    Candidacy, Coordinator, CoordinatorEvent, Obituary, PromoteError, Record, StoreError, Term, Write,
};
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};

use super::support::candidate;

/// Ends a test that hangs.
const LIMIT: Duration = Duration::from_secs(40);

pub(crate) struct Standing {
    pub(crate) place: Box<dyn Candidacy>,
    events: mpsc::Receiver<CoordinatorEvent>,
}

impl Standing {
    pub(crate) fn join(coordinator: &dyn Coordinator, port: u16) -> Self {
        let (place, events) = coordinator.join(candidate(port));
        Self { place, events }
    }

    /// Reads events until there is such a one.
    pub(crate) async fn told(
        &mut self,
        what: &str,
        such: impl Fn(&CoordinatorEvent) -> bool,
    ) -> CoordinatorEvent {
        let mut others = Vec::new();
        let reading = async {
            loop {
                let event = self.events.recv().await.expect("the coordinator's task runs");
                if such(&event) {
                    return event;
                }
                others.push(event);
            }
        };
        match timeout(LIMIT, reading).await {
            Ok(event) => event,
            Err(_) => panic!("waited in vain for {what}; was told {others:?}"),
        }
    }

    pub(crate) async fn elected(&mut self) {
        self.told("Elected", |event| *event == CoordinatorEvent::Elected).await;
    }

    pub(crate) async fn waiting(&mut self) {
        self.told("Waiting", |event| matches!(event, CoordinatorEvent::Waiting { .. })).await;
    }

    pub(crate) async fn promoted(&mut self) -> Term {
        self.elected().await;
        self.promote().await.expect("the first in the queue is promoted")
    }

    pub(crate) async fn promote(&self) -> Result<Term, PromoteError> {
        self.place.promote(0).await
    }

    pub(crate) fn obituary(&self) -> Obituary {
        self.place.obituary().borrow().clone().expect("it has a place")
    }

    pub(crate) async fn put(&self, term: &Term, key: &str, value: &str) -> Result<(), StoreError> {
        self.place.write(term, vec![put(key, value)]).await
    }

    /// Keys and values of a folder.
    pub(crate) async fn list(&self, folder: &str) -> Vec<(String, String)> {
        let text = |record: Record| (record.key, String::from_utf8(record.value).expect("tests write text"));
        self.place.list(folder).await.expect("it can be read").into_iter().map(text).collect()
    }
}

/// Waits until it is so.
pub(crate) async fn until(what: &str, mut such: impl AsyncFnMut() -> bool) {
    let asking = async {
        while !such().await {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(LIMIT, asking).await.unwrap_or_else(|_| panic!("waited in vain until {what}"));
}

pub(crate) fn put(key: &str, value: &str) -> Write {
    Write::Put { key: key.to_owned(), value: value.as_bytes().to_vec() }
}

pub(crate) fn delete(key: &str) -> Write {
    Write::Delete { key: key.to_owned() }
}

pub(crate) fn is_fenced<T>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Fenced(_)))
}

pub(crate) fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}
