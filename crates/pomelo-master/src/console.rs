//! What an administrator's question means: from module and body to a [`Command`], and who may ask for it. Source: the
//! recordings `cli-*.jsonl` and `pomelo-*.jsonl`.
//!
//! Pure, and ignorant of who is there: carrying a command out is [`crate::control`]'s.

use pomelo_cluster::cidr::Cidr;
use pomelo_protocol::{ServerId, admin::Failure};
use serde_json::{Map, Value, json};

pub(crate) use crate::cron_command::{CronChange, Jobholder};

/// Module of `list`, `stop`, `kill`, and of what a master orders.
pub(crate) const CONSOLE: &str = "__console__";
/// Module of what `show` asks.
pub(crate) const WATCH: &str = "watchServer";
/// Module of scripts, which only servers of the original run.
const SCRIPTS: &str = "scripts";
/// Servers or addresses in one command; more are refused in words.
const NAMED_MAX: usize = 2_048;

/// What an administrator wants.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Command {
    /// A row of each server and of this master, gathered into `{"msg": {id: row}}`.
    Rows(Rows),
    /// One server's answer, passed on as it is.
    Pass {
        /// Who is asked.
        server: ServerId,
        /// Which module of it.
        module_id: &'static str,
        /// What it is asked.
        body: Value,
        /// Whether it only reads.
        reads: bool,
    },
    /// Names of the modules: answered by the master itself.
    Modules,
    /// `show config`: the original answers without a body, so there is nothing to tell.
    Config,
    /// Who leads, who would next, and how the last changes went: any master answers that.
    Masters,
    /// Another master is to lead.
    HandOver {
        /// Its id, `host:port` or port; `None` is whoever is next.
        to: Option<String>,
    },
    /// Something is to be different afterwards.
    Change(Change),
}

/// A command that changes something: recorded before it is carried out, and done once.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Change {
    /// Ends servers, or with no ids everything, the master included.
    Stop {
        /// Empty is all.
        ids: Vec<ServerId>,
        /// Without waiting for anything they have in hand.
        kill: bool,
    },
    /// Ends servers and starts them again, by the agents that run them.
    Restart(Which),
    /// Lets nobody in from these addresses and ranges.
    Blacklist(Vec<Cidr>),
    /// Jobs of servers come or go.
    Cron(CronChange),
    /// Changes nothing but a count at each server: by these a drill finds out what was lost or done twice.
    Drill {
        /// Who counts.
        which: Which,
        /// What they are told.
        body: Value,
    },
}

/// Some servers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Which {
    /// Every one.
    All,
    /// Those of a type.
    Type(String),
    /// These.
    Ids(Vec<ServerId>),
}

/// A question to several servers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Rows {
    /// Who is asked.
    pub(crate) of: Of,
    /// Which module of them.
    pub(crate) module_id: &'static str,
    /// What they are asked.
    pub(crate) body: Value,
    /// What stands in the row of this master and of a server that did not answer.
    pub(crate) columns: Columns,
}

/// Which servers are asked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Of {
    /// Every one.
    All,
    /// Those that hold client connections.
    Frontends,
    /// One.
    One(ServerId),
}

/// Which columns a row has that is made from a server's record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Columns {
    /// `show servers`: host and port.
    Place,
    /// `list`: memory in detail.
    Memory,
    /// No row without the server's own answer.
    None,
}

impl Command {
    /// Understands a request of a client.
    pub(crate) fn parse(module_id: &str, body: &Value) -> Result<Self, Failure> {
        match module_id {
            CONSOLE => Self::parse_console(body),
            WATCH => Self::parse_watch(body),
            SCRIPTS => {
                let server = server_id(body.get("serverId").unwrap_or(&Value::Null))?;
                Ok(Self::Pass { server, module_id: SCRIPTS, body: body.clone(), reads: false })
            }
            other => Err(Failure::new(format!("unknown module {other:?}"))),
        }
    }

    /// Whether a user with the right to look, and no more, may ask for it.
    pub(crate) fn reads_only(&self) -> bool {
        match self {
            Self::Rows(_) | Self::Modules | Self::Config | Self::Masters => true,
            Self::Pass { reads, .. } => *reads,
            Self::HandOver { .. } | Self::Change(_) => false,
        }
    }

