//! Taking a command on: whether it is known already, who is to carry it out, and its record before anything is done.
//!
//! Not here: carrying it out ([`super`]).

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use pomelo_cluster::{
    coordinator::{StoreError, Write, store},
    ops::OpId,
};
use pomelo_protocol::{
    ServerId, ServerInfo,
    admin::{Failure, ReqId},
};
use serde_json::Value;
use tracing::{info, warn};

use super::{
    OP_MAX, RECORD_BYTES_MAX, WHOLE_LIVES_MAX,
    log::{Known, UNDERWAY_MAX},
    op::{Asker, Op, Phase, Target, Who},
    recall::Waits,
};
use crate::{
    console::{self, Change, CronChange, Which},
    control::{Control, stores::Purpose},
    link::LinkId,
};

impl Control {
    /// A tool wants something changed.
    pub(in crate::control) fn asked_to_change(
        &mut self,
        (link, req_id): (LinkId, ReqId),
        body: &Value,
        change: Change,
        now: Instant,
    ) {
        match number_of(body) {
            Ok((id, plain)) => {
                self.change(Asker { link, req_id, plain }, id, console::as_kept(body), change, now);
            }
            Err(failure) => self.refuse(link, req_id, &failure),
        }
    }

    pub(super) fn change(&mut self, asker: Asker, id: OpId, body: Value, change: Change, now: Instant) {
        if !self.recalled() {
            return self.hold(Waits::Tool { asker, id, body, change }, now);
        }
        match self.ops.ask(&id, &body, &asker) {
            Known::Waits => return,
            Known::Answered(response) => return self.answer((asker.link, response)),
            Known::New => {}
        }
        if let Err(mut failure) = self.accept(asker.clone(), &id, body, change, now) {
            if !failure.again && self.may_be_recorded(&id) {
                failure.again = true;
                failure
                    .message
                    .push_str(": an earlier record of this operation has to be taken back first, ask again");
            }
            self.refuse(asker.link, asker.req_id, &failure);
        }
    }

    /// Whether a record may be there of an operation that is not under way. If this master ends before it is taken back, the next one
    /// finds it and does it, so that nobody may be told for good that it is not done.
    fn may_be_recorded(&self, id: &OpId) -> bool {
        self.ops.doubtful.contains(id) || self.stores.is_forgetting(id)
    }

    fn accept(
        &mut self,
        asker: Asker,
        id: &OpId,
        body: Value,
        change: Change,
        now: Instant,
    ) -> Result<(), Failure> {
        if let Change::Stop { ids, .. } = &change
            && ids.is_empty()
            && self.ops.open.values().any(Op::is_whole)
        {
            return Err(self.not_the_leader());
        }
        if self.ops.open.len() >= UNDERWAY_MAX {
            return Err(Failure::again(format!("busy: {UNDERWAY_MAX} operations are under way already")));
        }
        let Some(epoch) = self.epoch() else { return Err(self.not_the_leader()) };
        let targets = self.targets(&change, now)?;
        let mut op = Op {
            id: id.clone(),
            body,
            change,
            targets,
            phase: Phase::Accepting,
            askers: vec![asker.clone()],
            at_ms: self.wall_us(now) / 1_000,
            due: now + OP_MAX,
            marked: Vec::new(),
        };
        let mut writes = vec![op.record(epoch, None)];
        if matches!(&writes[..], [Write::Put { value, .. }] if value.len() > RECORD_BYTES_MAX) {
            return Err(Failure::new("too many servers for one command: name fewer of them"));
        }
        match &op.change {
            Change::Stop { ids, .. } => {
                let (write, marked) = self.desired.stop(ids)?;
                op.marked = marked;
                writes.extend(write);
            }
            Change::Restart(_) => {
                let claims = op.claims();
                let ids: Vec<_> = claims.iter().map(|(id, _)| id.clone()).collect();
                writes.extend(self.desired.want(&ids));
                writes.extend(self.claims.writes(epoch, &claims));
            }
            Change::Blacklist(addresses) => writes.extend(self.desired.block(addresses)?),
            Change::Cron(change) => writes.push(self.crons.change(change)?),
            Change::Drill { .. } => {}
        }
        info!(target: "pomelo::master", "operation {id} of link {}: {}", asker.link.0, op.body);
        self.ops.doubtful.remove(id);
        self.ops.open.insert(id.clone(), op);
        self.store(Purpose::Accept(id.clone()), writes, now);
        Ok(())
    }

    /// Who is to carry a command out. Nothing is done if one of them is not there, so that a typing error has no half effect.
    fn targets(&mut self, change: &Change, now: Instant) -> Result<Vec<Target>, Failure> {
        let servers = match change {
            // Nobody is asked for an answer: they are what this cluster is known by, should a later one find the record.
            Change::Stop { ids, .. } if ids.is_empty() => {
                self.members_where(|_| true).into_iter().take(WHOLE_LIVES_MAX).collect()
            }
            Change::Stop { ids, .. } => self.members(&Which::Ids(ids.clone()))?,
            Change::Restart(which) => return self.agents_of(which, now),
            Change::Blacklist(_) => self.members_where(|info| info.frontend),
            Change::Cron(CronChange::Add(whom, _)) => self.members(&whom.which())?,
            // It may be remembered for servers that are not there.
            Change::Cron(CronChange::Remove(whom, _)) => self.members_where(|info| whom.is(info)),
            Change::Drill { which, .. } => self.members(which)?,
        };
        Ok(servers
            .into_iter()
            .map(|(id, incarnation)| Target::new(Who::Server { id, incarnation }))
            .collect())
    }

