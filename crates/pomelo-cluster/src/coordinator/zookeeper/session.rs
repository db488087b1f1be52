//! Keeps a session with the ensemble, for as long as the *server* grants it.
//!
//! The client library gives a session up after 7/5 of its time-out without contact. That is its guess: an ensemble that
//! was away as a whole has expired nothing. So its verdict only suspends; the session is taken up again, and is lost
//! when the server says so. Two clients on one session would throw each other out, which is why the old one must be
//! finished first.

use std::{sync::Arc, time::Duration};

use tokio::{sync::watch, time};
use tracing::warn;
use zookeeper_client::{Client, Error, SessionInfo, SessionState, StateWatcher};

use super::{
    Place, ZooKeeperCoordinator,
    connect::{Ensemble, pause},
    explain,
    lease::{Heard, Lease, Probe},
    queue::{self, LookError},
};
use crate::coordinator::{
    CandidateInfo, Coordinator, CoordinatorEvent, Events, Obituary, UNREACHABLE_AGAIN_MS,
};

/// After a refused or failed request, the queue is looked at again this much later.
const RETRY_MS: u64 = 200;

pub(super) struct Sessions {
    config: Arc<ZooKeeperCoordinator>,
    ensemble: Ensemble,
    me: CandidateInfo,
    place: watch::Sender<Option<Place>>,
    obituary: watch::Sender<Option<Obituary>>,
    lease: Arc<Lease>,
    events: Events,
    /// What was last wrong with a place in the queue that is held, and when that was said.
    complained: Option<(Error, time::Instant)>,
}

enum Ended {
    /// The library gave up; the server may not have.
    Detached,
    /// The place in the queue is gone.
    Lost(String),
}

impl Sessions {
    pub(super) fn new(
        config: Arc<ZooKeeperCoordinator>,
        me: CandidateInfo,
        place: watch::Sender<Option<Place>>,
        obituary: watch::Sender<Option<Obituary>>,
        lease: Arc<Lease>,
        events: Events,
    ) -> Self {
        let ensemble = config.ensemble();
        Self { config, ensemble, me, place, obituary, lease, events, complained: None }
    }

    /// One session after the other, until the task is ended.
    pub(super) async fn run(mut self) {
        loop {
            let client = self.connect().await;
            let why = self.keep(client).await;
            self.lease.end();
            self.place.send_replace(None);
            self.obituary.send_replace(None);
            self.events.say(CoordinatorEvent::Lost { why }).await;
            pause().await;
        }
    }

    async fn connect(&mut self) -> Client {
        loop {
            let error = match self.ensemble.connect().await {
                Ok(client) => return client,
                Err(error) => error,
            };
            let why = self.ensemble.explain(error).await;
            let why = format!("{} can't be reached: {why}", self.config.describe());
            self.events.unreachable(why).await;
            pause().await;
        }
    }

    async fn keep(&mut self, mut client: Client) -> String {
        let mut node = None;
        loop {
            match self.serve(&client, &mut node).await {
                Ended::Lost(why) => return why,
                Ended::Detached => match self.attach(client.into_session()).await {
                    Some(again) => client = again,
                    None => return "the zookeeper session expired".to_owned(),
                },
            }
            self.events.say(CoordinatorEvent::Resumed).await;
        }
    }

    /// Goes through the queue while the session is connected and answers, suspended while it does not.
    async fn serve(&mut self, client: &Client, node: &mut Option<String>) -> Ended {
        let mut states = client.state_watcher();
        let mut state = states.state();
        let mut probe = None;
        loop {
            if state != SessionState::SyncConnected {
                if !self.reconnected(state, &mut states).await {
                    return Ended::Detached;
                }
                // Otherwise it is still waited for below.
                if !probe.as_ref().is_some_and(Probe::is_silent) {
                    self.events.say(CoordinatorEvent::Resumed).await;
                }
            }
            let name = match node {
                Some(name) => name.clone(),
                None => {
                    tokio::select! {
                        biased;
                        changed = states.changed() => {
                            state = changed;
                            continue; // whatever was being asked is asked again
                        }
                        entered = queue::enter(client, &self.config, &self.me) => match entered {
                            Ok(name) => node.insert(name).clone(),
                            Err(error) => {
                                state = SessionState::SyncConnected;
                                self.failed(&error, false, &mut states, &mut state).await;
                                continue;
                            }
                        }
                    }
                }
            };
            let probe = probe.get_or_insert_with(|| self.entered(client, &name));
            let failed = tokio::select! {
                biased;
                changed = states.changed() => {
                    state = changed;
                    continue;
                }
                heard = probe.other_than(Heard::Answered) => {
                    state = SessionState::SyncConnected;
                    if heard == Heard::Silent {
                        self.answered(probe, &mut states, &mut state).await;
                        continue;
                    }
                    Some(LookError::Gone)
                }
                looked = self.look(client, name) => looked.err(),
            };
            state = SessionState::SyncConnected;
            match failed {
                None => {}
                Some(LookError::Gone) => return Ended::Lost("the node in the queue was deleted".to_owned()),
                Some(LookError::Request(error)) => {
                    self.failed(&error, true, &mut states, &mut state).await;
                }
            }
        }
    }