    fn parse_console(body: &Value) -> Result<Self, Failure> {
        match word(body, "signal") {
            "list" => Ok(Self::Rows(Rows {
                of: Of::All,
                module_id: CONSOLE,
                body: json!({ "signal": "list" }),
                columns: Columns::Memory,
            })),
            "stop" => Ok(Self::Change(Change::Stop { ids: server_ids(body)?, kill: false })),
            "kill" => Ok(Self::Change(Change::Stop { ids: server_ids(body)?, kill: true })),
            "masters" => Ok(Self::Masters),
            "handover" => Ok(Self::HandOver { to: successor(body)? }),
            "restart" => Ok(Self::Change(Change::Restart(which(body)?))),
            "blacklist" => Ok(Self::Change(Change::Blacklist(addresses(body)?))),
            signal @ ("addCron" | "removeCron") => {
                Ok(Self::Change(Change::Cron(CronChange::parse(body, signal == "addCron")?)))
            }
            "crons" => Ok(Self::Rows(Rows {
                of: Of::All,
                module_id: CONSOLE,
                body: json!({ "signal": "crons" }),
                columns: Columns::None,
            })),
            "drill" => {
                let field = |name: &str| body.get(name).cloned().unwrap_or_default();
                let told = json!({ "signal": "drill", "run": field("run"), "n": field("n") });
                Ok(Self::Change(Change::Drill { which: which(body)?, body: told }))
            }
            "drillReport" => Ok(Self::Rows(Rows {
                of: Of::All,
                module_id: CONSOLE,
                body: json!({ "signal": "drillReport", "run": word(body, "run") }),
                columns: Columns::None,
            })),
            other => Err(Failure::new(format!("unknown console signal {other:?}"))),
        }
    }

    fn parse_watch(body: &Value) -> Result<Self, Failure> {
        let comd = word(body, "comd");
        let context = word(body, "context");
        let all = context.is_empty() || context == "all";
        let of = |all_of| {
            if all { Ok(all_of) } else { server_id(&Value::from(context)).map(Of::One) }
        };
        let rows = |of, columns| {
            let context = if all { "all" } else { context };
            let body = json!({ "comd": comd, "context": context });
            Self::Rows(Rows { of, module_id: WATCH, body, columns })
        };
        match comd {
            "servers" => Ok(rows(Of::All, Columns::Place)),
            "connections" | "logins" => Ok(rows(of(Of::Frontends)?, Columns::None)),
            "modules" => Ok(Self::Modules),
            "config" if all => Ok(Self::Config),
            "config" | "settings" | "status" | "proxy" | "handler" | "components" | "get" | "set" | "run"
            | "enable" | "disable" => {
                let server = match of(Of::All)? {
                    Of::One(server) => server,
                    Of::All | Of::Frontends => {
                        return Err(Failure::new(format!("{comd} asks one server: name it in context")));
                    }
                };
                let reads = !matches!(comd, "set" | "run" | "enable" | "disable");
                Ok(Self::Pass { server, module_id: WATCH, body: without_asker(body), reads })
            }
            other => Err(Failure::new(format!("unknown watchServer command {other:?}"))),
        }
    }
}

impl Change {
    /// What is answered when it is over, in the original's shapes; `remained` are those who did not do it.
    pub(crate) fn answer(&self, remained: &[ServerId]) -> Value {
        let code = if remained.is_empty() { "ok" } else { "remained" };
        let mut answer = match self {
            Self::Stop { ids, kill: false } => {
                json!({ "status": if ids.is_empty() { "all" } else { "part" } })
            }
            Self::Stop { kill: true, .. } | Self::Restart(_) => json!({ "code": code }),
            Self::Blacklist(_) | Self::Cron(_) | Self::Drill { .. } => json!({ "status": "ok" }),
        };
        if !remained.is_empty() {
            answer["remained"] = json!(remained);
        }
        answer
    }
}

/// A command's body as it is kept: without the operation's number and the asking client.
pub(crate) fn as_kept(body: &Value) -> Value {
    let mut kept = without_asker(body);
    if let Value::Object(fields) = &mut kept {
        fields.shift_remove("op");
    }
    kept
}

/// The body without what names the asking client, which is no affair of the servers.
fn without_asker(body: &Value) -> Value {
    let asker = |name: &str| name == "clientId" || name == "username";
    let fields = body.as_object().into_iter().flatten().filter(|(name, _)| !asker(name));
    Value::Object(fields.map(|(name, value)| (name.clone(), value.clone())).collect::<Map<_, _>>())
}

fn word<'a>(body: &'a Value, field: &str) -> &'a str {
    body.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn server_ids(body: &Value) -> Result<Vec<ServerId>, Failure> {
    match body.get("ids") {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(ids)) => few(ids)?.iter().map(server_id).collect(),
        Some(other) => Err(Failure::new(format!("ids: expected a list of server ids, found {other}"))),
    }
}

fn which(body: &Value) -> Result<Which, Failure> {
    let ids = server_ids(body)?;
    Ok(match word(body, "type") {
        _ if !ids.is_empty() => Which::Ids(ids),
        "" => Which::All,
        server_type => Which::Type(server_type.to_owned()),
    })
}

