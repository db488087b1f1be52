//! What this process says of itself to administrators, in the units and forms of the original.

use std::{fs, time::Duration};

use pomelo_protocol::ServerInfo;
use serde_json::{Map, Value, json};

use crate::{Session, connector::ConnectorHandle, session::SessionTable};

/// `show servers`: one row. `heapUsed` is what a table of the original calls it; here it is the resident memory.
pub(super) fn servers(me: &ServerInfo, up: Duration) -> Value {
    let mut row = Map::new();
    row.insert("serverId".into(), json!(me.id));
    row.insert("serverType".into(), json!(me.server_type));
    row.insert("host".into(), json!(me.host));
    if let Some(port) = me.port {
        row.insert("port".into(), port.into());
    }
    row.insert("pid".into(), std::process::id().into());
    row.insert("heapUsed".into(), resident_mb().into());
    row.insert("uptime".into(), minutes(up).into());
    about(me, row)
}

/// `pomelo list`: one row.
pub(super) fn list(me: &ServerInfo, up: Duration) -> Value {
    let resident = resident_mb();
    let mut row = Map::new();
    row.insert("serverId".into(), json!(me.id));
    row.insert("serverType".into(), json!(me.server_type));
    row.insert("pid".into(), std::process::id().into());
    row.insert("rss".into(), resident.clone().into());
    row.insert("heapTotal".into(), resident.clone().into());
    row.insert("heapUsed".into(), resident.into());
    row.insert("uptime".into(), minutes(up).into());
    about(me, row)
}

/// `show connections` and `show logins`: how many clients, and who of them has a user.
pub(super) fn connections(
    me: &ServerInfo,
    table: &SessionTable,
    connector: Option<&ConnectorHandle>,
) -> Value {
    let total = connector.map_or(0, ConnectorHandle::clients);
    let bound = table.bound();
    let login = |session: &Session| {
        let uid = session.uid().ok()?;
        Some(json!({ "uid": uid, "sessionId": session.id() }))
    };
    let logins: Vec<_> = bound.iter().filter_map(login).collect();
    let mut row = Map::new();
    row.insert("serverId".into(), json!(me.id));
    row.insert("totalConnCount".into(), total.into());
    row.insert("loginedCount".into(), logins.len().into());
    row.insert("loginedList".into(), logins.into());
    about(me, row)
}

/// `drillReport`: what was counted of the commands of `pomelo drill`, and in which life.
pub(super) fn drill(me: &ServerInfo, counted: Map<String, Value>) -> Value {
    let mut row = Map::new();
    row.insert("serverId".into(), json!(me.id));
    row.insert("pid".into(), std::process::id().into());
    row.insert("incarnation".into(), json!(me.incarnation));
    row.extend(counted);
    about(me, row)
}

fn about(me: &ServerInfo, body: Map<String, Value>) -> Value {
    json!({ "serverId": me.id, "body": body })
}

/// Two decimals, as text.
fn resident_mb() -> String {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kb: f64 =
        line.and_then(|line| line.split_ascii_whitespace().next()?.parse().ok()).unwrap_or_default();
    format!("{:.2}", kb / 1024.0)
}

/// Two decimals, as text.
fn minutes(up: Duration) -> String {
    format!("{:.2}", up.as_secs_f64() / 60.0)
}
