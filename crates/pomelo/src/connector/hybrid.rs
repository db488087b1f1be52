//! How a connector treats its clients, as the application says it: [`Hybrid`], named after the original's
//! hybridconnector, which speaks WebSocket and raw TCP on one port.
//!
//! Only settings and their defaults; what they do is in the modules that use them.

use std::{
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use futures_util::future::BoxFuture;
use pomelo_cluster::{cidr::Cidr, config::ServerOptions};
use pomelo_protocol::{
    dictionary::Dictionary,
    protobuf::{Definitions, Protos},
};
use serde_json::Value;

use super::{
    tls::{Tls, TlsError, TlsFiles},
    wording::Wording,
};
use crate::{Error, Result, bounded, filters::Rate};

/// A connector for WebSocket and raw TCP clients on one port; the first bytes of a connection tell which it is.
///
/// Every limit has a default that suits a game with small messages.
#[derive(Clone)]
pub struct Hybrid {
    pub(crate) heartbeat: Option<Duration>,
    pub(crate) dictionary: bool,
    /// What `config/` defines, if it is to be used.
    pub(crate) protobuf: Option<Protos>,
    pub(crate) max_connections: usize,
    pub(crate) handshake_timeout: Duration,
    pub(crate) pages: Vec<Page>,
    pub(crate) buffer_bytes_max: usize,
    pub(crate) message_bytes_max: usize,
    pub(crate) pending_messages_max: usize,
    pub(crate) flush_interval: Option<Duration>,
    pub(crate) concurrent_messages_max: usize,
    pub(crate) on_handshake: Option<OnHandshake>,
    pub(crate) tls: Option<TlsFiles>,
    pub(crate) max_connections_per_address: Option<u32>,
    pub(crate) new_connections_per_second: Option<u32>,
    /// What one client may say, a second's worth at once.
    pub(crate) message_rate: Option<Rate>,
    pub(crate) blacklist: Vec<Cidr>,
    /// Nothing means any address of this machine.
    pub(crate) listen: Option<String>,
    /// They say whom they speak for.
    pub(crate) proxies: Vec<Cidr>,
    /// What can't be meant, found when the server starts.
    pub(crate) problems: Vec<String>,
}

pub(crate) type OnHandshake =
    Arc<dyn Fn(Handshake) -> BoxFuture<'static, Result<Option<Value>>> + Send + Sync>;

/// What a client says before it is let in.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Handshake {
    /// Which client library it is, `js-websocket`; empty if it does not say.
    pub client: String,
    /// Which version of it; empty if it does not say.
    pub version: String,
    /// What the game's client says: its `user` part, `null` without.
    pub user: Value,
    /// Where it connects from.
    pub addr: SocketAddr,
    /// `ws` or `tcp`.
    pub transport: &'static str,
}

/// A page that the client port answers to a plain HTTP GET.
#[derive(Clone, Copy)]
pub(crate) struct Page {
    pub(crate) path: &'static str,
    pub(crate) content_type: &'static str,
    pub(crate) body: &'static [u8],
}

impl Hybrid {
    /// The defaults: heartbeat 30 s, no dictionary, no protobuf, 50,000 connections, 10 s for the handshake, 256 KiB of outgoing
    /// bytes and 128 waiting messages a connection, 64 KiB a message.
    pub fn new() -> Self {
        Self {
            heartbeat: Some(Duration::from_secs(30)),
            dictionary: false,
            protobuf: None,
            max_connections: 50_000,
            handshake_timeout: Duration::from_secs(10),
            pages: Vec::new(),
            buffer_bytes_max: 256 * 1024,
            message_bytes_max: 64 * 1024,
            pending_messages_max: 128,
            flush_interval: None,
            concurrent_messages_max: 16,
            on_handshake: None,
            tls: None,
            max_connections_per_address: None,
            new_connections_per_second: None,
            message_rate: None,
            blacklist: Vec::new(),
            listen: None,
            proxies: Vec::new(),
            problems: Vec::new(),
        }
    }

    /// How often client and connector say that they are there. A client that is silent for twice as long is closed.
    /// So is one whose message takes longer than that from its first byte to its last. Clients are told the interval in
    /// seconds; some understand whole ones only. Zero means no heartbeats.
    pub fn heartbeat(mut self, interval: Duration) -> Self {
        self.heartbeat = Some(bounded(interval)).filter(|interval| !interval.is_zero());
        self
    }

    /// No heartbeats: a client that vanishes without a word is noticed by TCP only, after minutes. A message still has to be
    /// whole within 60 s.
    pub fn no_heartbeat(mut self) -> Self {
        self.heartbeat = None;
        self
    }

