//! What masters ask of a server: modules `__console__` and `watchServer`, as a function from a question to an answer.
//!
//! Not here: whether the master may ask (its epoch), which the follower has checked already.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use pomelo_protocol::ServerInfo;
use serde_json::{Value, json};

use super::{Ending, crons, drill::Drills, status};
use crate::{connector::ConnectorHandle, schedule::Schedule, session::SessionTable};

/// What is told of.
pub(super) struct Status {
    pub(super) me: Arc<ServerInfo>,
    pub(super) started: Instant,
    pub(super) table: Option<Arc<SessionTable>>,
    pub(super) connector: Option<ConnectorHandle>,
    pub(super) drills: Mutex<Drills>,
    pub(super) schedule: Schedule,
}

/// What is to be done with an order.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Obeyed {
    /// The answer, if one is wanted. Monitors of the original put their results into the answer's `error`.
    pub(super) answer: Option<Value>,
    /// Whether the server is to end afterwards.
    pub(super) ending: Option<Ending>,
    /// Whether all servers of the configuration have started.
    pub(super) all_started: bool,
}

impl Status {
    /// An order of a master of this epoch.
    pub(super) fn obey(&self, module_id: &str, epoch: u64, body: &Value) -> Obeyed {
        let text = |key: &str| body.get(key).and_then(Value::as_str).unwrap_or_default();
        match (module_id, text("signal"), text("comd")) {
            ("__console__", "stop", _) => Obeyed { ending: Some(Ending::Stopped), ..answer(json!(1)) },
            ("__console__", "kill", _) => {
                Obeyed { ending: Some(Ending::Killed), ..answer(json!(self.me.id)) }
            }
            ("__console__", "list", _) => answer(status::list(&self.me, self.started.elapsed())),
            ("__console__", "blacklist", _) => answer(self.block(body)),
            ("__console__", "addCron" | "removeCron" | "setCrons" | "crons", _) => {
                answer(crons::obey(&self.schedule, &self.me.id, text("signal"), body))
            }
            ("__console__", "drillReport", _) => answer(match self.drills().report(body) {
                Ok(report) => status::drill(&self.me, report),
                Err(why) => json!(why),
            }),
            ("__console__", "drill", _) => {
                answer(self.drills().count(epoch, body).unwrap_or_else(Value::from))
            }
            ("watchServer", _, "servers") => answer(status::servers(&self.me, self.started.elapsed())),
            ("watchServer", _, "connections" | "logins") => match &self.table {
                Some(table) => answer(status::connections(&self.me, table, self.connector.as_ref())),
                None => answer(json!("no connections: this is a backend")),
            },
            ("__monitorwatcher__", ..) => {
                let all_started = body.get("action").and_then(Value::as_str) == Some("startOver");
                Obeyed { all_started, ..answer(json!(1)) }
            }
            _ => {
                tracing::debug!(module_id, %body, "unknown order");
                answer(json!(format!("{} does not know this command", self.me.id)))
            }
        }
    }

    /// Lets nobody in from the addresses in `addresses`; a master of the original calls them `blacklist`.
    fn block(&self, body: &Value) -> Value {
        let Some(connector) = &self.connector else { return json!("no connections: this is a backend") };
        let addresses = body.get("addresses").or_else(|| body.get("blacklist")).and_then(Value::as_array);
        let addresses = addresses.into_iter().flatten().filter_map(|address| address.as_str()?.parse().ok());
        connector.block(addresses);
        json!(1)
    }

    fn drills(&self) -> MutexGuard<'_, Drills> {
        self.drills.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn answer(answer: Value) -> Obeyed {
    Obeyed { answer: Some(answer), ..Obeyed::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status() -> Status {
        let me =
            json!({ "id": "gate-server-1", "serverType": "gate", "host": "127.0.0.1", "clientPort": 3014 });
        let me: Arc<ServerInfo> = Arc::new(serde_json::from_value(me).unwrap());
        let table = Some(SessionTable::alone("gate-server-1", 1));
        let schedule = crate::schedule::tests::empty();
        Status { me, started: Instant::now(), table, connector: None, drills: Mutex::default(), schedule }
    }

    /// Field names of an object in order, its own and those of its `body`.
    fn fields(value: &Value) -> Vec<String> {
        let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        let mut all = keys(value);
        all.extend(keys(&value["body"]));
        all
    }

    #[tokio::test]
    async fn rows_have_the_fields_of_the_original_in_its_order() {
        let status = status();
        let ask = |module: &str, body: Value| status.obey(module, 1, &body).answer.unwrap();
        let servers = ask("watchServer", json!({ "comd": "servers", "context": "all" }));
        let expected = ["serverId", "body", "serverId", "serverType", "host", "pid", "heapUsed", "uptime"]
            .map(String::from);
        assert_eq!(fields(&servers), expected);
        assert_eq!(servers["body"]["uptime"], "0.00");
        assert!(servers["body"]["heapUsed"].as_str().unwrap().parse::<f64>().unwrap() > 0.0);

        let list = ask("__console__", json!({ "signal": "list" }));
        let expected =
            ["serverId", "body", "serverId", "serverType", "pid", "rss", "heapTotal", "heapUsed", "uptime"];
        assert_eq!(fields(&list), expected.map(String::from));

        let connections = ask("watchServer", json!({ "comd": "connections", "context": "all" }));
        let body =
            json!({ "serverId": "gate-server-1", "totalConnCount": 0, "loginedCount": 0, "loginedList": [] });
        assert_eq!(connections, json!({ "serverId": "gate-server-1", "body": body }));
    }

    #[test]
    fn a_master_tells_that_all_servers_have_started() {
        let status = status();
        let tells =
            |action: &str| status.obey("__monitorwatcher__", 1, &json!({ "action": action })).all_started;
        assert!(tells("startOver"));
        assert!(!tells("addServer"));
        assert!(!status.obey("__console__", 1, &json!({ "action": "startOver" })).all_started);
    }

    #[tokio::test]
    async fn only_stop_and_kill_end_a_server() {
        let status = status();
        let ending = |signal: &str| status.obey("__console__", 1, &json!({ "signal": signal })).ending;
        assert_eq!(ending("stop"), Some(Ending::Stopped));
        assert_eq!(ending("kill"), Some(Ending::Killed));
        assert_eq!(ending("list"), None);
        assert_eq!(ending("constructor"), None);
    }
}
