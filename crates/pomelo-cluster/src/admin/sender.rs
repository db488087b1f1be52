//! The sending half of a link: a bounded queue that never makes its owner wait, and the task that writes it out.
//!
//! What thousands wait for can be written past the task ([`LinkSender::send_at_once`]). Everything else is queued: what is said to one
//! peer in a moment leaves in one write.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::Relaxed},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use pomelo_protocol::{
    admin::{AdminMessage, Registered},
    mqtt::{MqttError, Packet},
};
use tokio::{
    io::{AsyncWrite, AsyncWriteExt},
    net::{TcpStream, tcp::OwnedWriteHalf},
    sync::{mpsc, watch},
    time::{Instant, Interval, MissedTickBehavior, interval_at, sleep},
};

use super::LinkConfig;

/// How long a closed link goes on writing what is queued, and reading so that the peer gets all of it.
pub(super) const LINGER: Duration = Duration::from_secs(1);
/// How many queued frames go into one write at most.
const WRITE_FRAMES_MAX: usize = 64;

/// Sends over a [`Link`](super::Link). Cheap to clone; the link ends with the `Link`, not with its senders.
#[derive(Clone, Debug)]
pub struct LinkSender {
    queue: mpsc::Sender<Bytes>,
    shared: Arc<Shared>,
}

/// Why nothing was queued. The link has ended, or is about to: [`Link::recv`](super::Link::recv) says why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The link has ended.
    #[error("link is closed")]
    Closed,
    /// The peer does not read; this call has ended the link.
    #[error("{frames} messages ({bytes} bytes) wait for a peer that does not read")]
    Full {
        /// How many were queued.
        frames: usize,
        /// Their size.
        bytes: usize,
    },
    /// The message can't be a packet; the link goes on.
    #[error(transparent)]
    TooLarge(#[from] MqttError),
}

/// Where a link is in its life. Only ever moves down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub(super) enum Phase {
    Open,
    /// Closed by this end: what is queued is still written.
    Closing,
    /// The queue was full: nothing more is written.
    Overflown,
    /// The connection failed under a write.
    Failed,
}

/// What the halves of a link know in common.
#[derive(Debug)]
pub(super) struct Shared {
    peer: String,
    started: Instant,
    heard_ms: AtomicU64,
    queued_bytes: AtomicUsize,
    queue_bytes_max: usize,
    phase: watch::Sender<Phase>,
    written: watch::Sender<bool>,
    /// The connection, for what is written past the queue, as long as the writing task lives. Whoever queues holds the lock: what is
    /// written past the queue can't come between.
    direct: Mutex<Option<Arc<OwnedWriteHalf>>>,
    admitted: AtomicBool,
    reconnect: AtomicBool,
}

impl LinkSender {
    /// Starts the writing task. It ends within [`LINGER`] of the end of the link.
    pub(super) fn start(
        writer: impl AsyncWrite + Send + Unpin + 'static,
        peer: String,
        config: &LinkConfig,
    ) -> Self {
        Self::start_with(writer, None, peer, config)
    }

    /// The same over TCP, where not everything has to go through the task.
    pub(super) fn start_tcp(writer: OwnedWriteHalf, peer: String, config: &LinkConfig) -> Self {
        let writer = Arc::new(writer);
        Self::start_with(Shareable(Arc::clone(&writer)), Some(writer), peer, config)
    }

    fn start_with(
        writer: impl AsyncWrite + Send + Unpin + 'static,
        direct: Option<Arc<OwnedWriteHalf>>,
        peer: String,
        config: &LinkConfig,
    ) -> Self {
        let (queue, queued) = mpsc::channel(config.queue_frames_max.max(1));
        let shared = Arc::new(Shared {
            peer,
            started: Instant::now(),
            heard_ms: AtomicU64::new(0),
            queued_bytes: AtomicUsize::new(0),
            queue_bytes_max: config.queue_bytes_max,
            phase: watch::Sender::new(Phase::Open),
            written: watch::Sender::new(false),
            direct: Mutex::new(direct),
            admitted: AtomicBool::new(false),
            reconnect: AtomicBool::new(false),
        });
        let task = Writer { io: writer, queued, shared: Arc::clone(&shared), ping: config.ping_interval };
        tokio::spawn(task.run());
        Self { queue, shared }
    }

    /// Queues a message. Never waits: a full queue ends the link, so that one peer that does not read holds up nobody.
    pub fn send(&self, message: &AdminMessage) -> Result<(), SendError> {
        self.send_encoded(message.encode()?)
    }

