//! Promotions, and giving the place back.

use super::*;

impl Recipe {
    pub(in crate::simulation) fn promote(&mut self, core: &mut Core, attempt: u64, above: u64) {
        if self.place.is_none() || !self.first {
            let why = "no place, or others before".to_owned();
            return self.promoted(attempt, Err(PromoteError::Fenced(why)));
        }
        core.timer(self.me, TIMEOUT, Timer::PromoteBy(attempt));
        self.ask(core, Ask::Term, Purpose::Term { attempt, above, tries: 1 });
    }

    /// The promotion has taken too long, or another one replaces it.
    pub(in crate::simulation) fn give_up(&mut self, attempt: u64) {
        let of = |purpose: &Purpose| match purpose {
            Purpose::Term { attempt: of, .. }
            | Purpose::Promote { attempt: of, .. }
            | Purpose::Sync { attempt: of, .. } => *of == attempt,
            _ => false,
        };
        let given_up: Vec<_> = self.asks.extract_if(.., |_, purpose| of(purpose)).collect();
        if !given_up.is_empty() {
            self.promoted(attempt, Err(PromoteError::Unavailable("no answer to the promotion".into())));
        }
    }

    pub(super) fn next_term(
        &mut self,
        core: &mut Core,
        (attempt, above, tries): (u64, u64, usize),
        (epoch, version): (u64, u64),
        published: Option<Published>,
    ) {
        let (Some(place), Some(session)) = (self.place.clone(), self.session) else {
            return self.promoted(attempt, Err(PromoteError::Fenced("no place".into())));
        };
        let before = published
            .is_some_and(|p| p.place == place && p.session == session && p.epoch == epoch && epoch > above);
        if before {
            return self.promoted(attempt, Ok(Term { epoch }));
        }
        let epoch = epoch.max(above) + 1;
        let purpose = Purpose::Promote { attempt, above, tries, epoch };
        self.ask(core, Ask::Promote { place, version, epoch }, purpose);
    }

    pub(super) fn promoted(&mut self, attempt: u64, result: Result<Term, PromoteError>) {
        self.out.push(Outcome::Election(Event::Promoted { attempt, result }));
    }

    /// Gives the place back; [`Event::Left`] follows.
    pub(in crate::simulation) fn leave(&mut self, core: &mut Core) {
        self.joined = false;
        self.candidacy += 1;
        self.asks.retain(|_, purpose| matches!(purpose, Purpose::Errand(_)));
        self.later.clear();
        match self.place.clone() {
            Some(place) => {
                core.timer(self.me, TIMEOUT, Timer::LeaveBy);
                self.ask(core, Ask::Remove(place), Purpose::Leave);
            }
            None => self.left(core),
        }
    }

    /// It has taken too long: the session's end removes the place.
    pub(in crate::simulation) fn on_leave_by(&mut self, core: &mut Core) {
        if self.asks.values().any(|purpose| matches!(purpose, Purpose::Leave)) {
            self.asks.retain(|_, purpose| !matches!(purpose, Purpose::Leave));
            self.left(core);
        }
    }

    pub(super) fn left(&mut self, core: &mut Core) {
        // A session that can't be told of its end lives until it expires.
        if self.connected {
            self.end_session(core);
        } else {
            self.session = None;
            self.end_session(core);
        }
        self.out.push(Outcome::Election(Event::Left));
    }
}
