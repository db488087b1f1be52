//! One session a user, in the whole cluster: which of two sessions keeps a user that both want. A state machine without I/O;
//! [`single`](super::single) asks the other frontends.
//!
//! A frontend that is to bind a user *claims* it from every other frontend first. There is no register of users that could be
//! wrong: each frontend answers for the sessions that it holds, and a frontend that is dead holds none. Against a claim, what
//! is held goes or stays by the rule alone. Two sessions that claim the user at the same time meet each other's claims at both
//! frontends, and both decide by the claims' stamps, so they come to the same end whatever the clocks say.
//!
//! A frontend that does not answer is passed over, so that a player can come in while one is cut off. So who has won *holds*
//! the user, and tells it to every frontend that may not know: to those that had a session, were passed over, or were not in
//! the list of servers when the claim was made. It does so until each has answered or left that list. Of two sessions that are
//! held one goes by the stamps, whoever tells whom, and that one is kicked. So whatever was lost, in the end one is left.
//!
//! Nobody is kicked for a claim that may still fail: only for one that was won.

#[cfg(test)]
mod simulation;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, hash_map::Entry};

use pomelo_protocol::ServerId;
use serde::{Deserialize, Serialize};

use crate::UserId;

/// Most users of one message to another frontend; the others follow when it has answered.
const HOLDS_MAX: usize = 1_000;

/// What happens to a user who signs in while signed in already, on whichever frontend. Without this, one user may have any
/// number of sessions.
///
/// A frontend that does not answer within a second, or that is not known yet, keeps nobody out. If the user turns out to have a
/// session there, too, one of the two is kicked as soon as both frontends reach each other: the older one, or with
/// [`RefuseNew`](Self::RefuseNew) the newer one, by the clocks of the frontends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SingleSession {
    /// The newcomer stays: the former session is kicked, with the reason "signed in elsewhere".
    KickFormer,
    /// The former session stays: [`Session::bind`](crate::Session::bind) fails for the newcomer. The original's
    /// `singleSession`.
    RefuseNew,
}

/// Orders sessions that want the same user.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Stamp {
    /// Microseconds since 1970, by the frontend's clock; later than that of a session that it takes the user from.
    pub(crate) at_us: u64,
    pub(crate) frontend: ServerId,
    pub(crate) session: u64,
}

/// A user that a session wants, or has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claim {
    pub(crate) uid: UserId,
    pub(crate) stamp: Stamp,
}

/// A claim under way.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    /// To be sent to all other frontends.
    pub(crate) claim: Claim,
    number: u64,
}

/// What a frontend says to a claim of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Verdict {
    /// Nothing stands in the way.
    Granted {
        /// When it holds the user itself: since when. That session goes when it hears that the claim has been won.
        former_us: Option<u64>,
    },
    /// Its own session keeps the user.
    Kept,
}

/// What other frontends said to a claim; those that did not answer are not among them.
pub(crate) type Verdicts = [(ServerId, Verdict)];

/// How a claim ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The session holds the user now, in place of another one here, which is to be kicked.
    Won {
        /// That one.
        former: Option<u64>,
    },
    Lost,
    /// The same session has claimed the user again meanwhile: what becomes of it is that claim's to say.
    Repeated,
}

/// Users that sessions of this frontend want or have; as many at most as it has sessions. For each other frontend it may
/// remember each user once.
pub(crate) struct Claims {
    rule: SingleSession,
    /// Number of the last attempt.
    last: u64,
    /// Claims that are made at this moment.
    made: HashMap<UserId, Made>,
    /// By which session a user is held.
    held: HashMap<UserId, Stamp>,
    others: BTreeMap<ServerId, Other>,
}

struct Made {
    stamp: Stamp,
    /// Of the latest attempt.
    number: u64,
    /// Another claim turned out to be the stronger one.
    lost: bool,
    /// Frontends that said meanwhile that they hold the user, and since when: their verdicts may be older.
    formers: BTreeMap<ServerId, u64>,
}

/// Another frontend.
struct Other {
    life: u64,
    /// Users held here of which it may not know.
    owed: BTreeSet<UserId>,
    telling: Telling,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Telling {
    Idle,
    UnderWay,
    /// It did not answer; next time with the next [`Claims::meet`].
    Failed,
}

/// What a frontend makes of users that another one says it holds.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// Those that it keeps itself.
    pub(crate) kept: Vec<UserId>,
    /// Its own sessions that go, and are to be kicked.
    pub(crate) going: Vec<u64>,
}

