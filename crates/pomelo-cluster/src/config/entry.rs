//! What the files hold, one type an entry, with readers that say what they expected.
//!
//! Not here: which file and environment an entry comes from, and whether entries fit together.

use std::{collections::BTreeMap, fmt, num::NonZeroU32, ops::RangeInclusive};

use pomelo_protocol::{ServerId, ServerInfo, ServerType};
use serde::{Deserialize, Deserializer, de};
use serde_json::{Map, Value};

use crate::{cidr::Cidr, coordinator::MasterAddr};

/// Prefix of the ids of servers made from one entry with `clusterCount`, as in the original.
const CLUSTER_ID_PREFIX: &str = "cluster-server-";
/// End of a value that grows by one from server to server of such an entry: `"port": "3050++"`.
const CLUSTER_SIGN: &str = "++";
/// Longest lease of a master in etcd: how long a cluster may be without one when everything else fails.
const LEASE_SECONDS_MAX: u32 = 600;
/// Most servers one entry may stand for.
const CLUSTER_COUNT_MAX: u32 = 1_000;

/// Shorter secrets are found by trying.
const RPC_SECRET_BYTES_MIN: usize = 16;
/// Silence after which a master may be killed, in ms. It says that it lives every 20 ms, and a busy machine takes some of
/// that back.
const SILENCE_MS: RangeInclusive<u64> = 100..=60_000;

/// Fields of a server that are nobody else's affair.
const UNTOLD: [&str; 4] = ["blacklist", "tls", "client-listen", "proxy-protocol"];

/// A master: of `master.json`, or a standby of `masterha.json`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(expecting = "a master: an object with id, host and port")]
pub struct MasterEntry {
    /// Its server id; standbys may have the same as the master, their addresses tell them apart.
    pub id: ServerId,
    /// Where it listens.
    #[serde(deserialize_with = "host")]
    pub host: String,
    /// Port of the admin protocol.
    #[serde(deserialize_with = "master_port")]
    pub port: u16,
    /// Whether it is to be started again when it died.
    #[serde(default, rename = "auto-restart", deserialize_with = "flag")]
    pub auto_restart: bool,
    /// Every other field.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl MasterEntry {
    /// Where it listens, as one value.
    pub fn addr(&self) -> MasterAddr {
        MasterAddr { host: self.host.clone(), port: self.port }
    }
}

/// `masterha.json`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(expecting = "an object with masterha, a list of masters")]
pub(crate) struct MasterHaFile {
    #[serde(default)]
    pub(crate) masterha: Vec<MasterEntry>,
    #[serde(default)]
    pub(crate) zookeeper: Option<ZooKeeperEntry>,
    #[serde(default)]
    pub(crate) etcd: Option<EtcdEntry>,
    #[serde(default)]
    pub(crate) guardian: GuardianConfig,
}

/// What the guardian of a master does: `"guardian": {..}` in `masterha.json`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with silenceMs")]
pub struct GuardianConfig {
    /// A master that was silent for so long is killed, in ms; 0 is never. Time in which it waited for a processor or a disk counts only
    /// beyond [`crate::guardian::EXCUSED_TIMES`] of this.
    #[serde(default = "default_silence_ms", rename = "silenceMs", deserialize_with = "silence_ms")]
    pub silence_ms: u64,
}

impl Default for GuardianConfig {
    fn default() -> Self {
        Self { silence_ms: default_silence_ms() }
    }
}

/// How to reach ZooKeeper: `"zookeeper": {..}` in `masterha.json`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with server, \"host:port\"")]
pub(crate) struct ZooKeeperEntry {
    pub(crate) server: String,
    #[serde(default = "default_znode", deserialize_with = "znode")]
    pub(crate) path: String,
    #[serde(
        default = "default_session_timeout_ms",
        rename = "sessionTimeoutMs",
        alias = "session_timeout_ms"
    )]
    pub(crate) session_timeout_ms: u64,
    /// Who may write the nodes, with `password`: everybody, without.
    #[serde(default)]
    pub(crate) user: Option<String>,
    #[serde(default)]
    pub(crate) password: Option<Secret>,
}

/// How servers call each other: `rpc.json`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with a secret")]
pub(crate) struct RpcFile {
    #[serde(deserialize_with = "rpc_secret")]
    pub(crate) secret: Secret,
}

/// What is never shown.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub(crate) String);

