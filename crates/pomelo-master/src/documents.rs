//! JSON documents of the master's side: a server's record, rows of tables. Source: the recordings `admin-*.jsonl`,
//! `cli-*.jsonl` and `pomelo-list.jsonl`; field order is theirs.

use std::time::Duration;

use pomelo_cluster::{coordinator::CandidateInfo, membership::View};
use pomelo_protocol::ServerInfo;
use serde_json::{Map, Value, json};

use crate::{console::Columns, process::Usage};

/// A server's record as servers are told it.
///
/// The original's servers compare `frontend` with the text `"true"`, because theirs come from arguments; ours read both.
pub(crate) fn record(info: &ServerInfo) -> Value {
    let mut fields = info.extra.clone();
    fields.insert("id".into(), info.id.as_str().into());
    fields.insert("host".into(), info.host.clone().into());
    put(&mut fields, "port", info.port);
    put(&mut fields, "clientHost", info.client_host.clone());
    put(&mut fields, "clientPort", info.client_port);
    put(&mut fields, "frontend", info.frontend.then_some("true"));
    fields.insert("serverType".into(), info.server_type.as_str().into());
    put(&mut fields, "pid", info.pid);
    put(&mut fields, "incarnation", info.incarnation);
    Value::Object(fields)
}

/// Every server's record by id: the answer to `subscribe`.
pub(crate) fn records(view: &View) -> Value {
    Value::Object(view.servers.values().map(|info| (info.id.to_string(), record(info))).collect())
}

/// The row of this master.
pub(crate) fn master_row(me: &CandidateInfo, usage: Usage, columns: Columns) -> Option<Value> {
    let mut row =
        json!({ "serverId": me.id, "serverType": "master" }).as_object().cloned().unwrap_or_default();
    match columns {
        Columns::None => return None,
        Columns::Place => {
            row.insert("host".into(), me.addr.host.clone().into());
            row.insert("port".into(), me.addr.port.into());
            row.insert("pid".into(), me.pid.into());
            usage.short_columns(&mut row);
        }
        Columns::Memory => {
            row.insert("pid".into(), me.pid.into());
            usage.long_columns(&mut row);
        }
    }
    Some(Value::Object(row))
}

/// What is known of a server without asking it: the columns that only it could fill are left out. `missing` is how long it has
/// had no link here, in whole seconds.
pub(crate) fn record_row(info: &ServerInfo, columns: Columns, missing: Option<Duration>) -> Option<Value> {
    let mut row = Map::new();
    row.insert("serverId".into(), info.id.as_str().into());
    row.insert("serverType".into(), info.server_type.as_str().into());
    match columns {
        Columns::None => return None,
        Columns::Place => {
            row.insert("host".into(), info.host.clone().into());
            put(&mut row, "port", info.port);
        }
        Columns::Memory => {}
    }
    put(&mut row, "pid", info.pid);
    put(&mut row, "missing", missing.map(|missing| missing.as_secs()));
    Some(Value::Object(row))
}

fn put(fields: &mut Map<String, Value>, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        fields.insert(name.into(), value.into());
    }
}

#[cfg(test)]
mod tests {
    use pomelo_cluster::coordinator::MasterAddr;
    use pomelo_protocol::ServerId;

    use super::*;

    const CONNECTOR: &str = r#"{"main":"/srv/game/app/app.js","env":"development","id":"connector-server-1","host":"127.0.0.1","port":4050,"clientHost":"127.0.0.1","clientPort":3050,"frontend":"true","serverType":"connector","pid":10509}"#;

    #[test]
    fn a_record_of_the_original_is_told_on_byte_for_byte() {
        let info: ServerInfo = serde_json::from_str(CONNECTOR).unwrap();
        assert_eq!(record(&info).to_string(), CONNECTOR);
    }

    #[test]
    fn the_masters_row_has_the_recorded_columns() {
        let addr = MasterAddr { host: "127.0.0.1".into(), port: 3005 };
        let me = CandidateInfo { id: ServerId::new("master-server-1").unwrap(), addr, pid: 10494 };
        let usage = Usage { resident_mb: 13.39, uptime_min: 0.39 };
        assert_eq!(
            master_row(&me, usage, Columns::Place).unwrap().to_string(),
            r#"{"serverId":"master-server-1","serverType":"master","host":"127.0.0.1","port":3005,"pid":10494,"heapUsed":"13.39","uptime":"0.39"}"#
        );
        assert_eq!(
            master_row(&me, usage, Columns::Memory).unwrap().to_string(),
            r#"{"serverId":"master-server-1","serverType":"master","pid":10494,"rss":"13.39","heapTotal":"13.39","heapUsed":"13.39","uptime":"0.39"}"#
        );
    }

    #[test]
    fn a_server_that_was_not_asked_is_listed_with_what_its_record_says() {
        let info: ServerInfo = serde_json::from_str(CONNECTOR).unwrap();
        assert_eq!(
            record_row(&info, Columns::Place, None).unwrap().to_string(),
            r#"{"serverId":"connector-server-1","serverType":"connector","host":"127.0.0.1","port":4050,"pid":10509}"#
        );
        let missing = record_row(&info, Columns::Memory, Some(Duration::from_millis(4_700))).unwrap();
        assert_eq!(missing["missing"], 4);
    }
}
