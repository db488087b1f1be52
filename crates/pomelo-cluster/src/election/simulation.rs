//! Thousands of schedules of several candidates against one store in memory: crashes, cut lines, expired sessions,
//! deleted nodes, late and lost answers, gossip of epochs, resignations. Each schedule is a function of its seed.
//!
//! The store is linearisable, as ZooKeeper's leader and a kernel lock are; everything between it and a candidate is late
//! or lost. To prove that the simulation can see, it is also run with faults of the original built in, and must object.

use std::collections::{BTreeMap, VecDeque};

use fastrand::Rng;

use super::{Action, Election, Event, Role};
use crate::coordinator::{CoordinatorEvent, PromoteError, Term};

const CANDIDATES: usize = 3;
const STEPS: usize = 200;
const SEEDS: u64 = 10_000;

/// A fault of the original, to be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    None,
    /// An expired session is not reported.
    SilentExpiry,
    /// The epoch is written without a look at the one before.
    BlindEpoch,
    /// A promotion that failed is not tried again.
    NoRetry,
}

type Session = u64;

const NO_SESSION: Session = 0;

/// One run of one process: what may hold an epoch.
type Life = u64;

/// What ZooKeeper holds.
#[derive(Default)]
struct Store {
    epoch: u64,
    /// Who was granted each epoch.
    owners: BTreeMap<u64, Life>,
    /// An epoch that was granted twice.
    doubled: Option<u64>,
    /// In the order they came.
    queue: Vec<Session>,
}

impl Store {
    fn enter(&mut self, session: Session) {
        self.queue.push(session);
    }

    fn leave(&mut self, session: Session) {
        self.queue.retain(|other| *other != session);
    }

    fn ahead(&self, session: Session) -> Option<usize> {
        self.queue.iter().position(|other| *other == session)
    }

    fn promote(&mut self, life: Life, asked: &Request, flaw: Flaw) -> Result<Term, PromoteError> {
        if !asked.first {
            return Err(PromoteError::Fenced("not first".into()));
        }
        if self.ahead(asked.session).is_none() && flaw != Flaw::BlindEpoch {
            return Err(PromoteError::Fenced("node gone".into()));
        }
        if asked.read != self.epoch && flaw != Flaw::BlindEpoch {
            return Err(PromoteError::Unavailable("stale".into()));
        }
        let epoch = asked.read.max(asked.above) + 1;
        self.epoch = epoch;
        if self.owners.insert(epoch, life).is_some() {
            self.doubled = Some(epoch);
        }
        Ok(Term { epoch })
    }
}

/// A request for a term on its way to the store, with what its sender knew when it sent it.
struct Request {
    attempt: u64,
    session: Session,
    first: bool,
    above: u64,
    read: u64,
}

/// One process.
struct Candidate {
    life: Life,
    election: Election,
    session: Session,
    /// In the queue, as far as its own client library knows.
    joined: bool,
    leaving: bool,
    cut: bool,
    told: Option<CoordinatorEvent>,
    inbox: VecDeque<Event>,
    request: Option<Request>,
}

struct World {
    rng: Rng,
    flaw: Flaw,
    store: Store,
    candidates: Vec<Option<Candidate>>,
    next_session: Session,
    next_life: Life,
}

impl World {
    fn new(seed: u64, flaw: Flaw) -> Self {
        let candidates = (0..CANDIDATES).map(|_| None).collect();
        let mut world = Self {
            rng: Rng::with_seed(seed),
            flaw,
            store: Store::default(),
            candidates,
            next_session: 1,
            next_life: 1,
        };
        (0..CANDIDATES).for_each(|i| world.start(i));
        world
    }

    /// The whole schedule; the first rule that is broken ends it.
    fn run(mut self) -> Result<(), String> {
        for _ in 0..STEPS {
            self.step();
            self.check()?;
        }
        self.settle()
    }