impl Secret {
    /// The secret itself.
    pub fn text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// How to reach etcd: `"etcd": {..}` in `masterha.json`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with endpoints, \"http://host:port\"")]
pub(crate) struct EtcdEntry {
    #[serde(deserialize_with = "endpoints")]
    pub(crate) endpoints: String,
    #[serde(default = "default_znode", deserialize_with = "etcd_prefix")]
    pub(crate) prefix: String,
    #[serde(default = "default_lease_seconds", rename = "leaseSeconds", deserialize_with = "lease_seconds")]
    pub(crate) lease_seconds: u32,
}

/// An administrator, of `adminUser.json`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(expecting = "a user: an object with id, username, password and level")]
pub struct AdminUser {
    /// Any text, for logs.
    pub id: String,
    /// The name to log in with.
    pub username: String,
    /// In plain text, as in the original: the clients send its MD5.
    pub password: String,
    /// 1 may do everything, 2 may only look.
    pub level: u8,
}

/// An entry of `adminServer.json`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(expecting = "an object with type and token")]
pub(crate) struct TokenEntry {
    #[serde(rename = "type")]
    pub(crate) server_type: ServerType,
    pub(crate) token: String,
}

/// How a server is run: the fields of `servers.json` that matter to who starts it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(expecting = "a server: an object with id, host and ports")]
pub struct ServerOptions {
    /// Whether it is to be started again when it died.
    #[serde(default, rename = "auto-restart", deserialize_with = "flag")]
    pub auto_restart: bool,
    /// The same, by force where something holds its port.
    #[serde(default, rename = "restart-force", deserialize_with = "flag")]
    pub restart_force: bool,
    /// Most clients a frontend takes.
    #[serde(default, rename = "max-connections")]
    pub max_connections: Option<u32>,
    /// More arguments for its process, separated by blanks.
    #[serde(default)]
    pub args: Option<String>,
    /// Most clients a frontend takes from one address.
    #[serde(default, rename = "max-connections-per-address")]
    pub max_connections_per_address: Option<NonZeroU32>,
    /// Most new connections a frontend takes from one address in a second.
    #[serde(default, rename = "new-connections-per-second")]
    pub new_connections_per_second: Option<NonZeroU32>,
    /// Most messages a frontend takes from one client in a second; one that sends more is kicked.
    #[serde(default, rename = "max-messages-per-second")]
    pub max_messages_per_second: Option<NonZeroU32>,
    /// For so many milliseconds pushes of a frontend wait for others; 0 if they leave as soon as they can.
    #[serde(default, rename = "flush-interval")]
    pub flush_interval_ms: Option<u32>,
    /// Addresses and ranges that a frontend lets nobody in from.
    #[serde(default)]
    pub blacklist: Vec<Cidr>,
    /// The certificate that a frontend shows.
    #[serde(default)]
    pub tls: Option<TlsEntry>,
    /// The address or name of this machine on which a frontend listens for clients; any, if not said.
    #[serde(default, rename = "client-listen")]
    pub client_listen: Option<String>,
    /// Proxies in front of a frontend that say by the PROXY protocol whom they speak for.
    #[serde(default, rename = "proxy-protocol")]
    pub proxy_protocol: Vec<Cidr>,
}

/// TLS of a frontend: `"tls": {..}` in `servers.json`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object with cert and key, two files in PEM")]
pub struct TlsEntry {
    /// The file with the certificate and those that lead to its authority; from the game's folder on.
    pub cert: String,
    /// The file with its private key.
    pub key: String,
    /// Whether clients may also connect in the clear, on the same port.
    #[serde(default, deserialize_with = "flag")]
    pub plain: bool,
}

/// An entry of `servers.json` before `clusterCount` is expanded.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", expecting = "a server: an object with id, host and ports")]
pub(crate) struct ServerEntry {
    #[serde(default)]
    pub(crate) id: Option<ServerId>,
    #[serde(default)]
    pub(crate) server_type: Option<ServerType>,
    #[serde(deserialize_with = "host")]
    host: String,
    #[serde(default)]
    port: Option<Port>,
    #[serde(default)]
    client_host: Option<String>,
    #[serde(default)]
    client_port: Option<Port>,
    #[serde(default, deserialize_with = "flag")]
    frontend: bool,
    #[serde(default, deserialize_with = "cluster_count")]
    pub(crate) cluster_count: Option<u32>,
    #[serde(flatten)]
    extra: Map<String, Value>,
}

impl ServerEntry {
    /// The servers this entry stands for, or why it can't. `sequence` counts the servers of its type that came from
    /// entries with `clusterCount`.
    pub(crate) fn expand(
        &self,
        server_type: &ServerType,
        sequence: &mut u32,
    ) -> Result<Vec<ServerInfo>, String> {
        if let Some(found) = self.server_type.as_ref().filter(|found| *found != server_type) {
            return Err(format!("serverType is {found:?}, but the entry stands under {server_type:?}"));
        }
        if self.frontend && self.client_port.is_none() {
            return Err("a frontend needs a clientPort".to_owned());
        }
        let Some(count) = self.cluster_count else {
            let id = self.id.clone().ok_or("missing field `id` (or `clusterCount`)")?;
            if [self.port, self.client_port].into_iter().flatten().any(|port| port.grows) {
                return Err(format!("a port that ends in {CLUSTER_SIGN:?} needs a clusterCount"));
            }
            return self.server(id, server_type, 0).map(|info| vec![info]);
        };
        let first = *sequence;
        *sequence += count;
        (0..count)
            .map(|n| {
                let id = format!("{CLUSTER_ID_PREFIX}{server_type}-{}", first + n);
                self.server(ServerId::new(id).map_err(|e| e.to_string())?, server_type, n)
            })
            .collect()
    }

