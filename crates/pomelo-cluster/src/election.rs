//! What a candidate makes of its place in the queue: the election as a state machine. Events in, actions out.
//!
//! No I/O, no clock and no tasks are here; [`crate::elector`] drives it, and `simulation` (tests) drives it through
//! thousands of schedules of crashes, lost sessions and unknown outcomes.
//!
//! ```text
//! Joining -> Standby -> Promoting -> Active <-> Suspended -> Demoting -> Joining ...   and Stopped
//! ```
//!
//! Safety does not rest on this machine being told in time: the store hands out each epoch once, and every receiver
//! refuses a lower epoch than the highest it has seen. The machine's part is to never claim an epoch it was not given,
//! and to drop authority at the first word against it.

use std::fmt;

use crate::{
    coordinator::{CoordinatorEvent, PromoteError, Term},
    follower::EPOCH_JUMP_MAX,
};

/// A promotion that the store did not answer is tried again after this long, doubled each time.
const PROMOTE_RETRY_MIN_MS: u64 = 50;
/// ... but never later than this. Nobody else can lead meanwhile, so it stays short.
const PROMOTE_RETRY_MAX_MS: u64 = 1_000;

/// What happened to a candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The coordinator has something to say about the place in the queue.
    Coordinator(CoordinatorEvent),
    /// The outcome of [`Action::Promote`].
    Promoted {
        /// Which one: results of given-up attempts are ignored.
        attempt: u64,
        /// What became of it.
        result: Result<Term, PromoteError>,
    },
    /// Somebody showed an epoch: a receiver that refused a command, another master, a follower. One that can't be is ignored.
    Superseded {
        /// The highest epoch it knows.
        epoch: u64,
    },
    /// [`Action::Leave`] is done.
    Left,
    /// A leader gives up, and joins again at the tail. Ignored by anybody else.
    HandOver,
    /// A standby lets others pass: it joins again at the tail. Ignored by anybody else, and while the coordinator is not
    /// heard: the place could not be given back for certain.
    StepAside,
    /// This process wants to end, or to stand no longer.
    Stop,
}

/// What the driver has to do now, in this order, after it has made the new [`Election::role`] known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Enter the queue at its tail.
    Join,
    /// Ask the coordinator for a term, and answer with [`Event::Promoted`].
    Promote {
        /// To be given back with the result. Replaces an attempt that is still in the air.
        attempt: u64,
        /// The new epoch must be higher than this.
        above: u64,
        /// Wait so long first.
        after_ms: u64,
    },
    /// Give the place in the queue back, listen to it no longer, then say [`Event::Left`].
    Leave,
}

/// What this master may do at the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Role {
    /// It has no place in the queue, or is on its way to being promoted.
    Joining {
        /// What is in the way, for a person; nothing when it has only just begun.
        why: Option<String>,
    },
    /// In the queue, warm.
    Standby {
        /// How many candidates were before it when it last looked.
        ahead: usize,
    },
    /// It leads and may act.
    Active {
        /// With this right.
        term: Term,
    },
    /// It led and may lead again with the same epoch: answers reads, changes nothing.
    Suspended {
        /// The right it may get back.
        term: Term,
        /// What is in the way, for a person.
        why: String,
    },
    /// It stands no longer.
    Stopped,
}

impl Role {
    /// The right to act, if it has it now.
    pub fn authority(&self) -> Option<&Term> {
        match self {
            Self::Active { term } => Some(term),
            _ => None,
        }
    }

    /// The term it holds, whether or not it may act on it now.
    pub fn term(&self) -> Option<&Term> {
        match self {
            Self::Active { term } | Self::Suspended { term, .. } => Some(term),
            _ => None,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Joining { why: None } => write!(f, "joining"),
            Self::Joining { why: Some(why) } => write!(f, "joining ({why})"),
            Self::Standby { ahead } => write!(f, "standby, {ahead} ahead"),
            Self::Active { term } => write!(f, "active epoch={}", term.epoch),
            Self::Suspended { term, why } => write!(f, "suspended epoch={} ({why})", term.epoch),
            Self::Stopped => write!(f, "stopped"),
        }
    }
}

/// One candidate's election.
#[derive(Clone, Debug)]
pub struct Election {
    phase: Phase,
    /// The coordinator is not heard. Kept beside the phase, because a promotion may succeed while nobody is heard.
    suspended: Option<String>,
    /// The coordinator was not reached at all when it was last heard of.
    unreachable: Option<String>,
    /// The highest epoch this process has seen anywhere, its own included.
    epoch_max: u64,
    attempt: u64,
    failures: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    Joining { why: Option<String> },
    Standby { ahead: usize },
    Promoting { why: Option<String> },
    Active { term: Term },
    Demoting { why: String, stop: bool },
    Stopped,
}

