//! One link as its callers see it: a buffer that takes frames and a table of the calls that wait. Both are behind one
//! short lock and are there from the start of the dial on, so that nobody has to wait for the dial to queue up in order.
//! Not here: what is in the buffer (`outbox`) and the table (`calls`), the connection (`drive`), a call as its caller waits for
//! it (`calling`), and which link belongs to which peer (`peers`).

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use pomelo_protocol::ServerId;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::calling::Calling;
use crate::calls::{Answered, Calls};
use crate::frame::{self, Frame, METHOD_BYTES_MAX};
use crate::outbox::Outbox;
use crate::{DialError, ErrorKind, Failure, Limit, Limits, Payload, RpcError};

/// Capacity a buffer keeps when it is empty; what a burst took beyond it is given back.
pub(crate) const BUFFER_BYTES_KEPT: usize = 64 << 10;

/// A link in any phase of its life; it never comes back from being down.
pub(crate) struct Link {
    pub(crate) peer: ServerId,
    /// Counts this server's links, so that a later one has a higher number.
    pub(crate) number: u64,
    pub(crate) limits: Arc<Limits>,
    /// One permit for each call of the peer that runs here.
    pub(crate) running: Semaphore,
    /// Whether calls of the peer are refused, because this server closes its links.
    leaving: AtomicBool,
    state: Mutex<State>,
}

struct State {
    phase: Phase,
    outbox: Outbox,
    calls: Calls,
    /// Tags from here on are still in the outbox, so their calls were surely not executed.
    first_unsent_tag: u64,
    /// Calls that nobody waits for and that the peer did not begin.
    notices_refused: u64,
    /// The task of the link while it rests, or that of its dial.
    task: Option<Waker>,
}

/// Where a link is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// A dial is under way.
    Dialling,
    /// There is a connection.
    Up {
        /// Which life of the peer it leads to.
        incarnation: u64,
        /// Whether this side opened it.
        dialled: bool,
    },
    /// Takes no more calls, and ends when the buffer is written.
    Closing,
    /// Over.
    Down,
}

/// Why a link is down.
#[derive(Clone, Debug)]
pub(crate) enum Lost {
    Dial(Arc<DialError>),
    Disconnected(Arc<str>),
    Closed,
}

/// Why a frame was not taken into the buffer.
pub(crate) enum NotTaken {
    /// The link is down or closing; a new one may take it.
    Over,
    Refused(RpcError),
}

/// What [`Link::take`] found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// Bytes, or nothing for now.
    Open,
    /// Nothing, and nothing will come: the link is closing.
    Drained,
    /// The link is down.
    Over,
}

/// What [`Link::rest`] says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    /// The task is woken when there is something to do; at this time, if it was not, it calls [`Link::expire`].
    Until(Option<Instant>),
    /// There is something to do now.
    Busy,
}

impl Link {
    pub(crate) fn new(peer: ServerId, number: u64, limits: Arc<Limits>) -> Arc<Self> {
        let running = Semaphore::new(limits.calls_in_progress_max.min(Semaphore::MAX_PERMITS));
        let state = State {
            phase: Phase::Dialling,
            outbox: Outbox::default(),
            calls: Calls::default(),
            first_unsent_tag: 1,
            notices_refused: 0,
            task: None,
        };
        let (leaving, state) = (AtomicBool::new(false), Mutex::new(state));
        Arc::new(Self { peer, number, limits, running, leaving, state })
    }

    pub(crate) fn phase(&self) -> Phase {
        self.state().phase
    }

    /// How many calls wait for their answer.
    pub(crate) fn calls_waiting(&self) -> usize {
        self.state().calls.len()
    }

    /// The dial, or an accepted connection in its place, has come to something. A link that was ended meanwhile stays down.
    pub(crate) fn up(&self, incarnation: u64, dialled: bool) {
        let mut state = self.state();
        if state.phase == Phase::Dialling {
            state.phase = Phase::Up { incarnation, dialled };
        }
    }

    /// Queues a call whose caller waits for `wait`, which ends at `until`.
    pub(crate) fn call(
        self: &Arc<Self>,
        method: &str,
        body: &dyn Payload,
        wait: Duration,
        until: Instant,
    ) -> Result<Calling, NotTaken> {
        let mut state = self.open_state()?;
        if state.calls.len() >= self.limits.pending_calls_max {
            return Err(self.refused(ErrorKind::Busy(Limit::PendingCalls)));
        }
        let tag = state.calls.next_tag();
        self.check(&state, method, frame::call_len(tag, method, body.len()))?;
        let was_empty = state.outbox.is_empty();
        state.outbox.put_call(tag, method, body, Some(until));
        let sooner = state.calls.add(wait, until);
        state.wake_if(was_empty || sooner);
        Ok(Calling::new(self.clone(), tag))
    }

