//! What waits to be sent to a client, and who writes it.
//!
//! Whoever has a frame for a client puts it in the client's queue and never touches the socket. The queue is written
//! with one vectored write by the connection's own task when that has something to answer, or else by the connector's
//! one [`Flusher`](super::flusher::Flusher) as soon as it has its turn. No task, channel or timer is needed for a connection, and a hundred
//! pushes in one turn cost one system call.
//!
//! The queue is bounded in bytes. When the kernel takes no more, the connection's task waits for room; when too much
//! has piled up, the client is ended as a slow reader and what waits for it is thrown away.

use std::{
    collections::VecDeque,
    io,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    task::{Context, Poll, Waker, ready},
};

use bytes::{Buf, Bytes};
use tokio::net::{TcpStream, tcp::OwnedWriteHalf};

use super::{
    client::{CloseReason, Closed},
    fault::Fault,
    secure::{Received, Secured},
    sink::Sink,
};

/// A queue that has grown beyond this many slots gives its memory back when it is empty.
const IDLE_SLOTS_MAX: usize = 16;

/// The outgoing side of one connection.
pub(super) struct Out {
    state: Mutex<State>,
    /// Why the connection is to be closed. Set once, under the lock; nothing can be queued after that.
    ended: OnceLock<CloseReason>,
    buffer_bytes_max: usize,
}

struct State {
    /// The connection's task, once it runs, which wants to know when the connection is ended or the kernel takes no more.
    task: Option<Waker>,
    /// None once the connection is closed.
    socket: Option<Sink>,
    queue: VecDeque<Bytes>,
    /// How many slots the queue had before it gave them back. What comes in bursts comes in bursts again.
    slots: u16,
    queued_bytes: usize,
    /// In the flusher's list.
    dirty: bool,
    /// The kernel's buffer is full; the connection's task waits for room and goes on writing.
    blocked: bool,
}

impl Out {
    pub(super) fn new(socket: OwnedWriteHalf, buffer_bytes_max: usize) -> Self {
        let state = State {
            task: None,
            socket: Some(Sink::new(socket)),
            queue: VecDeque::new(),
            slots: 0,
            queued_bytes: 0,
            dirty: false,
            blocked: false,
        };
        Self { state: Mutex::new(state), ended: OnceLock::new(), buffer_bytes_max }
    }

    /// Queues bytes. Says whether the client has to be put in the flusher's list.
    pub(super) fn push(&self, bytes: Bytes) -> Result<bool, Closed> {
        let mut state = self.lock();
        self.queue(&mut state, bytes)?;
        let first = !state.dirty && !state.blocked && !state.queue.is_empty();
        state.dirty |= first;
        Ok(first)
    }

    /// Queues bytes for the connection's task, which will [write](Self::poll_flush) them itself.
    pub(super) fn push_unflushed(&self, bytes: Bytes) -> Result<(), Closed> {
        self.queue(&mut self.lock(), bytes)
    }

    fn queue(&self, state: &mut State, bytes: Bytes) -> Result<(), Closed> {
        if self.is_ended() {
            return Err(Closed);
        }
        state.push(bytes);
        if state.waiting_bytes() > self.buffer_bytes_max {
            // A burst within one turn is no fault of the client: only what the kernel does not take counts.
            self.drain(state);
            let queued_bytes = state.waiting_bytes();
            if queued_bytes > self.buffer_bytes_max {
                self.fail(state, CloseReason::SlowReader { queued_bytes });
            }
            if state.blocked || self.is_ended() {
                state.wake();
            }
            if self.is_ended() {
                return Err(Closed);
            }
        }
        Ok(())
    }

    /// Queues what the connector itself has to say before a client is let in, a handshake or a page. It comes once and
    /// may be large, so the limit does not apply.
    pub(super) fn push_unlimited(&self, bytes: Bytes) {
        let mut state = self.lock();
        if !self.is_ended() {
            state.push(bytes);
        }
    }

    /// From now on everything is encrypted.
    pub(super) fn secure(&self, secured: Secured) {
        if let Some(socket) = &mut self.lock().socket {
            socket.secure(secured);
        }
    }

    /// What was read from an encrypted connection, and what the client said with it.
    pub(super) fn decrypt(&self, bytes: &mut [u8], said: impl FnMut(&[u8])) -> Result<Received, Fault> {
        match &mut self.lock().socket {
            Some(socket) => socket.decrypt(bytes, said),
            None => Ok(Received::More),
        }
    }