    /// Sends the route dictionary in the handshake, so that messages carry two bytes in place of a route.
    pub fn dictionary(mut self) -> Self {
        self.dictionary = true;
        self
    }

    /// Writes messages as protobuf where `config/clientProtos.json` (requests and notifies) and `config/serverProtos.json`
    /// (pushes and answers) define them, and sends those definitions in the handshake. Only clients notice: handlers and
    /// other servers see the same as with JSON. A client must use the definitions, as all clients of the original do: a message
    /// that does not fit is a request answered with code 500, or a notify dropped. A push that does not fit is not sent; an
    /// answer that does not becomes a failure, and one that is a failure (its `code` is not 200) may lack what is required.
    /// Without definitions it changes nothing.
    ///
    /// A client reads an answer by its definition, so one without a number `code` has no place for what failed: give each an
    /// `optional uInt32 code`. The server names those without when it starts. Their failures go with bit 5 (`0x20`) of the
    /// message's flags set, for which this framework's clients look: to them it is a failure with code 500. The original's
    /// clients leave the bit unread, and take such a failure for an answer without fields, as with the original's servers.
    pub fn protobuf(mut self) -> Self {
        self.protobuf = Some(Protos::new(Definitions::none(), Definitions::none()));
        self
    }

    /// With the definitions of the configuration, if they are to be used and there are any: clients in the field fail when
    /// they are offered none.
    pub(crate) fn with_protos(mut self, protos: &Protos) -> Self {
        let empty = protos.client().is_empty() && protos.server().is_empty();
        self.protobuf = self.protobuf.filter(|_| !empty).map(|_| protos.clone());
        self
    }

    /// What its clients are told.
    pub(crate) fn wording(&self, dictionary: &Dictionary) -> Wording {
        Wording { dictionary: self.dictionary.then(|| dictionary.clone()), protos: self.protobuf.clone() }
    }

    /// Listens for clients on this address or name of this machine only. `0.0.0.0` is IPv4, `::` both IPv4 and IPv6. If not
    /// said it is both, on all addresses; IPv4 where the system has no IPv6. A name is looked up when the server starts, and
    /// the first of its addresses that this machine has is taken. `servers.json` may say `client-listen`.
    pub fn listen(mut self, host: impl Into<String>) -> Self {
        self.listen = Some(host.into());
        self
    }