impl Claims {
    pub(crate) fn new(rule: SingleSession) -> Self {
        Self { rule, last: 0, made: HashMap::new(), held: HashMap::new(), others: BTreeMap::new() }
    }

    pub(crate) fn rule(&self) -> SingleSession {
        self.rule
    }

    /// A session of this frontend claims a user. None if it can't have it.
    pub(crate) fn make(&mut self, uid: &UserId, stamp: Stamp) -> Option<Attempt> {
        let (number, gives_up) = (self.last + 1, self.gives_up(uid));
        let stamp = match self.made.get_mut(uid) {
            // Somebody did not wait for the first answer. The claim stays as strong as it is.
            Some(made) if !made.lost && made.stamp.session == stamp.session => {
                made.number = number;
                made.stamp.clone()
            }
            Some(made) if !made.lost && !stronger(self.rule, &stamp, &made.stamp) => return None,
            None | Some(Made { lost: true, .. }) if !gives_up => return None,
            _ => {
                // A claim that stood before is lost with its entry.
                let (lost, formers) = Default::default();
                self.made.insert(uid.clone(), Made { stamp: stamp.clone(), number, lost, formers });
                stamp
            }
        };
        self.last = number;
        Some(Attempt { claim: Claim { uid: uid.clone(), stamp }, number })
    }

    /// Another frontend claims a user.
    pub(crate) fn judge(&mut self, claim: &Claim) -> Verdict {
        let Claim { uid, stamp } = claim;
        let stands = |made: &Made| stronger(self.rule, stamp, &made.stamp);
        let stands = self.made.get(uid).filter(|made| !made.lost).map(stands);
        if !stands.unwrap_or_else(|| self.gives_up(uid)) {
            return Verdict::Kept;
        }
        if let Some(made) = self.made.get_mut(uid) {
            made.lost = true;
        }
        Verdict::Granted { former_us: self.held.get(uid).map(|held| held.at_us) }
    }

    /// All frontends have answered, or will not: what became of this claim. It is over. Without verdicts it is given up.
    pub(crate) fn end(&mut self, attempt: &Attempt, verdicts: Option<&Verdicts>) -> Outcome {
        let Attempt { claim: Claim { uid, stamp }, number } = attempt;
        let made = match self.made.entry(uid.clone()) {
            Entry::Occupied(made) if made.get().number == *number => made.remove(),
            Entry::Occupied(made) if made.get().stamp.session == stamp.session => return Outcome::Repeated,
            // A later claim of this frontend took its place.
            _ => return Outcome::Lost,
        };
        let Some(verdicts) = verdicts.filter(|_| !made.lost) else { return Outcome::Lost };
        let (mut formers, mut free) = (made.formers, HashSet::new());
        for (id, verdict) in verdicts {
            match verdict {
                Verdict::Kept => return Outcome::Lost,
                Verdict::Granted { former_us: Some(at_us) } => drop(formers.insert(id.clone(), *at_us)),
                Verdict::Granted { former_us: None } => drop(free.insert(id)),
            }
        }
        let unaware = |id: &ServerId| !free.contains(id) || formers.contains_key(id);
        for (_, other) in self.others.iter_mut().filter(|(id, _)| unaware(id)) {
            other.owed.insert(uid.clone());
        }
        let former = self.held.remove(uid);
        let latest = formers.into_values().chain(former.as_ref().map(|former| former.at_us)).max();
        let after = latest.map_or(0, |at_us| at_us.saturating_add(1));
        self.held.insert(uid.clone(), Stamp { at_us: stamp.at_us.max(after), ..stamp.clone() });
        Outcome::Won { former: former.map(|former| former.session) }
    }

    /// A session has its user no more.
    pub(crate) fn released(&mut self, uid: &UserId, session: u64) {
        if self.held.get(uid).is_some_and(|held| held.session == session) {
            self.lose(uid);
        }
    }