    /// The other fields that every server of the cluster may know.
    fn told(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.extra.iter().filter(|(key, _)| !UNTOLD.contains(&key.as_str()))
    }

    fn server(&self, id: ServerId, server_type: &ServerType, n: u32) -> Result<ServerInfo, String> {
        let port = |port: Option<Port>| port.map(|port| port.plus(n)).transpose();
        Ok(ServerInfo {
            id,
            server_type: server_type.clone(),
            host: self.host.clone(),
            port: port(self.port)?,
            client_host: self.client_host.clone(),
            client_port: port(self.client_port)?,
            frontend: self.frontend,
            pid: None,
            incarnation: None,
            extra: self.told().map(|(key, value)| (key.clone(), grown(value, n))).collect(),
        })
    }
}

/// A port of `servers.json`: a number, the same as text, or `"3050++"`.
#[derive(Clone, Copy, Debug)]
struct Port {
    first: u16,
    grows: bool,
}

impl Port {
    fn plus(self, n: u32) -> Result<u16, String> {
        let n = if self.grows { n } else { 0 };
        u32::from(self.first)
            .checked_add(n)
            .and_then(|port| u16::try_from(port).ok())
            .ok_or_else(|| format!("port {} + {n} is higher than 65535", self.first))
    }
}

impl<'de> Deserialize<'de> for Port {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(d)?;
        let digits = value.as_str().map(|text| text.strip_suffix(CLUSTER_SIGN).unwrap_or(text));
        let first = match digits {
            Some(digits) => digits.parse().ok(),
            None => value.as_u64().and_then(|port| u16::try_from(port).ok()),
        };
        let grows = value.as_str().is_some_and(|text| text.ends_with(CLUSTER_SIGN));
        first.map(|first| Self { first, grows }).ok_or_else(|| {
            unexpected(
                "a port: a number up to 65535 (0 is any free port), or \"<number>++\" with clusterCount",
                &value,
            )
        })
    }
}

fn unexpected<E: de::Error>(expected: impl fmt::Display, found: &Value) -> E {
    /// Enough to find the place by.
    const FOUND_CHARS_MAX: usize = 60;
    let mut text = found.to_string();
    if let Some((at, _)) = text.char_indices().nth(FOUND_CHARS_MAX) {
        text.truncate(at);
        text.push_str("...");
    }
    E::custom(format!("expected {expected}, found {text}"))
}

fn host<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    let value = Value::deserialize(d)?;
    match value.as_str().filter(|host| !host.is_empty() && !host.contains(char::is_whitespace)) {
        Some(host) => Ok(host.to_owned()),
        None => Err(unexpected("a host name or an address", &value)),
    }
}

fn master_port<'de, D: Deserializer<'de>>(d: D) -> Result<u16, D::Error> {
    let value = Value::deserialize(d)?;
    let port = value.as_u64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
    port.and_then(|port| u16::try_from(port).ok())
        .filter(|port| *port > 0)
        .ok_or_else(|| unexpected("a port, 1 to 65535", &value))
}

/// `true` and `"true"` are the same: the original's files have both.
fn flag<'de, D: Deserializer<'de>>(d: D) -> Result<bool, D::Error> {
    let value = Value::deserialize(d)?;
    match &value {
        Value::Bool(flag) => Ok(*flag),
        Value::String(text) if text == "true" => Ok(true),
        Value::String(text) if text == "false" => Ok(false),
        _ => Err(unexpected("true or false", &value)),
    }
}

fn cluster_count<'de, D: Deserializer<'de>>(d: D) -> Result<Option<u32>, D::Error> {
    let value = Value::deserialize(d)?;
    let count = value.as_u64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
    match count.and_then(|count| u32::try_from(count).ok()) {
        Some(count) if (1..=CLUSTER_COUNT_MAX).contains(&count) => Ok(Some(count)),
        _ => Err(unexpected(format_args!("a number of servers, 1 to {CLUSTER_COUNT_MAX}"), &value)),
    }
}