    /// How many connections may be open at once. One more is closed as soon as it is accepted.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.max_connections = connections;
        self
    }

    /// How many connections may come from one address at once: one more is closed as soon as it is accepted. As many as
    /// they like, if not said: whole schools and mobile networks have one address. Of IPv6, the first 64 bits are one.
    pub fn max_connections_per_address(mut self, connections: u32) -> Self {
        self.max_connections_per_address = Some(connections.max(1));
        self
    }

    /// How many connections may be opened from one address in a second: one more is closed as soon as it is accepted. As
    /// many as they like, if not said. Of IPv6, the first 64 bits are one address.
    pub fn new_connections_per_second(mut self, connections: u32) -> Self {
        self.new_connections_per_second = Some(connections.max(1));
        self
    }

    /// How many messages, heartbeats and pings a client may send in a second, and as many at once after a pause: one that sends
    /// more is kicked. As many as the server can take, if not said. It is there for floods, so it should be well above what
    /// the game's own client ever sends: [`RateLimit`](crate::filters::RateLimit) refuses single requests and lets the client stay.
    pub fn max_messages_per_second(mut self, messages: u32) -> Self {
        let messages = messages.max(1);
        self.message_rate = Some(Rate::per_second(messages).burst(messages));
        self
    }

    /// Lets nobody in from these addresses and ranges: `10.0.0.7`, `10.0.0.0/8`, `2001:db8::/32`. Up to 4,096, with those
    /// that administrators add while it runs. What is none of these is found when the server starts.
    pub fn blacklist<'a>(mut self, addresses: impl IntoIterator<Item = &'a str>) -> Self {
        let blacklist = self.nets("blacklist", addresses);
        self.blacklist.extend(blacklist);
        self
    }

    /// Connections from these addresses and ranges come through a proxy (HAProxy, nginx, a load balancer) that speaks the
    /// PROXY protocol, version 1 or 2: it says first from where its client comes, and that address is the one that is limited,
    /// blocked and seen by the application. A connection of theirs that does not begin so is closed; other addresses can't say
    /// such things. `servers.json` may add some as `proxy-protocol`.
    ///
    /// Without this all clients behind a proxy have its address.
    ///
    /// ```
    /// # use pomelo::Hybrid;
    /// Hybrid::new().proxy_protocol(["10.0.0.0/24"]).max_connections_per_address(20);
    /// ```
    pub fn proxy_protocol<'a>(mut self, proxies: impl IntoIterator<Item = &'a str>) -> Self {
        let proxies = self.nets("proxy_protocol", proxies);
        self.proxies.extend(proxies);
        self
    }

    /// Notes what is none as a problem.
    fn nets<'a>(&mut self, what: &str, texts: impl IntoIterator<Item = &'a str>) -> Vec<Cidr> {
        let mut nets = Vec::new();
        for text in texts {
            match text.parse() {
                Ok(net) => nets.push(net),
                Err(error) => self.problems.push(format!("{what}: {text:?}: {error}")),
            }
        }
        nets
    }

    /// Encrypts all connections, WebSocket (`wss://`) and raw TCP: with the certificate in `cert` (PEM: the server's own
    /// first, then those that lead to its authority) and its private key in `key` (PEM, not encrypted). Paths begin at the
    /// game's folder.
    ///
    /// Who connects in the clear is refused. When the files change, connections from then on get the new certificate; a
    /// new one that can't be used is reported in the log, and the former one stays.
    ///
    /// ```
    /// # use pomelo::Hybrid;
    /// Hybrid::new().tls("config/tls/chain.pem", "config/tls/key.pem");
    /// ```
    pub fn tls(mut self, cert: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.tls = Some(TlsFiles { cert: cert.into(), key: key.into(), plain_too: false });
        self
    }

    /// As [`tls`](Self::tls), and clients may connect in the clear, too, on the same port: the first byte tells.
    pub fn tls_or_plain(mut self, cert: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Self {
        self.tls = Some(TlsFiles { cert: cert.into(), key: key.into(), plain_too: true });
        self
    }

    /// How long a connection may take from being accepted to the end of its handshake, with all that comes before it (TLS,
    /// the request of a WebSocket), before it is closed.
    pub fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.handshake_timeout = bounded(timeout);
        self
    }

    /// Answers a plain HTTP GET of `path` on the client port with `body`: enough for a client page that needs no web
    /// server of its own. Any other path is answered 404.
    pub fn page(mut self, path: &'static str, content_type: &'static str, body: &'static [u8]) -> Self {
        self.pages.push(Page { path, content_type, body });
        self
    }

    /// How many bytes may wait to be sent to one client. A client that lets more pile up does not read: it is closed.
    /// A single message larger than this can be lost the same way.
    pub fn buffer_bytes_max(mut self, bytes: usize) -> Self {
        self.buffer_bytes_max = bytes;
        self
    }

    /// The largest package a client may send. A larger one closes its connection.
    pub fn message_bytes_max(mut self, bytes: usize) -> Self {
        self.message_bytes_max = bytes;
        self
    }

    /// How many messages of one client may wait for the one being handled. When there are as many, nothing more is
    /// read from that client until there is room.
    pub fn pending_messages_max(mut self, messages: usize) -> Self {
        self.pending_messages_max = messages.max(1);
        self
    }

    /// How many messages of one client to [concurrent](crate::Server::concurrent) routes may be handled at once: 16 if not
    /// said. Further ones wait, as above.
    pub fn concurrent_messages_max(mut self, messages: usize) -> Self {
        self.concurrent_messages_max = messages.max(1);
        self
    }

    /// Lets pushes wait until so long after the last ones left, and sends what has come together at once. For rooms where many
    /// pushes a second go to many: 20 to 50 ms save half of the work, since each write costs as much as what it writes. Answers
    /// to requests don't wait, and take along what does. Without this, and with zero, pushes leave as soon as they can.
    pub fn flush_interval(mut self, interval: Duration) -> Self {
        self.flush_interval = Some(bounded(interval)).filter(|interval| !interval.is_zero());
        self
    }

    /// Decides who may come in, before there is a session: an async function of what the client says. `Ok` lets it in and may
    /// answer with a `user` part. An error is logged, answered with its [code](crate::Error::code), 500 mostly, and the
    /// connection is closed; clients of the original take 501 for "client too old" and everything else for a failure.
    ///
    /// It may take its time, within [`handshake_timeout`](Self::handshake_timeout), and is dropped when the client goes. As
    /// many may wait as there may be connections.
    ///
    /// ```
    /// # use pomelo::{Error, Handshake, Hybrid, Result};
    /// # struct Tokens;
    /// # impl Tokens { async fn check(&self, _: &str) -> Result<String> { Ok("alice".into()) } }
    /// # let tokens = std::sync::Arc::new(Tokens);
    /// let admit = move |hello: Handshake| {
    ///     let tokens = tokens.clone();
    ///     async move {
    ///         if hello.client == "js-websocket" && hello.version.as_str() < "0.0.2" {
    ///             return Err(Error::msg("too old").with_code(501));
    ///         }
    ///         let user = tokens.check(hello.user["token"].as_str().unwrap_or_default()).await?;
    ///         Ok(Some(serde_json::json!({ "welcome": user })))
    ///     }
    /// };
    /// Hybrid::new().on_handshake(admit);
    /// ```
    pub fn on_handshake<F, Fut, E>(mut self, admit: F) -> Self
    where
        F: Fn(Handshake) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Option<Value>, E>> + Send + 'static,
        E: Into<Error>,
    {
        self.on_handshake = Some(Arc::new(move |hello| {
            let admitted = admit(hello);
            Box::pin(async move { admitted.await.map_err(Into::into) })
        }));
        self
    }

    /// With what `servers.json` says of the server, which counts more than the application; the blacklists are joined.
    pub(crate) fn configured(mut self, options: &ServerOptions) -> Self {
        if let Some(max) = options.max_connections {
            self.max_connections = max as usize;
        }
        let address_max = options.max_connections_per_address.map(Into::into);
        self.max_connections_per_address = address_max.or(self.max_connections_per_address);
        let second_max = options.new_connections_per_second.map(Into::into);
        self.new_connections_per_second = second_max.or(self.new_connections_per_second);
        if let Some(max) = options.max_messages_per_second {
            self = self.max_messages_per_second(max.get());
        }
        if let Some(ms) = options.flush_interval_ms {
            self = self.flush_interval(Duration::from_millis(ms.into()));
        }
        self.blacklist.extend(&options.blacklist);
        self.proxies.extend(&options.proxy_protocol);
        if let Some(host) = &options.client_listen {
            self.listen = Some(host.clone());
        }
        if let Some(tls) = &options.tls {
            let (cert, key) = (PathBuf::from(&tls.cert), PathBuf::from(&tls.key));
            self.tls = Some(TlsFiles { cert, key, plain_too: tls.plain });
        }
        self
    }

    /// Reads the certificate, with paths from the game's folder on.
    pub(crate) fn load_tls(&self, base: &Path) -> Result<Option<Tls>, TlsError> {
        let load = |files: &TlsFiles| {
            let (cert, key) = (base.join(&files.cert), base.join(&files.key));
            Tls::load(TlsFiles { cert, key, plain_too: files.plain_too })
        };
        self.tls.as_ref().map(load).transpose()
    }
}

