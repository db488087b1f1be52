//! Runs an [`Election`] against a [`Coordinator`]: one task that owns the state machine, and a handle.
//!
//! The task makes a new role known *before* it acts on it, so that authority is off before the place in the queue is
//! given back. What a role allows is the master's business.

use std::{fmt, pin::pin, sync::Arc, time::Duration};

use futures_util::future::OptionFuture;
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
};
use tracing::{error, info, warn};

pub use crate::election::Role;
use crate::{
    coordinator::{BoxFuture, Candidacy, CandidateInfo, Coordinator, CoordinatorEvent, PromoteError, Term},
    election::{Action, Election, Event},
};

/// At most so many wishes to move wait; one more waits for room.
const MOVES_MAX: usize = 4;

/// A master's standing in the election. Dropping it leaves the queue without waiting; [`Elector::resign_and_stop`]
/// waits until the place is free for the next.
pub struct Elector {
    role: watch::Receiver<Role>,
    trouble: watch::Receiver<Option<String>>,
    candidacy: watch::Receiver<Option<Arc<dyn Candidacy>>>,
    epoch_seen: watch::Sender<u64>,
    moves: mpsc::Sender<Move>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// Why a candidate did not go to the tail of the queue. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MoveError {
    /// It is not what the wish was meant for.
    #[error("it is {role}{}", trouble.as_ref().map(|why| format!(" ({why})")).unwrap_or_default())]
    NotNow {
        /// What it is.
        role: Role,
        /// What is wrong between it and the coordinator.
        trouble: Option<String>,
    },
    /// It stands no longer.
    #[error("it stands for election no longer")]
    Stopped,
}

/// A wish to go to the tail of the queue.
struct Move {
    /// [`Event::HandOver`] or [`Event::StepAside`].
    event: Event,
    done: oneshot::Sender<Result<(), MoveError>>,
}

impl fmt::Debug for Elector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Elector").field("role", &*self.role.borrow()).finish_non_exhaustive()
    }
}

impl Elector {
    /// Joins the queue and stands for election until it is stopped or dropped. Needs a tokio runtime.
    pub fn start(coordinator: Arc<dyn Coordinator>, me: CandidateInfo) -> Self {
        Self::start_after(std::future::ready(()), coordinator, me)
    }

    /// The same, but joins the queue only when `ready` is: whoever is in it may be first the next moment.
    pub fn start_after(
        ready: impl Future<Output = ()> + Send + 'static,
        coordinator: Arc<dyn Coordinator>,
        me: CandidateInfo,
    ) -> Self {
        let (role_tx, role) = watch::channel(Role::Joining { why: None });
        let (trouble_tx, trouble) = watch::channel(None);
        let (candidacy_tx, candidacy) = watch::channel(None);
        let (moves, wishes) = mpsc::channel(MOVES_MAX);
        let (epoch_seen, epochs) = watch::channel(0);
        let (stop, stopped) = watch::channel(false);
        let (election, actions) = Election::new();
        let driver = Driver {
            coordinator,
            me,
            election,
            role: role_tx,
            trouble: trouble_tx,
            candidacy: candidacy_tx,
            moving: Vec::new(),
            place: None,
            promoting: None,
            leaving: None,
            unreachable: false,
            not_promoted: None,
        };
        let task = tokio::spawn(async move {
            let mut stop = stopped.clone();
            // An error is the end of the handle, which ends this task too.
            let stopping = async move { drop(stop.wait_for(|stop| *stop).await) };
            tokio::select! {
                () = ready => driver.run(actions, epochs, wishes, stopped).await,
                () = stopping => driver.end(),
            }
        });
        Self { role, trouble, candidacy, epoch_seen, moves, stop, task }
    }

    /// What this master may do, now and after each change. Authority is what [`Role::authority`] says at the moment of
    /// acting; a value read earlier is worth nothing.
    pub fn role(&self) -> watch::Receiver<Role> {
        self.role.clone()
    }

    /// What is wrong between this master and the coordinator, for a person; `None` while that is heard.
    pub fn trouble(&self) -> watch::Receiver<Option<String>> {
        self.trouble.clone()
    }