    fn step(&mut self) {
        let i = self.rng.usize(..CANDIDATES);
        let dice = self.rng.u32(..100);
        let Some(candidate) = &mut self.candidates[i] else {
            if dice < 30 {
                self.start(i);
            }
            return;
        };
        match dice {
            0..40 => self.deliver(i),
            40..60 => self.look(i),
            60..75 => self.serve(i),
            75..80 => candidate.cut = true,
            80..88 => candidate.cut = false,
            88..91 => self.expire(i),
            91..93 => self.candidates[i] = None, // killed; its node stays until its session expires
            93..95 => {
                let epoch = self.rng.u64(..=self.store.epoch);
                self.hear(i, Event::Superseded { epoch });
            }
            95..96 => self.hear(i, Event::Stop),
            // The node of a dead process goes when its session expires; a living one loses it by somebody's hand.
            _ => {
                if let Some(session) = self.rng.choice(&self.store.queue).copied() {
                    self.store.leave(session);
                }
            }
        }
    }

    fn start(&mut self, i: usize) {
        let (election, actions) = Election::new();
        self.next_life += 1;
        self.candidates[i] = Some(Candidate {
            life: self.next_life,
            election,
            session: NO_SESSION,
            joined: false,
            leaving: false,
            cut: false,
            told: None,
            inbox: VecDeque::new(),
            request: None,
        });
        self.act(i, actions);
    }

    /// Everything the candidate's side of the coordinator does: join, notice a cut, look at the queue.
    fn look(&mut self, i: usize) {
        let Some(candidate) = &mut self.candidates[i] else { return };
        if candidate.leaving {
            // The place is given back if the store can be reached; if not, its session expires later.
            if !candidate.cut {
                self.store.leave(candidate.session);
            }
            candidate.leaving = false;
            candidate.session = NO_SESSION; // and is heard no more
            candidate.inbox.push_back(Event::Left);
            return;
        }
        if candidate.election.is_stopped() || candidate.session == NO_SESSION {
            return;
        }
        if candidate.cut {
            let event = match candidate.joined {
                true => CoordinatorEvent::Suspended { why: "cut".into() },
                false => CoordinatorEvent::Unreachable { why: "cut".into() },
            };
            return candidate.tell(event);
        }
        if !candidate.joined {
            candidate.joined = true;
            self.store.enter(candidate.session);
        }
        if matches!(candidate.told, Some(CoordinatorEvent::Suspended { .. })) {
            candidate.tell(CoordinatorEvent::Resumed);
        }
        match self.store.ahead(candidate.session) {
            Some(0) => candidate.tell(CoordinatorEvent::Elected),
            Some(ahead) => candidate.tell(CoordinatorEvent::Waiting { ahead }),
            None if self.flaw == Flaw::SilentExpiry => {}
            None => {
                candidate.tell(CoordinatorEvent::Lost { why: "gone".into() });
                candidate.joined = false;
                candidate.session = self.next_session;
                self.next_session += 1;
            }
        }
    }

    fn expire(&mut self, i: usize) {
        if let Some(candidate) = &self.candidates[i] {
            self.store.leave(candidate.session);
        }
        self.expire_dead();
    }

    fn expire_dead(&mut self) {
        let living: Vec<_> = self.candidates.iter().flatten().map(|candidate| candidate.session).collect();
        self.store.queue.retain(|session| living.contains(session));
    }

    /// The store takes the candidate's request; the answer, or the request, may be lost.
    fn serve(&mut self, i: usize) {
        let lost = self.rng.u32(..10);
        let Some(candidate) = &mut self.candidates[i] else { return };
        let Some(request) = candidate.request.take() else { return };
        let life = candidate.life;
        let unavailable = Err(PromoteError::Unavailable("no answer".into()));
        let result = match (candidate.cut, lost) {
            (true, _) | (_, 0) => unavailable,
            (_, 1) => self.store.promote(life, &request, self.flaw).and(unavailable),
            _ => self.store.promote(life, &request, self.flaw),
        };
        candidate.inbox.push_back(Event::Promoted { attempt: request.attempt, result });
    }

    fn deliver(&mut self, i: usize) {
        let Some(candidate) = &mut self.candidates[i] else { return };
        if let Some(event) = candidate.inbox.pop_front() {
            self.hear(i, event);
        }
    }