fn znode<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    let value = Value::deserialize(d)?;
    match value.as_str().filter(|path| path.starts_with('/') && path.len() > 1 && !path.ends_with('/')) {
        Some(path) => Ok(path.to_owned()),
        None => Err(unexpected("a path of ZooKeeper like \"/pomelo/master\"", &value)),
    }
}

fn endpoints<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    let value = Value::deserialize(d)?;
    let is_endpoint = |one: &str| {
        let host_port =
            one.strip_prefix("http://").and_then(|rest| rest.trim_end_matches('/').rsplit_once(':'));
        host_port.is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
    };
    match value.as_str().filter(|text| text.split(',').all(|one| is_endpoint(one.trim()))) {
        Some(text) => Ok(text.to_owned()),
        None => Err(unexpected(
            "\"http://host:port\", or several with commas between (TLS is not built in)",
            &value,
        )),
    }
}

fn etcd_prefix<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    let value = Value::deserialize(d)?;
    match value.as_str().filter(|path| path.starts_with('/') && path.len() > 1 && !path.ends_with('/')) {
        Some(path) => Ok(path.to_owned()),
        None => Err(unexpected("a prefix of keys like \"/pomelo/master\"", &value)),
    }
}

fn lease_seconds<'de, D: Deserializer<'de>>(d: D) -> Result<u32, D::Error> {
    let value = Value::deserialize(d)?;
    let seconds =
        value.as_u64().and_then(|n| u32::try_from(n).ok()).filter(|n| (1..=LEASE_SECONDS_MAX).contains(n));
    seconds.ok_or_else(|| unexpected("a lease of 1 to 600 seconds", &value))
}

fn rpc_secret<'de, D: Deserializer<'de>>(d: D) -> Result<Secret, D::Error> {
    let value = Value::deserialize(d)?;
    let long = value.as_str().filter(|text| text.len() >= RPC_SECRET_BYTES_MIN);
    // What is wrong with it is said without saying it.
    let wrong = || de::Error::custom(format!("expected a text of {RPC_SECRET_BYTES_MIN} bytes or more"));
    long.map(|text| Secret(text.to_owned())).ok_or_else(wrong)
}

fn default_lease_seconds() -> u32 {
    2
}

fn default_znode() -> String {
    "/pomelo/master".to_owned()
}

fn default_session_timeout_ms() -> u64 {
    2_000
}

fn default_silence_ms() -> u64 {
    500
}

fn silence_ms<'de, D: Deserializer<'de>>(d: D) -> Result<u64, D::Error> {
    let value = Value::deserialize(d)?;
    let number = value.as_u64().filter(|ms| *ms == 0 || SILENCE_MS.contains(ms));
    number.ok_or_else(|| {
        let (min, max) = (SILENCE_MS.start(), SILENCE_MS.end());
        unexpected(format_args!("a time in ms, {min} to {max}, or 0 for never"), &value)
    })
}

/// A field of an entry with `clusterCount`, for its `n`th server.
fn grown(value: &Value, n: u32) -> Value {
    let base = value.as_str().and_then(|text| text.strip_suffix(CLUSTER_SIGN));
    match base.and_then(|base| base.parse::<u64>().ok()) {
        Some(base) => Value::from(base.saturating_add(u64::from(n))),
        None => value.clone(),
    }
}

/// Which token the servers of a type register with: `adminServer.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerTokens(Option<BTreeMap<ServerType, String>>);

impl ServerTokens {
    /// What servers send when there is no `adminServer.json`: the token of the original's project template.
    pub const DEFAULT: &'static str = "agarxhqb98rpajloaxn34ga8xrunpagkjwlaw3ruxnpaagl29w4rxn";

    pub(crate) fn new(entries: Vec<TokenEntry>) -> Self {
        Self(Some(entries.into_iter().map(|entry| (entry.server_type, entry.token)).collect()))
    }

    /// What a server of this type registers with; `None` if the file does not list the type, which a master refuses.
    pub fn token_for(&self, server_type: &ServerType) -> Option<&str> {
        match &self.0 {
            None => Some(Self::DEFAULT),
            Some(tokens) => tokens.get(server_type).map(String::as_str),
        }
    }

    /// Whether a master takes a server of this type with this token. Without the file it takes any, as the original does.
    pub fn accepts(&self, server_type: &str, token: Option<&str>) -> bool {
        match &self.0 {
            None => true,
            Some(tokens) => tokens
                .iter()
                .any(|(listed, expected)| listed.as_str() == server_type && Some(expected.as_str()) == token),
        }
    }
}