    /// Writes what waits. When the kernel is full, has the task woken as soon as it takes more. For the connection's task
    /// only, with its own socket.
    pub(super) fn poll_flush(&self, socket: &TcpStream, cx: &mut Context<'_>) -> Poll<()> {
        while self.flush() {
            match ready!(socket.poll_write_ready(cx)) {
                Ok(()) => self.lock().blocked = false,
                Err(e) => self.fail(&mut self.lock(), CloseReason::Lost(e.kind())),
            }
        }
        Poll::Ready(())
    }

    /// Says whether the kernel takes no more.
    fn flush(&self) -> bool {
        let mut state = self.lock();
        self.drain(&mut state);
        state.blocked
    }

    /// Writes what waits, unless it is known that the kernel takes no more.
    fn drain(&self, state: &mut State) {
        if !state.blocked
            && let Err(error) = state.drain()
        {
            self.fail(state, CloseReason::Lost(error));
        }
    }

    fn fail(&self, state: &mut State, why: CloseReason) {
        state.clear();
        // Only the first reason counts.
        let _ = self.ended.set(why);
    }

    /// Ends the connection, with one last package behind what waits. Only the first reason counts.
    pub(super) fn end(&self, why: CloseReason, last: Option<Bytes>) {
        let mut state = self.lock();
        if self.ended.set(why).is_err() {
            return;
        }
        if let Some(last) = last {
            state.push(last);
        }
        state.wake();
    }

    /// Puts bytes behind what waits after the connection has been ended: the transport's own goodbye.
    pub(super) fn push_goodbye(&self, bytes: Bytes) {
        let mut state = self.lock();
        if state.socket.is_some() {
            state.push(bytes);
        }
    }

    /// Why the connection is to be closed, if it is.
    pub(super) fn ended(&self) -> Option<CloseReason> {
        self.ended.get().cloned()
    }

    /// Whether the connection is to be closed.
    pub(super) fn is_ended(&self) -> bool {
        self.ended.get().is_some()
    }

    /// Has the connection's task look round.
    pub(super) fn wake(&self) {
        self.lock().wake();
    }

    /// Whom to wake when the connection is ended or blocked, from now on.
    pub(super) fn watch(&self, task: Waker) {
        self.lock().task = Some(task);
    }

    /// Throws away what waits and lets go of the socket, which tells the peer that nothing more comes.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.clear();
        if let Some(socket) = state.socket.take() {
            socket.close();
        }
    }

    /// As [`close`](Self::close), but the kernel throws away what it still holds, too.
    pub(super) fn abort(&self) {
        let mut state = self.lock();
        state.clear();
        if let Some(socket) = state.socket.take() {
            socket.abort();
        }
    }

    /// The flusher's turn: the client leaves the list, and its task is told if it has something to do.
    pub(super) fn flush_dirty(&self) {
        let mut state = self.lock();
        state.dirty = false;
        if state.blocked || state.queue.is_empty() {
            return;
        }
        self.drain(&mut state);
        if state.blocked || self.is_ended() {
            state.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in this module panics between two halves of a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn wake(&self) {
        if let Some(task) = &self.task {
            task.wake_by_ref();
        }
    }

    fn push(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.queued_bytes += bytes.len();
            if self.queue.capacity() == 0 && self.slots > 0 {
                self.queue.reserve_exact(usize::from(self.slots));
            }
            self.queue.push_back(bytes);
        }
    }

    /// What the queue holds, its slots included: many tiny frames are no way around the limit.
    fn waiting_bytes(&self) -> usize {
        self.queued_bytes + self.queue.len() * size_of::<Bytes>()
    }

    /// Writes until nothing is left or the kernel takes no more; an error if the connection is lost.
    fn drain(&mut self) -> Result<(), io::ErrorKind> {
        loop {
            let socket = self.socket.as_mut();
            let Some(socket) = socket.filter(|socket| !self.queue.is_empty() || socket.owes()) else {
                self.clear();
                return Ok(());
            };
            match socket.write(&self.queue) {
                Ok(written) => self.advance(written),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    self.blocked = true;
                    return Ok(());
                }
                Err(e) => return Err(e.kind()),
            }
        }
    }

    fn advance(&mut self, mut written: usize) {
        self.queued_bytes -= written;
        while let Some(first) = self.queue.front_mut() {
            if written < first.len() {
                first.advance(written);
                return;
            }
            written -= first.len();
            self.queue.pop_front();
        }
    }

    fn clear(&mut self) {
        self.blocked = false;
        self.queued_bytes = 0;
        self.queue.clear();
        if self.queue.capacity() > IDLE_SLOTS_MAX {
            self.slots = u16::try_from(self.queue.capacity()).unwrap_or(0);
            self.queue = VecDeque::new();
        }
    }
}
