//! The task, against a coordinator that does what the test says.

use std::sync::Mutex;

use pomelo_protocol::ServerId;
use tokio::time::timeout;

use super::*;
use crate::coordinator::{MasterAddr, Obituary, Record, StoreError, Write};

/// Nothing here takes this long.
const PATIENCE: Duration = Duration::from_secs(20);

/// What was asked of the coordinator, in order.
type Log = Arc<Mutex<Vec<&'static str>>>;

#[derive(Default)]
struct Fake {
    log: Log,
    /// Of each place, in the order they were taken.
    places: Mutex<Vec<mpsc::Sender<CoordinatorEvent>>>,
}

struct FakePlace(Log);

impl Coordinator for Fake {
    fn describe(&self) -> String {
        "a test".to_owned()
    }

    fn join(&self, _: CandidateInfo) -> (Box<dyn Candidacy>, mpsc::Receiver<CoordinatorEvent>) {
        let (say, events) = mpsc::channel(8);
        self.log.lock().unwrap().push("join");
        self.places.lock().unwrap().push(say);
        (Box::new(FakePlace(Arc::clone(&self.log))), events)
    }
}

impl Candidacy for FakePlace {
    fn promote(&self, above: u64) -> BoxFuture<'_, Result<Term, PromoteError>> {
        Box::pin(async move { Ok(Term { epoch: above + 1 }) })
    }

    fn resign(&self) -> BoxFuture<'_, ()> {
        self.0.lock().unwrap().push("resign");
        Box::pin(async {})
    }

    fn write(&self, _: &Term, _: Vec<Write>) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async { Ok(()) })
    }

    fn list(&self, _: &str) -> BoxFuture<'_, Result<Vec<Record>, StoreError>> {
        Box::pin(async { Ok(Vec::new()) })
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

impl Drop for FakePlace {
    fn drop(&mut self) {
        self.0.lock().unwrap().push("leave");
    }
}

fn start() -> (Arc<Fake>, Elector) {
    let fake = Arc::new(Fake::default());
    let addr = MasterAddr { host: "127.0.0.1".into(), port: 3005 };
    let me = CandidateInfo { id: ServerId::new("master-server-1").unwrap(), addr, pid: 1 };
    let elector = Elector::start(Arc::clone(&fake) as Arc<dyn Coordinator>, me);
    (fake, elector)
}

async fn until<T: Clone>(mut watch: watch::Receiver<T>, holds: impl FnMut(&T) -> bool) -> T {
    timeout(PATIENCE, watch.wait_for(holds)).await.expect("did not come true").expect("it ended").clone()
}

async fn says(fake: &Fake, place: usize, event: CoordinatorEvent) {
    let say = fake.places.lock().unwrap()[place].clone();
    say.send(event).await.unwrap();
}

#[tokio::test]
async fn a_leader_that_hands_over_gives_its_place_back_and_stands_at_the_tail() {
    let (fake, elector) = start();
    until(elector.candidacy(), Option::is_some).await;
    assert!(matches!(elector.hand_over().await, Err(MoveError::NotNow { role: Role::Joining { .. }, .. })));
    says(&fake, 0, CoordinatorEvent::Elected).await;
    until(elector.role(), |role| role.authority().is_some()).await;
    elector.hand_over().await.unwrap();
    assert_eq!(*fake.log.lock().unwrap(), ["join", "resign", "leave", "join"]);
    assert!(elector.role().borrow().authority().is_none());
    assert!(elector.candidacy().borrow().is_some(), "the new place");
}

#[tokio::test]
async fn a_standby_steps_aside_only_while_it_hears_the_coordinator() {
    let (fake, elector) = start();
    until(elector.candidacy(), Option::is_some).await;
    says(&fake, 0, CoordinatorEvent::Waiting { ahead: 1 }).await;
    until(elector.role(), |role| *role == Role::Standby { ahead: 1 }).await;
    says(&fake, 0, CoordinatorEvent::Suspended { why: "silent".into() }).await;
    until(elector.trouble(), |trouble| trouble.as_deref() == Some("silent")).await;
    let refused = elector.step_aside().await.unwrap_err();
    assert_eq!(refused.to_string(), "it is standby, 1 ahead (silent)");
    says(&fake, 0, CoordinatorEvent::Resumed).await;
    until(elector.trouble(), Option::is_none).await;
    elector.step_aside().await.unwrap();
    assert_eq!(*fake.log.lock().unwrap(), ["join", "resign", "leave", "join"]);
}

#[tokio::test]
async fn who_watches_the_place_does_not_keep_it() {
    let (fake, elector) = start();
    let candidacy = elector.candidacy();
    until(candidacy.clone(), Option::is_some).await;
    drop(elector);
    until_left(&fake).await;
    assert!(candidacy.borrow().is_none());

    let (fake, elector) = start();
    let candidacy = elector.candidacy();
    until(candidacy.clone(), Option::is_some).await;
    elector.resign_and_stop().await;
    assert!(candidacy.borrow().is_none());
    assert_eq!(*fake.log.lock().unwrap(), ["join", "resign", "leave"]);
    assert_eq!(elector.hand_over().await, Err(MoveError::Stopped));
}

async fn until_left(fake: &Fake) {
    let left = async {
        while !fake.log.lock().unwrap().contains(&"leave") {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, left).await.expect("the place is kept");
}