    /// As [`LinkSender::send`], for a message that goes to many: [`AdminMessage::encode`] it once.
    pub fn send_encoded(&self, frame: Bytes) -> Result<(), SendError> {
        let _gate = self.shared.direct.lock().unwrap_or_else(PoisonError::into_inner);
        self.queue(frame)
    }

    /// As [`LinkSender::send_encoded`], and if nothing waits the frame is with the kernel when this returns: for the few messages that
    /// every peer waits for. Each costs a write of its own.
    pub fn send_at_once(&self, frame: Bytes) -> Result<(), SendError> {
        let gate = self.shared.direct.lock().unwrap_or_else(PoisonError::into_inner);
        // Nothing is added to the queue while the lock is held, and what the task is writing is still counted.
        let idle = self.shared.queued_bytes.load(Relaxed) == 0 && self.shared.phase() == Phase::Open;
        let written = match gate.as_ref().filter(|_| idle) {
            // An error is found again by the task, which ends the link.
            Some(direct) => direct.try_write(&frame).unwrap_or(0),
            None => 0,
        };
        if written == frame.len() { Ok(()) } else { self.queue(frame.slice(written..)) }
    }

    fn queue(&self, frame: Bytes) -> Result<(), SendError> {
        if self.shared.phase() != Phase::Open {
            return Err(SendError::Closed);
        }
        let frame_bytes = frame.len();
        let bytes = self.shared.queued_bytes.fetch_add(frame_bytes, Relaxed) + frame_bytes;
        // A single frame larger than the limit may pass through an empty queue.
        let fits = bytes <= self.shared.queue_bytes_max || bytes == frame_bytes;
        let refused = if fits {
            self.queue.try_send(frame).err()
        } else {
            Some(mpsc::error::TrySendError::Full(frame))
        };
        match refused {
            None => Ok(()),
            Some(mpsc::error::TrySendError::Closed(_)) => Err(SendError::Closed),
            Some(mpsc::error::TrySendError::Full(_)) => {
                let frames = self.queue.max_capacity() - self.queue.capacity();
                self.shared.advance(Phase::Overflown);
                Err(SendError::Full { frames, bytes: bytes - frame_bytes })
            }
        }
    }

    /// Accepts the registration of the peer: replies on the topic it asked on, and from now on takes messages of any size.
    pub fn admit(&self, reply: Registered) -> Result<(), SendError> {
        self.shared.admitted.store(true, Relaxed);
        self.reply(reply)
    }

    /// Refuses the registration of the peer as the original does: the reply, DISCONNECT, and the end of the link.
    pub fn refuse(&self, why: impl Into<String>) {
        self.refuse_with(Registered::refused(why));
    }

    /// The same with a reply that says more.
    pub fn refuse_with(&self, reply: Registered) {
        // A link that has ended already needs no refusal.
        let _ = self.reply(reply);
        self.close();
    }

    /// Ends the link: what is queued is still written, then DISCONNECT, by which the peer knows that it was meant.
    pub fn close(&self) {
        self.shared.advance(Phase::Closing);
    }

    /// Waits until the link has ended and everything that could be written is written.
    pub async fn closed(&self) {
        // The sender of this watch lives as long as `self`.
        let _ = self.shared.written.subscribe().wait_for(|written| *written).await;
    }

    /// Whether the link has ended.
    pub fn is_closed(&self) -> bool {
        self.shared.phase() != Phase::Open
    }

    /// How long ago the last byte came from the peer.
    pub fn silent_for(&self) -> Duration {
        self.shared.last_heard().elapsed()
    }

    /// The peer's address, for logs.
    pub fn peer(&self) -> &str {
        &self.shared.peer
    }

    pub(super) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    fn reply(&self, reply: Registered) -> Result<(), SendError> {
        let again = self.shared.reconnect.load(Relaxed);
        self.send(&if again { AdminMessage::Reconnected(reply) } else { AdminMessage::Registered(reply) })
    }
}

impl Shared {
    pub(super) fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// For [`past`].
    pub(super) fn phases(&self) -> watch::Receiver<Phase> {
        self.phase.subscribe()
    }

    /// Moves on to `phase` unless the link is at it or past it.
    pub(super) fn advance(&self, phase: Phase) {
        self.phase.send_if_modified(|now| {
            let moves = *now < phase;
            if moves {
                *now = phase;
            }
            moves
        });
    }

    pub(super) fn heard(&self) {
        let ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.heard_ms.store(ms, Relaxed);
    }

    pub(super) fn last_heard(&self) -> Instant {
        self.started + Duration::from_millis(self.heard_ms.load(Relaxed))
    }