    fn hear(&mut self, i: usize, event: Event) {
        let Some(candidate) = &mut self.candidates[i] else { return };
        let retry = self.flaw != Flaw::NoRetry || !matches!(event, Event::Promoted { result: Err(_), .. });
        let actions = candidate.election.on(event);
        if retry {
            self.act(i, actions);
        }
    }

    fn act(&mut self, i: usize, actions: Vec<Action>) {
        let Some(candidate) = &mut self.candidates[i] else { return };
        for action in actions {
            match action {
                Action::Join => {
                    candidate.session = self.next_session;
                    self.next_session += 1;
                    candidate.joined = false;
                    candidate.told = None;
                }
                Action::Promote { attempt, above, .. } => {
                    let session = candidate.session;
                    let first = self.store.ahead(session) == Some(0);
                    candidate.request =
                        Some(Request { attempt, session, first, above, read: self.store.epoch });
                }
                Action::Leave => {
                    candidate.leaving = true;
                    candidate.request = None;
                    // The driver listens to that place no longer.
                    candidate.inbox.retain(|event| !matches!(event, Event::Coordinator(_)));
                }
            }
        }
        if candidate.election.is_stopped() {
            self.candidates[i] = None;
        }
    }

    /// What must hold after each step, whatever happened.
    fn check(&self) -> Result<(), String> {
        if let Some(epoch) = self.store.doubled {
            return Err(format!("epoch {epoch} was granted twice"));
        }
        for candidate in self.candidates.iter().flatten() {
            let Role::Active { term } = candidate.election.role() else { continue };
            let owner = self.store.owners.get(&term.epoch);
            if owner != Some(&candidate.life) {
                let life = candidate.life;
                return Err(format!("epoch {} belongs to {owner:?} and is claimed by {life}", term.epoch));
            }
        }
        Ok(())
    }

    /// No more faults: everybody lives, every line is whole, the sessions of the dead expire.
    fn settle(&mut self) -> Result<(), String> {
        self.candidates.iter_mut().flatten().for_each(|candidate| candidate.cut = false);
        for _ in 0..50 {
            self.expire_dead();
            for i in 0..CANDIDATES {
                if self.candidates[i].is_none() {
                    self.start(i);
                }
                self.look(i);
                self.serve(i);
                (0..4).for_each(|_| self.deliver(i));
                self.check()?;
            }
        }
        let terms: Vec<_> =
            self.candidates.iter().flatten().filter_map(|c| c.election.role().authority().cloned()).collect();
        match &terms[..] {
            [term] if term.epoch == self.store.epoch => Ok(()),
            _ => Err(format!("after the faults, at epoch {}, these lead: {terms:?}", self.store.epoch)),
        }
    }
}

impl Candidate {
    /// Events of a session arrive in order, and one that was said is not said again.
    fn tell(&mut self, event: CoordinatorEvent) {
        if self.told.as_ref() != Some(&event) {
            self.told = Some(event.clone());
            self.inbox.push_back(Event::Coordinator(event));
        }
    }
}

fn seeds() -> std::ops::Range<u64> {
    #[expect(clippy::disallowed_methods, reason = "a failing seed is replayed by naming it: POMELO_SEED=17")]
    let one = std::env::var("POMELO_SEED").ok().and_then(|seed| seed.parse().ok());
    one.map_or(0..SEEDS, |seed: u64| seed..seed + 1)
}

/// The first seed whose schedule breaks a rule, and what it broke.
fn first_violation(flaw: Flaw, mut seeds: std::ops::Range<u64>) -> Option<(u64, String)> {
    seeds.find_map(|seed| World::new(seed, flaw).run().err().map(|why| (seed, why)))
}

#[test]
fn no_schedule_breaks_a_rule_and_all_end_with_one_leader() {
    if let Some((seed, why)) = first_violation(Flaw::None, seeds()) {
        panic!("seed {seed} (replay with POMELO_SEED={seed}): {why}");
    }
}

#[test]
fn the_simulation_finds_the_faults_of_the_original() {
    for flaw in [Flaw::SilentExpiry, Flaw::BlindEpoch, Flaw::NoRetry] {
        assert!(first_violation(flaw, 0..SEEDS).is_some(), "{flaw:?} went unnoticed");
    }
}