impl Election {
    /// A candidate that has just begun, and what to do first.
    pub fn new() -> (Self, Vec<Action>) {
        let election = Self {
            phase: Phase::Joining { why: None },
            suspended: None,
            unreachable: None,
            epoch_max: 0,
            attempt: 0,
            failures: 0,
        };
        (election, vec![Action::Join])
    }

    /// Takes one event.
    pub fn on(&mut self, event: Event) -> Vec<Action> {
        match event {
            Event::Coordinator(event) => self.on_coordinator(event),
            Event::Promoted { attempt, result } => self.on_promoted(attempt, result),
            Event::Superseded { epoch } => self.on_superseded(epoch),
            Event::Left => self.on_left(),
            Event::HandOver => match self.phase {
                Phase::Active { .. } => self.demote("handed over".to_owned(), false),
                _ => Vec::new(),
            },
            Event::StepAside => match self.phase {
                Phase::Standby { .. } if self.suspended.is_none() => {
                    self.demote("stepped aside".to_owned(), false)
                }
                _ => Vec::new(),
            },
            Event::Stop => self.on_stop(),
        }
    }

    /// What this candidate may do now.
    pub fn role(&self) -> Role {
        match (&self.phase, &self.suspended) {
            (Phase::Joining { why } | Phase::Promoting { why }, _) => Role::Joining { why: why.clone() },
            (Phase::Standby { ahead }, _) => Role::Standby { ahead: *ahead },
            (Phase::Active { term }, None) => Role::Active { term: term.clone() },
            (Phase::Active { term }, Some(why)) => Role::Suspended { term: term.clone(), why: why.clone() },
            (Phase::Demoting { why, stop: false }, _) => Role::Joining { why: Some(why.clone()) },
            // Authority goes first; the place in the queue is given back behind it.
            (Phase::Demoting { stop: true, .. } | Phase::Stopped, _) => Role::Stopped,
        }
    }

    /// The highest epoch seen anywhere.
    pub fn epoch_max(&self) -> u64 {
        self.epoch_max
    }

    /// What is wrong between this candidate and the coordinator; `None` while that is heard.
    pub fn trouble(&self) -> Option<&str> {
        self.suspended.as_deref().or(self.unreachable.as_deref())
    }

    /// True once it stands no longer and has given its place back.
    pub fn is_stopped(&self) -> bool {
        self.phase == Phase::Stopped
    }

    fn on_coordinator(&mut self, event: CoordinatorEvent) -> Vec<Action> {
        if matches!(self.phase, Phase::Demoting { .. } | Phase::Stopped) {
            return Vec::new(); // it speaks of a place that was given up
        }
        self.unreachable = match &event {
            CoordinatorEvent::Unreachable { why } => Some(why.clone()),
            _ => None,
        };
        match event {
            CoordinatorEvent::Unreachable { why } | CoordinatorEvent::Lost { why } => {
                self.suspended = None;
                self.phase = Phase::Joining { why: Some(why) };
                Vec::new()
            }
            // Also when active: somebody before me means that my place is not what I was promoted for.
            CoordinatorEvent::Waiting { ahead } => {
                self.phase = Phase::Standby { ahead };
                Vec::new()
            }
            CoordinatorEvent::Elected => match self.phase {
                Phase::Active { .. } | Phase::Promoting { .. } => Vec::new(),
                _ => {
                    self.failures = 0;
                    vec![self.promote(None)]
                }
            },
            // Only "resumed" and "lost" end this: an older answer may still arrive after the connection broke.
            CoordinatorEvent::Suspended { why } => {
                self.suspended = Some(why);
                Vec::new()
            }
            CoordinatorEvent::Resumed => {
                self.suspended = None;
                Vec::new()
            }
        }
    }

    fn promote(&mut self, why: Option<String>) -> Action {
        let after_ms = match self.failures {
            0 => 0,
            n => (PROMOTE_RETRY_MIN_MS << (n - 1).min(16)).min(PROMOTE_RETRY_MAX_MS),
        };
        self.attempt += 1;
        self.phase = Phase::Promoting { why };
        Action::Promote { attempt: self.attempt, above: self.epoch_max, after_ms }
    }

