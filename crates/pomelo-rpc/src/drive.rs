//! The task of one link that is up: reads, writes, pings, keeps the time of the calls, and notices that the other side is
//! gone. Not here: what frames mean (`incoming`), and what becomes of the link's callers afterwards (`link`).

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWrite};
use tokio::time::{Instant, Sleep, sleep, sleep_until};

use crate::frame::{Frame, FrameError};
use crate::incoming::Incoming;
use crate::link::{BUFFER_BYTES_KEPT, Link, Rest, Taken};
use crate::transport::Stream;

/// What one read may bring at most, unless a longer frame is under way.
const READ_BYTES: usize = 64 << 10;

/// How often a task may go round before it lets others run.
const ROUNDS_PER_TURN: usize = 8;

/// A connection after its hello.
pub(crate) struct Connection {
    pub(crate) stream: Stream,
    /// Read behind the hello already.
    pub(crate) read: BytesMut,
    /// To be written before anything else: the welcome, on the accepting side.
    pub(crate) first: Vec<u8>,
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum End {
    #[error("the peer closed the connection")]
    PeerClosed,
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("the peer sent garbage: {0}")]
    Frame(#[from] FrameError),
    #[error("the peer sent {0}")]
    Misplaced(&'static str),
    #[error("nothing came for {0:?}")]
    Silent(Duration),
    /// The link was taken down by this side; whoever did it gave the reason.
    #[error("closed by this server")]
    Down,
}

/// Runs until the connection is over.
pub(crate) async fn drive(connection: Connection, link: &Arc<Link>, incoming: Incoming) -> End {
    let Connection { stream, read, first } = connection;
    let now = Instant::now();
    let mut driver = Driver {
        stream,
        link,
        incoming,
        read,
        out: first,
        written: 0,
        finishing: false,
        heard: now,
        wrote: now,
        timer: Box::pin(sleep_until(now + link.limits.ping_idle.min(link.limits.dead_after))),
    };
    poll_fn(|cx| driver.poll(cx).map(|ended| ended.unwrap_or_else(|end| end))).await
}

/// Ends the calls whose time is over while the link is being dialled.
pub(crate) async fn keep_time(link: &Link) -> Infallible {
    let mut timer = pin!(sleep(Duration::ZERO));
    poll_fn(|cx| {
        while let Some(due) = link.rest_dialling(cx.waker()) {
            if timer.deadline() != due {
                timer.as_mut().reset(due);
            }
            ready!(timer.as_mut().poll(cx));
            link.expire(Instant::now());
        }
        Poll::Pending
    })
    .await
}

/// One task for both directions: they end together, and no lock is ever waited for.
struct Driver<'a> {
    stream: Stream,
    link: &'a Arc<Link>,
    incoming: Incoming,
    read: BytesMut,
    /// Taken from the link, and how much of it is with the kernel.
    out: Vec<u8>,
    written: usize,
    /// Everything is written and nothing more comes; only the peer's end is waited for.
    finishing: bool,
    heard: Instant,
    wrote: Instant,
    timer: Pin<Box<Sleep>>,
}

impl Driver<'_> {
    /// `Err` is an end that was not wanted; both come to the same.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<End, End>> {
        for _ in 0..ROUNDS_PER_TURN {
            if self.finishing {
                return self.poll_finish(cx);
            }
            // All whole frames, then one write for all that was answered.
            self.take_in()?;
            match self.flush(cx)? {
                Taken::Open => {}
                Taken::Drained => {
                    self.finishing = true;
                    continue;
                }
                Taken::Over => return Poll::Ready(Ok(End::Down)),
            }
            match self.poll_read(cx)? {
                Poll::Ready(0) => return Poll::Ready(Ok(End::PeerClosed)),
                Poll::Ready(READ_BYTES..) => {
                    // There is more, but others of this runtime have waited for a whole buffer of frames by now.
                    self.take_in()?;
                    break;
                }
                Poll::Pending if self.poll_rest(cx)?.is_pending() => return Poll::Pending,
                Poll::Ready(_) | Poll::Pending => {}
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Handles what was read.
    fn take_in(&mut self) -> Result<(), End> {
        while let Some(frame) = Frame::decode(&mut self.read, self.link.limits.frame_bytes_max)? {
            self.incoming.take(frame, self.heard).map_err(End::Misplaced)?;
        }
        Ok(())
    }

    /// Writes what waits, as far as the kernel takes it.
    fn flush(&mut self, cx: &mut Context<'_>) -> Result<Taken, End> {
        loop {
            if self.out.is_empty() {
                let taken = self.link.take(&mut self.out);
                if taken != Taken::Open || self.out.is_empty() {
                    return Ok(taken);
                }
            }
            let Poll::Ready(bytes) = Pin::new(&mut self.stream).poll_write(cx, &self.out[self.written..])
            else {
                return Ok(Taken::Open);
            };
            let bytes = bytes?;
            if bytes == 0 {
                return Err(io::Error::from(io::ErrorKind::WriteZero).into());
            }
            self.link.written(bytes);
            self.wrote = Instant::now();
            self.written += bytes;
            if self.written == self.out.len() {
                self.written = 0;
                self.out.clear();
                self.out.shrink_to(BUFFER_BYTES_KEPT);
            }
        }
    }

    /// Reads once.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Result<Poll<usize>, End> {
        let read = read_into(&mut self.stream, &mut self.read, cx)?;
        if read.is_ready() {
            self.heard = Instant::now();
        }
        Ok(read)
    }

    /// Looks at the clock and rests; ready if there is something to do after all.
    fn poll_rest(&mut self, cx: &mut Context<'_>) -> Result<Poll<()>, End> {
        let Rest::Until(due) = self.link.rest(cx.waker(), !self.out.is_empty()) else {
            return Ok(Poll::Ready(()));
        };
        let limits = &self.link.limits;
        let next = (self.heard + limits.dead_after).min(self.wrote + limits.ping_idle);
        let next = due.map_or(next, |due| due.min(next));
        // A timer that is too early costs a look when it is over; to set it anew with each message would cost more.
        if next < self.timer.deadline() {
            self.timer.as_mut().reset(next);
        }
        if self.timer.as_mut().poll(cx).is_pending() {
            return Ok(Poll::Pending);
        }
        let now = Instant::now();
        if due.is_some_and(|due| due <= now) {
            self.link.expire(now);
        }
        if now - self.heard >= limits.dead_after {
            return Err(End::Silent(limits.dead_after));
        }
        if now - self.wrote >= limits.ping_idle {
            self.link.ping();
            self.wrote = now;
        }
        // What is due earlier sets it back, when this task comes here again.
        let next = (self.heard + limits.dead_after).min(self.wrote + limits.ping_idle);
        self.timer.as_mut().reset(next);
        Ok(Poll::Ready(()))
    }

    /// Says that no more comes, and waits for the peer's end. To drop the stream with bytes unread would reset it, and the
    /// peer might lose what it has not read yet. Whoever closes the link limits the time.
    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<Result<End, End>> {
        ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        loop {
            self.read.clear();
            if ready!(read_into(&mut self.stream, &mut self.read, cx)?) == 0 {
                return Poll::Ready(Ok(End::Down));
            }
        }
    }
}

fn read_into(stream: &mut Stream, read: &mut BytesMut, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
    make_room(read);
    // It keeps nothing between two polls.
    pin!(stream.read_buf(read)).poll(cx)
}

/// Makes room for the rest of the frame under way, or else for a usual read.
fn make_room(read: &mut BytesMut) {
    let missing = Frame::bytes_wanted(read).saturating_sub(read.len());
    let spare = read.capacity() - read.len();
    if spare < missing.max(READ_BYTES / 4) {
        read.reserve(missing.max(READ_BYTES));
    }
}
