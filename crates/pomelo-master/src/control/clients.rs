//! What administrators ask, and how it is carried out.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use pomelo_cluster::messages::MASTER_WATCHER;
use pomelo_protocol::{
    ServerId,
    admin::{AdminMessage, Envelope, Failure, ReqId, Response},
};
use serde_json::{Map, Value, json};
use tracing::debug;

use super::{Control, Peer, Standing, ops};
use crate::{
    access::Right,
    console::{CONSOLE, Command, Of, Rows, WATCH},
    documents,
    gather::{Gather, Merge},
    link::LinkId,
};

impl Control {
    pub(super) fn client_says(&mut self, link: LinkId, envelope: Envelope, now: Instant) {
        let right = match self.peers.get(&link) {
            Some(Peer::Client { right }) => *right,
            Some(_) => return self.close(link, "a server spoke as a client"),
            None => return self.close(link, "it spoke before it registered"),
        };
        let Some(envelope) = self.hold_for_successor(link, envelope) else { return };
        match envelope {
            Envelope::Request { req_id, module_id, body, .. } => {
                match self.permitted(right, &module_id, &body) {
                    Ok(command) => self.carry_out((link, req_id), command, &body, now),
                    Err(failure) => self.refuse(link, req_id, &failure),
                }
            }
            // Modules can't be switched here; -1 is what the original answers for one it does not have.
            Envelope::Command { req_id: Some(req_id), .. } => {
                self.answer((link, Response::ok(req_id, (-1).into())));
            }
            Envelope::Command { req_id: None, .. } | Envelope::Notify { .. } | Envelope::Response(_) => {
                debug!(target: "pomelo::master", "link {}: a client said what wants no answer", link.0);
            }
        }
    }

    fn permitted(&self, right: Right, module_id: &str, body: &Value) -> Result<Command, Failure> {
        let command = Command::parse(module_id, body)?;
        if !command.reads_only() && right == Right::Look {
            // As recorded: tools print it.
            return Err(Failure::new("Command permission denied"));
        }
        // Asked again, it is not carried out again.
        if let (Command::Change(_), Some(_)) = (&command, self.epoch())
            && self.ops.knows(&ops::number_of(body)?.0)
        {
            return Ok(command);
        }
        let allowed = match self.standing {
            _ if command == Command::Masters => true,
            Standing::Active { .. } => self.ending.is_none() || command.reads_only(),
            Standing::Suspended { .. } => command.reads_only(),
            Standing::Joining | Standing::Standby | Standing::Stopped => false,
        };
        if allowed { Ok(command) } else { Err(self.not_the_leader()) }
    }

    fn carry_out(&mut self, asker: (LinkId, ReqId), command: Command, body: &Value, now: Instant) {
        let (link, req_id) = asker;
        match command {
            Command::Rows(rows) => self.gather_rows((link, req_id), rows, now),
            Command::Pass { server, module_id, body, .. } => {
                let Some(to) = self.registry.link_of(&server) else {
                    return self.refuse(link, req_id, &self.unknown(&[server]));
                };
                let waiting = BTreeSet::from([to]);
                self.ask((link, req_id), waiting, module_id, body, Merge::One(server), now);
            }
            Command::Modules => {
                let modules = json!({ "msg": [MASTER_WATCHER, WATCH, CONSOLE] });
                self.answer((link, Response::ok(req_id, modules)));
            }
            Command::Config => self.answer((link, Response::done(req_id))),
            Command::Masters => self.tell_masters((link, req_id), now),
            Command::HandOver { to } => self.hand_over((link, req_id), to.as_deref(), now),
            Command::Change(change) => self.asked_to_change((link, req_id), body, change, now),
        }
    }

    fn gather_rows(&mut self, asker: (LinkId, ReqId), rows: Rows, now: Instant) {
        let Rows { of, module_id, body, columns } = rows;
        if let Of::One(id) = &of
            && !self.registry.view().servers.contains_key(id)
        {
            return self.refuse(asker.0, asker.1, &self.unknown(std::slice::from_ref(id)));
        }
        let mut first = Map::new();
        if let Some(row) = documents::master_row(&self.me, (self.usage)(), columns) {
            first.insert(self.me.id.to_string(), row);
        }
        let (mut records, mut waiting) = (BTreeMap::new(), BTreeSet::new());
        for info in self.registry.view().servers.values() {
            let asked = match &of {
                Of::All => true,
                Of::Frontends => info.frontend,
                Of::One(id) => *id == info.id,
            };
            if !asked {
                continue;
            }
            let missing = self.registry.missing_for(&info.id, now);
            let missing = missing.filter(|missing| *missing >= self.limits.missing_shown);
            if let Some(row) = documents::record_row(info, columns, missing) {
                records.insert(info.id.to_string(), row);
            }
            waiting.extend(self.registry.link_of(&info.id));
        }
        if !self.is_active() {
            // Servers may follow another master by now. What is known is said, and that it may be old.
            first.extend(records);
            return self.answer((asker.0, Response::ok(asker.1, json!({ "msg": first, "stale": true }))));
        }
        self.ask(asker, waiting, module_id, body, Merge::Rows { first, rows: records }, now);
    }

    fn ask(
        &mut self,
        asker: (LinkId, ReqId),
        waiting: BTreeSet<LinkId>,
        module_id: &str,
        body: Value,
        merge: Merge,
        now: Instant,
    ) {
        let request = self.request(module_id, body);
        let to: Vec<_> = waiting.iter().copied().collect();
        let gather = Gather { asker, due: now + self.limits.gather_timeout, waiting, merge };
        match self.gathers.open(self.last_req_id, gather) {
            Some(ready) => self.answer(ready),
            None => self.send(to, AdminMessage::Monitor(request)),
        }
    }

    /// An order to servers, agents or other masters, in this master's epoch.
    pub(super) fn order(&self, body: Value) -> Envelope {
        self.stamped(Envelope::notify(CONSOLE, body))
    }

    pub(super) fn no_such_type(&self, name: &str) -> Failure {
        let servers = self.registry.view().servers.values();
        let types: BTreeSet<_> = servers.map(|info| info.server_type.as_str()).collect();
        let types = types.into_iter().collect::<Vec<_>>().join(", ");
        let types = if types.is_empty() { "none" } else { &types };
        Failure::new(format!("no server of type {name:?} (there are: {types})"))
    }

    pub(super) fn unknown(&self, ids: &[ServerId]) -> Failure {
        if let Some(id) = ids.iter().find(|id| self.registry.view().servers.contains_key(*id)) {
            return Failure::new(format!("server {id} has no link to this master at the moment; ask again"));
        }
        let list = |ids: &mut dyn Iterator<Item = &ServerId>| {
            ids.map(ServerId::as_str).collect::<Vec<_>>().join(", ")
        };
        let known = list(&mut self.registry.linked().map(|(info, _)| &info.id));
        let given = list(&mut ids.iter());
        Failure::new(format!(
            "no server {given} (there are: {})",
            if known.is_empty() { "none" } else { &known }
        ))
    }
}
