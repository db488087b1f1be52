//! One connection of the admin protocol: MQTT packets in, [`AdminMessage`]s out, pings answered, silence noticed.
//!
//! The same for both ends. Not here: what to do after the end of a link (`follow` dials again, a master forgets), and the numbers of
//! requests, which belong to who asks.

use std::{io, time::Duration};

use bytes::BytesMut;
use pomelo_protocol::{
    admin::{AdminDecodeError, AdminMessage, Register, Registered},
    mqtt::{MqttError, Packet},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite},
    net::TcpStream,
    sync::watch,
    time::{sleep_until, timeout, timeout_at},
};

use super::{
    LinkSender, SendError,
    sender::{LINGER, Phase, fixed, past},
};
use crate::coordinator::MasterAddr;

/// How much is read at once.
const READ_BYTES: usize = 4096;

/// Limits and times of a link.
#[derive(Clone, Debug)]
pub struct LinkConfig {
    /// Largest packet taken from a peer that is registered, or of a master. A larger one ends the link.
    pub packet_bytes_max: usize,
    /// Largest packet taken from a peer that is not registered yet.
    pub stranger_bytes_max: usize,
    /// How many messages wait for a peer that does not read; one more ends the link.
    pub queue_frames_max: usize,
    /// How many bytes wait for a peer that does not read; more end the link.
    pub queue_bytes_max: usize,
    /// How long each step of opening may take: TCP, MQTT, registration.
    pub open_timeout: Duration,
    /// How often this end sends a ping, if at all.
    pub ping_interval: Option<Duration>,
    /// After how long without a byte from the peer the link ends, if at all. Can be changed by
    /// [`Link::set_silence_max`].
    pub silence_max: Option<Duration>,
}

impl Default for LinkConfig {
    /// No pings and no end by silence: for an acceptor that does not know its peer yet, and for tools.
    fn default() -> Self {
        Self {
            packet_bytes_max: 16 << 20,
            stranger_bytes_max: 64 << 10,
            queue_frames_max: 4096,
            queue_bytes_max: 16 << 20,
            open_timeout: Duration::from_secs(5),
            ping_interval: None,
            silence_max: None,
        }
    }
}

impl LinkConfig {
    /// After how long without a byte a link between Rust peers, which ping, ends.
    pub const SILENCE_MAX: Duration = Duration::from_secs(10);
    /// How often the dialling Rust peer pings.
    pub const PING_INTERVAL: Duration = Duration::from_secs(1);

    /// For a link that is kept: with pings and an end by silence.
    pub fn kept() -> Self {
        Self {
            ping_interval: Some(Self::PING_INTERVAL),
            silence_max: Some(Self::SILENCE_MAX),
            ..Self::default()
        }
    }
}