    /// These are the other frontends, each with the life it lives. To be called now and then: those that did not answer are
    /// told again from now on.
    pub(crate) fn meet(&mut self, frontends: impl IntoIterator<Item = (ServerId, u64)>) {
        let mut known = std::mem::take(&mut self.others);
        for (id, life) in frontends {
            let known = known.remove(&id).filter(|other| other.life == life);
            // Another one may have sessions from the time when it was not known.
            let new = || Other { life, owed: self.held.keys().cloned().collect(), telling: Telling::Idle };
            let mut other = known.unwrap_or_else(new);
            if other.telling == Telling::Failed {
                other.telling = Telling::Idle;
            }
            self.others.insert(id, other);
        }
    }

    /// Whom to tell what users are held here, now. Each is told one message at a time; [`Claims::told`] says when it is over.
    pub(crate) fn due(&mut self) -> Vec<(ServerId, Vec<Claim>)> {
        let mut due = Vec::new();
        for (id, other) in &mut self.others {
            if other.telling != Telling::Idle || other.owed.is_empty() {
                continue;
            }
            let mut holds = Vec::new();
            while holds.len() < HOLDS_MAX
                && let Some(uid) = other.owed.pop_first()
            {
                if let Some(stamp) = self.held.get(&uid) {
                    holds.push(Claim { stamp: stamp.clone(), uid });
                }
            }
            other.telling = Telling::UnderWay;
            due.push((id.clone(), holds));
        }
        due
    }

    /// A frontend was told what is held here, and answered which of these users it keeps itself, or did not answer. Sessions
    /// of this frontend that go, and are to be kicked.
    pub(crate) fn told(&mut self, to: &ServerId, holds: &[Claim], kept: Option<&[UserId]>) -> Vec<u64> {
        if let Some(other) = self.others.get_mut(to) {
            other.telling = if kept.is_some() { Telling::Idle } else { Telling::Failed };
            if kept.is_none() {
                let held = holds.iter().filter(|hold| self.held.contains_key(&hold.uid));
                other.owed.extend(held.map(|hold| hold.uid.clone()));
            }
        }
        let kept: HashSet<_> = kept.unwrap_or_default().iter().collect();
        let mut going = Vec::new();
        for Claim { uid, stamp } in holds.iter().filter(|hold| kept.contains(&hold.uid)) {
            // It may have been claimed anew meanwhile.
            if self.held.get(uid) == Some(stamp) {
                self.lose(uid);
                going.push(stamp.session);
            }
        }
        going
    }

    /// Another frontend says that it holds users.
    pub(crate) fn heard(&mut self, holds: &[Claim]) -> Heard {
        let mut heard = Heard::default();
        for Claim { uid, stamp } in holds {
            if let Some(made) = self.made.get_mut(uid) {
                made.lost |= self.rule == SingleSession::RefuseNew;
                made.formers.insert(stamp.frontend.clone(), stamp.at_us);
            }
            let Some(held) = self.held.get(uid) else { continue };
            if stronger(self.rule, stamp, held) {
                heard.going.push(held.session);
                self.lose(uid);
            } else {
                heard.kept.push(uid.clone());
            }
        }
        heard
    }

    fn lose(&mut self, uid: &UserId) {
        self.held.remove(uid);
        for other in self.others.values_mut() {
            other.owed.remove(uid);
        }
    }

    /// Whether this frontend lets somebody else have the user.
    fn gives_up(&self, uid: &UserId) -> bool {
        self.rule == SingleSession::KickFormer || !self.held.contains_key(uid)
    }
}

/// Which of two sessions has the user, if neither was there before the other claimed it.
fn stronger(rule: SingleSession, new: &Stamp, other: &Stamp) -> bool {
    match rule {
        SingleSession::KickFormer => new > other,
        SingleSession::RefuseNew => new < other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_that_claims_its_user_again_is_not_in_its_own_way() {
        for rule in [SingleSession::KickFormer, SingleSession::RefuseNew] {
            let (mut claims, uid) = (Claims::new(rule), UserId::from("alice"));
            let stamp = |at_us, session| {
                let frontend = ServerId::new("connector-server-1").unwrap();
                Stamp { at_us, frontend, session }
            };
            let first = claims.make(&uid, stamp(1, 1)).unwrap();
            let again = claims.make(&uid, stamp(2, 1)).unwrap();
            assert_eq!(claims.end(&first, None), Outcome::Repeated);
            assert_eq!(claims.end(&again, Some(&[])), Outcome::Won { former: None });
            let newcomer = claims.make(&uid, stamp(0, 2));
            assert_eq!(newcomer.is_some(), rule == SingleSession::KickFormer);
        }
    }
}
