//! Frontends that claim users of each other, under seeded faults: claims, answers and words about what is held that are lost or
//! come late, frontends that do not see each other for a while or are started again, sessions that end and claims that are given
//! up at any moment; with clocks that have nothing to do with the order of things.
//!
//! What must hold: once the faults are over, at most one session has a user; and if no session ended by itself, exactly one. A
//! failing seed is printed; `POMELO_SEED=n` replays it.

use fastrand::Rng;

use super::*;

const SEEDS: u64 = 10_000;
const FRONTENDS: usize = 3;
const USERS: usize = 2;
const STEPS: usize = 60;
/// Words about what is held that are lost are told again with each round; nothing is lost any more then.
const CALM: usize = 3;

/// What goes wrong.
#[derive(Clone, Copy, Default)]
struct Faults {
    /// Messages are lost, and frontends do not see each other.
    lost: bool,
    /// Sessions end, claims are given up, frontends are started again.
    ends: bool,
    /// What is held is told once and no more, and only those that were asked.
    told_once: bool,
}

struct World {
    rng: Rng,
    faults: Faults,
    frontends: Vec<Frontend>,
    calls: Vec<Call>,
    /// Which users have been claimed.
    claimed: [bool; USERS],
    /// Numbers of sessions and claims.
    last: u64,
}

struct Frontend {
    id: ServerId,
    life: u64,
    claims: Claims,
    /// The others that it knows, with their lives.
    sees: BTreeMap<usize, u64>,
    /// Sessions with a user that were not kicked.
    bound: BTreeMap<u64, UserId>,
    open: BTreeMap<u64, Open>,
}

/// A claim that has been made.
struct Open {
    attempt: Attempt,
    waiting: usize,
    verdicts: Vec<(ServerId, Verdict)>,
}

/// A question on its way, or its answer.
#[derive(Clone)]
struct Call {
    from: usize,
    from_life: u64,
    to: usize,
    to_life: u64,
    question: Question,
    answer: Option<Answer>,
    /// Nobody waits for the answer any more.
    late: bool,
}

#[derive(Clone)]
enum Question {
    /// The claim of this number.
    Claim(u64, Claim),
    Holds(Vec<Claim>),
}

#[derive(Clone)]
enum Answer {
    Verdict(Verdict),
    Kept(Vec<UserId>),
}

impl World {
    fn new(seed: u64, rule: SingleSession, faults: Faults) -> Self {
        let frontend = |n| Frontend {
            id: ServerId::new(format!("connector-server-{n}")).unwrap(),
            life: 1,
            claims: Claims::new(rule),
            sees: (0..FRONTENDS).filter(|&other| other != n).map(|other| (other, 1)).collect(),
            bound: BTreeMap::new(),
            open: BTreeMap::new(),
        };
        let frontends = (0..FRONTENDS).map(frontend).collect();
        let (rng, calls, claimed) = (Rng::with_seed(seed), Vec::new(), [false; USERS]);
        let mut world = Self { rng, faults, frontends, calls, claimed, last: 0 };
        (0..FRONTENDS).for_each(|f| world.meet(f));
        world
    }

    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    fn step(&mut self) {
        let (f, other) = (self.rng.usize(..FRONTENDS), self.rng.usize(..FRONTENDS));
        let Faults { lost, ends, told_once } = self.faults;
        match self.rng.u32(..100) {
            0..12 => {
                let (session, n) = (self.next(), self.rng.usize(..USERS));
                self.claimed[n] = true;
                self.claim(f, session, user(n));
            }
            12 => {
                // A session that nobody waited for asks again.
                let again = self.frontends[f].open.values().next().map(|open| open.attempt.claim.clone());
                if let Some(Claim { uid, stamp }) = again {
                    self.claim(f, stamp.session, uid);
                }
            }
            13..18 if lost && f != other => {
                let life = self.frontends[other].life;
                let sees = &mut self.frontends[f].sees;
                if sees.remove(&other).is_none() {
                    sees.insert(other, life);
                }
            }
            18..22 if !told_once => self.meet(f),
            22..25 if ends => {
                let frontend = &mut self.frontends[f];
                if let Some((session, uid)) = frontend.bound.pop_first() {
                    frontend.claims.released(&uid, session);
                }
            }
            25..28 if ends => {
                let frontend = &mut self.frontends[f];
                if let Some((_, open)) = frontend.open.pop_last() {
                    frontend.claims.end(&open.attempt, None);
                }
            }
            28 if ends => self.restart(f),
            _ => self.arrive(),
        }
    }