    fn on_promoted(&mut self, attempt: u64, result: Result<Term, PromoteError>) -> Vec<Action> {
        if attempt != self.attempt || !matches!(self.phase, Phase::Promoting { .. }) {
            return Vec::new();
        }
        match result {
            // An equal epoch that was heard of is this very one: no epoch is given twice.
            Ok(term) if term.epoch >= self.epoch_max => {
                self.epoch_max = term.epoch;
                self.phase = Phase::Active { term };
                Vec::new()
            }
            Ok(term) => {
                self.demote(format!("epoch {} was superseded by {}", term.epoch, self.epoch_max), false)
            }
            Err(PromoteError::Fenced(why)) => {
                self.phase = Phase::Joining { why: Some(format!("fenced: {why}")) };
                Vec::new()
            }
            Err(PromoteError::Unavailable(why)) => {
                self.failures = self.failures.saturating_add(1);
                vec![self.promote(Some(why))]
            }
        }
    }

    fn on_superseded(&mut self, epoch: u64) -> Vec<Action> {
        if epoch > self.epoch_max.saturating_add(EPOCH_JUMP_MAX) {
            return Vec::new();
        }
        self.epoch_max = self.epoch_max.max(epoch);
        match &self.phase {
            // Back to the tail: whoever leads with the higher epoch keeps it.
            Phase::Active { term } if term.epoch < epoch => {
                let why = format!("epoch {} was superseded by {epoch}", term.epoch);
                self.demote(why, false)
            }
            _ => Vec::new(),
        }
    }

    fn on_left(&mut self) -> Vec<Action> {
        match &self.phase {
            Phase::Demoting { stop: true, .. } => {
                self.phase = Phase::Stopped;
                Vec::new()
            }
            Phase::Demoting { why, .. } => {
                self.phase = Phase::Joining { why: Some(why.clone()) };
                vec![Action::Join]
            }
            _ => Vec::new(),
        }
    }

    fn on_stop(&mut self) -> Vec<Action> {
        match &mut self.phase {
            Phase::Stopped => Vec::new(),
            Phase::Demoting { stop, .. } => {
                *stop = true;
                Vec::new()
            }
            _ => self.demote("stopped".to_owned(), true),
        }
    }

    fn demote(&mut self, why: String, stop: bool) -> Vec<Action> {
        self.unreachable = self.suspended.take().or(self.unreachable.take());
        self.phase = Phase::Demoting { why, stop };
        vec![Action::Leave]
    }
}

#[cfg(test)]
mod simulation;

#[cfg(test)]
mod tests {
    use super::*;

    fn told(election: &mut Election, event: CoordinatorEvent) -> Vec<Action> {
        election.on(Event::Coordinator(event))
    }

    fn active(epoch: u64) -> Election {
        let (mut election, _) = Election::new();
        let actions = told(&mut election, CoordinatorEvent::Elected);
        assert_eq!(actions, [Action::Promote { attempt: 1, above: 0, after_ms: 0 }]);
        assert_eq!(election.on(Event::Promoted { attempt: 1, result: Ok(Term { epoch }) }), []);
        assert_eq!(election.role(), Role::Active { term: Term { epoch } });
        election
    }

    #[test]
    fn a_suspended_leader_has_no_authority_and_gets_the_same_epoch_back() {
        let mut election = active(3);
        told(&mut election, CoordinatorEvent::Suspended { why: "silent".into() });
        assert_eq!(election.role().authority(), None);
        assert_eq!(election.role().term(), Some(&Term { epoch: 3 }));
        // An answer from before the silence proves nothing.
        told(&mut election, CoordinatorEvent::Elected);
        assert_eq!(election.role().authority(), None);
        told(&mut election, CoordinatorEvent::Resumed);
        assert_eq!(election.role().authority(), Some(&Term { epoch: 3 }));
    }

    #[test]
    fn a_lost_place_ends_the_term_and_late_results_of_its_promotion_are_ignored() {
        let (mut election, _) = Election::new();
        told(&mut election, CoordinatorEvent::Elected);
        told(&mut election, CoordinatorEvent::Lost { why: "expired".into() });
        election.on(Event::Promoted { attempt: 1, result: Ok(Term { epoch: 9 }) });
        assert_eq!(election.role(), Role::Joining { why: Some("expired".into()) });
    }