    /// Queues a call whose answer nobody waits for: it only says that the peer has done with it.
    pub(crate) fn notify(&self, method: &str, body: &dyn Payload) -> Result<(), NotTaken> {
        let mut state = self.open_state()?;
        if state.calls.notices() >= self.limits.notices_max {
            return Err(self.refused(ErrorKind::Busy(Limit::Notices)));
        }
        let tag = state.calls.next_tag();
        self.check(&state, method, frame::call_len(tag, method, body.len()))?;
        let was_empty = state.outbox.is_empty();
        state.outbox.put_call(tag, method, body, None);
        state.calls.add_notice();
        state.wake_if(was_empty);
        Ok(())
    }

    /// Queues a one-way message.
    pub(crate) fn send(&self, method: &str, body: &dyn Payload) -> Result<(), NotTaken> {
        let mut state = self.open_state()?;
        self.check(&state, method, frame::one_way_len(method, body.len()))?;
        let was_empty = state.outbox.is_empty();
        state.outbox.put_one_way(method, body);
        state.wake_if(was_empty);
        Ok(())
    }

    /// Queues the answer to a call of the peer. A link that is down drops it: the caller knows already.
    pub(crate) fn answer(&self, tag: u64, result: Result<Bytes, Failure>) {
        let frame = match result {
            Ok(body) => Frame::<&str>::Reply { tag, body },
            Err(failure) => Frame::Fail { tag, busy: false, failure: short(failure) },
        };
        let mut state = self.state();
        if state.phase == Phase::Down {
            return;
        }
        let (bytes, max) = (frame.len(), self.limits.frame_bytes_max);
        let frame = if bytes > max {
            fail(tag, format!("the answer of {bytes} bytes is too large, the limit is {max}"))
        } else if self.is_full(&state, bytes) && bytes > Failure::MESSAGE_BYTES_MAX {
            // Short answers may pass the limit: there are at most as many as calls in progress.
            fail(tag, format!("the answer does not fit: {}", Limit::BufferedBytes))
        } else {
            frame
        };
        state.append(&frame);
    }

    /// Refuses a call of the peer that was not started.
    pub(crate) fn answer_busy(&self, tag: u64) {
        let (busy, failure) = match self.leaving.load(Relaxed) {
            true => (false, Failure::new(Failure::LEAVING, "this server is closing its links")),
            false => (true, Failure::new(503, Limit::CallsInProgress.to_string())),
        };
        let mut state = self.state();
        if state.phase != Phase::Down {
            state.append(&Frame::<&str>::Fail { tag, busy, failure });
        }
    }

    /// Whoever calls from now on is told that this server leaves, once no more permits are left.
    pub(crate) fn leave(&self) {
        self.leaving.store(true, Relaxed);
    }

    /// Queues a ping unless something else waits to be written anyway.
    pub(crate) fn ping(&self) {
        let mut state = self.state();
        if state.phase != Phase::Down && state.outbox.is_written() {
            state.append(&Frame::<&str>::Ping);
        }
    }

    /// An answer came.
    pub(crate) fn answered(&self, tag: u64, result: Result<Bytes, RpcError>) {
        let mut state = self.state();
        match state.calls.answer(tag, result) {
            Answered::Caller(caller) => {
                drop(state);
                wake(caller);
            }
            // What it failed with is in the called server's log, unless it did not begin.
            Answered::Notice(Some(error)) if error.retry => {
                state.notices_refused += 1;
                let refused = state.notices_refused;
                drop(state);
                if refused.is_power_of_two() {
                    tracing::warn!(%error, refused, "the called server did not begin a call that nobody waits for");
                }
            }
            Answered::Notice(_) => {}
        }
    }

    /// The answer to a call, if it is there; otherwise `caller` is woken when it is.
    pub(crate) fn poll_answer(&self, tag: u64, caller: &Waker) -> Poll<Result<Bytes, RpcError>> {
        let fetched = || Poll::Ready(Err(RpcError::unknown_outcome(&self.peer, ErrorKind::Closed)));
        self.state().calls.poll(tag, caller).unwrap_or_else(fetched)
    }

    /// Nobody waits for this call any more. It may still be executed.
    pub(crate) fn forget(&self, tag: u64) {
        self.state().calls.forget(tag);
    }

    /// Ends the calls whose time is over; what is not sent yet says so to the called server, which does not begin it.
    pub(crate) fn expire(&self, now: Instant) {
        let mut state = self.state();
        let first_unsent = state.first_unsent_tag;
        let callers = state.calls.expire(now, |tag, kind| outcome(&self.peer, tag >= first_unsent, kind));
        drop(state);
        callers.into_iter().for_each(wake);
    }

    /// Swaps what is buffered into `out`, which must be empty. Until [`Link::written`] it still counts as buffered.
    pub(crate) fn take(&self, out: &mut Vec<u8>) -> Taken {
        let mut state = self.state();
        state.first_unsent_tag = state.calls.next_tag();
        state.outbox.take(out);
        match state.phase {
            Phase::Down => Taken::Over,
            Phase::Closing if out.is_empty() => Taken::Drained,
            Phase::Closing | Phase::Dialling | Phase::Up { .. } => Taken::Open,
        }
    }