    fn claim(&mut self, f: usize, session: u64, uid: UserId) {
        let (number, at_us) = (self.next(), self.rng.u64(..50));
        let frontend = &mut self.frontends[f];
        let stamp = Stamp { at_us, frontend: frontend.id.clone(), session };
        let Some(attempt) = frontend.claims.make(&uid, stamp) else { return };
        let (claim, asked): (_, Vec<_>) = (attempt.claim.clone(), frontend.sees.keys().copied().collect());
        frontend.open.insert(number, Open { attempt, waiting: asked.len(), verdicts: Vec::new() });
        for &to in &asked {
            self.ask(f, to, Question::Claim(number, claim.clone()));
        }
        self.end(f, number);
    }

    fn ask(&mut self, from: usize, to: usize, question: Question) {
        let (from_life, to_life) = (self.frontends[from].life, self.frontends[to].life);
        self.calls.push(Call { from, from_life, to, to_life, question, answer: None, late: false });
    }

    /// The claim is over, if nobody is waited for.
    fn end(&mut self, f: usize, number: u64) {
        let frontend = &mut self.frontends[f];
        if !frontend.open.get(&number).is_some_and(|open| open.waiting == 0) {
            return;
        }
        let Open { attempt, verdicts, .. } = frontend.open.remove(&number).unwrap();
        let Claim { uid, stamp } = attempt.claim.clone();
        // A session that has its user already needs no claim.
        let needed = !frontend.bound.contains_key(&stamp.session);
        if let Outcome::Won { former } = frontend.claims.end(&attempt, needed.then_some(&verdicts)) {
            former.map(|former| frontend.bound.remove(&former));
            frontend.bound.insert(stamp.session, uid);
        }
        self.tell(f);
    }

    fn meet(&mut self, f: usize) {
        let sees = self.frontends[f].sees.iter().map(|(&n, &life)| (self.frontends[n].id.clone(), life));
        let sees: Vec<_> = sees.collect();
        self.frontends[f].claims.meet(sees);
        self.tell(f);
    }

    fn tell(&mut self, f: usize) {
        for (to, holds) in self.frontends[f].claims.due() {
            let to = self.frontends.iter().position(|frontend| frontend.id == to).unwrap();
            self.ask(f, to, Question::Holds(holds));
        }
    }

    fn restart(&mut self, f: usize) {
        let frontend = &mut self.frontends[f];
        frontend.life += 1;
        frontend.claims = Claims::new(frontend.claims.rule());
        frontend.bound.clear();
        frontend.open.clear();
        self.meet(f);
    }

    /// Some question or answer arrives, or does not.
    fn arrive(&mut self) {
        if self.calls.is_empty() {
            return;
        }
        let n = self.rng.usize(..self.calls.len());
        let mut call = self.calls.swap_remove(n);
        if call.from_life != self.frontends[call.from].life {
            call.late = true;
        }
        let is_lost = self.faults.lost && self.rng.u32(..8) == 0;
        if !call.late && (is_lost || call.to_life != self.frontends[call.to].life) {
            self.answered(&call, None);
            // The question may arrive all the same.
            call.late = true;
            if self.rng.bool() {
                self.calls.push(call);
            }
            return;
        }
        match call.answer.take() {
            Some(answer) => self.answered(&call, Some(answer)),
            None if call.to_life != self.frontends[call.to].life => {}
            None => {
                let answer = self.asked(&call);
                if !call.late {
                    self.calls.push(Call { answer: Some(answer), ..call });
                }
            }
        }
    }

    fn asked(&mut self, call: &Call) -> Answer {
        let frontend = &mut self.frontends[call.to];
        match &call.question {
            Question::Claim(_, claim) => Answer::Verdict(frontend.claims.judge(claim)),
            Question::Holds(holds) => {
                let heard = frontend.claims.heard(holds);
                heard.going.iter().for_each(|session| drop(frontend.bound.remove(session)));
                Answer::Kept(heard.kept)
            }
        }
    }