    /// This master's place in the queue, by which it writes, lists and evicts; `None` while it has none. Not to be kept: a
    /// clone holds the place of a master that is gone until it is dropped.
    pub fn candidacy(&self) -> watch::Receiver<Option<Arc<dyn Candidacy>>> {
        self.candidacy.clone()
    }

    /// Gives leadership up: authority is off at once. Done when the place in the queue is given back, or the coordinator can't
    /// be reached, and the queue was joined again at its tail.
    pub async fn hand_over(&self) -> Result<(), MoveError> {
        self.move_by(Event::HandOver).await
    }

    /// Leaves the queue as a standby and joins it again at its tail. Done when that is done.
    pub async fn step_aside(&self) -> Result<(), MoveError> {
        self.move_by(Event::StepAside).await
    }

    async fn move_by(&self, event: Event) -> Result<(), MoveError> {
        let (done, moved) = oneshot::channel();
        self.moves.send(Move { event, done }).await.map_err(|_| MoveError::Stopped)?;
        moved.await.map_err(|_| MoveError::Stopped)?
    }

    /// Tells the election that somebody knows this epoch. A leader with a lower one is demoted and joins again at the
    /// tail of the queue.
    pub fn superseded(&self, epoch: u64) {
        self.epoch_seen.send_if_modified(|seen| {
            let higher = epoch > *seen;
            if higher {
                *seen = epoch;
            }
            higher
        });
    }

    /// Gives up leadership or the place in the queue and ends. The role is [`Role::Stopped`] at once; done when the
    /// coordinator has confirmed it, or can't be reached.
    pub async fn resign_and_stop(&self) {
        self.stop.send_replace(true);
        let mut role = self.role.clone();
        // The task owns the sender: the channel closes when it ends.
        while role.changed().await.is_ok() {}
    }
}

impl Drop for Elector {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Driver {
    coordinator: Arc<dyn Coordinator>,
    me: CandidateInfo,
    election: Election,
    role: watch::Sender<Role>,
    trouble: watch::Sender<Option<String>>,
    candidacy: watch::Sender<Option<Arc<dyn Candidacy>>>,
    /// Who waits for the place at the tail.
    moving: Vec<oneshot::Sender<Result<(), MoveError>>>,
    place: Option<Place>,
    promoting: Option<(u64, BoxFuture<'static, Result<Term, PromoteError>>)>,
    leaving: Option<BoxFuture<'static, ()>>,
    /// Whether the coordinator could not be reached when it was last heard of.
    unreachable: bool,
    /// Why the last attempt to be promoted failed, so that each reason is a warning once.
    not_promoted: Option<PromoteError>,
}

struct Place {
    candidacy: Arc<dyn Candidacy>,
    events: mpsc::Receiver<CoordinatorEvent>,
}

impl Driver {
    async fn run(
        mut self,
        first: Vec<Action>,
        mut epochs: watch::Receiver<u64>,
        mut wishes: mpsc::Receiver<Move>,
        mut stop: watch::Receiver<bool>,
    ) {
        self.act(first);
        let mut stopping =
            pin!(async move { while !*stop.borrow_and_update() && stop.changed().await.is_ok() {} });
        let mut stop_seen = false;
        while !self.election.is_stopped() {
            let event = tokio::select! {
                // Bad news first: nothing else may be acted on while a loss waits to be read.
                biased;
                () = &mut stopping, if !stop_seen => {
                    stop_seen = true;
                    Event::Stop
                }
                Ok(()) = epochs.changed() => Event::Superseded { epoch: *epochs.borrow_and_update() },
                Some(()) = OptionFuture::from(self.leaving.as_mut()) => {
                    self.leaving = None;
                    Event::Left
                }
                Some(event) = next_event(&mut self.place) => match event {
                    Some(event) => Event::Coordinator(event),
                    None => {
                        // Its task is gone, which only a panic does: a place nobody watches over is no place.
                        error!(
                            target: "pomelo::election", candidate = %self.me.addr,
                            "the coordinator's task ended: this master stands no more until it is started again"
                        );
                        self.place = None;
                        self.candidacy.send_replace(None);
                        Event::Coordinator(CoordinatorEvent::Lost { why: "the coordinator's task ended".to_owned() })
                    }
                },
                Some((attempt, result)) = next_result(&mut self.promoting) => {
                    self.promoting = None;
                    Event::Promoted { attempt, result }
                }
                Some(wish) = wishes.recv() => {
                    self.wish(wish);
                    continue;
                }
            };
            self.log(&event);
            let actions = self.election.on(event);
            self.publish();
            self.act(actions);
        }
    }

