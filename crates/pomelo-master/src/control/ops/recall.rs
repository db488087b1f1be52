//! What outlasts a term: operations that former masters left, who waits until they are known, and what is forgotten in time.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use pomelo_cluster::{
    coordinator::{Record, StoreError, Write, store},
    ops::OpId,
};
use pomelo_protocol::admin::{AdminMessage, Failure, ReqId};
use serde_json::Value;
use tracing::{info, warn};

use super::{
    OP_MAX, blacklist, log,
    op::{self, Asker, Op, OpRecord, Phase, Target, Who},
};
use crate::{
    console::{self, CONSOLE, Change},
    control::{Control, stores::Purpose},
    link::LinkId,
};

/// Commands and questions of agents that wait until this master knows what former terms left; one more is refused in words.
const HELD_MAX: usize = 256;
/// How long they wait.
const HELD_FOR: Duration = Duration::from_secs(5);

/// Clocks of machines differ by so much, and no cluster is ended and started again within it.
const CLOCKS_DIFFER: Duration = Duration::from_secs(2);

/// Who waits until this master knows what former terms left.
#[derive(Debug, Default)]
pub(in crate::control) struct Held(VecDeque<(Instant, Waits)>);

#[derive(Debug)]
pub(super) enum Waits {
    Tool { asker: Asker, id: OpId, body: Value, change: Change },
    Agent { link: LinkId, req_id: ReqId, body: Value },
}

impl Control {
    /// An agent's question waits, too: who may be started depends on what former terms left.
    pub(in crate::control) fn hold_agent(&mut self, link: LinkId, req_id: ReqId, body: Value, now: Instant) {
        self.hold(Waits::Agent { link, req_id, body }, now);
    }

    pub(super) fn hold(&mut self, waits: Waits, now: Instant) {
        if self.held.0.len() >= HELD_MAX {
            let failure = Failure::again(format!("busy: {HELD_MAX} commands wait for this master already"));
            return self.turn_away(waits, &failure);
        }
        self.held.0.push_back((now + HELD_FOR, waits));
    }

    fn turn_away(&mut self, waits: Waits, failure: &Failure) {
        let (Waits::Tool { asker: Asker { link, req_id, .. }, .. } | Waits::Agent { link, req_id, .. }) =
            waits;
        self.refuse(link, req_id, failure);
    }

    /// A term begins while tools still wait for what they asked of this master in its former one: they ask again.
    pub(in crate::control) fn ops_ask_again(&mut self, now: Instant) {
        for op in std::mem::take(&mut self.ops).open.into_values() {
            for asker in op.askers {
                let (id, body, change) = (op.id.clone(), op.body.clone(), op.change.clone());
                self.hold(Waits::Tool { asker, id, body, change }, now);
            }
        }
    }

    /// Operations that former terms left.
    pub(in crate::control) fn ops_found(&mut self, records: &[Record], now: Instant) {
        let now_ms = self.wall_us(now) / 1_000;
        let mut broken = Vec::new();
        for record in records {
            let read = OpRecord::read(record).and_then(|record| {
                let change = console::Command::parse(CONSOLE, &record.command);
                match change {
                    Ok(console::Command::Change(change)) => Ok((record, change)),
                    Ok(_) => Err(format!("{} is no change", record.command)),
                    Err(failure) => Err(failure.message),
                }
            });
            let (record, change) = match read {
                Ok(read) => read,
                Err(why) => {
                    warn!(target: "pomelo::master", "an operation's record is not understood: {why}");
                    broken.push(Write::Delete { key: record.key.clone() });
                    continue;
                }
            };
            if let Some(answer) = record.answer {
                self.ops.remember(record.op, record.command, answer, record.at_ms);
                continue;
            }
            let age = Duration::from_millis(now_ms.saturating_sub(record.at_ms));
            let whole = matches!(&change, Change::Stop { ids, .. } if ids.is_empty());
            // Clocks differ. Lives are ended by name, so that this can be done late; everything that lives can't.
            let left = if whole { OP_MAX.saturating_sub(age) } else { OP_MAX };
            let left = if age >= log::DONE_KEPT { Duration::ZERO } else { left };
            info!(target: "pomelo::master", "operation {} of epoch {} goes on: {}", record.op, record.epoch, record.command);
            let op = Op {
                id: record.op,
                body: record.command,
                change,
                targets: record.targets.into_iter().map(Target::new).collect(),
                phase: Phase::Underway,
                askers: Vec::new(),
                at_ms: record.at_ms,
                due: now + left,
                marked: Vec::new(),
            };
            self.ops.open.insert(op.id.clone(), op);
        }
        broken.truncate(store::WRITES_MAX);
        if !broken.is_empty() {
            self.store(Purpose::Note("records that are not understood"), broken, now);
        }
    }

