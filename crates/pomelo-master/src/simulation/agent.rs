//! An agent: it starts servers only with a claim of the leader, says when one has ended, and starts them again on an order. What
//! it decides is what `pomelo-cli`'s supervisor decides.

use std::collections::{BTreeMap, BTreeSet};

use pomelo_cluster::{
    follow::Identity,
    messages::{CLUSTER, Said},
};
use pomelo_protocol::ServerId;
use serde_json::{Map, Value, json};

use super::{
    core::{Core, Ev, Life, MS, Micros, Node, SECOND, Spawn, Timer, What},
    faults::{Fault, Target},
    flaws::Flaw,
    follow::{Follow, News, Reply},
    server::ORDERS,
};

/// Pause before the leader is asked again for what it did not agree to start.
const ASK_AGAIN: Micros = 500 * MS;
/// The leader has not answered.
const ASK_TIMEOUT: Micros = 5 * SECOND;
/// Children that were told to end by the master are told to by their agent after this.
const REMIND: Micros = 5 * SECOND;

struct Child {
    id: ServerId,
    incarnation: u64,
    /// To be started again as this life, once it has ended.
    restarting: Option<u64>,
}

struct Restart {
    waiting: BTreeSet<ServerId>,
    done: Map<String, Value>,
    reply: Reply,
}

pub(super) struct Agent {
    me: (Node, Life),
    pub(super) follow: Follow,
    /// Every server of its machine.
    known: Vec<ServerId>,
    /// Wanted, and not agreed to: whether it died.
    pending: BTreeMap<ServerId, bool>,
    /// The question that is open.
    asking: Option<(u64, BTreeSet<ServerId>)>,
    children: BTreeMap<Node, Child>,
    restarts: Vec<Restart>,
    died: Vec<(ServerId, u64)>,
    led_by: Option<u64>,
    /// Everything here is to end.
    ending: bool,
}

impl Agent {
    pub(super) fn new(core: &mut Core, me: (Node, Life), known: Vec<ServerId>, masters: &[Node]) -> Self {
        // Another life of it is another agent: what was granted to the former one is not its own.
        let id = format!("agent-{}-{}", me.0, me.1);
        let identity = Identity::Agent { id, host: "10.0.0.1".to_owned(), pid: 1 };
        let follow = Follow::new(core, me, identity, masters);
        core.timer(me, 50 * MS, Timer::Start);
        known.iter().for_each(|id| core.judge.wanted(id, core.now));
        let pending = known.iter().map(|id| (id.clone(), false)).collect();
        Self {
            me,
            follow,
            known,
            pending,
            asking: None,
            children: BTreeMap::new(),
            restarts: Vec::new(),
            died: Vec::new(),
            led_by: None,
            ending: false,
        }
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.pending.is_empty() && self.restarts.is_empty() && self.asking.is_none()
    }

    /// A process that it has started runs.
    pub(super) fn started(&mut self, core: &mut Core, node: Node, id: ServerId, incarnation: u64) {
        self.restarted(core, &id, json!(node));
        self.children.insert(node, Child { id, incarnation, restarting: None });
        self.tell_children(core);
    }

    pub(super) fn on(&mut self, core: &mut Core, what: What) {
        match what {
            What::Timer(Timer::Start) => {
                core.timer(self.me, ASK_AGAIN, Timer::Start);
                self.ask(core);
            }
            What::Timer(Timer::Ask(number)) => {
                self.asking.take_if(|(asked, _)| *asked == number);
            }
            What::Timer(Timer::Remind) => self.end_children(core),
            What::Child { node, .. } => self.ended(core, node),
            What::Want(id) => {
                if !self.ending
                    && self.known.contains(&id)
                    && !self.children.values().any(|child| child.id == id)
                {
                    self.want(core, id);
                }
            }
            what => {
                for news in self.follow.on(core, what).unwrap_or_default() {
                    self.news(core, news);
                }
            }
        }
    }

    fn want(&mut self, core: &mut Core, id: ServerId) {
        core.judge.wanted(&id, core.now);
        self.wants_no_more(core, &id);
        self.pending.insert(id, false);
    }

    /// Whether it was wanted.
    fn wants_no_more(&mut self, core: &mut Core, id: &ServerId) -> bool {
        let wanted = self.pending.remove(id);
        if wanted == Some(false) {
            core.judge.want_over(id, core.now);
        }
        wanted.is_some()
    }

    fn ask(&mut self, core: &mut Core) {
        let died = self.pending.values().copied().min();
        let (None, Some(died)) = (&self.asking, died) else { return };
        let ids: BTreeSet<_> =
            self.pending.iter().filter(|(_, d)| **d == died).map(|(id, _)| id.clone()).collect();
        let why = if died { "died" } else { "asked" };
        let body = json!({ "signal": "start", "servers": ids, "why": why });
        if let Some(number) = self.follow.ask_leader(core, ORDERS, body) {
            self.asking = Some((number, ids));
            core.timer(self.me, ASK_TIMEOUT, Timer::Ask(number));
            core.aim(2, Fault::Crash(Target::This(self.me.0)));
        }
    }

    fn news(&mut self, core: &mut Core, news: News) {
        match news {
            News::Up => {
                self.tell_children(core);
                self.tell_died(core, &self.died.clone());
                if core.is(Flaw::E16StartsEverything) {
                    for id in self.known.clone() {
                        core.spawns.push(Spawn { agent: self.me.0, id, incarnation: None });
                    }
                }
            }
            News::Leader(Some(leader)) if self.led_by != Some(leader.epoch) => {
                self.led_by = Some(leader.epoch);
                self.tell_died(core, &self.died.clone());
            }
            News::Answer { number, result } => {
                let Some((_, asked)) = self.asking.take_if(|(asked, _)| *asked == number) else { return };
                if let Ok(answer) = result {
                    self.answered(core, &asked, &answer);
                }
            }
            News::Order { body, reply, .. } => match body["signal"].as_str() {
                Some("restart") => self.restart(core, &body, reply),
                Some("stop") => self.end(core, false),
                Some("kill") => self.end(core, true),
                _ => self.follow.answer(core, reply, json!({})),
            },
            _ => {}
        }
    }

