//! One session a user, in the whole cluster: which of two sessions keeps a user that both want. A state machine without I/O;
//! `users` asks the other frontends.
//!
//! A frontend that is to bind a user *claims* it from every other frontend first. There is no register of users that could be
//! wrong: each frontend answers for the sessions that it holds, and a frontend that is dead holds none. A session that is bound
//! has its user *settled*; then the rule alone says who goes. Two sessions that claim the user at the same time meet each
//! other's claims at both frontends, and both decide by the claims' stamps, so they come to the same end whatever the clocks say.
//! Nobody is kicked for a claim that may still fail: only who has won kicks, and only the sessions that were there before.
//!
//! Not here: frontends that do not answer. They are passed over, so that a player can come in while one of them is cut off;
//! a user may have a session on both sides then, until one of them ends: nothing is claimed again when that frontend is back.

use std::collections::HashMap;

use pomelo_protocol::ServerId;
use serde::{Deserialize, Serialize};

use crate::UserId;

/// What happens to a user who signs in while signed in already, on whichever frontend. Without this, one user may have any
/// number of sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SingleSession {
    /// The newcomer stays: the former session is kicked, with the reason "signed in elsewhere".
    KickFormer,
    /// The former session stays: [`Session::bind`](crate::Session::bind) fails for the newcomer. The original's
    /// `singleSession`.
    RefuseNew,
}

/// Orders claims of a user that are made at the same time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Stamp {
    /// Microseconds since 1970, by the frontend's clock.
    pub(crate) at_us: u64,
    pub(crate) frontend: ServerId,
    pub(crate) session: u64,
}

impl Stamp {
    /// Whether both are of one session.
    fn is_of(&self, other: &Self) -> bool {
        (&self.frontend, self.session) == (&other.frontend, other.session)
    }
}

/// What a frontend says to a claim of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Verdict {
    /// It has no session that stands in the way.
    Granted {
        /// Sessions that have the user and are to be kicked when the claim has been won.
        former: Vec<u64>,
        /// Of the frontend.
        life: u64,
    },
    /// Its own session keeps the user.
    Kept,
}

/// How a claim ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Won,
    Lost,
    /// The same session has claimed the user again meanwhile: what becomes of it is that claim's to say.
    Repeated,
}

/// Claims that this frontend makes at this moment; as many at most as it has sessions.
pub(crate) struct Claims {
    rule: SingleSession,
    made: HashMap<UserId, Made>,
}

struct Made {
    stamp: Stamp,
    /// Another claim turned out to be the stronger one.
    lost: bool,
}

impl Claims {
    pub(crate) fn new(rule: SingleSession) -> Self {
        Self { rule, made: HashMap::new() }
    }

    pub(crate) fn rule(&self) -> SingleSession {
        self.rule
    }

    /// A session of this frontend claims a user that the frontend's other sessions have `settled` or not. False if it can't have
    /// it. With [`SingleSession::KickFormer`] those others are kicked when the claim has been won, and only then.
    pub(crate) fn make(&mut self, uid: &UserId, stamp: Stamp, settled: bool) -> bool {
        let stands = match self.made.get(uid) {
            // The same session asks again: somebody did not wait for the first answer.
            Some(made) if made.stamp.is_of(&stamp) => true,
            Some(made) if !made.lost => self.is_stronger(&stamp, &made.stamp),
            _ => !settled || self.rule == SingleSession::KickFormer,
        };
        if stands {
            // A claim that stood before is lost with its entry.
            self.made.insert(uid.clone(), Made { stamp, lost: false });
        }
        stands
    }

    /// Another frontend claims a user whom sessions here have `settled` or not. Whether this one grants it.
    pub(crate) fn judge(&mut self, uid: &UserId, stamp: &Stamp, settled: bool) -> bool {
        let stronger = |made: &Made| self.is_stronger(stamp, &made.stamp);
        let granted = match self.made.get(uid).filter(|made| !made.lost).map(stronger) {
            Some(stronger) => stronger,
            None => !settled || self.rule == SingleSession::KickFormer,
        };
        if granted && let Some(made) = self.made.get_mut(uid) {
            made.lost = true;
        }
        granted
    }

    /// All frontends have answered, or will not: what became of this claim. It is over.
    pub(crate) fn end(&mut self, uid: &UserId, stamp: &Stamp, kept_elsewhere: bool) -> Outcome {
        match self.made.get(uid) {
            Some(made) if made.stamp == *stamp => {
                let won = !made.lost && !kept_elsewhere;
                self.made.remove(uid);
                if won { Outcome::Won } else { Outcome::Lost }
            }
            Some(made) if made.stamp.is_of(stamp) => Outcome::Repeated,
            // A later claim of this frontend took its place.
            _ => Outcome::Lost,
        }
    }

