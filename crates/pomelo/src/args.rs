//! The arguments of a game's executable: `serverType=chat id=chat-server-1`, as the original's. They say which server of
//! the configuration this process is.

use std::{collections::BTreeMap, fmt::Display, path::PathBuf, str::FromStr};

use pomelo_cluster::config::Environment;
use pomelo_protocol::{InvalidName, ServerId, ServerInfo, ServerType};
use serde_json::Value;

/// The environment where none is named.
const DEFAULT_ENV: &str = "development";
/// The one place where the pipe to a guardian may be.
const GUARDIAN_STDIN: &str = "stdin";
/// The server type of a master.
pub(crate) const MASTER: &str = "master";

/// Which server to run: parsed `key=value` arguments.
///
/// | key | meaning |
/// | --- | --- |
/// | `env` | environment of the configuration, `development` if not given |
/// | `id` | id of the server; with an id of `servers.json` nothing else is needed |
/// | `serverType` | its type; `master` runs a master |
/// | `host`, `port`, `clientHost`, `clientPort`, `frontend` | in place of what the configuration says; needed for a server that is not in it |
/// | `masterha` | file with the standby masters, in place of `masterha.json` |
/// | `base` | the game's folder, where `config` is; the working directory if not given |
/// | `log` | what to log: `info`, `debug`, or as `pomelo=debug,info` |
/// | `guardian` | `stdin`: standard input is a socket to the process that started this master and watches it; said by `pomelo start` |
/// | `incarnation` | which life of this server it is, higher than all before; said by `pomelo start`, the time if not given |
///
/// Other keys are kept in the server's record: numbers and `true` or `false` as such, anything else as text.
#[derive(Clone, Debug, Default)]
pub struct Args {
    pub(crate) env: Option<String>,
    pub(crate) id: Option<ServerId>,
    pub(crate) server_type: Option<ServerType>,
    pub(crate) host: Option<String>,
    pub(crate) port: Option<u16>,
    pub(crate) client_host: Option<String>,
    pub(crate) client_port: Option<u16>,
    pub(crate) frontend: Option<bool>,
    pub(crate) masterha: Option<PathBuf>,
    pub(crate) base: Option<PathBuf>,
    pub(crate) log: Option<String>,
    /// Whether standard input is the pipe to a guardian.
    pub(crate) guardian: bool,
    pub(crate) incarnation: Option<u64>,
    pub(crate) extra: BTreeMap<String, String>,
}

/// Arguments that don't say which server to run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArgsError {
    /// Not `key=value`.
    #[error("argument {0:?} is not key=value; without arguments this program says how it is started")]
    NotKeyValue(String),
    /// A value of the wrong kind.
    #[error("argument {key}={value}: {why}")]
    Value {
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// What was expected.
        why: String,
    },
    /// Something is missing.
    #[error("argument {key}=... is missing: {why}")]
    Missing {
        /// The key.
        key: &'static str,
        /// Why it is needed.
        why: String,
    },
    /// The configuration and the arguments disagree on the type of the server.
    #[error("server {id} is of type {configured} in servers.json, the arguments say {given}")]
    OtherType {
        /// The server.
        id: ServerId,
        /// Its type in the configuration.
        configured: ServerType,
        /// Its type in the arguments.
        given: ServerType,
    },
}

impl Args {
    /// Reads arguments; later ones replace earlier ones of the same key.
    ///
    /// ```
    /// let args = pomelo::Args::parse(["env=production", "id=chat-server-1"]).unwrap();
    /// assert!(pomelo::Args::parse(["--help"]).is_err());
    /// ```
    pub fn parse<S: AsRef<str>>(args: impl IntoIterator<Item = S>) -> Result<Self, ArgsError> {
        let mut parsed = Self::default();
        for arg in args {
            let arg = arg.as_ref();
            let (key, value) = arg.split_once('=').ok_or_else(|| ArgsError::NotKeyValue(arg.to_owned()))?;
            parsed.set(key, value)?;
        }
        Ok(parsed)
    }

    /// The environment.
    pub(crate) fn env(&self) -> &str {
        self.env.as_deref().unwrap_or(DEFAULT_ENV)
    }

    pub(crate) fn is_master(&self) -> bool {
        self.server_type.as_ref().is_some_and(|t| t.as_str() == MASTER)
    }

