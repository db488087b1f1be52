//! The candidate's side of the coordinator, as `pomelo_cluster::coordinator::zookeeper` does it: a session kept for as long as
//! the server grants it, a place in the queue that is found again after a lost answer, two watches and a look after any event,
//! and a promotion in one step. Where that code has a pure decision, this calls it.

mod terms;

use std::collections::BTreeMap;

use pomelo_cluster::{
    coordinator::{CoordinatorEvent, MasterAddr, PromoteError, StoreError, Term, zookeeper},
    election::Event,
};

use super::{
    core::{Core, Life, MS, Micros, Node, SECOND, Timer},
    flaws::Flaw,
    store::{Answer, Ask, Published, Session},
};

/// Requests and the way out are given up after the session's time-out.
const TIMEOUT: Micros = 2 * SECOND;
/// A candidate looks again after this even if no watch fired.
const LOOK_AGAIN: Micros = 5 * SECOND;
/// Stale reads before a promotion is given up.
const TRIES_MAX: usize = 4;

/// What a request was for.
#[derive(Clone, Debug)]
enum Purpose {
    Open,
    Own,
    Enter,
    WatchOwn,
    Places,
    WatchBefore {
        ahead: usize,
    },
    Term {
        attempt: u64,
        above: u64,
        tries: usize,
    },
    Promote {
        attempt: u64,
        above: u64,
        tries: usize,
        epoch: u64,
    },
    Sync {
        attempt: u64,
        above: u64,
        tries: usize,
    },
    Leave,
    /// A request of the master itself.
    Errand(u64),
}

/// What comes of it.
#[derive(Debug)]
pub(super) enum Outcome {
    Election(Event),
    /// An errand's answer.
    Errand(u64, Result<Answer, StoreError>),
}

pub(super) struct Recipe {
    me: (Node, Life),
    addr: MasterAddr,
    /// Counts the places that were asked for; what belongs to an earlier one is not heard.
    candidacy: u64,
    joined: bool,
    session: Option<Session>,
    opened: bool,
    connected: bool,
    place: Option<String>,
    first: bool,
    said: Option<CoordinatorEvent>,
    asks: BTreeMap<u64, Purpose>,
    /// Asked while the connection was away.
    later: Vec<(u64, Ask)>,
    watches: Vec<u64>,
    last: u64,
    out: Vec<Outcome>,
}

impl Recipe {
    pub(super) fn new(me: (Node, Life), addr: MasterAddr) -> Self {
        Self {
            me,
            addr,
            candidacy: 0,
            joined: false,
            session: None,
            opened: false,
            connected: false,
            place: None,
            first: false,
            said: None,
            asks: BTreeMap::new(),
            later: Vec::new(),
            watches: Vec::new(),
            last: 0,
            out: Vec::new(),
        }
    }

    pub(super) fn outcomes(&mut self) -> Vec<Outcome> {
        std::mem::take(&mut self.out)
    }

    pub(super) fn place(&self) -> Option<&String> {
        self.place.as_ref()
    }

    /// Whether the time is over for which the place may be taken for granted.
    pub(super) fn lease_is_over(&self, core: &Core) -> bool {
        let granted = self.session.and_then(|session| core.lease_until(session));
        self.joined && granted.filter(|_| self.place.is_some()).is_none_or(|until| until <= core.now)
    }

    pub(super) fn join(&mut self, core: &mut Core) {
        self.candidacy += 1;
        self.joined = true;
        self.said = None;
        self.connect(core);
    }

    fn connect(&mut self, core: &mut Core) {
        self.end_session(core);
        self.session = Some(core.session(self.me.0, self.me.1));
        self.connected = true;
        self.ask(core, Ask::Open, Purpose::Open);
    }

    fn end_session(&mut self, core: &mut Core) {
        if let Some(session) = self.session.take() {
            core.end_session(session);
        }
        self.opened = false;
        self.connected = false;
        self.place = None;
        self.first = false;
        self.watches.clear();
        self.fail_all();
    }

    fn ask(&mut self, core: &mut Core, ask: Ask, purpose: Purpose) {
        self.last += 1;
        self.asks.insert(self.last, purpose);
        match self.session {
            Some(session) if self.connected => core.ask(session, self.last, ask),
            _ => self.later.push((self.last, ask)),
        }
    }

    fn say(&mut self, event: CoordinatorEvent) {
        if self.joined && self.said.as_ref() != Some(&event) {
            self.said = Some(event.clone());
            self.out.push(Outcome::Election(Event::Coordinator(event)));
        }
    }

    fn again(&self, core: &mut Core) {
        let pause = core.rng.u64(50 * MS..=500 * MS);
        core.timer(self.me, pause, Timer::Again(self.candidacy));
    }