    fn is_stronger(&self, new: &Stamp, made: &Stamp) -> bool {
        match self.rule {
            SingleSession::KickFormer => new > made,
            SingleSession::RefuseNew => new < made,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    fn frontend(n: usize) -> ServerId {
        ServerId::new(format!("connector-server-{n}")).unwrap()
    }

    /// Frontends as the network sees them: claims and answers on their way, in any order.
    struct Cluster {
        claims: Vec<Claims>,
        /// Sessions that have the user, by frontend.
        settled: Vec<BTreeSet<u64>>,
        /// Claims under way, by frontend and session.
        open: BTreeMap<(usize, u64), Open>,
        /// Kicks under way: where, and which session.
        kicks: Vec<(usize, u64)>,
    }

    struct Open {
        stamp: Stamp,
        /// From whom an answer is still to come.
        waiting: BTreeSet<usize>,
        kept: bool,
        former: Vec<(usize, u64)>,
    }

    const FRONTENDS: usize = 3;

    impl Cluster {
        fn new(rule: SingleSession) -> Self {
            Self {
                claims: (0..FRONTENDS).map(|_| Claims::new(rule)).collect(),
                settled: vec![BTreeSet::new(); FRONTENDS],
                open: BTreeMap::new(),
                kicks: Vec::new(),
            }
        }

        fn claim(&mut self, at: usize, session: u64, at_us: u64) {
            let stamp = Stamp { at_us, frontend: frontend(at), session };
            let settled = !self.settled[at].is_empty();
            if self.claims[at].make(&uid(), stamp.clone(), settled) {
                let waiting = (0..FRONTENDS).filter(|&n| n != at).collect();
                let former = Vec::new();
                self.open.insert((at, session), Open { stamp, waiting, kept: false, former });
            }
        }

        /// One message arrives: a kick, or a claim at one frontend, which answers; the last answer ends the claim.
        fn deliver(&mut self, random: &mut fastrand::Rng) {
            let n = random.usize(..self.open.len() + self.kicks.len());
            if n < self.kicks.len() {
                let (at, session) = self.kicks.swap_remove(n);
                self.settled[at].remove(&session);
                return;
            }
            let (&(at, session), open) = self.open.iter_mut().nth(n - self.kicks.len()).unwrap();
            let to = *random.choice(open.waiting.iter()).unwrap();
            open.waiting.remove(&to);
            let settled = &self.settled[to];
            match self.claims[to].judge(&uid(), &open.stamp, !settled.is_empty()) {
                true => open.former.extend(settled.iter().map(|session| (to, *session))),
                false => open.kept = true,
            }
            if !open.waiting.is_empty() {
                return;
            }
            let open = self.open.remove(&(at, session)).unwrap();
            if self.claims[at].end(&uid(), &open.stamp, open.kept) == Outcome::Won {
                self.settled[at].clear();
                self.settled[at].insert(session);
                self.kicks.extend(open.former);
            }
        }

        fn is_quiet(&self) -> bool {
            self.open.is_empty() && self.kicks.is_empty()
        }
    }

    fn uid() -> UserId {
        UserId::from("alice")
    }

    #[test]
    fn of_claims_in_any_order_with_any_clocks_exactly_one_session_has_the_user_in_the_end() {
        for rule in [SingleSession::KickFormer, SingleSession::RefuseNew] {
            for seed in 0..5_000 {
                let mut random = fastrand::Rng::with_seed(seed);
                let mut cluster = Cluster::new(rule);
                let mut session = 0;
                for _ in 0..random.usize(1..8) {
                    session += 1;
                    // Clocks that have nothing to do with the order of things.
                    cluster.claim(random.usize(..FRONTENDS), session, random.u64(..50));
                    for _ in 0..random.usize(..4) {
                        if !cluster.is_quiet() {
                            cluster.deliver(&mut random);
                        }
                    }
                }
                while !cluster.is_quiet() {
                    cluster.deliver(&mut random);
                }
                let holders: usize = cluster.settled.iter().map(BTreeSet::len).sum();
                assert_eq!(holders, 1, "{rule:?}, seed {seed}: {holders} sessions have the user");
                assert!(
                    cluster.claims.iter().all(|claims| claims.made.is_empty()),
                    "seed {seed}: claims left"
                );
            }
        }
    }

    #[test]
    fn a_settled_session_goes_or_stays_by_the_rule_whatever_the_clocks() {
        let early = Stamp { at_us: 1, frontend: frontend(2), session: 1 };
        let mut kick = Claims::new(SingleSession::KickFormer);
        assert!(kick.judge(&uid(), &early, true));
        let mut refuse = Claims::new(SingleSession::RefuseNew);
        assert!(!refuse.judge(&uid(), &early, true));
        assert!(refuse.judge(&uid(), &early, false));
        assert!(!refuse.make(&uid(), early.clone(), true));
    }

    #[test]
    fn a_session_that_claims_its_user_again_is_not_in_its_own_way() {
        for rule in [SingleSession::KickFormer, SingleSession::RefuseNew] {
            let mut claims = Claims::new(rule);
            let stamp = |at_us| Stamp { at_us, frontend: frontend(1), session: 1 };
            assert!(claims.make(&uid(), stamp(1), false) && claims.make(&uid(), stamp(2), false));
            assert_eq!(claims.end(&uid(), &stamp(1), false), Outcome::Repeated);
            assert_eq!(claims.end(&uid(), &stamp(2), false), Outcome::Won);
        }
    }
}