    /// Everything that former terms left is known: it goes on, and who waited for that is served.
    pub(in crate::control) fn ops_recalled(&mut self, now: Instant) {
        let ids: Vec<_> = self.ops.open.keys().cloned().collect();
        for id in ids {
            let Some(op) = self.ops.open.get(&id) else { continue };
            // An order to end everything that nobody has heard of for so long is not one to this cluster any more.
            let (due, whole, at_ms) = (op.due, op.is_whole(), op.at_ms);
            let named = op.targets.iter().any(|target| self.is_here(target));
            let meant = named || !whole || self.was_here(at_ms, now);
            if due <= now || !meant { self.lapse(&id, now) } else { self.begin(&id, now) }
        }
        self.tell_what_lasts();
        for (_, waits) in std::mem::take(&mut self.held.0) {
            match waits {
                Waits::Tool { asker, id, body, change } => self.change(asker, id, body, change, now),
                Waits::Agent { link, req_id, body } => self.start(link, req_id, body, now),
            }
        }
    }

    /// Whether that very life of a server is linked. A member that is only remembered may be one of a cluster that is over.
    fn is_here(&self, target: &Target) -> bool {
        match &target.who {
            Who::Server { id, incarnation } => self.registry.link_of_life(id, *incarnation).is_some(),
            Who::Agent { .. } => false,
        }
    }

    /// Whether this master ran already at a time of somebody's clock.
    fn was_here(&mut self, at_ms: u64, now: Instant) -> bool {
        let age = self.born.map_or(Duration::ZERO, |born| now.saturating_duration_since(born));
        let began_us = self.wall_us(now).saturating_sub(u64::try_from(age.as_micros()).unwrap_or(u64::MAX));
        let differ_ms = u64::try_from(CLOCKS_DIFFER.as_millis()).unwrap_or_default();
        began_us / 1_000 <= at_ms.saturating_add(differ_ms)
    }

    fn lapse(&mut self, id: &OpId, now: Instant) {
        let Some(op) = self.ops.open.get(id) else { return };
        if op.phase != Phase::Underway {
            return;
        }
        warn!(target: "pomelo::master", "operation {id} is over: not everybody has answered");
        let answer = op.is_whole().then(|| {
            let remained: Vec<_> = self.registry.view().servers.keys().cloned().collect();
            op.change.answer(&remained)
        });
        self.finish(id, answer, now);
    }

    pub(in crate::control) fn ops_tick(&mut self, now: Instant) {
        while self.held.0.front().is_some_and(|(due, _)| *due <= now) {
            let Some((_, waits)) = self.held.0.pop_front() else { break };
            let failure =
                Failure::again("this master does not know yet what was done before it led: ask again");
            self.turn_away(waits, &failure);
        }
        // Ending everything has its own deadlines.
        let due = |op: &&Op| op.due <= now && !op.is_whole();
        let lapsed: Vec<_> = self.ops.open.values().filter(due).map(|op| op.id.clone()).collect();
        for id in lapsed {
            self.lapse(&id, now);
        }
        if self.is_active() && self.recalled() {
            let now_ms = self.wall_us(now) / 1_000;
            let mut forgotten = self.ops.forget(now_ms);
            // They stay in doubt where nothing is written.
            if !self.is_unrecorded() {
                forgotten.extend(std::mem::take(&mut self.ops.doubtful));
            }
            for some in forgotten.chunks(store::WRITES_MAX) {
                let writes = some.iter().map(|id| Write::Delete { key: op::key(id) }).collect();
                self.store(Purpose::Forget(some.to_vec()), writes, now);
            }
        }
    }

    /// Records are gone, or may still be there. In the second case it is tried again, or left to the next master.
    pub(in crate::control) fn ops_forgotten(&mut self, ids: Vec<OpId>, result: &Result<(), StoreError>) {
        if matches!(result, Err(StoreError::Unavailable(_))) {
            for id in ids {
                if !self.ops.knows(&id) {
                    self.ops.doubt(id);
                }
            }
        }
    }

    /// This master leads no more: the next one goes on with everything.
    pub(in crate::control) fn ops_deposed(&mut self) {
        let failure = Failure {
            leader: self.known_leader(),
            ..Failure::again("this master lost leadership: ask again, with the same operation number")
        };
        let ops = std::mem::take(&mut self.ops);
        for asker in ops.open.into_values().flat_map(|op| op.askers) {
            self.refuse(asker.link, asker.req_id, &failure);
        }
        for (_, waits) in std::mem::take(&mut self.held.0) {
            self.turn_away(waits, &failure);
        }
    }

    /// Servers may have come when nobody led, or this master might not act.
    pub(in crate::control) fn tell_what_lasts(&mut self) {
        if !self.recalled() {
            return;
        }
        self.tell_crons_again();
        let frontends: Vec<_> =
            self.registry.linked().filter(|(info, _)| info.frontend).map(|(_, link)| link).collect();
        for link in frontends {
            self.tell_blacklist(link, true);
        }
    }

    /// What a frontend that comes later is told of the addresses that are not let in.
    pub(in crate::control) fn tell_blacklist(&mut self, link: LinkId, frontend: bool) {
        if frontend && self.is_active() && !self.desired.blacklist().is_empty() {
            let addresses: Vec<_> = self.desired.blacklist().iter().copied().collect();
            let order = self.order(blacklist(&addresses));
            self.send(vec![link], AdminMessage::Monitor(order));
        }
    }
}
