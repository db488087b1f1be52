//! `crons.json`: what servers of a type do at certain times, in the original's form.
//!
//! Not here: what a time and an action mean, which only the application knows.

use std::collections::BTreeMap;

use pomelo_protocol::{ServerId, ServerInfo, ServerType};
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Value;

use super::{ConfigError, document::Part};

/// Most entries of one server type.
const CRONS_MAX: usize = 1_000;

/// A job of the servers of one type: an entry of `crons.json`, or one that an administrator added.
///
/// ```json
/// { "id": 1, "time": "0 30 10 * * *", "action": "chatCron.sendMoney", "serverId": "chat-server-1" }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    deny_unknown_fields,
    rename_all = "camelCase",
    expecting = "a job: an object with id, time and action"
)]
pub struct CronEntry {
    /// By what it is removed: a number or text, one of a kind among those of its server type.
    #[serde(deserialize_with = "id")]
    pub id: String,
    /// When: six fields, seconds first.
    pub time: String,
    /// What: the name by which the application registered a function, `chatCron.sendMoney`.
    pub action: String,
    /// The only server that does it; all of the type without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_id: Option<ServerId>,
    /// Whether one server of the type does it each time, and not all.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub once: bool,
}

/// The jobs of each type.
pub(super) fn read(
    part: &Part<'_>,
    servers: &[ServerInfo],
) -> Result<BTreeMap<ServerType, Vec<CronEntry>>, ConfigError> {
    let mut all = BTreeMap::new();
    for (type_name, section) in part.members()? {
        let server_type = ServerType::new(type_name.as_str())
            .map_err(|e| part.conflict(&type_name, format!("not a server type: {e}")))?;
        let crons: Vec<CronEntry> = section.read()?;
        if crons.len() > CRONS_MAX {
            return Err(
                section.conflict(".", format!("{} jobs, at most {CRONS_MAX} are possible", crons.len()))
            );
        }
        for (n, cron) in crons.iter().enumerate() {
            if crons[..n].iter().any(|other| other.id == cron.id) {
                let what = format!("the id {:?} is there twice", cron.id);
                return Err(section.conflict(&format!("[{n}].id"), what));
            }
            let Some(id) = &cron.server_id else { continue };
            if !servers.iter().any(|info| info.id == *id && info.server_type == server_type) {
                let what = format!("servers.json has no {id:?} of type {server_type:?}");
                return Err(section.conflict(&format!("[{n}].serverId"), what));
            }
        }
        all.insert(server_type, crons);
    }
    Ok(all)
}

/// The original's files have numbers, and its command line has text.
fn id<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    match Value::deserialize(d)? {
        Value::Number(id) => Ok(id.to_string()),
        Value::String(id) if !id.is_empty() => Ok(id),
        found => Err(de::Error::custom(format!("expected an id, a number or text, found {found}"))),
    }
}