    fn answered(&mut self, call: &Call, answer: Option<Answer>) {
        let to = self.frontends[call.to].id.clone();
        let frontend = &mut self.frontends[call.from];
        match (&call.question, answer) {
            (Question::Claim(number, _), answer) => {
                // Nothing if it was given up.
                let Some(open) = frontend.open.get_mut(number) else { return };
                open.waiting -= 1;
                if let Some(Answer::Verdict(verdict)) = answer {
                    open.verdicts.push((to, verdict));
                }
                self.end(call.from, *number);
            }
            (Question::Holds(_), None) if self.faults.told_once => {}
            (Question::Holds(holds), answer) => {
                let kept = match answer {
                    Some(Answer::Kept(kept)) => Some(kept),
                    _ => None,
                };
                for session in frontend.claims.told(&to, holds, kept.as_deref()) {
                    frontend.bound.remove(&session);
                }
                self.tell(call.from);
            }
        }
    }

    /// No more faults, until all that was wrong must have been found.
    fn calm(&mut self) {
        let told_once = self.faults.told_once;
        self.faults = Faults { told_once, ..Faults::default() };
        for _ in 0..CALM {
            for f in 0..FRONTENDS {
                let others = (0..FRONTENDS).filter(|&other| other != f);
                self.frontends[f].sees = others.map(|other| (other, self.frontends[other].life)).collect();
                if !told_once {
                    self.meet(f);
                }
            }
            while !self.calls.is_empty() {
                self.arrive();
            }
        }
    }

    /// How many sessions have each user.
    fn sessions(&self) -> [usize; USERS] {
        let of = |uid: &UserId| {
            self.frontends.iter().flat_map(|f| f.bound.values()).filter(|bound| *bound == uid).count()
        };
        std::array::from_fn(|n| of(&user(n)))
    }

    /// What is believed is right, and nothing is left over.
    fn is_in_order(&self) {
        for Frontend { claims, bound, .. } in &self.frontends {
            let held: BTreeMap<_, _> =
                claims.held.iter().map(|(uid, stamp)| (stamp.session, uid.clone())).collect();
            assert_eq!(held, *bound);
            assert!(claims.made.is_empty(), "claims are left");
            assert!(claims.others.values().all(|other| other.owed.is_empty()), "something was not told");
        }
    }
}

fn user(n: usize) -> UserId {
    UserId::from(format!("user{n}"))
}

fn seeds() -> std::ops::Range<u64> {
    #[expect(clippy::disallowed_methods, reason = "a failing seed is replayed by naming it: POMELO_SEED=17")]
    let one = std::env::var("POMELO_SEED").ok().and_then(|seed| seed.parse().ok());
    one.map_or(0..SEEDS, |seed: u64| seed..seed + 1)
}

fn play(seed: u64, rule: SingleSession, faults: Faults) -> World {
    let mut world = World::new(seed, rule, faults);
    (0..STEPS).for_each(|_| world.step());
    world.calm();
    world
}

const RULES: [SingleSession; 2] = [SingleSession::KickFormer, SingleSession::RefuseNew];

#[test]
fn whatever_was_lost_at_most_one_session_has_a_user_in_the_end() {
    for (rule, seed) in RULES.iter().flat_map(|rule| seeds().map(move |seed| (*rule, seed))) {
        let world = play(seed, rule, Faults { lost: true, ends: true, told_once: false });
        let sessions = world.sessions();
        assert!(
            sessions.iter().all(|&n| n <= 1),
            "{rule:?}, seed {seed}: {sessions:?} sessions have the users"
        );
        world.is_in_order();
    }
}

#[test]
fn of_claims_in_any_order_exactly_one_session_has_the_user_in_the_end_if_none_ends_by_itself() {
    for (rule, seed) in RULES.iter().flat_map(|rule| seeds().map(move |seed| (*rule, seed))) {
        let lost = seed % 2 == 0;
        let world = play(seed, rule, Faults { lost, ..Faults::default() });
        let (sessions, claimed) = (world.sessions(), world.claimed.map(usize::from));
        assert_eq!(sessions, claimed, "{rule:?}, seed {seed}: so many sessions have the users");
        world.is_in_order();
    }
}

#[test]
fn told_only_once_two_sessions_keep_a_user_for_ever() {
    for rule in RULES {
        let faults = Faults { lost: true, ends: true, told_once: true };
        let two = |seed: &u64| play(*seed, rule, faults).sessions().iter().any(|&n| n > 1);
        assert!((0..SEEDS).any(|seed| two(&seed)), "{rule:?}: this simulation sees nothing");
    }
}
