//! Questions to the other masters: asked of several at once, over when all have answered or the time is over. What is made of
//! the answers is decided where the question was asked.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use pomelo_cluster::messages::{Asked, CLUSTER};
use pomelo_protocol::admin::{AdminMessage, Failure, ReqId, Response};
use serde_json::Value;

use super::Control;
use crate::link::LinkId;

/// Questions under way; one more has no answers.
const ROUNDS_MAX: usize = 64;

/// What was asked for.
#[derive(Debug)]
pub(super) enum Purpose {
    /// A tool wants to know about the masters.
    Status {
        /// Which.
        asker: (LinkId, ReqId),
    },
    /// Who could take over.
    Ready,
    /// Others are to let somebody pass.
    Aside,
    /// Whether others hear the coordinator.
    Failsafe {
        /// A promise counts from here.
        asked: Instant,
    },
}

/// One question and its answers.
#[derive(Debug)]
pub(super) struct Round {
    pub(super) purpose: Purpose,
    pub(super) waiting: BTreeSet<LinkId>,
    pub(super) answers: BTreeMap<LinkId, Result<Value, Failure>>,
    due: Instant,
}

/// All questions, by the number that the masters were asked with.
#[derive(Debug, Default)]
pub(super) struct Rounds(BTreeMap<u64, Round>);

impl Control {
    /// Asks these masters, in this master's epoch.
    pub(super) fn ask_masters(
        &mut self,
        purpose: Purpose,
        to: Vec<LinkId>,
        asked: &Asked,
        within: Duration,
        now: Instant,
    ) {
        let waiting: BTreeSet<_> = to.iter().copied().collect();
        let round = Round { purpose, waiting, answers: BTreeMap::new(), due: now + within };
        if round.waiting.is_empty() || self.rounds.0.len() >= ROUNDS_MAX {
            return self.round_over(round, now);
        }
        let request = self.request(CLUSTER, asked.body());
        self.rounds.0.insert(self.last_req_id, round);
        self.send(to, AdminMessage::Monitor(request));
    }

    /// Another master answers. Says whether it was a question of here that was answered.
    pub(super) fn master_answered(&mut self, link: LinkId, response: &Response, now: Instant) -> bool {
        let Some(req_id) = response.resp_id.number() else { return false };
        let Some(round) = self.rounds.0.get_mut(&req_id) else { return false };
        if !round.waiting.remove(&link) {
            return true;
        }
        let answer = response.clone().into_result();
        let promised = match round.purpose {
            Purpose::Failsafe { asked } => Some((asked, answer.clone())),
            _ => None,
        };
        round.answers.insert(link, answer);
        let over = round.waiting.is_empty();
        if let Some((asked, answer)) = promised {
            self.promised(link, answer.ok().as_ref(), asked, now);
        }
        if over && let Some(round) = self.rounds.0.remove(&req_id) {
            self.round_over(round, now);
        }
        true
    }

    /// A link is gone: nobody waits for its answer.
    pub(super) fn rounds_lost(&mut self, link: LinkId, now: Instant) {
        let over = |round: &mut Round| round.waiting.remove(&link) && round.waiting.is_empty();
        self.rounds_end(over, now);
    }

    pub(super) fn rounds_tick(&mut self, now: Instant) {
        self.rounds_end(|round| round.due <= now, now);
    }

    fn rounds_end(&mut self, mut over: impl FnMut(&mut Round) -> bool, now: Instant) {
        let rounds: Vec<_> = self.rounds.0.extract_if(.., |_, round| over(round)).collect();
        for (_, round) in rounds {
            self.round_over(round, now);
        }
    }

    fn round_over(&mut self, round: Round, now: Instant) {
        match round.purpose {
            Purpose::Status { asker } => self.answer_status(asker, &round.answers, now),
            Purpose::Ready => self.handover_asked(&round.answers, now),
            Purpose::Aside => self.handover_stood_aside(&round, now),
            // Each answer counts by itself; who is silent has promised nothing.
            Purpose::Failsafe { .. } => {}
        }
    }
}
