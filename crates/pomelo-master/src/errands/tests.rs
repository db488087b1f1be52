//! Against a place in the queue that writes when it is let.

use std::sync::Mutex;

use pomelo_cluster::coordinator::{BoxFuture, Obituary, PromoteError, Record};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
};

use super::*;

/// A place whose steps are seen and wait for a permit.
#[derive(Default)]
struct Place {
    steps: Mutex<Vec<(u64, Vec<String>)>>,
    permits: Option<Semaphore>,
}

impl Candidacy for Place {
    fn promote(&self, _: u64) -> BoxFuture<'_, Result<Term, PromoteError>> {
        Box::pin(async { Err(PromoteError::Fenced("a test".into())) })
    }

    fn resign(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }

    fn write(&self, term: &Term, writes: Vec<Write>) -> BoxFuture<'_, Result<(), StoreError>> {
        let keys = writes.iter().map(|write| write.key().to_owned()).collect();
        self.steps.lock().unwrap().push((term.epoch, keys));
        Box::pin(async {
            if let Some(permits) = &self.permits {
                permits.acquire().await.unwrap().forget();
            }
            Ok(())
        })
    }

    fn list(&self, folder: &str) -> BoxFuture<'_, Result<Vec<Record>, StoreError>> {
        let record = Record { key: format!("{folder}/a"), value: Vec::new() };
        Box::pin(async { Ok(vec![record]) })
    }

    fn evict(&self, _: &MasterAddr) -> BoxFuture<'_, Result<bool, StoreError>> {
        Box::pin(async { Ok(false) })
    }

    fn lease_left(&self) -> Option<Duration> {
        None
    }

    fn obituary(&self) -> watch::Receiver<Option<Obituary>> {
        watch::channel(None).1
    }
}

fn put(key: &str) -> Vec<Write> {
    vec![Write::Put { key: key.to_owned(), value: vec![b'x'] }]
}

async fn stored(errands: &mut Errands, place: &Arc<dyn Candidacy>) -> (u64, bool) {
    let event = errands.next().await;
    errands.write(Some(Arc::clone(place)));
    match event {
        Event::Stored { id, result } => (id, result.is_ok()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn writes_are_made_in_order_and_those_that_wait_in_one_step_but_never_a_key_twice_or_two_terms() {
    let place = Arc::new(Place { permits: Some(Semaphore::new(0)), ..Place::default() });
    let shared: Arc<dyn Candidacy> = Arc::clone(&place) as _;
    let mut errands = Errands::new();
    let asked = [("ops/a", 1), ("ops/b", 1), ("ops/c", 1), ("ops/b", 1), ("ops/d", 1), ("ops/e", 2)];
    for (id, (key, epoch)) in (1..).zip(asked) {
        errands.store(Some(Arc::clone(&shared)), id, epoch, put(key));
    }
    place.permits.as_ref().unwrap().add_permits(9);
    for id in 1..=6 {
        assert_eq!(stored(&mut errands, &shared).await, (id, true));
    }
    let keys = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
    let steps = [
        (1, keys(&["ops/a"])),
        (1, keys(&["ops/b", "ops/c"])),
        (1, keys(&["ops/b", "ops/d"])),
        (2, keys(&["ops/e"])),
    ];
    assert_eq!(*place.steps.lock().unwrap(), steps);
}

#[tokio::test]
async fn without_a_place_every_errand_ends_all_the_same() {
    let mut errands = Errands::new();
    errands.store(None, 1, 1, put("ops/a"));
    errands.read(None, 2, "ops");
    assert!(matches!(errands.next().await, Event::Stored { id: 1, result: Err(StoreError::Unavailable(_)) }));
    assert!(matches!(
        errands.next().await,
        Event::Read { id: 2, result: Err(StoreError::Unavailable(_)), .. }
    ));
    errands.read(Some(Arc::new(Place::default())), 3, "ops");
    assert!(
        matches!(errands.next().await, Event::Read { id: 3, result: Ok(records), .. } if records.len() == 1)
    );
}

#[tokio::test]
async fn an_address_where_nobody_listens_refuses_and_another_does_not() {
    let mut errands = Errands::new();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = MasterAddr { host: "127.0.0.1".into(), port: listener.local_addr().unwrap().port() };
    let server = ServerId::new("chat-1").unwrap();
    errands.probe(server.clone(), Some(7), addr.clone());
    assert!(matches!(errands.next().await, Event::Probed { incarnation: Some(7), refused: false, .. }));
    drop(listener);
    errands.probe(server, Some(7), addr);
    assert!(matches!(errands.next().await, Event::Probed { refused: true, .. }));
}
