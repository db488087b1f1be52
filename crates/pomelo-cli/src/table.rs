//! Tables as the original prints them: a title line, then one line a row, columns as wide as their widest cell.

use serde_json::{Map, Value};

use crate::style::Style;

/// Columns of `show servers`: title, and field of the admin protocol's answer.
pub const SERVERS: [(&str, &str); 7] = [
    ("serverId", "serverId"),
    ("serverType", "serverType"),
    ("host", "host"),
    ("port", "port"),
    ("pid", "pid"),
    ("heapUsed(M)", "heapUsed"),
    ("uptime(m)", "uptime"),
];

/// Columns of `pomelo list`.
pub const PROCESSES: [(&str, &str); 7] = [
    ("serverId", "serverId"),
    ("serverType", "serverType"),
    ("pid", "pid"),
    ("rss(M)", "rss"),
    ("heapTotal(M)", "heapTotal"),
    ("heapUsed(M)", "heapUsed"),
    ("uptime(m)", "uptime"),
];

/// Columns of `show connections`.
pub const CONNECTIONS: [(&str, &str); 3] =
    [("serverId", "serverId"), ("connections", "totalConnCount"), ("logins", "loginedCount")];

/// Columns of `show logins`.
pub const LOGINS: [(&str, &str); 3] = [("serverId", "serverId"), ("uid", "uid"), ("sessionId", "sessionId")];

/// The rows of an answer `{id: {field: value}}`, by id. A server whose link broke can't say how it is: its last column says
/// for how long.
pub fn rows(answer: &Map<String, Value>) -> Vec<Value> {
    let mut rows: Vec<_> = answer.iter().collect();
    rows.sort_by_key(|(id, _)| *id);
    let row = |(_, row): (&String, &Value)| {
        let mut row = row.clone();
        if let Some(seconds) = row.get("missing").and_then(Value::as_u64) {
            row["uptime"] = format!("missing for {seconds} s").into();
        }
        row
    };
    rows.into_iter().map(row).collect()
}

/// The rows of `show logins`, of what one frontend says: a row for each user.
pub fn logins(frontend: Value) -> Vec<Value> {
    let users = frontend["loginedList"].as_array().cloned().unwrap_or_default();
    let of_server = |mut user: Value| {
        user["serverId"] = frontend["serverId"].clone();
        user
    };
    users.into_iter().map(of_server).collect()
}

/// The table as text, every line ended.
pub fn render(columns: &[(&str, &str)], rows: &[Value], style: Style) -> String {
    let cells: Vec<Vec<String>> =
        rows.iter().map(|row| columns.iter().map(|(_, field)| cell(&row[*field])).collect()).collect();
    let widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(i, (title, _))| {
            cells.iter().map(|row| row[i].chars().count()).fold(title.chars().count(), usize::max)
        })
        .collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> = cells.zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        padded.join(" ").trim_end().to_owned()
    };
    let mut text = style.bold(line(&mut columns.iter().map(|(title, _)| *title)));
    text.push('\n');
    for row in &cells {
        text.push_str(&line(&mut row.iter().map(String::as_str)));
        text.push('\n');
    }
    text
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".into(),
        Value::String(s) => s.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_missing_server_is_listed_with_for_how_long() {
        let answer = json!({ "gate-server-1": { "serverId": "gate-server-1", "missing": 4 } });
        let text = render(&PROCESSES, &rows(answer.as_object().unwrap()), Style::plain());
        assert!(text.ends_with("missing for 4 s\n"), "{text}");
    }

    #[test]
    fn servers_are_listed_by_id_in_columns_as_wide_as_their_widest_cell() {
        let answer = json!({
            "master-server-1": {"serverId": "master-server-1", "serverType": "master", "host": "127.0.0.1", "port": 3005,
                "pid": 10494, "heapUsed": "13.39", "uptime": "0.39"},
            "gate-server-1": {"serverId": "gate-server-1", "serverType": "gate", "host": "127.0.0.1", "pid": 10531,
                "heapUsed": "14.22", "uptime": "0.30"},
        });
        let text = render(&SERVERS, &rows(answer.as_object().unwrap()), Style::plain());
        assert_eq!(
            text,
            "serverId        serverType host      port pid   heapUsed(M) uptime(m)\n\
             gate-server-1   gate       127.0.0.1 -    10531 14.22       0.30\n\
             master-server-1 master     127.0.0.1 3005 10494 13.39       0.39\n"
        );
    }
}
