//! Who a server is: its id, its type, and the record it registers with.
//!
//! The record is the JSON object of `config/servers.json` and of the admin protocol's `register` (`info`); fields
//! nobody here knows are kept, so that a record passes through a master unchanged.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Longest name, in bytes.
            pub const BYTES_MAX: usize = 128;

            /// Takes 1 to [`Self::BYTES_MAX`] bytes of visible characters without `/`, so that a name can stand in a
            /// file name, a znode and a line of a table.
            pub fn new(name: impl Into<String>) -> Result<Self, InvalidName> {
                let name = name.into();
                let fits = !name.is_empty() && name.len() <= Self::BYTES_MAX;
                let visible = name.chars().all(|c| !c.is_control() && !c.is_whitespace() && c != '/');
                if fits && visible && name != "." && name != ".." { Ok(Self(name.into())) } else { Err(InvalidName(name)) }
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                Self::new(String::deserialize(d)?).map_err(serde::de::Error::custom)
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidName;
            fn from_str(s: &str) -> Result<Self, InvalidName> {
                Self::new(s)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}

name! {
    /// The id of a server, unique in its cluster: `chat-server-1`. Cheap to clone.
    ServerId
}
name! {
    /// The type of a server: `gate`, `connector`, `chat`. The first part of a route.
    ServerType
}

/// A text that can't name a server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid name {0:?}: expected 1 to 128 visible characters without '/'")]
pub struct InvalidName(String);

/// What a server says of itself, and what everybody else knows of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ServerInfo {
    /// Unique in the cluster.
    pub id: ServerId,
    /// Which handlers it has.
    pub server_type: ServerType,
    /// Where other servers reach it.
    pub host: String,
    /// Port for RPC; a server without one can call but not be called before it has opened a link itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Where clients reach it, where that differs from `host`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_host: Option<String>,
    /// Port for clients; only frontends have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_port: Option<u16>,
    /// Whether it holds client connections. On the wire it is the text `"true"`: the original's servers got it as an
    /// argument and compare with that text.
    #[serde(
        default,
        serialize_with = "as_text",
        deserialize_with = "truthy",
        skip_serializing_if = "is_false"
    )]
    pub frontend: bool,
    /// Its process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
    /// Which life of this id it is: higher for a later one. Only Rust servers have it; it is what keeps a late "leave" of
    /// a dead process from evicting the process that took its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub incarnation: Option<u64>,
    /// Every other field, kept as it came.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

fn truthy<'de, D: Deserializer<'de>>(d: D) -> Result<bool, D::Error> {
    match Value::deserialize(d)? {
        Value::Bool(b) => Ok(b),
        Value::String(s) if s == "true" => Ok(true),
        Value::String(s) if s == "false" => Ok(false),
        Value::Null => Ok(false),
        other => Err(serde::de::Error::custom(format!("expected true or false, found {other}"))),
    }
}

fn as_text<S: Serializer>(flag: &bool, s: S) -> Result<S::Ok, S::Error> {
    s.serialize_str(if *flag { "true" } else { "false" })
}

fn is_false(b: &bool) -> bool {
    !b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_of_the_original_passes_through_with_its_unknown_fields() {
        let text = r#"{"main":"/srv/game/app/app.js","env":"development","id":"connector-server-1","host":"127.0.0.1","port":4050,"clientHost":"127.0.0.1","clientPort":3050,"frontend":"true","serverType":"connector","pid":10509}"#;
        let info: ServerInfo = serde_json::from_str(text).unwrap();
        assert_eq!(info.id.as_str(), "connector-server-1");
        assert!(info.frontend);
        assert_eq!(info.extra["main"], "/srv/game/app/app.js");
        let text = serde_json::to_string(&info).unwrap();
        assert!(text.contains(r#""frontend":"true""#), "{text}");
        assert_eq!(serde_json::from_str::<ServerInfo>(&text).unwrap(), info);
    }

    #[test]
    fn names_that_would_not_fit_a_path_or_a_table_are_refused() {
        for bad in ["", "a b", "a/b", "a\nb", "..", &"x".repeat(129)] {
            assert!(ServerId::new(bad).is_err(), "{bad:?} was taken");
        }
        assert!(ServerId::new("chat-server-1").is_ok());
    }
}
