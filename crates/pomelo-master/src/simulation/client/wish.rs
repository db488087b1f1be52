//! What an administrator wants: one command, with a number.

use pomelo_protocol::ServerId;
use serde_json::{Value, json};

use super::Client;
use crate::simulation::{core::Core, master::SERVER_TYPE};

/// A command.
#[derive(Clone, Debug)]
pub(super) struct Wish {
    pub(super) op: String,
    pub(super) body: Value,
    /// Servers that it ends or starts.
    pub(super) ids: Vec<ServerId>,
    /// What was answered, if it is asked again.
    pub(super) before: Option<Value>,
}

impl Wish {
    pub(super) fn signal(&self) -> &str {
        self.body["signal"].as_str().unwrap_or_default()
    }
}

impl Client {
    /// At random.
    pub(super) fn wish(&mut self, core: &mut Core) -> Wish {
        self.count += 1;
        let op = format!("op-{}-{}", self.me.0, self.count);
        let one = core.rng.choice(&self.ids).cloned().into_iter().collect::<Vec<_>>();
        let mut ids = Vec::new();
        let mut body = match core.rng.u32(..40) {
            0..3 => {
                ids.clone_from(&one);
                json!({ "signal": "stop", "ids": one })
            }
            3..5 => {
                ids.clone_from(&one);
                json!({ "signal": "kill", "ids": one })
            }
            5..7 => json!({ "signal": "handover" }),
            7..13 => {
                ids.clone_from(&one);
                json!({ "signal": "restart", "ids": one })
            }
            13..17 => {
                let mut cron = json!({ "id": op, "time": "0 0 0 1 1 *", "action": "chatCron.say" });
                match (core.rng.bool(), one.first()) {
                    (true, Some(id)) => cron["serverId"] = id.as_str().into(),
                    _ => cron["serverType"] = SERVER_TYPE.into(),
                }
                json!({ "signal": "addCron", "cron": cron })
            }
            17..20 => {
                let address = format!("10.{}.0.{}", self.me.0, self.count);
                json!({ "signal": "blacklist", "args": [address] })
            }
            20..24 if !self.crons.is_empty() => {
                let added = self.crons.swap_remove(core.rng.usize(..self.crons.len()));
                let mut cron = json!({ "id": added["id"] });
                for whom in ["serverId", "serverType"] {
                    if added[whom].is_string() {
                        cron[whom] = added[whom].clone();
                    }
                }
                json!({ "signal": "removeCron", "cron": cron })
            }
            24..26 => {
                ids.clone_from(&self.ids);
                json!({ "signal": if core.rng.bool() { "stop" } else { "kill" } })
            }
            _ => json!({ "signal": "drill", "run": "run", "n": self.count }),
        };
        if self.ends_all {
            ids.clone_from(&self.ids);
            body = json!({ "signal": if core.rng.bool() { "stop" } else { "kill" } });
        }
        body["op"] = op.as_str().into();
        core.trace(|| format!("tool {} wants {body}", self.me.0));
        core.judge.asked(&op, &body, &ids, core.now);
        Wish { op, body, ids, before: None }
    }
}
