//! Keeps a session with the ensemble, for as long as the *server* grants it.
//!
//! The client library gives a session up after 7/5 of its time-out without contact. That is its guess: an ensemble that
//! was away as a whole has expired nothing. So its verdict only suspends; the session is taken up again, and is lost
//! when the server says so. Two clients on one session would throw each other out, which is why the old one must be
//! finished first.

use std::{sync::Arc, time::Duration};

use tokio::{net::TcpStream, sync::watch, time};
use tracing::warn;
use zookeeper_client::{Client, Connector, Error, SessionInfo, SessionState, StateWatcher};

use super::{
    Place, ZooKeeperCoordinator,
    queue::{self, LookError},
};
use crate::coordinator::{CandidateInfo, Coordinator, CoordinatorEvent, Events, UNREACHABLE_AGAIN_MS};

/// Pause between attempts to reach the ensemble: at random between these, so that candidates don't come in step.
const RECONNECT_MIN_MS: u64 = 50;
const RECONNECT_MAX_MS: u64 = 500;

/// One attempt to connect ends after this, whatever the library thinks.
const CONNECT_TIMEOUT_MS: u64 = 10_000;

/// After a refused or failed request, the queue is looked at again this much later.
const RETRY_MS: u64 = 200;

pub(super) struct Sessions {
    config: Arc<ZooKeeperCoordinator>,
    me: CandidateInfo,
    place: watch::Sender<Option<Place>>,
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
        events: Events,
    ) -> Self {
        Self { config, me, place, events, complained: None }
    }

    /// One session after the other, until the task is ended.
    pub(super) async fn run(mut self) {
        loop {
            let client = self.connect().await;
            let why = self.keep(client).await;
            self.place.send_replace(None);
            self.events.say(CoordinatorEvent::Lost { why }).await;
            pause().await;
        }
    }

    async fn connect(&mut self) -> Client {
        loop {
            let error = match self.attempt(self.connector()).await {
                Ok(client) => return client,
                Err(error) => error,
            };
            let why = format!("{} can't be reached: {}", self.config.describe(), self.explain(error).await);
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

    /// Goes through the queue while the session is connected, suspended while it is not.
    async fn serve(&mut self, client: &Client, node: &mut Option<String>) -> Ended {
        let mut states = client.state_watcher();
        let mut state = states.state();
        loop {
            if state != SessionState::SyncConnected && !self.reconnected(state, &mut states).await {
                return Ended::Detached;
            }
            let failed = tokio::select! {
                biased;
                changed = states.changed() => {
                    state = changed;
                    continue; // whatever was being asked is asked again
                }
                looked = self.look(client, node) => looked.err(),
            };
            state = SessionState::SyncConnected;
            match failed {
                None => {}
                Some(LookError::Gone) => return Ended::Lost("the node in the queue was deleted".to_owned()),
                Some(LookError::Request(error)) => {
                    self.failed(&error, node.is_some(), &mut states, &mut state).await;
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
        self.events.say(CoordinatorEvent::Resumed).await;
        true
    }

    /// Looks where this candidate stands, says it, and returns when it is time to look again.
    async fn look(&mut self, client: &Client, node: &mut Option<String>) -> Result<(), LookError> {
        let name = match node {
            Some(name) => name.clone(),
            None => node.insert(queue::enter(client, &self.config.path, &self.me).await?).clone(),
        };
        let seen = queue::look(client, &self.config.path, &name).await?;
        self.place.send_replace(Some(Place { client: client.clone(), node: name, first: seen.ahead == 0 }));
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
        let why = format!("{}: {error}", self.config.describe());
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
            match self.attempt(self.connector().with_session(session.clone())).await {
                Ok(client) => return Some(client),
                Err(Error::SessionExpired) => return None,
                Err(_) => pause().await,
            }
        }
    }

    fn connector(&self) -> Connector {
        Client::connector().with_session_timeout(self.config.session_timeout).with_fail_eagerly()
    }

    async fn attempt(&self, connector: Connector) -> Result<Client, Error> {
        let connecting = connector.connect(&self.config.servers);
        time::timeout(Duration::from_millis(CONNECT_TIMEOUT_MS), connecting)
            .await
            .unwrap_or(Err(Error::Timeout))
    }

    /// The library only says "no available hosts"; the kernel knows why.
    async fn explain(&self, error: Error) -> String {
        let first = self.config.servers.split(',').next().unwrap_or_default();
        match time::timeout(self.config.session_timeout, TcpStream::connect(first)).await {
            Ok(Ok(_)) => format!("{first} accepts connections but grants no session ({error})"),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer from {first}"),
        }
    }
}

async fn pause() {
    let pause_ms = fastrand::u64(RECONNECT_MIN_MS..=RECONNECT_MAX_MS);
    time::sleep(Duration::from_millis(pause_ms)).await;
}