    /// Tells how the place can be taken away, and begins to ask whether it is there.
    fn entered(&self, client: &Client, name: &str) -> Probe {
        let node = format!("{}/lock/{name}", self.config.path);
        self.obituary.send_if_modified(|obituary| {
            let now = Some(self.config.obituary(node.clone()));
            let changed = *obituary != now;
            *obituary = now;
            changed
        });
        Probe::start(client.clone(), node, Arc::clone(&self.lease))
    }

    /// Waits out a silence that the library has not noticed, or until it does: the server that one is connected to may have lost
    /// the others.
    async fn answered(&mut self, probe: &mut Probe, states: &mut StateWatcher, state: &mut SessionState) {
        let why = format!("{} does not answer", self.config.describe());
        self.events.say(CoordinatorEvent::Suspended { why }).await;
        tokio::select! {
            biased;
            changed = states.changed() => *state = changed,
            heard = probe.other_than(Heard::Silent) => {
                if heard == Heard::Answered {
                    self.events.say(CoordinatorEvent::Resumed).await;
                }
            }
        }
    }

    /// Waits out a lost connection. False: the library has given the session up.
    async fn reconnected(&mut self, mut state: SessionState, states: &mut StateWatcher) -> bool {
        let why = format!("{} is not heard", self.config.describe());
        self.events.say(CoordinatorEvent::Suspended { why }).await;
        while state != SessionState::SyncConnected {
            if state.is_terminated() {
                return false;
            }
            state = states.changed().await;
        }
        true
    }

    /// Looks where this candidate stands, says it, and returns when it is time to look again.
    async fn look(&mut self, client: &Client, name: String) -> Result<(), LookError> {
        let seen = queue::look(client, &self.config.path, &name).await?;
        self.lease.answered(seen.asked, client.session_timeout());
        let first = seen.ahead == 0;
        self.place.send_replace(Some(Place { client: client.clone(), node: name, first, epoch: seen.epoch }));
        let event = match seen.ahead {
            0 => CoordinatorEvent::Elected,
            ahead => CoordinatorEvent::Waiting { ahead },
        };
        self.events.say(event).await;
        seen.changed().await;
        Ok(())
    }

    async fn failed(
        &mut self,
        error: &Error,
        joined: bool,
        states: &mut StateWatcher,
        state: &mut SessionState,
    ) {
        let why = format!("{}: {}", self.config.describe(), explain(error));
        if joined {
            self.complain(error, &why);
        } else {
            self.events.unreachable(why).await;
        }
        tokio::select! {
            changed = states.changed() => *state = changed,
            () = time::sleep(Duration::from_millis(RETRY_MS)) => {}
        }
    }

    /// At once, and again now and then while it lasts.
    fn complain(&mut self, error: &Error, why: &str) {
        let again = Duration::from_millis(UNREACHABLE_AGAIN_MS);
        let said = |(last, at): &(Error, time::Instant)| last == error && at.elapsed() < again;
        if !self.complained.as_ref().is_some_and(said) {
            warn!(target: "pomelo::election", candidate = %self.me.addr, "{why}; trying again");
            self.complained = Some((error.clone(), time::Instant::now()));
        }
    }

    /// Takes the session up again. Nothing if the server says that there is no such session any more.
    async fn attach(&self, session: SessionInfo) -> Option<Client> {
        loop {
            match self.ensemble.attach(session.clone()).await {
                Ok(client) => return Some(client),
                Err(Error::SessionExpired) => return None,
                Err(_) => pause().await,
            }
        }
    }
}