    /// `bytes` of those taken are with the kernel.
    pub(crate) fn written(&self, bytes: usize) {
        self.state().outbox.written(bytes);
    }

    /// Before the link's task rests: `writing` says that it waits for the kernel to take more.
    pub(crate) fn rest(&self, task: &Waker, writing: bool) -> Rest {
        let mut state = self.state();
        let something = match state.phase {
            Phase::Down => true,
            Phase::Closing => !writing,
            Phase::Dialling | Phase::Up { .. } => !writing && !state.outbox.is_empty(),
        };
        if something { Rest::Busy } else { state.rest(task) }
    }

    /// The same for the task that dials, which only keeps the time; nothing if there is a connection.
    pub(crate) fn rest_dialling(&self, task: &Waker) -> Option<Instant> {
        let mut state = self.state();
        if state.phase != Phase::Dialling {
            return None;
        }
        state.rest(task);
        state.calls.due()
    }

    /// No more calls either way; the task ends when the buffer is written.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        match state.phase {
            Phase::Up { .. } => {
                state.phase = Phase::Closing;
                state.wake_if(true);
            }
            Phase::Dialling => {
                drop(state);
                self.fail(Lost::Closed);
            }
            Phase::Closing | Phase::Down => {}
        }
    }

    /// Ends the link: everybody who waits is told. Returns how many one-way messages were lost in the buffer; nothing
    /// happens if it was down before.
    pub(crate) fn fail(&self, why: Lost) -> usize {
        let mut state = self.state();
        if state.phase == Phase::Down {
            return 0;
        }
        state.phase = Phase::Down;
        let (one_ways, first_unsent) = (state.outbox.lose(), state.first_unsent_tag);
        let mut callers = state.calls.end(|tag| outcome(&self.peer, tag >= first_unsent, why.kind()));
        callers.push(state.task.take());
        drop(state);
        callers.into_iter().for_each(wake);
        one_ways
    }

    fn open_state(&self) -> Result<MutexGuard<'_, State>, NotTaken> {
        let state = self.state();
        match state.phase {
            Phase::Dialling | Phase::Up { .. } => Ok(state),
            Phase::Closing | Phase::Down => Err(NotTaken::Over),
        }
    }

    /// Whether a frame of so many bytes may be put behind the others.
    fn check(&self, state: &State, method: &str, bytes: usize) -> Result<(), NotTaken> {
        if method.len() > METHOD_BYTES_MAX {
            let kind = ErrorKind::TooLarge { bytes: method.len(), bytes_max: METHOD_BYTES_MAX };
            return Err(self.refused(kind));
        }
        let bytes_max = self.limits.frame_bytes_max;
        if bytes > bytes_max {
            return Err(self.refused(ErrorKind::TooLarge { bytes, bytes_max }));
        }
        if self.is_full(state, bytes) {
            return Err(self.refused(ErrorKind::Busy(Limit::BufferedBytes)));
        }
        Ok(())
    }

    fn is_full(&self, state: &State, bytes: usize) -> bool {
        state.outbox.bytes() + 4 + bytes > self.limits.buffered_bytes_max
    }

    fn refused(&self, kind: ErrorKind) -> NotTaken {
        NotTaken::Refused(RpcError::local(&self.peer, kind))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn append(&mut self, frame: &Frame<&str>) {
        let was_empty = self.outbox.is_empty();
        self.outbox.put(frame);
        self.wake_if(was_empty);
    }

    /// Wakes the link's task, if it rests. A task that runs looks into the buffer before it does.
    fn wake_if(&mut self, needed: bool) {
        if needed {
            wake(self.task.take());
        }
    }

    fn rest(&mut self, task: &Waker) -> Rest {
        if self.task.as_ref().is_none_or(|resting| !resting.will_wake(task)) {
            self.task = Some(task.clone());
        }
        Rest::Until(self.calls.due())
    }
}

impl Lost {
    pub(crate) fn kind(&self) -> ErrorKind {
        match self {
            Self::Dial(error) => ErrorKind::Dial(error.clone()),
            Self::Disconnected(why) => ErrorKind::Disconnected(why.clone()),
            Self::Closed => ErrorKind::Closed,
        }
    }
}

fn wake(task: Option<Waker>) {
    if let Some(task) = task {
        task.wake();
    }
}

/// A call that never left was surely not executed.
fn outcome(peer: &ServerId, unsent: bool, kind: ErrorKind) -> RpcError {
    if unsent { RpcError::not_sent(peer, kind) } else { RpcError::unknown_outcome(peer, kind) }
}

pub(crate) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn fail(tag: u64, message: String) -> Frame<&'static str> {
    Frame::Fail { tag, busy: false, failure: Failure { code: 500, message } }
}

/// The failure with its message cut to what may travel.
fn short(mut failure: Failure) -> Failure {
    if failure.message.len() > Failure::MESSAGE_BYTES_MAX {
        let end = failure.message.floor_char_boundary(Failure::MESSAGE_BYTES_MAX);
        failure.message.truncate(end);
    }
    failure
}