impl Default for Hybrid {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Hybrid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hybrid")
            .field("heartbeat", &self.heartbeat)
            .field("dictionary", &self.dictionary)
            .field("protobuf", &self.protobuf.is_some())
            .field("listen", &self.listen)
            .field("max_connections", &self.max_connections)
            .field("handshake_timeout", &self.handshake_timeout)
            .field("tls", &self.tls)
            .field("max_connections_per_address", &self.max_connections_per_address)
            .field("new_connections_per_second", &self.new_connections_per_second)
            .field("message_rate", &self.message_rate)
            .field("blacklist", &self.blacklist)
            .field("proxies", &self.proxies)
            .field("pages", &self.pages.iter().map(|page| page.path).collect::<Vec<_>>())
            .field("buffer_bytes_max", &self.buffer_bytes_max)
            .field("message_bytes_max", &self.message_bytes_max)
            .field("pending_messages_max", &self.pending_messages_max)
            .field("flush_interval", &self.flush_interval)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_pushes_wait_is_up_to_servers_json_before_the_application() {
        let hybrid = Hybrid::new().flush_interval(Duration::from_millis(20));
        let waits = |json: &str| {
            let options: ServerOptions = serde_json::from_str(json).unwrap();
            hybrid.clone().configured(&options).flush_interval.map_or(0, |interval| interval.as_millis())
        };
        assert_eq!([r#"{"flush-interval": 50}"#, r#"{"flush-interval": 0}"#, "{}"].map(waits), [50, 0, 20]);
    }
    #[test]
    fn how_much_a_client_may_say_is_up_to_servers_json_before_the_application() {
        let hybrid = Hybrid::new().max_messages_per_second(20);
        let rate = |json: &str| {
            let options: ServerOptions = serde_json::from_str(json).unwrap();
            hybrid.clone().configured(&options).message_rate
        };
        assert_eq!(rate(r#"{"max-messages-per-second": 300}"#), Some(Rate::per_second(300).burst(300)));
        assert_eq!(rate("{}"), Some(Rate::per_second(20).burst(20)));
        assert!(serde_json::from_str::<ServerOptions>(r#"{"max-messages-per-second": 0}"#).is_err());
    }
}