/// Of `handover`: a port may be a number.
fn successor(body: &Value) -> Result<Option<String>, Failure> {
    match body.get("to") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(to)) if !to.is_empty() => Ok(Some(to.clone())),
        Some(Value::Number(port)) => Ok(Some(port.to_string())),
        Some(other) => {
            Err(Failure::new(format!("handover: expected to, an id, host:port or port, found {other}")))
        }
    }
}

/// Of `blacklist`: the original's tool sends them as `args`.
fn addresses(body: &Value) -> Result<Vec<Cidr>, Failure> {
    let expected = || Failure::new("blacklist: expected args, a list of addresses");
    let list = body.get("args").or_else(|| body.get("blacklist")).and_then(Value::as_array);
    let list = few(list.filter(|list| !list.is_empty()).ok_or_else(expected)?)?;
    let address = |value: &Value| {
        let text = value.as_str().unwrap_or_default();
        let wrong = |error| Failure::new(format!("blacklist ip: {value} is error format. {error}"));
        text.parse().map_err(wrong)
    };
    list.iter().map(address).collect()
}

fn few(list: &[Value]) -> Result<&[Value], Failure> {
    if list.len() > NAMED_MAX {
        return Err(Failure::new(format!("{} in one command, at most {NAMED_MAX} are possible", list.len())));
    }
    Ok(list)
}

fn server_id(id: &Value) -> Result<ServerId, Failure> {
    let text = id.as_str().ok_or_else(|| Failure::new(format!("expected a server id, found {id}")))?;
    ServerId::new(text).map_err(|invalid| Failure::new(invalid.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(id: &str) -> ServerId {
        ServerId::new(id).unwrap()
    }

    #[test]
    fn show_servers_asks_every_server_what_the_original_asks() {
        let body =
            json!({"comd":"servers","param":"","context":"all","clientId":"pomelo_cli_1","username":"admin"});
        let Command::Rows(rows) = Command::parse(WATCH, &body).unwrap() else { panic!("no rows") };
        assert_eq!(rows.of, Of::All);
        assert_eq!(rows.body.to_string(), r#"{"comd":"servers","context":"all"}"#);
    }

    #[test]
    fn logins_in_the_context_of_a_server_ask_that_one() {
        let body = json!({"comd":"logins","param":"","context":"connector-server-1","clientId":"x","username":"admin"});
        let Command::Rows(rows) = Command::parse(WATCH, &body).unwrap() else { panic!("no rows") };
        assert_eq!(rows.of, Of::One(id("connector-server-1")));
        assert_eq!(rows.body.to_string(), r#"{"comd":"logins","context":"connector-server-1"}"#);
    }

    #[test]
    fn what_one_server_is_asked_goes_to_it_without_the_askers_name() {
        let body = json!({"comd":"set","param":{"key":"foo","value":"bar"},"context":"chat-1","clientId":"x","username":"y"});
        let command = Command::parse(WATCH, &body).unwrap();
        assert!(!command.reads_only());
        let Command::Pass { server, body, .. } = command else { panic!("not passed on") };
        assert_eq!(server, id("chat-1"));
        assert_eq!(
            body.to_string(),
            r#"{"comd":"set","param":{"key":"foo","value":"bar"},"context":"chat-1"}"#
        );
    }

    #[test]
    fn only_reading_is_for_everybody() {
        for (module, body, reads) in [
            (CONSOLE, json!({"signal":"list"}), true),
            (CONSOLE, json!({"signal":"stop","ids":["gate-1"]}), false),
            (CONSOLE, json!({"signal":"kill"}), false),
            (WATCH, json!({"comd":"servers","context":"all"}), true),
            (WATCH, json!({"comd":"get","param":"foo","context":"gate-1"}), true),
            (WATCH, json!({"comd":"run","param":"1","context":"gate-1"}), false),
            (SCRIPTS, json!({"command":"run","serverId":"gate-1","script":""}), false),
        ] {
            assert_eq!(Command::parse(module, &body).unwrap().reads_only(), reads, "{body}");
        }
    }

    #[test]
    fn what_is_not_understood_is_answered_in_words() {
        for (module, body, words) in [
            ("systemInfo", json!({}), "unknown module \"systemInfo\""),
            (CONSOLE, json!({"signal":"dance"}), "unknown console signal \"dance\""),
            (CONSOLE, json!({"signal":"stop","ids":"gate-1"}), "expected a list of server ids"),
            (CONSOLE, json!({"signal":"stop","ids":["a b"]}), "invalid name"),
            (WATCH, json!({"comd":"proxy","context":"all"}), "name it in context"),
            (WATCH, json!(null), "unknown watchServer command"),
        ] {
            let failure = Command::parse(module, &body).unwrap_err();
            assert!(failure.message.contains(words), "{body}: {failure}");
        }
    }
}
