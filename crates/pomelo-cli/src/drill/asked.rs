//! What a drill asks the active master: which process it is, how the last failover went, what the servers counted.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use pomelo_cluster::{admin::AdminClient, status::Masters};
use serde_json::{Map, Value, json};

use super::report::Split;

/// The process of the master that is asked.
pub async fn pid_of(client: &AdminClient) -> Result<u32> {
    let answer = client.request("watchServer", json!({ "comd": "servers", "context": "all" })).await?;
    let rows = rows_of(&answer);
    let master = rows.values().find(|row| row["serverType"] == "master");
    let master = master.context("no master in the list of servers")?;
    let pid = master["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok());
    pid.context("the master does not say which process it is")
}

/// Where the time of a failover went, and how many servers of how many follow.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Told {
    /// Nothing until the master has its record.
    pub split: Option<Split>,
    /// How many of how many.
    pub following: Option<(usize, usize)>,
}

/// Everything about the masters, as the one that is asked knows it.
pub async fn masters(client: &AdminClient) -> Result<Masters> {
    let document = client.request("__console__", json!({ "signal": "masters" })).await?;
    serde_json::from_value(document).context("the master's status can't be read")
}

/// What a status says of the failover to this epoch.
pub fn failover(masters: &Masters, epoch: u64) -> Told {
    let split = masters.failovers.iter().find(|record| record.epoch == epoch).map(|record| Split {
        detect: record.detect_ms,
        elect: record.elect_ms,
        publish: record.publish_ms,
        follow: record.follow_ms,
    });
    let following = masters.leader.as_ref().map(|leader| (leader.following, leader.servers));
    Told { split, following }
}

/// What each server counted of a run, by id.
pub async fn counted(client: &AdminClient, run: &str) -> Result<BTreeMap<String, Value>> {
    let answer = client.request("__console__", json!({ "signal": "drillReport", "run": run })).await?;
    Ok(rows_of(&answer).into_iter().collect())
}

fn rows_of(answer: &Value) -> Map<String, Value> {
    answer["msg"].as_object().cloned().unwrap_or_default()
}