    fn members(&self, which: &Which) -> Result<Vec<(ServerId, Option<u64>)>, Failure> {
        match which {
            Which::All => Ok(self.members_where(|_| true)),
            Which::Type(name) => {
                match self.members_where(|info| info.server_type.as_str() == name.as_str()) {
                    none if none.is_empty() => Err(self.no_such_type(name)),
                    members => Ok(members),
                }
            }
            Which::Ids(ids) => {
                let servers = &self.registry.view().servers;
                let unknown: Vec<_> = ids.iter().filter(|id| !servers.contains_key(*id)).cloned().collect();
                if !unknown.is_empty() {
                    return Err(self.unknown(&unknown));
                }
                Ok(self.members_where(|info| ids.contains(&info.id)))
            }
        }
    }

    fn members_where(&self, wanted: impl Fn(&ServerInfo) -> bool) -> Vec<(ServerId, Option<u64>)> {
        let members = self.registry.view().servers.values().filter(|info| wanted(info));
        members.map(|info| (info.id.clone(), info.incarnation)).collect()
    }

    /// The agents that run servers, each with the lives that it may begin. A server that runs without one, or not at all, is
    /// nobody's to start again.
    fn agents_of(&mut self, which: &Which, now: Instant) -> Result<Vec<Target>, Failure> {
        let ids: BTreeSet<ServerId> = match which {
            Which::Ids(ids) => ids.iter().cloned().collect(),
            all => self.members(all)?.into_iter().map(|(id, _)| id).collect(),
        };
        let mut agents: BTreeMap<String, Vec<ServerId>> = BTreeMap::new();
        let mut nobodys = Vec::new();
        for id in ids {
            match self.agent_of(&id) {
                Some(agent) => agents.entry(agent).or_default().push(id),
                None => nobodys.push(id),
            }
        }
        let known = &self.registry.view().servers;
        let unknown: Vec<_> = nobodys.iter().filter(|id| !known.contains_key(*id)).cloned().collect();
        if !unknown.is_empty() {
            return Err(self.unknown(&unknown));
        }
        if !nobodys.is_empty() {
            let names = nobodys.iter().map(ServerId::as_str).collect::<Vec<_>>().join(", ");
            return Err(Failure::new(format!(
                "no agent runs {names}: only what `pomelo start` has started on a linked machine can be started again"
            )));
        }
        if agents.is_empty() {
            return Err(Failure::new("no server runs that could be started again"));
        }
        let mut targets = Vec::new();
        for (agent, ids) in agents {
            let claims = ids.into_iter().map(|id| (id.clone(), self.claim(&id, &agent, now))).collect();
            targets.push(Target::new(Who::Agent { agent, claims }));
        }
        if targets.iter().map(|target| target.claims().len()).sum::<usize>() + 2 > store::WRITES_MAX {
            let most = store::WRITES_MAX - 2;
            return Err(Failure::new(format!("at most {most} servers can be started again by one command")));
        }
        Ok(targets)
    }

    /// The record of an operation is written, or not.
    pub(in crate::control) fn op_accepted(
        &mut self,
        id: &OpId,
        result: Result<(), StoreError>,
        now: Instant,
    ) {
        let Err(why) = result else {
            if let Some(op) = self.ops.open.get_mut(id) {
                op.phase = Phase::Underway;
            }
            return self.begin(id, now);
        };
        let Some(op) = self.ops.drop_open(id) else { return };
        self.desired.want(&op.marked);
        if let Change::Cron(change) = &op.change {
            self.crons.undo(change);
        }
        self.desired.doubt();
        self.crons.doubt();
        let failure = match why {
            StoreError::Fenced(why) => Failure { leader: self.known_leader(), ..Failure::again(why) },
            StoreError::Unavailable(why) => {
                // The record may be there all the same. It is taken back as soon as that can be done; a master that leads
                // before finds it, and does it.
                self.ops.doubt(op.id.clone());
                Failure::again(format!(
                    "it is not known whether operation {id} is recorded ({why}), and so not whether it will be done: nothing \
                     was done yet, and asked again with this number it is done once"
                ))
            }
            StoreError::Invalid(why) => Failure::new(why),
        };
        warn!(target: "pomelo::master", "operation {id} is not done: {failure}");
        for asker in op.askers {
            self.refuse(asker.link, asker.req_id, &failure);
        }
    }
}

/// The number of a change; one that a tool has not numbered itself gets one here.
pub(in crate::control) fn number_of(body: &Value) -> Result<(OpId, bool), Failure> {
    match OpId::of_body(body) {
        Ok(Some(id)) => Ok((id, false)),
        Ok(None) => Ok((OpId::new(), true)),
        Err(invalid) => Err(Failure::new(invalid.to_string())),
    }
}
