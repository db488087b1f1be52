//! Jobs between a server and its masters: what administrators add and remove, and who does what is to be done once.
//!
//! Not here: when something is due (`schedule`), and which server the leader chooses.

use std::{sync::Arc, time::Duration};

use pomelo_cluster::{config::CronEntry, follow::Follower};
use pomelo_protocol::{ServerId, ServerInfo};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};

use crate::schedule::{AskLeader, Granted, Origin, Schedule};

/// The module of the leader that is asked.
const MODULE: &str = "__cron__";

/// How long after a question without an answer the next is asked.
const RETRY: Duration = Duration::from_secs(1);

/// The longest wait for a leader, and the shortest: a job that is due every second still may ask.
const WAIT: std::ops::RangeInclusive<Duration> = Duration::from_millis(500)..=Duration::from_secs(600);

/// Asks the leader, again and again until the job is due the next time.
pub(super) fn ask(follower: &Follower, me: &Arc<ServerInfo>) -> AskLeader {
    let (follower, me) = (follower.clone(), Arc::clone(me));
    Arc::new(move |job, at, left| {
        let (follower, me, job) = (follower.clone(), Arc::clone(&me), job.to_owned());
        Box::pin(async move {
            let until = Instant::now() + left.clamp(*WAIT.start(), *WAIT.end());
            let body = json!({
                "signal": "due",
                "serverType": me.server_type,
                "serverId": me.id,
                "job": job,
                "at": at,
            });
            loop {
                let left = until.saturating_duration_since(Instant::now());
                let why = match follower.request_within(MODULE, body.clone(), left).await {
                    Ok(answer) => match answer.get("to").and_then(Value::as_str) {
                        Some(to) if to == me.id.as_str() => return Granted::Here,
                        Some(_) => return Granted::Elsewhere,
                        None => format!("answer not understood: {answer}"),
                    },
                    Err(error) => error.to_string(),
                };
                if Instant::now() + RETRY >= until {
                    return Granted::Nobody(why);
                }
                tracing::debug!(job, why, "asking a leader again");
                sleep_until(Instant::now() + RETRY).await;
            }
        })
    })
}

/// An order of a master.
pub(super) fn obey(schedule: &Schedule, me: &ServerId, signal: &str, body: &Value) -> Value {
    let cron = body.get("cron").unwrap_or(&Value::Null);
    match signal {
        "addCron" => {
            let mut cron = cron.clone();
            // The original sends along for whom it is.
            if let Value::Object(fields) = &mut cron {
                fields.shift_remove("serverType");
            }
            let entry = serde_json::from_value::<CronEntry>(cron).map_err(|error| error.to_string());
            match entry.and_then(|entry| schedule.add(&entry, Origin::Added)) {
                Ok(()) => json!(1),
                Err(why) => {
                    tracing::warn!(%body, "job can't be added: {why}");
                    json!(why)
                }
            }
        }
        "setCrons" => {
            let crons = body.get("crons").cloned().unwrap_or_default();
            match serde_json::from_value::<Vec<CronEntry>>(crons) {
                Ok(entries) => {
                    schedule.set_added(&entries);
                    json!(1)
                }
                Err(why) => json!(why.to_string()),
            }
        }
        "removeCron" => {
            let id = match cron.get("id") {
                Some(Value::String(id)) => id.clone(),
                Some(id) => id.to_string(),
                None => String::new(),
            };
            if schedule.remove(&id) { json!(1) } else { json!(format!("there is no job {id:?}")) }
        }
        _ => json!({ "serverId": me, "body": { "serverId": me, "crons": schedule.list() } }),
    }
}