    /// A pause is over: connects, or looks again.
    pub(super) fn on_again(&mut self, core: &mut Core, candidacy: u64) {
        if !self.joined || candidacy != self.candidacy {
            return;
        }
        match self.session {
            None => self.connect(core),
            Some(_) if self.opened && self.connected && !self.looking() => self.look(core),
            Some(_) => {}
        }
    }

    fn looking(&self) -> bool {
        let looks = |purpose: &Purpose| {
            matches!(
                purpose,
                Purpose::Own
                    | Purpose::Enter
                    | Purpose::WatchOwn
                    | Purpose::Places
                    | Purpose::WatchBefore { .. }
            )
        };
        self.asks.values().any(looks)
    }

    fn look(&mut self, core: &mut Core) {
        self.watches.clear();
        match self.place.clone() {
            // The original makes a node without looking for one of its own.
            None if core.is(Flaw::E8GhostNode) => {
                self.ask(core, Ask::Enter(self.addr.clone()), Purpose::Enter);
            }
            None => self.ask(core, Ask::Own, Purpose::Own),
            Some(place) => self.watch(core, place, Purpose::WatchOwn),
        }
    }

    fn watch(&mut self, core: &mut Core, name: String, purpose: Purpose) {
        let id = self.last + 1;
        self.watches.push(id);
        self.ask(core, Ask::Watch(name, id), purpose);
    }

    pub(super) fn on_watch(&mut self, core: &mut Core, id: u64) {
        if self.joined && self.watches.contains(&id) && !self.looking() && self.connected {
            self.look(core);
        }
    }

    pub(super) fn on_answer(&mut self, core: &mut Core, id: u64, answer: Answer) {
        let Some(purpose) = self.asks.remove(&id) else { return };
        match (purpose, answer) {
            (Purpose::Open, Answer::Opened) => {
                self.opened = true;
                self.look(core);
            }
            (Purpose::Own, Answer::Own(None)) => {
                self.ask(core, Ask::Enter(self.addr.clone()), Purpose::Enter);
            }
            (Purpose::Own, Answer::Own(Some(name))) | (Purpose::Enter, Answer::Entered(name)) => {
                self.place = Some(name);
                self.look(core);
            }
            (Purpose::WatchOwn, Answer::Watching(true)) => self.ask(core, Ask::Places, Purpose::Places),
            (Purpose::WatchOwn, Answer::Watching(false)) => self.gone(core),
            (Purpose::Places, Answer::Places(names)) => self.ranked(core, &names),
            (Purpose::WatchBefore { ahead }, Answer::Watching(true)) => self.seen(core, ahead),
            // Gone between the list and the watch: the original waits for ever.
            (Purpose::WatchBefore { .. }, Answer::Watching(false)) => {
                if !core.is(Flaw::E2GoneBeforeWatch) {
                    self.look(core);
                }
            }
            (Purpose::Term { attempt, above, tries }, Answer::Term { epoch, version, published }) => {
                self.next_term(core, (attempt, above, tries), (epoch, version), published);
            }
            (Purpose::Promote { attempt, epoch, .. }, Answer::Promoted) => {
                self.promoted(attempt, Ok(Term { epoch }));
            }
            (Purpose::Promote { attempt, above, tries, .. }, Answer::Stale) if tries < TRIES_MAX => {
                self.ask(core, Ask::Sync, Purpose::Sync { attempt, above, tries: tries + 1 });
            }
            (Purpose::Promote { attempt, .. }, Answer::Stale) => {
                self.promoted(attempt, Err(PromoteError::Unavailable("it changes all the time".into())));
            }
            (Purpose::Promote { attempt, .. }, Answer::Fenced) => {
                self.promoted(attempt, Err(PromoteError::Fenced("the node is gone".into())));
            }
            (Purpose::Sync { attempt, above, tries }, Answer::Done(_)) => {
                self.ask(core, Ask::Term, Purpose::Term { attempt, above, tries });
            }
            (Purpose::Leave, _) => self.left(core),
            (Purpose::Errand(errand), answer) => self.out.push(Outcome::Errand(errand, Ok(answer))),
            (purpose, Answer::Lost) => self.fail(purpose),
            (purpose, answer) => unreachable!("{purpose:?} answered by {answer:?}"),
        }
    }