    /// Bytes that wait, or are being written.
    #[cfg(test)]
    pub(super) fn queued(&self) -> usize {
        self.queued_bytes.load(Relaxed)
    }

    pub(super) fn set_reconnect(&self) {
        self.reconnect.store(true, Relaxed);
    }

    pub(super) fn set_admitted(&self) {
        self.admitted.store(true, Relaxed);
    }

    pub(super) fn is_admitted(&self) -> bool {
        self.admitted.load(Relaxed)
    }
}

/// Owns the writing half of the connection.
struct Writer<W> {
    io: W,
    queued: mpsc::Receiver<Bytes>,
    shared: Arc<Shared>,
    ping: Option<Duration>,
}

impl<W: AsyncWrite + Send + Unpin> Writer<W> {
    async fn run(mut self) {
        let shared = Arc::clone(&self.shared);
        let written = tokio::select! {
            written = self.write_all() => written,
            () = out_of_patience(&shared) => Ok(()),
        };
        // Else the connection would be open for as long as anybody has a sender.
        *shared.direct.lock().unwrap_or_else(PoisonError::into_inner) = None;
        shared.advance(if written.is_ok() { Phase::Closing } else { Phase::Failed });
        shared.written.send_replace(true);
    }

    /// Until the link is closed and its queue is written.
    async fn write_all(&mut self) -> io::Result<()> {
        let mut pings = self.ping.map(|every| {
            let mut pings = interval_at(Instant::now() + every, every);
            pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
            pings
        });
        let mut batch = Vec::new();
        let mut phases = self.shared.phases();
        loop {
            tokio::select! {
                biased;
                count = self.queued.recv_many(&mut batch, WRITE_FRAMES_MAX) => {
                    if count == 0 {
                        return self.finish().await;
                    }
                    self.write(&mut batch).await?;
                }
                () = tick(&mut pings) => {
                    let ping = fixed(&Packet::PingReq);
                    self.shared.queued_bytes.fetch_add(ping.len(), Relaxed);
                    self.io.write_all(&ping).await?;
                    self.shared.queued_bytes.fetch_sub(ping.len(), Relaxed);
                }
                // The queue is empty here, since it comes first.
                _ = past(&mut phases, Phase::Open) => return self.finish().await,
            }
        }
    }

    async fn write(&mut self, batch: &mut Vec<Bytes>) -> io::Result<()> {
        let bytes = batch.iter().map(Bytes::len).sum();
        if let [one] = batch.as_slice() {
            self.io.write_all(one).await?;
        } else {
            let mut joined = BytesMut::with_capacity(bytes);
            batch.iter().for_each(|frame| joined.extend_from_slice(frame));
            self.io.write_all(&joined).await?;
        }
        batch.clear();
        self.shared.queued_bytes.fetch_sub(bytes, Relaxed);
        self.io.flush().await
    }

    async fn finish(&mut self) -> io::Result<()> {
        self.io.write_all(&fixed(&Packet::Disconnect)).await?;
        self.io.shutdown().await
    }
}

/// The writing half of a TCP connection that somebody else may write to as well.
struct Shareable(Arc<OwnedWriteHalf>);

impl AsyncWrite for Shareable {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        loop {
            match self.0.try_write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    let stream: &TcpStream = (*self.0).as_ref();
                    ready!(stream.poll_write_ready(cx))?;
                }
                written => return Poll::Ready(written),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        // Dropping it does that, which comes next.
        Poll::Ready(Ok(()))
    }
}

/// When a writer that has not finished yet must stop.
async fn out_of_patience(shared: &Shared) {
    let mut phases = shared.phases();
    if past(&mut phases, Phase::Open).await == Phase::Closing {
        tokio::select! {
            () = sleep(LINGER) => {}
            _ = past(&mut phases, Phase::Closing) => {}
        }
    }
}

/// Waits until the link is past `phase`, and says where it is then.
pub(super) async fn past(phases: &mut watch::Receiver<Phase>, phase: Phase) -> Phase {
    // Who reads the phases holds what their sender is part of: it can't be gone.
    phases.wait_for(|now| *now > phase).await.map_or(Phase::Failed, |now| *now)
}

async fn tick(pings: &mut Option<Interval>) {
    match pings {
        Some(pings) => {
            pings.tick().await;
        }
        None => std::future::pending().await,
    }
}

/// A packet without contents, which can't be too large.
pub(super) fn fixed(packet: &Packet) -> Bytes {
    let mut out = BytesMut::new();
    let encoded = packet.encode(&mut out);
    debug_assert!(encoded.is_ok());
    out.freeze()
}