    #[test]
    fn a_leader_that_hears_of_a_higher_epoch_leaves_and_joins_at_the_tail() {
        let mut election = active(3);
        assert_eq!(election.on(Event::Superseded { epoch: 3 }), []);
        assert_eq!(election.on(Event::Superseded { epoch: 7 }), [Action::Leave]);
        assert_eq!(election.role().term(), None);
        assert_eq!(election.on(Event::Left), [Action::Join]);
        let actions = told(&mut election, CoordinatorEvent::Elected);
        assert_eq!(actions, [Action::Promote { attempt: 2, above: 7, after_ms: 0 }]);
    }

    #[test]
    fn a_term_that_is_already_superseded_when_it_is_granted_is_given_back() {
        let (mut election, _) = Election::new();
        told(&mut election, CoordinatorEvent::Elected);
        election.on(Event::Superseded { epoch: 5 });
        assert_eq!(
            election.on(Event::Promoted { attempt: 1, result: Ok(Term { epoch: 4 }) }),
            [Action::Leave]
        );
        assert_eq!(election.role().term(), None);
    }

    #[test]
    fn an_unanswered_promotion_is_repeated_with_growing_pauses_and_a_fenced_one_is_not() {
        let (mut election, _) = Election::new();
        told(&mut election, CoordinatorEvent::Elected);
        let mut pauses = Vec::new();
        for attempt in 1..=7 {
            let result = Err(PromoteError::Unavailable("no answer".into()));
            let [Action::Promote { after_ms, .. }] = election.on(Event::Promoted { attempt, result })[..]
            else {
                panic!("it gave up");
            };
            pauses.push(after_ms);
        }
        assert_eq!(pauses, [50, 100, 200, 400, 800, 1_000, 1_000]);
        let fenced = Err(PromoteError::Fenced("lock gone".into()));
        assert_eq!(election.on(Event::Promoted { attempt: 8, result: fenced }), []);
        assert_eq!(told(&mut election, CoordinatorEvent::Elected).len(), 1);
    }

    #[test]
    fn stopping_takes_authority_before_the_place_in_the_queue_is_given_back() {
        let mut election = active(1);
        assert_eq!(election.on(Event::Stop), [Action::Leave]);
        assert_eq!(election.role(), Role::Stopped);
        assert!(!election.is_stopped());
        assert_eq!(told(&mut election, CoordinatorEvent::Elected), []);
        assert_eq!(election.on(Event::Left), []);
        assert!(election.is_stopped());
    }

    #[test]
    fn a_leader_that_hands_over_has_no_authority_before_its_place_is_free_and_joins_at_the_tail() {
        let mut election = active(3);
        assert_eq!(election.on(Event::StepAside), [], "only a standby steps aside");
        assert_eq!(election.on(Event::HandOver), [Action::Leave]);
        assert_eq!(election.role(), Role::Joining { why: Some("handed over".into()) });
        assert_eq!(election.on(Event::HandOver), []);
        assert_eq!(election.on(Event::Left), [Action::Join]);
    }

    #[test]
    fn a_suspended_leader_can_give_up_and_is_still_known_not_to_hear_the_coordinator() {
        let mut election = active(3);
        told(&mut election, CoordinatorEvent::Suspended { why: "silent".into() });
        assert_eq!(election.on(Event::HandOver), [Action::Leave]);
        assert_eq!(election.trouble(), Some("silent"));
        assert_eq!(election.on(Event::Left), [Action::Join]);
        told(&mut election, CoordinatorEvent::Waiting { ahead: 1 });
        assert_eq!(election.trouble(), None);
    }

    #[test]
    fn a_standby_steps_aside_only_while_it_hears_the_coordinator() {
        let (mut election, _) = Election::new();
        assert_eq!(election.on(Event::StepAside), []);
        told(&mut election, CoordinatorEvent::Waiting { ahead: 1 });
        assert_eq!(election.on(Event::HandOver), [], "only a leader hands over");
        told(&mut election, CoordinatorEvent::Suspended { why: "silent".into() });
        assert_eq!(election.on(Event::StepAside), []);
        told(&mut election, CoordinatorEvent::Resumed);
        assert_eq!(election.on(Event::StepAside), [Action::Leave]);
        assert_eq!(election.on(Event::Left), [Action::Join]);
    }

    #[test]
    fn stopping_while_being_demoted_does_not_join_again() {
        let mut election = active(1);
        election.on(Event::Superseded { epoch: 2 });
        assert_eq!(election.on(Event::Stop), []);
        assert_eq!(election.on(Event::Left), []);
        assert!(election.is_stopped());
    }
}
