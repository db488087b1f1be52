//! A game server process: the real follower, and a journal of what it was told to do.

use pomelo_cluster::follower::Leader;
use pomelo_protocol::{ServerId, ServerInfo};
use serde_json::{Value, json};

use super::{
    core::{Core, Ev, Life, MS, Node, Timer, What},
    follow::{Follow, News, Who},
    master::SERVER_TYPE,
};
use crate::console::CONSOLE;

pub(super) struct Server {
    me: (Node, Life),
    pub(super) id: ServerId,
    pub(super) incarnation: u64,
    pub(super) follow: Follow,
    /// It ends, on an order.
    pub(super) ending: bool,
}

impl Server {
    pub(super) fn new(
        core: &mut Core,
        me: (Node, Life),
        id: ServerId,
        incarnation: u64,
        masters: &[Node],
    ) -> Self {
        let record = json!({
            "id": id, "serverType": SERVER_TYPE, "host": "10.0.0.2", "port": 6050, "pid": me.1, "incarnation": incarnation,
        });
        let info: ServerInfo = serde_json::from_value(record).expect("a valid record");
        let follow = Follow::new(core, me, Who::Server(info), masters);
        core.after(super::core::SECOND, Ev::To(me.0, me.1, What::Tick));
        Self { me, id, incarnation, follow, ending: false }
    }

    pub(super) fn leader(&self) -> Option<&Leader> {
        self.follow.state.leader()
    }

    pub(super) fn on(&mut self, core: &mut Core, what: What) {
        match what {
            What::Tick => core.after(super::core::SECOND, Ev::To(self.me.0, self.me.1, What::Tick)),
            What::Timer(Timer::End) => core.ends.push(self.me),
            what => {
                let news = self.follow.on(core, what).unwrap_or_default();
                for news in news {
                    self.news(core, news);
                }
            }
        }
    }

    fn news(&mut self, core: &mut Core, news: News) {
        match news {
            News::Order { conn, epoch, req_id, module_id, body, .. } => {
                let signal = body.get("signal").and_then(Value::as_str).unwrap_or_default().to_owned();
                core.trace(|| format!("server {} obeys epoch {epoch}: {module_id} {body}", self.id));
                if module_id == CONSOLE && (signal == "stop" || signal == "kill") {
                    core.judge.told_to_end(self.me, &self.id);
                    self.ending = true;
                    let grace = if signal == "kill" { 0 } else { core.rng.u64(..200 * MS) };
                    core.timer(self.me, grace, Timer::End);
                }
                let answer = json!({ "serverId": self.id, "body": {} });
                self.follow.respond(core, conn, req_id, answer);
            }
            News::Refused(why) if why.contains("this process must end") => {
                core.judge.refused_as_older(self.me);
                self.ending = true;
                core.ends.push(self.me);
            }
            _ => {}
        }
    }
}