    fn wish(&mut self, Move { event, done }: Move) {
        let actions = self.election.on(event);
        if actions.is_empty() {
            let (role, trouble) = (self.election.role(), self.election.trouble().map(str::to_owned));
            // Who has given up waiting needs no answer.
            let _ = done.send(Err(MoveError::NotNow { role, trouble }));
            return;
        }
        self.moving.push(done);
        self.publish();
        self.act(actions);
    }

    /// Stopped before it began.
    fn end(mut self) {
        self.election.on(Event::Stop);
        self.publish();
    }

    fn publish(&self) {
        self.trouble.send_if_modified(|old| {
            let changed = old.as_deref() != self.election.trouble();
            if changed {
                *old = self.election.trouble().map(str::to_owned);
            }
            changed
        });
        let role = self.election.role();
        self.role.send_if_modified(|old| {
            let changed = *old != role;
            if changed {
                info!(target: "pomelo::election", candidate = %self.me.addr, "{role}");
                *old = role;
            }
            changed
        });
    }

    fn act(&mut self, actions: Vec<Action>) {
        for action in actions {
            match action {
                Action::Join => {
                    info!(target: "pomelo::election", candidate = %self.me.addr, "joining {}", self.coordinator.describe());
                    let (candidacy, events) = self.coordinator.join(self.me.clone());
                    let candidacy: Arc<dyn Candidacy> = Arc::from(candidacy);
                    self.candidacy.send_replace(Some(Arc::clone(&candidacy)));
                    self.place = Some(Place { candidacy, events });
                    for moved in self.moving.drain(..) {
                        let _ = moved.send(Ok(()));
                    }
                }
                Action::Promote { attempt, above, after_ms } => {
                    let Some(place) = &self.place else { continue };
                    let candidacy = Arc::clone(&place.candidacy);
                    let promotion = async move {
                        if after_ms > 0 {
                            tokio::time::sleep(Duration::from_millis(after_ms)).await;
                        }
                        candidacy.promote(above).await
                    };
                    self.promoting = Some((attempt, Box::pin(promotion)));
                }
                Action::Leave => {
                    self.promoting = None;
                    self.candidacy.send_replace(None);
                    let place = self.place.take();
                    self.leaving = Some(Box::pin(async move {
                        if let Some(place) = place {
                            place.candidacy.resign().await;
                        }
                    }));
                }
            }
        }
    }

    fn log(&mut self, event: &Event) {
        match event {
            Event::Coordinator(CoordinatorEvent::Unreachable { why }) => {
                warn!(target: "pomelo::election", candidate = %self.me.addr, "{why}; trying again");
                self.unreachable = true;
            }
            Event::Coordinator(_) if std::mem::take(&mut self.unreachable) => {
                info!(target: "pomelo::election", candidate = %self.me.addr, "reached {}", self.coordinator.describe());
            }
            Event::Promoted { result: Err(error), .. } if self.not_promoted.as_ref() != Some(error) => {
                warn!(target: "pomelo::election", candidate = %self.me.addr, "not promoted: {error}");
                self.not_promoted = Some(error.clone());
            }
            Event::Promoted { result: Ok(_), .. } => self.not_promoted = None,
            _ => {}
        }
    }
}

impl Drop for Driver {
    /// Who watches the place must not keep it.
    fn drop(&mut self) {
        self.candidacy.send_replace(None);
    }
}

async fn next_event(place: &mut Option<Place>) -> Option<Option<CoordinatorEvent>> {
    Some(place.as_mut()?.events.recv().await)
}

async fn next_result(
    promoting: &mut Option<(u64, BoxFuture<'static, Result<Term, PromoteError>>)>,
) -> Option<(u64, Result<Term, PromoteError>)> {
    let (attempt, promotion) = promoting.as_mut()?;
    let attempt = *attempt;
    Some((attempt, promotion.await))
}

#[cfg(test)]
mod tests;