    fn ranked(&mut self, core: &mut Core, names: &[String]) {
        let Some(own) = self.place.clone() else { return };
        let ranked = if core.is(Flaw::E1TextOrder) {
            by_text(names, &own)
        } else {
            zookeeper::ahead(names, &own).map(|(ahead, before)| (ahead, before.map(str::to_owned)))
        };
        match ranked {
            None => self.gone(core),
            Some((ahead, None)) => self.seen(core, ahead),
            Some((ahead, Some(before))) => self.watch(core, before, Purpose::WatchBefore { ahead }),
        }
    }

    fn seen(&mut self, core: &mut Core, ahead: usize) {
        self.first = ahead == 0;
        self.say(match ahead {
            0 => CoordinatorEvent::Elected,
            ahead => CoordinatorEvent::Waiting { ahead },
        });
        // What the original lacks must not be mended by a look now and then that it lacks, too.
        if !core.is(Flaw::E2GoneBeforeWatch) && !core.is(Flaw::E6NoWatchAfterError) {
            core.timer(self.me, LOOK_AGAIN, Timer::Again(self.candidacy));
        }
    }

    fn gone(&mut self, core: &mut Core) {
        if !core.is(Flaw::E3SilentExpiry) {
            self.lost(core, "the node in the queue was deleted");
        }
    }

    fn lost(&mut self, core: &mut Core, why: &str) {
        self.end_session(core);
        self.say(CoordinatorEvent::Lost { why: why.to_owned() });
        self.again(core);
    }

    /// The connection broke. What is on its way is done or not.
    pub(super) fn on_down(&mut self, core: &mut Core, session: Session) {
        if self.session != Some(session) {
            return;
        }
        self.connected = false;
        let looking = self.looking();
        self.fail_all();
        if !self.opened {
            self.end_session(core);
            self.say(CoordinatorEvent::Unreachable { why: "no connection".to_owned() });
            self.again(core);
        } else {
            self.say(CoordinatorEvent::Suspended { why: "not heard".to_owned() });
        }
        if looking && core.is(Flaw::E6NoWatchAfterError) {
            self.watches.clear();
            self.candidacy += 1; // and nothing looks ever again
        }
    }

    pub(super) fn on_up(&mut self, core: &mut Core, session: Session) {
        if self.session != Some(session) {
            return;
        }
        self.connected = true;
        for (id, ask) in std::mem::take(&mut self.later) {
            core.ask(session, id, ask);
        }
        if !self.joined {
            return;
        }
        self.say(CoordinatorEvent::Resumed);
        // Whatever was being asked is asked again, except in the flaw.
        if !core.is(Flaw::E6NoWatchAfterError) || !self.watches.is_empty() {
            self.look(core);
        }
    }

    pub(super) fn on_expired(&mut self, core: &mut Core, session: Session) {
        if self.session == Some(session) && !core.is(Flaw::E3SilentExpiry) {
            self.lost(core, "the session expired");
        }
    }

    fn fail_all(&mut self) {
        self.later.clear();
        for (_, purpose) in std::mem::take(&mut self.asks) {
            self.fail(purpose);
        }
    }

    fn fail(&mut self, purpose: Purpose) {
        let why = || "no answer".to_owned();
        match purpose {
            Purpose::Term { attempt, .. }
            | Purpose::Promote { attempt, .. }
            | Purpose::Sync { attempt, .. } => {
                self.promoted(attempt, Err(PromoteError::Unavailable(why())));
            }
            Purpose::Leave => self.out.push(Outcome::Election(Event::Left)),
            Purpose::Errand(errand) => {
                self.out.push(Outcome::Errand(errand, Err(StoreError::Unavailable(why()))));
            }
            Purpose::Open
            | Purpose::Own
            | Purpose::Enter
            | Purpose::WatchOwn
            | Purpose::Places
            | Purpose::WatchBefore { .. } => {}
        }
    }

    /// A request of the master itself, with the place it is made from.
    pub(super) fn errand(&mut self, core: &mut Core, errand: u64, ask: impl FnOnce(String) -> Ask) {
        match self.place.clone() {
            Some(place) => self.ask(core, ask(place), Purpose::Errand(errand)),
            None => {
                let why = StoreError::Unavailable("no place in the queue".to_owned());
                self.out.push(Outcome::Errand(errand, Err(why)));
            }
        }
    }
}

/// As the original ranks them: numbers sorted as text.
fn by_text(names: &[String], own: &str) -> Option<(usize, Option<String>)> {
    let number = |name: &str| name.rsplit_once('-')?.1.parse::<u64>().ok().map(|n| n.to_string());
    let mut sorted: Vec<_> = names.iter().filter_map(|name| Some((number(name)?, name))).collect();
    sorted.sort();
    let at = sorted.iter().position(|(_, name)| *name == own)?;
    Some((at, at.checked_sub(1).map(|before| sorted[before].1.clone())))
}
