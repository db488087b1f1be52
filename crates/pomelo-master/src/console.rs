//! What an administrator's question means: from module and body to a [`Command`], and who may ask for it. Source: the
//! recordings `cli-*.jsonl` and `pomelo-*.jsonl`.
//!
//! Pure, and ignorant of who is there: carrying a command out is [`crate::control`]'s.

use pomelo_protocol::{ServerId, admin::Failure};
use serde_json::{Map, Value, json};

/// Module of `list`, `stop`, `kill`, and of what a master orders.
pub(crate) const CONSOLE: &str = "__console__";
/// Module of what `show` asks.
pub(crate) const WATCH: &str = "watchServer";
/// Module of scripts, which only servers of the original run.
const SCRIPTS: &str = "scripts";

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
    /// Ends servers, or with no ids everything, the master included.
    Stop {
        /// Empty is all.
        ids: Vec<ServerId>,
    },
    /// The same without waiting for anything they have in hand.
    Kill {
        /// Empty is all.
        ids: Vec<ServerId>,
    },
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
            Self::Rows(_) | Self::Modules | Self::Config => true,
            Self::Pass { reads, .. } => *reads,
            Self::Stop { .. } | Self::Kill { .. } => false,
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
            "stop" => Ok(Self::Stop { ids: server_ids(body)? }),
            "kill" => Ok(Self::Kill { ids: server_ids(body)? }),
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
        Some(Value::Array(ids)) => ids.iter().map(server_id).collect(),
        Some(other) => Err(Failure::new(format!("ids: expected a list of server ids, found {other}"))),
    }
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