    /// The record of the server that is meant.
    pub(crate) fn server(&self, env: &Environment) -> Result<ServerInfo, ArgsError> {
        let missing = |key, why: String| ArgsError::Missing { key, why };
        let id = self.id.clone().ok_or_else(|| missing("id", "which server is this?".to_owned()))?;
        let mut info = match env.server(&id) {
            Ok(info) => info.clone(),
            Err(not_configured) => {
                let server_type = self.server_type.clone();
                let server_type =
                    server_type.ok_or_else(|| missing("serverType", not_configured.to_string()))?;
                let host = self.host.clone();
                let host = host.ok_or_else(|| missing("host", not_configured.to_string()))?;
                let base = serde_json::json!({ "id": id, "serverType": server_type, "host": host });
                // Three texts always make a record.
                serde_json::from_value(base).map_err(|e| missing("id", e.to_string()))?
            }
        };
        if let Some(given) = self.server_type.as_ref().filter(|&given| *given != info.server_type) {
            return Err(ArgsError::OtherType { id, configured: info.server_type, given: given.clone() });
        }
        info.host = self.host.clone().unwrap_or(info.host);
        info.port = self.port.or(info.port);
        info.client_host = self.client_host.clone().or(info.client_host);
        info.client_port = self.client_port.or(info.client_port);
        info.frontend = self.frontend.unwrap_or(info.frontend);
        info.incarnation = self.incarnation;
        info.extra.insert("env".to_owned(), env.name.as_str().into());
        for (key, text) in &self.extra {
            let value = typed(text, info.extra.get(key));
            info.extra.insert(key.clone(), value);
        }
        Ok(info)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), ArgsError> {
        match key {
            "env" => self.env = Some(value.to_owned()),
            "id" => self.id = Some(parse(key, value)?),
            "serverType" => self.server_type = Some(parse(key, value)?),
            "host" => self.host = Some(value.to_owned()),
            "port" => self.port = Some(parse(key, value)?),
            "clientHost" => self.client_host = Some(value.to_owned()),
            "clientPort" => self.client_port = Some(parse(key, value)?),
            "frontend" => self.frontend = Some(parse(key, value)?),
            "masterha" => self.masterha = Some(value.into()),
            "base" => self.base = Some(value.into()),
            "log" => self.log = Some(value.to_owned()),
            "guardian" if value == GUARDIAN_STDIN => self.guardian = true,
            "guardian" => {
                let why = format!("expected {GUARDIAN_STDIN}");
                return Err(ArgsError::Value { key: key.to_owned(), value: value.to_owned(), why });
            }
            "incarnation" => self.incarnation = Some(parse::<Incarnation>(key, value)?.0),
            // What `pomelo start` was asked to start; says nothing about this server.
            "type" | "mode" => {}
            _ => drop(self.extra.insert(key.to_owned(), value.to_owned())),
        }
        Ok(())
    }
}

/// A value whose type the argument does not say: that of the configuration where it is the same value, else number, bool or text by its look.
fn typed(text: &str, configured: Option<&Value>) -> Value {
    match (configured, serde_json::from_str(text)) {
        (Some(Value::String(same)), _) if same == text => same.as_str().into(),
        (_, Ok(value @ (Value::Number(_) | Value::Bool(_)))) => value,
        _ => text.into(),
    }
}

fn parse<T: FromStr<Err: Expected>>(key: &str, value: &str) -> Result<T, ArgsError> {
    value.parse().map_err(|e: T::Err| ArgsError::Value {
        key: key.to_owned(),
        value: value.to_owned(),
        why: e.expected(),
    })
}

/// Which life of a server.
struct Incarnation(u64);

impl FromStr for Incarnation {
    type Err = NoIncarnation;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().ok().filter(|number| *number > 0).map(Self).ok_or(NoIncarnation)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("expected a whole number, 1 or more")]
struct NoIncarnation;

/// What a value should have been.
trait Expected: Display {
    fn expected(&self) -> String;
}

impl Expected for std::num::ParseIntError {
    fn expected(&self) -> String {
        "expected a port, 0 to 65535".to_owned()
    }
}

impl Expected for std::str::ParseBoolError {
    fn expected(&self) -> String {
        "expected true or false".to_owned()
    }
}

impl Expected for NoIncarnation {
    fn expected(&self) -> String {
        self.to_string()
    }
}

impl Expected for InvalidName {
    fn expected(&self) -> String {
        self.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_keys_have_the_types_of_the_configuration() {
        assert_eq!(typed("2", None), 2);
        assert_eq!(typed("true", Some(&true.into())), true);
        assert_eq!(typed("2", Some(&"2".into())), "2");
        assert_eq!(typed("eu-west", None), "eu-west");
        assert_eq!(typed("[1]", None), "[1]");
    }

    #[test]
    fn bad_arguments_say_what_was_expected() {
        let error = |arg: &str| Args::parse([arg]).unwrap_err().to_string();
        assert_eq!(
            error("--help"),
            r#"argument "--help" is not key=value; without arguments this program says how it is started"#
        );
        assert_eq!(error("port=99999"), "argument port=99999: expected a port, 0 to 65535");
        assert_eq!(error("frontend=yes"), "argument frontend=yes: expected true or false");
        assert!(error("id=a b").contains("invalid name"));
        assert_eq!(error("guardian=7"), "argument guardian=7: expected stdin");
        assert_eq!(error("incarnation=-1"), "argument incarnation=-1: expected a whole number, 1 or more");
    }
}