/// Why a link could not be opened, or has ended.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// No TCP connection.
    #[error("can't connect: {0}")]
    Dial(io::Error),
    /// The peer was too slow.
    #[error("no {missing} within {} ms", after.as_millis())]
    Timeout {
        /// What did not come.
        missing: &'static str,
        /// How long was waited.
        after: Duration,
    },
    /// The peer has said DISCONNECT: it leaves on purpose.
    #[error("peer left")]
    Left,
    /// The connection ended without a word: the peer's process died, or was cut off.
    #[error("connection ended")]
    Ended,
    /// This end has closed the link.
    #[error("closed here")]
    Closed,
    /// This end has closed the link because the peer does not read.
    #[error("peer does not read: too much waits to be sent")]
    Overflown,
    /// Nothing has come from the peer for too long.
    #[error("peer is silent for {} ms", after.as_millis())]
    Silent {
        /// How long.
        after: Duration,
    },
    /// The connection failed.
    #[error("connection failed: {0}")]
    Io(io::Error),
    /// What came is not MQTT, not as Pomelo uses it, or too large.
    #[error(transparent)]
    Mqtt(#[from] MqttError),
    /// What came is MQTT, but no admin message.
    #[error(transparent)]
    Decode(#[from] AdminDecodeError),
    /// A message that has no place there.
    #[error("expected {expected}, got {got}")]
    Unexpected {
        /// What should have come.
        expected: &'static str,
        /// What came.
        got: &'static str,
    },
    /// The master does not take the registration.
    #[error("registration refused: {why}")]
    Refused {
        /// The master's words.
        why: String,
        /// Incarnation of a later process with this server's id, if that is the reason.
        newer: Option<u64>,
    },
}

/// One connection. Dropping it ends it: what is queued is still written.
pub struct Link {
    reader: Box<dyn AsyncRead + Send + Unpin>,
    buffer: BytesMut,
    sender: LinkSender,
    phases: watch::Receiver<Phase>,
    packet_bytes_max: usize,
    stranger_bytes_max: usize,
    open_timeout: Duration,
    silence_max: Option<Duration>,
}

impl Link {
    /// Connects to a master and exchanges CONNECT and CONNACK.
    pub async fn dial(to: &MasterAddr, config: &LinkConfig) -> Result<Self, LinkError> {
        let connected = timeout(config.open_timeout, TcpStream::connect((to.host.as_str(), to.port))).await;
        let stream = connected
            .map_err(|_| LinkError::Timeout { missing: "tcp connection", after: config.open_timeout })?
            .map_err(LinkError::Dial)?;
        stream.set_nodelay(true).map_err(LinkError::Dial)?;
        Self::over_tcp(stream, to.to_string(), config).dialled().await
    }

    /// As [`Link::dial`], over a connection that stands.
    pub async fn dial_over(
        io: impl AsyncRead + AsyncWrite + Send + 'static,
        peer: String,
        config: &LinkConfig,
    ) -> Result<Self, LinkError> {
        Self::over(io, peer, config).dialled().await
    }

    async fn dialled(self) -> Result<Self, LinkError> {
        let mut link = self;
        // Masters are not strangers: whoever dials has chosen them.
        link.sender.shared().set_admitted();
        let since_1970 = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        let client_id = format!("MQTT_ADMIN_{}", since_1970.as_millis());
        link.send_packet(&Packet::Connect { client_id, keep_alive_s: 0 })?;
        match link.in_time("mqtt CONNACK", Self::packet).await? {
            Packet::ConnAck { code: 0 } => Ok(link),
            Packet::ConnAck { .. } => {
                Err(LinkError::Refused { why: "by the code of CONNACK".into(), newer: None })
            }
            other => Err(LinkError::Unexpected { expected: "mqtt CONNACK", got: packet_name(&other) }),
        }
    }

    /// Takes the CONNECT of a peer that has connected, and answers it. Next is [`Link::registration`].
    pub async fn accept(stream: TcpStream, config: &LinkConfig) -> Result<Self, LinkError> {
        stream.set_nodelay(true).map_err(LinkError::Io)?;
        let peer = stream.peer_addr().map_err(LinkError::Io)?.to_string();
        Self::over_tcp(stream, peer, config).accepted().await
    }

    /// As [`Link::accept`], over any connection.
    pub async fn accept_over(
        io: impl AsyncRead + AsyncWrite + Send + 'static,
        peer: String,
        config: &LinkConfig,
    ) -> Result<Self, LinkError> {
        Self::over(io, peer, config).accepted().await
    }

    async fn accepted(self) -> Result<Self, LinkError> {
        let mut link = self;
        match link.in_time("mqtt CONNECT", Self::packet).await? {
            Packet::Connect { .. } => link.send_packet(&Packet::ConnAck { code: 0 })?,
            other => {
                return Err(LinkError::Unexpected { expected: "mqtt CONNECT", got: packet_name(&other) });
            }
        }
        Ok(link)
    }

    fn over(io: impl AsyncRead + AsyncWrite + Send + 'static, peer: String, config: &LinkConfig) -> Self {
        let (reader, writer) = tokio::io::split(io);
        Self::of(Box::new(reader), LinkSender::start(writer, peer, config), config)
    }

    fn over_tcp(stream: TcpStream, peer: String, config: &LinkConfig) -> Self {
        let (reader, writer) = stream.into_split();
        Self::of(Box::new(reader), LinkSender::start_tcp(writer, peer, config), config)
    }

    fn of(reader: Box<dyn AsyncRead + Send + Unpin>, sender: LinkSender, config: &LinkConfig) -> Self {
        Self {
            reader,
            buffer: BytesMut::new(),
            phases: sender.shared().phases(),
            sender,
            packet_bytes_max: config.packet_bytes_max,
            stranger_bytes_max: config.stranger_bytes_max,
            open_timeout: config.open_timeout,
            silence_max: config.silence_max,
        }
    }

    /// The dialling end registers, and waits for the reply. A refusal is [`LinkError::Refused`].
    pub async fn register(&mut self, register: Register) -> Result<Registered, LinkError> {
        self.send(&AdminMessage::Register(register))?;
        match self.in_time("reply to the registration", Self::recv).await? {
            AdminMessage::Registered(reply) if reply.is_ok() => Ok(reply),
            AdminMessage::Registered(reply) => Err(LinkError::Refused { why: reply.msg, newer: reply.newer }),
            other => Err(LinkError::Unexpected {
                expected: "reply to the registration",
                got: message_name(&other),
            }),
        }
    }

    /// The accepting end waits for the registration. [`LinkSender::admit`] or [`LinkSender::refuse`] answers it. A Node monitor
    /// that reconnects is a registration without a token.
    pub async fn registration(&mut self) -> Result<Register, LinkError> {
        match self.in_time("registration", Self::recv).await? {
            AdminMessage::Register(register) => Ok(register),
            AdminMessage::Reconnect(monitor) => {
                self.sender.shared().set_reconnect();
                Ok(Register::Monitor(monitor))
            }
            other => Err(LinkError::Unexpected { expected: "registration", got: message_name(&other) }),
        }
    }

    /// The next message. Pings are answered on the way. An error is the end of the link, and there is always one in the
    /// end. Cancel safe.
    pub async fn recv(&mut self) -> Result<AdminMessage, LinkError> {
        loop {
            match self.packet().await? {
                Packet::Publish { topic, payload } => return Ok(AdminMessage::decode(&topic, &payload)?),
                Packet::PingReq => self.send_packet(&Packet::PingResp)?,
                Packet::PingResp => {}
                Packet::Disconnect => return Err(LinkError::Left),
                packet @ (Packet::Connect { .. } | Packet::ConnAck { .. }) => {
                    return Err(LinkError::Unexpected {
                        expected: "mqtt PUBLISH",
                        got: packet_name(&packet),
                    });
                }
            }
        }
    }

    /// The sending half.
    pub fn sender(&self) -> LinkSender {
        self.sender.clone()
    }

    /// Queues a message; see [`LinkSender::send`].
    pub fn send(&self, message: &AdminMessage) -> Result<(), LinkError> {
        self.sender.send(message).map_err(|refused| self.end_of(refused))
    }

    /// The peer's address, for logs.
    pub fn peer(&self) -> &str {
        self.sender.peer()
    }

    /// Changes how long the peer may be silent. A master sets it to [`LinkConfig::SILENCE_MAX`] for peers that ping: those
    /// whose registration has a [`Hello`](pomelo_protocol::admin::Hello) and are not tools.
    pub fn set_silence_max(&mut self, silence_max: Option<Duration>) {
        self.silence_max = silence_max;
    }

    async fn packet(&mut self) -> Result<Packet, LinkError> {
        let shared = std::sync::Arc::clone(self.sender.shared());
        loop {
            let bytes_max =
                if shared.is_admitted() { self.packet_bytes_max } else { self.stranger_bytes_max };
            if let Some(packet) = Packet::decode(&mut self.buffer, bytes_max)? {
                return Ok(packet);
            }
            self.buffer.reserve(READ_BYTES);
            let silence = self.silence_max.map(|max| (max, shared.last_heard() + max));
            tokio::select! {
                biased;
                phase = past(&mut self.phases, Phase::Open) => {
                    if phase == Phase::Closing {
                        self.discard().await;
                    }
                    return Err(self.why_ended());
                }
                read = self.reader.read_buf(&mut self.buffer) => match read {
                    Ok(0) => return Err(self.why_ended()),
                    Ok(_) => shared.heard(),
                    // What a process that died leaves behind on the connection; no other news than its end.
                    Err(e) if e.kind() == io::ErrorKind::ConnectionReset => return Err(LinkError::Ended),
                    Err(e) => return Err(LinkError::Io(e)),
                },
                after = silent(silence) => return Err(LinkError::Silent { after }),
            }
        }
    }

    /// Reads until the peer has hung up too, so that its last bytes in our kernel don't destroy ours in its.
    async fn discard(&mut self) {
        let until = tokio::time::Instant::now() + LINGER;
        loop {
            self.buffer.clear();
            match timeout_at(until, self.reader.read_buf(&mut self.buffer)).await {
                Ok(Ok(bytes)) if bytes > 0 => {}
                _ => return,
            }
        }
    }

    fn why_ended(&self) -> LinkError {
        match self.sender.shared().phase() {
            Phase::Open | Phase::Failed => LinkError::Ended,
            Phase::Closing => LinkError::Closed,
            Phase::Overflown => LinkError::Overflown,
        }
    }

    fn end_of(&self, refused: SendError) -> LinkError {
        match refused {
            SendError::Closed => self.why_ended(),
            SendError::Full { .. } => LinkError::Overflown,
            SendError::TooLarge(e) => LinkError::Mqtt(e),
        }
    }

    fn send_packet(&self, packet: &Packet) -> Result<(), LinkError> {
        self.sender.send_encoded(fixed(packet)).map_err(|refused| self.end_of(refused))
    }

    async fn in_time<'a, T, F>(
        &'a mut self,
        missing: &'static str,
        step: impl FnOnce(&'a mut Self) -> F,
    ) -> Result<T, LinkError>
    where
        F: Future<Output = Result<T, LinkError>>,
    {
        let after = self.open_timeout;
        timeout(after, step(self)).await.unwrap_or(Err(LinkError::Timeout { missing, after }))
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.sender.close();
    }
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").field("peer", &self.peer()).finish_non_exhaustive()
    }
}

async fn silent(silence: Option<(Duration, tokio::time::Instant)>) -> Duration {
    match silence {
        Some((max, until)) => {
            sleep_until(until).await;
            max
        }
        None => std::future::pending().await,
    }
}

fn packet_name(packet: &Packet) -> &'static str {
    match packet {
        Packet::Connect { .. } => "mqtt CONNECT",
        Packet::ConnAck { .. } => "mqtt CONNACK",
        Packet::Publish { .. } => "mqtt PUBLISH",
        Packet::PingReq => "mqtt PINGREQ",
        Packet::PingResp => "mqtt PINGRESP",
        Packet::Disconnect => "mqtt DISCONNECT",
    }
}

fn message_name(message: &AdminMessage) -> &'static str {
    match message {
        AdminMessage::Register(_) => "a registration",
        AdminMessage::Registered(_) => "a reply to a registration",
        AdminMessage::Reconnect(_) => "a reconnect",
        AdminMessage::Reconnected(_) => "a reply to a reconnect",
        AdminMessage::Monitor(_) => "a message on topic monitor",
        AdminMessage::Client(_) => "a message on topic client",
    }
}

#[cfg(test)]
mod tests;
