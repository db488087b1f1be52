//! What `pomelo` asks of a running cluster: list, stop, kill, restart. Each is a question to the active master and what is
//! printed of its answer.
//!
//! Not here: finding the active master ([`crate::connect`]), what is asked about the masters themselves ([`crate::masters`]).

use std::time::Duration;

use anyhow::{Result, bail};
use pomelo_cluster::admin::AdminError;
use serde_json::{Value, json};

use crate::{connect::Connection, style::Style, table};

/// Module of everything here.
pub(crate) const CONSOLE: &str = "__console__";

/// How long a change may take that waits for no process.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// A cluster may take this long to stop: its servers have 10 s to leave before they are killed.
pub(crate) const STOP_TIMEOUT: Duration = Duration::from_secs(20);

/// A cluster may take this long to be killed.
const KILL_TIMEOUT: Duration = Duration::from_secs(10);

/// A server may take 10 s to leave before it is killed, and its next life some more to begin.
pub(crate) const RESTART_TIMEOUT: Duration = Duration::from_secs(30);

/// `pomelo list`.
pub async fn list(connection: &Connection, json: bool) -> Result<()> {
    let answer = connection.open().await?.ask(CONSOLE, json!({ "signal": "list" })).await?;
    let Some(processes) = answer["msg"].as_object() else {
        bail!("the master answered `list` with {answer}")
    };
    let rows = table::rows(processes);
    if json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
    } else {
        print!("{}", table::render(&table::PROCESSES, &rows, Style::for_stdout()));
    }
    Ok(())
}

/// `pomelo stop`; no id is the whole cluster.
pub async fn stop(connection: &Connection, ids: &[String], json: bool) -> Result<()> {
    let mut conversation = connection.open().await?;
    if let (Some(master), true, false) = (conversation.master(), ids.is_empty(), json) {
        println!("stopping the cluster of {master}");
    }
    let body = json!({ "signal": "stop", "ids": ids });
    let answer = conversation.mutate(CONSOLE, body, STOP_TIMEOUT).await?;
    match ids {
        _ if json => println!("{answer:#}"),
        [] => println!("every server has left, the masters are leaving"),
        ids => println!("told to stop: {}", ids.join(", ")),
    }
    remained(&answer)
}

/// `pomelo kill`.
pub async fn kill(connection: &Connection, json: bool) -> Result<()> {
    let mut conversation = connection.open().await?;
    let master = conversation.master().map(ToString::to_string).unwrap_or_default();
    match conversation.once(CONSOLE, json!({ "signal": "kill" }), KILL_TIMEOUT).await {
        Ok(answer) if json => println!("{answer:#}"),
        // the master may be dead before its answer has left
        Err(AdminError::Closed { .. }) if json => println!("{:#}", json!({ "code": "ok" })),
        Ok(_) | Err(AdminError::Closed { .. }) => println!("killed the cluster of {master}"),
        Err(e) => return Err(e.into()),
    }
    Ok(())
}

/// `pomelo restart`; no id is every server, or every one of a type.
pub async fn restart(
    connection: &Connection,
    ids: &[String],
    server_type: Option<&str>,
    json: bool,
) -> Result<()> {
    let mut conversation = connection.open().await?;
    let mut body = json!({ "signal": "restart", "ids": ids });
    if let Some(server_type) = server_type {
        body["type"] = server_type.into();
    }
    let answer = conversation.mutate(CONSOLE, body, RESTART_TIMEOUT).await?;
    if json {
        println!("{}", serde_json::to_string_pretty(&answer)?);
    } else {
        print!("{}", restarted(&answer));
    }
    remained(&answer)
}

/// A line for each server that was started again.
pub(crate) fn restarted(answer: &Value) -> String {
    let results = answer["results"].as_object().into_iter().flatten();
    let one = |(id, result): (&String, &Value)| match result {
        Value::Number(pid) => format!("{id} runs again as pid {pid}\n"),
        Value::Null => format!("{id} could not be started; the log of its supervisor says why\n"),
        Value::Object(error) => {
            let why =
                error.get("error").and_then(Value::as_str).map_or_else(|| result.to_string(), str::to_owned);
            format!("{id} was not started again: {why}\n")
        }
        Value::String(word) => format!("{id} was not started again: {word}\n"),
        other => format!("{id}: {other}\n"),
    };
    results.map(one).collect()
}

/// Servers that did not do what they were told are a failure of the command.
pub(crate) fn remained(answer: &Value) -> Result<()> {
    let ids: Vec<&str> =
        answer["remained"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if !ids.is_empty() {
        bail!("not done by {}; `pomelo list` shows who runs", ids.join(", "));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_is_told_server_by_server() {
        let answer = json!({ "code": "remained", "remained": ["b", "c", "d"], "results":
            { "a": 77, "b": null, "c": { "error": "no agent runs it" }, "d": "unanswered" } });
        assert_eq!(
            restarted(&answer),
            "a runs again as pid 77\n\
             b could not be started; the log of its supervisor says why\n\
             c was not started again: no agent runs it\n\
             d was not started again: unanswered\n"
        );
        let error = remained(&answer).unwrap_err().to_string();
        assert_eq!(error, "not done by b, c, d; `pomelo list` shows who runs");
        assert!(remained(&json!({ "code": "ok" })).is_ok());
    }
}
