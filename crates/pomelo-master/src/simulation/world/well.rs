//! What must be when all is mended, and what a leader's list must hold at any time.

use super::*;
use crate::simulation::judge::Has;

/// A server that is not heard for less than this is not forgotten.
const MISSED: Micros = 9 * SECOND;

fn not_well(how: impl Into<String>) -> Result<(), Broken> {
    Err(Broken { rule: Rule::I7, how: how.into() })
}

impl World {
    /// A leader's list is another: nobody who lives may be missing from it without a reason.
    pub(super) fn watch_list(&mut self, node: Node) {
        let Some(Proc { life, body: Body::Master(master), .. }) = self.procs.get(&node) else { return };
        let Some(view) = master.control().own_view().filter(|_| master.control().leads_in().is_some()) else {
            return;
        };
        let known = self.lists.get(&node);
        if known.is_some_and(|(of, version, _)| (of, version) == (life, &view.version)) {
            return;
        }
        let same_term =
            known.is_some_and(|(of, version, _)| of == life && version.epoch == view.version.epoch);
        let list = master.control().lists();
        let listed = |server: &Server| list.get(&server.id) == Some(&Some(server.incarnation));
        let mut wrong = None;
        for conn in master.admitted() {
            let Some((peer, _)) = self.core.net.open_peer(conn, node) else { continue };
            if let Some(Proc { body: Body::Server(server), .. }) = self.procs.get(&peer)
                && !server.ending
                // Another life of it may still be listed, until it is known to have ended.
                && !list.contains_key(&server.id)
            {
                wrong =
                    Some(format!("{} {} is linked and not listed by {node}", server.id, server.incarnation));
            }
        }
        if let Some((_, _, before)) = known.filter(|_| same_term) {
            for (peer, _, server) in self.servers().filter(|(_, _, server)| !server.ending) {
                let was = before.get(&server.id) == Some(&Some(server.incarnation));
                let last = self.core.net.last_connected(node, peer).unwrap_or_default();
                if was && !listed(server) && self.core.now.saturating_sub(last) < MISSED {
                    wrong =
                        Some(format!("{} {} lives and is removed by {node}", server.id, server.incarnation));
                }
            }
        }
        let entry = (*life, view.version, list);
        self.lists.insert(node, entry);
        if let Some(wrong) = wrong {
            self.core.judge.breaks(Rule::I6, || wrong);
        }
    }

    /// One master leads, everybody follows it, and it lists who is there.
    pub(super) fn is_well(&mut self) -> Result<(), Broken> {
        let epoch = self.core.store.head().epoch;
        self.start_all();
        let leaders: Vec<_> = self
            .living_masters()
            .filter_map(|(node, _, master)| Some((node, master.control().leads_in()?)))
            .collect();
        let [(leader, leads_in)] = leaders[..] else {
            let roles: Vec<_> = self.living_masters().map(|(n, _, m)| format!("{n}: {}", m.role())).collect();
            return not_well(format!("{} masters lead: {leaders:?}, they are {roles:?}", leaders.len()));
        };
        if leads_in != epoch {
            return not_well(format!("{leader} leads in epoch {leads_in}, the last one is {epoch}"));
        }
        for proc in self.procs.values() {
            match &proc.body {
                Body::Agent(agent) if !agent.is_quiet() => return not_well("an agent still waits"),
                Body::Agent(agent) if agent.follow.link(leader).is_none() => {
                    return not_well("an agent has no link to the leader");
                }
                Body::Client(client) => {
                    if let Some(op) = client.waits_for() {
                        return not_well(format!("a tool still waits for {op}"));
                    }
                }
                _ => {}
            }
        }
        // What was begun is over.
        let answered = |record: &[u8]| record.windows(9).any(|part| part == b"\"answer\":");
        let records = self.core.store.head().records.iter();
        let begun = records.filter(|(key, record)| key.starts_with("ops/") && !answered(record));
        let mut begun = begun.map(|(key, _)| key.trim_start_matches("ops/"));
        // What was answered when the coordinator was away stays as it is in the store: whoever leads next asks the same lives, which
        // know that they have done it.
        let over = |op: &str| match (
            op.to_owned().try_into(),
            self.living_masters().find(|(node, ..)| *node == leader),
        ) {
            (Ok(op), Some((_, _, master))) => master.control().has_answered(&op),
            _ => false,
        };
        if let Some(op) = begun.find(|op| !over(op)) {
            return not_well(format!("{op} is not over"));
        }
        let mut ids: Vec<_> = self.servers().map(|(_, _, server)| &server.id).collect();
        ids.sort();
        if let Some(two) = ids.windows(2).find(|two| two[0] == two[1]) {
            return Err(Broken { rule: Rule::I5, how: format!("two processes are server {}", two[0]) });
        }
        let living: BTreeMap<_, _> = self
            .servers()
            .filter(|(_, _, server)| !server.ending)
            .map(|(_, _, server)| (server.id.clone(), Some(server.incarnation)))
            .collect();
        for (node, proc, master) in self.living_masters() {
            if !self.core.store.queues(node, proc.life) {
                return not_well(format!("master {node} is {} and not in the queue", master.role()));
            }
            let list = master.control().lists();
            if list != living {
                return not_well(format!("master {node} lists {list:?}, there are {living:?}"));
            }
            if let Some(other) =
                self.masters.iter().find(|other| **other != node && !master.is_linked(**other))
            {
                return not_well(format!("master {node} has no link to master {other}"));
            }
            if node != leader && !matches!(master.role(), Role::Standby { .. }) {
                return not_well(format!("master {node} is {}", master.role()));
            }
        }
        for (_, _, server) in self.servers().filter(|(_, _, server)| !server.ending) {
            let follows = server.leader().map(|leader| leader.epoch);
            if follows != Some(epoch) || server.follow.link(leader).is_none() {
                return not_well(format!("server {} follows epoch {follows:?}, not {epoch}", server.id));
            }
            let view = server.follow.state.view();
            let list: BTreeMap<_, _> =
                view.servers.values().map(|info| (info.id.clone(), info.incarnation)).collect();
            if list != living {
                return not_well(format!("server {} knows {list:?}, there are {living:?}", server.id));
            }
        }
        for (_, _, server) in self.servers().filter(|(_, _, server)| !server.ending) {
            let Server { id, frontend, crons, blocked, .. } = server;
            let has = Has { id, frontend: *frontend, crons, blocked };
            self.core.judge.lasts(&has).map_err(|how| Broken { rule: Rule::I8, how })?;
        }
        Ok(())
    }
}
