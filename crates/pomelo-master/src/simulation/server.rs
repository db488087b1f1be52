//! A game server process: the real follower, with the real table of operations, and a journal of what it was told to do.

use std::collections::{BTreeMap, BTreeSet};

use pomelo_cluster::{follow::Identity, follower::Leader, ops::OpId};
use pomelo_protocol::{ServerId, ServerInfo};
use serde_json::{Value, json};

use super::{
    core::{Core, Life, MS, Node, Timer, What},
    flaws::Flaw,
    follow::{Follow, News, Reply},
    master::SERVER_TYPE,
};
use crate::console::CONSOLE;

pub(super) struct Server {
    me: (Node, Life),
    pub(super) id: ServerId,
    pub(super) incarnation: u64,
    pub(super) port: u16,
    pub(super) agent: Node,
    pub(super) frontend: bool,
    /// Jobs that were added, and addresses that are not let in.
    pub(super) crons: BTreeSet<String>,
    pub(super) blocked: BTreeSet<String>,
    pub(super) follow: Follow,
    /// It ends, on an order.
    pub(super) ending: bool,
    /// Orders that are being carried out.
    running: BTreeMap<u64, (Value, Reply)>,
    last: u64,
}

impl Server {
    pub(super) fn new(
        core: &mut Core,
        me: (Node, Life),
        (id, port): (ServerId, u16),
        incarnation: u64,
        agent: Node,
        masters: &[Node],
    ) -> Self {
        let frontend = port % 2 == 0;
        let record = json!({
            "id": id, "serverType": SERVER_TYPE, "host": "10.0.0.2", "port": port, "pid": me.1, "incarnation": incarnation,
            "frontend": frontend,
        });
        let info: ServerInfo = serde_json::from_value(record).expect("a valid record");
        let follow = Follow::new(core, me, Identity::Server(info), masters);
        Self {
            me,
            id,
            incarnation,
            port,
            agent,
            frontend,
            crons: BTreeSet::new(),
            blocked: BTreeSet::new(),
            follow,
            ending: false,
            running: BTreeMap::new(),
            last: 0,
        }
    }

    pub(super) fn leader(&self) -> Option<&Leader> {
        self.follow.state.leader()
    }

    pub(super) fn on(&mut self, core: &mut Core, what: What) {
        match what {
            What::Timer(Timer::End) => core.ends.push(self.me),
            What::Timer(Timer::Ran(number)) => self.ran(core, number),
            // Its agent ends it, to start it again.
            What::Terminate => {
                self.ending = true;
                let grace = core.rng.u64(..200 * MS);
                core.timer(self.me, grace, Timer::End);
            }
            what => {
                for news in self.follow.on(core, what).unwrap_or_default() {
                    self.news(core, news);
                }
            }
        }
    }

    fn news(&mut self, core: &mut Core, news: News) {
        match news {
            News::Order { epoch, module_id, body, reply } => {
                core.trace(|| {
                    format!("server {} {:?} obeys epoch {epoch}: {module_id} {body}", self.id, self.me)
                });
                self.keep(core, &body);
                self.last += 1;
                self.running.insert(self.last, (body, reply));
                let takes = core.rng.u64(..20 * MS);
                core.timer(self.me, takes, Timer::Ran(self.last));
            }
            News::Newer(newer) if newer > self.incarnation => {
                core.judge.count("older life ended");
                core.judge.excused(self.me);
                self.ending = true;
                core.ends.push(self.me);
            }
            _ => {}
        }
    }

    /// What lasts as long as the process, in the order it came.
    fn keep(&mut self, core: &Core, body: &Value) {
        if core.is(Flaw::W1NewcomersNotTold) && body.get("op").is_none() {
            return;
        }
        let texts = |list: &Value, field: &str| -> Vec<String> {
            let each = list.as_array().into_iter().flatten();
            each.filter_map(|one| if field.is_empty() { one.as_str() } else { one[field].as_str() })
                .map(str::to_owned)
                .collect()
        };
        let cron = &body["cron"];
        let job = cron["id"].as_str().unwrap_or_default();
        match body["signal"].as_str().unwrap_or_default() {
            "addCron" if cron["serverId"].as_str().is_none_or(|id| id == self.id.as_str()) => {
                self.crons.insert(job.to_owned());
            }
            "removeCron" => {
                self.crons.remove(job);
            }
            "setCrons" => self.crons = texts(&body["crons"], "id").into_iter().collect(),
            "blacklist" => self.blocked.extend(texts(&body["addresses"], "")),
            _ => {}
        }
    }

    fn ran(&mut self, core: &mut Core, number: u64) {
        let Some((body, reply)) = self.running.remove(&number) else { return };
        let signal = body.get("signal").and_then(Value::as_str).unwrap_or_default();
        if let Ok(Some(op)) = OpId::of_body(&body) {
            core.judge.ran(self.me, op.as_str());
        }
        if signal == "stop" || signal == "kill" {
            core.judge.told_to_end(self.me, &self.id);
            if body.get("op").is_none() {
                core.judge.ends_with_everything(self.me, core.now);
            }
            self.ending = true;
            let grace = if signal == "kill" { 0 } else { core.rng.u64(..200 * MS) };
            core.timer(self.me, grace, Timer::End);
        }
        let answer = json!({ "serverId": self.id, "body": { "life": self.me.1 } });
        self.follow.answer(core, reply, answer);
    }
}

/// Module of what servers and agents are ordered.
pub(super) const ORDERS: &str = CONSOLE;
