//! What an administrator wants of the jobs of servers: the original's `addCron` and `removeCron`.
//!
//! Source: the console module of npm's pomelo 2.2.7, whose tool sends `args`, a list of `key=value`.

use pomelo_cluster::config::CronEntry;
use pomelo_protocol::{ServerId, ServerInfo, ServerType, admin::Failure};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::console::Which;

/// A change of jobs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum CronChange {
    /// A job more.
    Add(Jobholder, CronEntry),
    /// The job with this id is over.
    Remove(Jobholder, String),
}

/// Whose job it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Jobholder {
    /// Every server of a type.
    ServerType(ServerType),
    /// One server.
    ServerId(ServerId),
}

impl Jobholder {
    /// Whether this server is meant.
    pub(crate) fn is(&self, info: &ServerInfo) -> bool {
        match self {
            Self::ServerType(server_type) => info.server_type == *server_type,
            Self::ServerId(id) => info.id == *id,
        }
    }

    /// The same as an operator says it.
    pub(crate) fn which(&self) -> Which {
        match self {
            Self::ServerType(server_type) => Which::Type(server_type.to_string()),
            Self::ServerId(id) => Which::Ids(vec![id.clone()]),
        }
    }
}

impl CronChange {
    /// Understands `addCron` (`add`) or `removeCron`.
    pub(crate) fn parse(body: &Value, add: bool) -> Result<Self, Failure> {
        let mut fields = fields(body)?;
        let text = |name: &str| match fields.get(name) {
            Some(Value::String(text)) => Ok(Some(text.clone())),
            None | Some(Value::Null) => Ok(None),
            Some(other) => Err(Failure::new(format!("{name}: expected text, found {other}"))),
        };
        let (server_id, server_type) = (text("serverId")?, text("serverType")?);
        let invalid = |why: &dyn std::fmt::Display| Failure::new(why.to_string());
        let whom = match (server_id, server_type) {
            (Some(id), _) => Jobholder::ServerId(ServerId::new(id).map_err(|why| invalid(&why))?),
            (None, Some(name)) => Jobholder::ServerType(ServerType::new(name).map_err(|why| invalid(&why))?),
            // In the words of the original.
            (None, None) => {
                return Err(Failure::new("Miss necessary server parameters: serverType or serverId"));
            }
        };
        if !add {
            return match fields.get("id") {
                Some(Value::String(id)) => Ok(Self::Remove(whom, id.clone())),
                Some(Value::Number(id)) => Ok(Self::Remove(whom, id.to_string())),
                _ => Err(Failure::new("Miss necessary server parameters: id")),
            };
        }
        fields.shift_remove("serverType");
        if let Some(Value::String(once)) = fields.get("once") {
            let once = once == "true";
            fields.insert("once".to_owned(), once.into());
        }
        let cron = CronEntry::deserialize(Value::Object(fields));
        let cron = cron.map_err(|why| Failure::new(format!("job: {why}")))?;
        Ok(Self::Add(whom, cron))
    }

    /// What a server is told, of the original or ours.
    pub(crate) fn order(&self) -> Value {
        match self {
            Self::Add(_, cron) => json!({ "signal": "addCron", "cron": cron }),
            Self::Remove(_, id) => json!({ "signal": "removeCron", "cron": { "id": id } }),
        }
    }
}

/// As `cron`, an object, or as the original's tool sends them.
fn fields(body: &Value) -> Result<Map<String, Value>, Failure> {
    if let Some(Value::Object(fields)) = body.get("cron") {
        return Ok(fields.clone());
    }
    let args = body.get("args").and_then(Value::as_array);
    let args = args.ok_or_else(|| Failure::new("expected cron, an object, or args, a list of key=value"))?;
    let pair = |arg: &Value| {
        let (key, value) = arg.as_str()?.split_once('=')?;
        Some((key.to_owned(), Value::from(value)))
    };
    let format = || Failure::new("Error server parameters format.");
    args.iter().map(|arg| pair(arg).ok_or_else(format)).collect()
}