    fn answered(&mut self, core: &mut Core, asked: &BTreeSet<ServerId>, answer: &Value) {
        let epoch = answer["epoch"].as_u64().unwrap_or_default();
        if epoch < self.follow.state.max_epoch() {
            return;
        }
        core.judge.obeyed(self.me, epoch);
        let named = |field: &str| -> Vec<ServerId> {
            let ids = answer[field].as_array().map_or(&[][..], Vec::as_slice);
            ids.iter().filter_map(|id| id.as_str()?.parse().ok()).filter(|id| asked.contains(id)).collect()
        };
        for id in named("running").into_iter().chain(named("stopped")) {
            self.wants_no_more(core, &id);
        }
        for id in named("spawn") {
            if self.wants_no_more(core, &id) {
                let incarnation = answer["claims"][id.as_str()].as_u64();
                core.judge.count("claim");
                core.trace(|| format!("agent {} starts {id} {incarnation:?} for epoch {epoch}", self.me.0));
                core.spawns.push(Spawn { agent: self.me.0, id, incarnation });
            }
        }
    }

    /// The leader wants these servers to begin another life.
    fn restart(&mut self, core: &mut Core, body: &Value, reply: Reply) {
        if self.ending {
            return self.follow.refuse(core, reply, "everything here is being ended");
        }
        let claims: BTreeMap<ServerId, u64> =
            serde_json::from_value(body["claims"].clone()).unwrap_or_default();
        core.trace(|| format!("agent {} restarts {claims:?}", self.me.0));
        if let Ok(Some(op)) = pomelo_cluster::ops::OpId::of_body(body) {
            core.judge.ran(self.me, op.as_str());
        }
        core.aim(10, Fault::Crash(Target::This(self.me.0)));
        let waiting = claims.keys().cloned().collect();
        self.restarts.push(Restart { waiting, done: Map::new(), reply });
        for (id, incarnation) in claims {
            self.wants_no_more(core, &id);
            match self.children.iter_mut().find(|(_, child)| child.id == id) {
                Some((node, child)) => {
                    core.judge.replaced(&id, child.incarnation, incarnation);
                    child.restarting = Some(incarnation);
                    terminate(core, *node, &id);
                }
                None => {
                    core.spawns.push(Spawn { agent: self.me.0, id, incarnation: Some(incarnation) });
                }
            }
        }
    }

    fn restarted(&mut self, core: &mut Core, id: &ServerId, pid: Value) {
        for restart in &mut self.restarts {
            if restart.waiting.remove(id) {
                restart.done.insert(id.to_string(), pid.clone());
            }
        }
        for restart in self.restarts.extract_if(.., |restart| restart.waiting.is_empty()).collect::<Vec<_>>()
        {
            self.follow.answer(core, restart.reply, Value::Object(restart.done));
        }
    }

    fn ended(&mut self, core: &mut Core, node: Node) {
        let Some(child) = self.children.remove(&node) else { return };
        let dead = (child.id.clone(), child.incarnation);
        self.died.push(dead.clone());
        self.tell_died(core, &[dead]);
        if self.ending {
            return self.look_whether_over(core);
        }
        match child.restarting {
            Some(incarnation) => {
                core.spawns.push(Spawn { agent: self.me.0, id: child.id, incarnation: Some(incarnation) });
            }
            None => {
                self.pending.insert(child.id, true);
            }
        }
        self.tell_children(core);
    }

    /// The leader ends everything: nothing more is started.
    fn end(&mut self, core: &mut Core, kill: bool) {
        if std::mem::replace(&mut self.ending, true) {
            return;
        }
        core.trace(|| format!("agent {} ends", self.me.0));
        core.judge.ends_with_everything(self.me, core.now);
        for id in self.known.clone() {
            self.wants_no_more(core, &id);
        }
        self.asking = None;
        for restart in std::mem::take(&mut self.restarts) {
            self.follow.refuse(core, restart.reply, "everything here is being ended");
        }
        if kill {
            self.end_children(core);
        } else {
            core.timer(self.me, REMIND, Timer::Remind);
        }
        self.look_whether_over(core);
    }

    fn end_children(&mut self, core: &mut Core) {
        for (node, child) in &self.children {
            terminate(core, *node, &child.id);
        }
    }

    fn look_whether_over(&self, core: &mut Core) {
        if self.children.is_empty() {
            core.ends.push(self.me);
        }
    }

    fn tell_died(&self, core: &mut Core, dead: &[(ServerId, u64)]) {
        if !dead.is_empty() {
            self.follow.tell_all(core, CLUSTER, &Said::Died { servers: dead.to_vec() }.body());
        }
    }

    fn tell_children(&self, core: &mut Core) {
        let ids: Vec<_> = self.children.values().map(|child| &child.id).collect();
        self.follow.tell_all(core, CLUSTER, &json!({ "action": "children", "servers": ids }));
    }
}

/// A child is told to end.
fn terminate(core: &mut Core, node: Node, id: &ServerId) {
    if let Some((life, _)) = core.net.alive.get(&node).copied() {
        core.judge.told_to_end((node, life), id);
        core.at(core.now, Ev::To(node, life, What::Terminate));
    }
}
