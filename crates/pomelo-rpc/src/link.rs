//! One link as its callers see it: a buffer that takes frames and a table of the calls that wait. Both are behind one
//! short lock and are there from the start of the dial on, so that nobody has to wait for the dial to queue up in order.
//! Not here: the connection (`drive`), and which link belongs to which peer (`peers`).

use std::collections::HashMap;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use pomelo_protocol::ServerId;
use tokio::sync::{Notify, Semaphore, oneshot};

use crate::frame::{Frame, METHOD_BYTES_MAX};
use crate::{DialError, ErrorKind, Failure, Limit, Limits, RpcError};

/// Capacity a buffer keeps when it is empty; what a burst took beyond it is given back.
pub(crate) const BUFFER_BYTES_KEPT: usize = 64 << 10;

/// A link in any phase of its life; it never comes back from being down.
pub(crate) struct Link {
    pub(crate) peer: ServerId,
    /// Counts this server's links, so that a later one has a higher number.
    pub(crate) number: u64,
    pub(crate) limits: Arc<Limits>,
    /// One permit for each call of the peer that runs here.
    pub(crate) running: Arc<Semaphore>,
    /// The buffer was empty and is not any more, or the link is to close.
    pub(crate) wake: Notify,
    /// The link is down.
    pub(crate) ended: Notify,
    state: Mutex<State>,
}

struct State {
    phase: Phase,
    /// Frames not yet taken by the link's task.
    buffer: Vec<u8>,
    /// Bytes the task took and has not written yet; they count as buffered.
    taken: usize,
    /// Those in `buffer` that nobody waits for: they are lost with it, and that is logged.
    one_ways: usize,
    calls: HashMap<u64, oneshot::Sender<Result<Bytes, RpcError>>>,
    next_tag: u64,
    /// Tags from here on are still in `buffer`, so their calls were surely not executed.
    first_unsent_tag: u64,
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

impl Link {
    pub(crate) fn new(peer: ServerId, number: u64, limits: Arc<Limits>) -> Arc<Self> {
        let running = Arc::new(Semaphore::new(limits.calls_in_progress_max.min(Semaphore::MAX_PERMITS)));
        let state = State {
            phase: Phase::Dialling,
            buffer: Vec::new(),
            taken: 0,
            one_ways: 0,
            calls: HashMap::new(),
            next_tag: 1,
            first_unsent_tag: 1,
        };
        Arc::new(Self {
            peer,
            number,
            limits,
            running,
            wake: Notify::new(),
            ended: Notify::new(),
            state: Mutex::new(state),
        })
    }

    pub(crate) fn phase(&self) -> Phase {
        self.state().phase
    }

    /// The dial, or an accepted connection in its place, has come to something. A link that was ended meanwhile stays down.
    pub(crate) fn up(&self, incarnation: u64, dialled: bool) {
        let mut state = self.state();
        if state.phase == Phase::Dialling {
            state.phase = Phase::Up { incarnation, dialled };
        }
    }

    /// Queues a call.
    pub(crate) fn call(self: &Arc<Self>, method: &str, body: Bytes) -> Result<Waiting, NotTaken> {
        let mut state = self.open_state()?;
        if state.calls.len() >= self.limits.pending_calls_max {
            return Err(self.refused(ErrorKind::Busy(Limit::PendingCalls)));
        }
        let tag = state.next_tag;
        self.push(&mut state, method, &Frame::Call { tag, method, body })?;
        state.next_tag += 1;
        let (answer, answered) = oneshot::channel();
        state.calls.insert(tag, answer);
        drop(state);
        Ok(Waiting { link: self.clone(), tag, answered })
    }

    /// Queues a one-way message.
    pub(crate) fn send(&self, method: &str, body: Bytes) -> Result<(), NotTaken> {
        let mut state = self.open_state()?;
        self.push(&mut state, method, &Frame::OneWay { method, body })?;
        state.one_ways += 1;
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
        self.append(&mut state, &frame);
    }

    /// Refuses a call of the peer that was not started.
    pub(crate) fn answer_busy(&self, tag: u64) {
        let failure = Failure::new(503, Limit::CallsInProgress.to_string());
        let mut state = self.state();
        if state.phase != Phase::Down {
            self.append(&mut state, &Frame::<&str>::Fail { tag, busy: true, failure });
        }
    }

    /// Queues a ping unless something else waits to be written anyway.
    pub(crate) fn ping(&self) {
        let mut state = self.state();
        if state.phase != Phase::Down && state.buffer.is_empty() && state.taken == 0 {
            self.append(&mut state, &Frame::<&str>::Ping);
        }
    }

    /// An answer came. One that nobody waits for any more is dropped.
    pub(crate) fn answered(&self, tag: u64, result: Result<Bytes, RpcError>) {
        let waiting = self.state().calls.remove(&tag);
        if let Some(waiting) = waiting {
            let _ = waiting.send(result);
        }
    }

    /// Swaps what is buffered into `out`, which must be empty. Until [`Link::written`] it still counts as buffered.
    pub(crate) fn take(&self, out: &mut Vec<u8>) -> Taken {
        debug_assert!(out.is_empty(), "bytes were taken before the last ones were written");
        let mut state = self.state();
        state.first_unsent_tag = state.next_tag;
        state.one_ways = 0;
        state.taken = state.buffer.len();
        mem::swap(&mut state.buffer, out);
        match state.phase {
            Phase::Down => Taken::Over,
            Phase::Closing if out.is_empty() => Taken::Drained,
            Phase::Closing | Phase::Dialling | Phase::Up { .. } => Taken::Open,
        }
    }

    /// `bytes` of those taken are with the kernel.
    pub(crate) fn written(&self, bytes: usize) {
        let mut state = self.state();
        state.taken = state.taken.saturating_sub(bytes);
    }

    /// No more calls either way; the task ends when the buffer is written.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        let over = match state.phase {
            Phase::Up { .. } => {
                state.phase = Phase::Closing;
                false
            }
            Phase::Dialling => true,
            Phase::Closing | Phase::Down => false,
        };
        drop(state);
        if over {
            self.fail(Lost::Closed);
        }
        self.wake.notify_one();
    }

    /// Ends the link: everybody who waits is told. Returns how many one-way messages were lost in the buffer; nothing
    /// happens if it was down before.
    pub(crate) fn fail(&self, why: Lost) -> usize {
        let mut state = self.state();
        if state.phase == Phase::Down {
            return 0;
        }
        state.phase = Phase::Down;
        state.buffer = Vec::new();
        let calls = mem::take(&mut state.calls);
        let one_ways = mem::take(&mut state.one_ways);
        let first_unsent_tag = state.first_unsent_tag;
        drop(state);
        for (tag, waiting) in calls {
            let kind = why.kind();
            let error = if tag >= first_unsent_tag {
                RpcError::not_sent(&self.peer, kind)
            } else {
                RpcError::unknown_outcome(&self.peer, kind)
            };
            let _ = waiting.send(Err(error));
        }
        self.ended.notify_one();
        one_ways
    }

    fn open_state(&self) -> Result<MutexGuard<'_, State>, NotTaken> {
        let state = self.state();
        match state.phase {
            Phase::Dialling | Phase::Up { .. } => Ok(state),
            Phase::Closing | Phase::Down => Err(NotTaken::Over),
        }
    }

    fn push(&self, state: &mut State, method: &str, frame: &Frame<&str>) -> Result<(), NotTaken> {
        if method.len() > METHOD_BYTES_MAX {
            let kind = ErrorKind::TooLarge { bytes: method.len(), bytes_max: METHOD_BYTES_MAX };
            return Err(self.refused(kind));
        }
        let (bytes, bytes_max) = (frame.len(), self.limits.frame_bytes_max);
        if bytes > bytes_max {
            return Err(self.refused(ErrorKind::TooLarge { bytes, bytes_max }));
        }
        if self.is_full(state, bytes) {
            return Err(self.refused(ErrorKind::Busy(Limit::BufferedBytes)));
        }
        self.append(state, frame);
        Ok(())
    }

    fn append(&self, state: &mut State, frame: &Frame<&str>) {
        let was_empty = state.buffer.is_empty();
        frame.encode(&mut state.buffer);
        if was_empty {
            self.wake.notify_one();
        }
    }

    fn is_full(&self, state: &State, bytes: usize) -> bool {
        state.buffer.len() + state.taken + 4 + bytes > self.limits.buffered_bytes_max
    }

    fn refused(&self, kind: ErrorKind) -> NotTaken {
        NotTaken::Refused(RpcError::local(&self.peer, kind))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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

/// A queued call. Dropping it forgets the answer, not the call.
pub(crate) struct Waiting {
    link: Arc<Link>,
    tag: u64,
    answered: oneshot::Receiver<Result<Bytes, RpcError>>,
}

impl Waiting {
    pub(crate) async fn answer(&mut self) -> Result<Bytes, RpcError> {
        match (&mut self.answered).await {
            Ok(result) => result,
            // Every way out of the table sends something.
            Err(_) => Err(RpcError::unknown_outcome(&self.link.peer, ErrorKind::Closed)),
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.link.state().calls.remove(&self.tag);
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn link(limits: Limits) -> Arc<Link> {
        Link::new(ServerId::new("chat-server-1").unwrap(), 1, Arc::new(limits))
    }

    fn refusal<T>(result: Result<T, NotTaken>) -> RpcError {
        match result {
            Err(NotTaken::Refused(error)) => error,
            Err(NotTaken::Over) => panic!("the link is over"),
            Ok(_) => panic!("it was taken"),
        }
    }

    #[test]
    fn taken_bytes_count_as_buffered_until_they_are_written() {
        let link = link(Limits { buffered_bytes_max: 300, ..Limits::default() });
        assert!(link.send("m", Bytes::from(vec![0; 200])).is_ok());
        let mut out = Vec::new();
        assert_eq!(link.take(&mut out), Taken::Open);
        let error = refusal(link.send("m", Bytes::from(vec![0; 200])));
        assert_eq!(error.kind, ErrorKind::Busy(Limit::BufferedBytes));
        assert!(error.retry);
        link.written(out.len());
        assert!(link.send("m", Bytes::from(vec![0; 200])).is_ok());
    }

    #[test]
    fn a_full_buffer_still_takes_a_short_answer_and_shortens_a_long_one() {
        let link = link(Limits { buffered_bytes_max: 3000, ..Limits::default() });
        assert!(link.send("m", Bytes::from(vec![0; 2900])).is_ok());
        link.answer(1, Ok(Bytes::from(vec![0; 2000])));
        link.answer(2, Ok(Bytes::from_static(b"yes")));
        let mut out = Vec::new();
        link.take(&mut out);
        let mut buffer = bytes::BytesMut::from(&out[..]);
        let mut next = || Frame::decode(&mut buffer, 1 << 20).unwrap().unwrap();
        assert!(matches!(next(), Frame::OneWay { .. }));
        assert!(matches!(next(), Frame::Fail { tag: 1, failure: Failure { code: 500, .. }, .. }));
        assert!(matches!(next(), Frame::Reply { tag: 2, .. }));
    }

    #[tokio::test]
    async fn only_a_call_that_never_left_may_be_repeated_when_the_link_is_lost() {
        let link = link(Limits::default());
        let Ok(mut sent) = link.call("m", Bytes::new()) else { panic!("not taken") };
        link.take(&mut Vec::new());
        let Ok(mut unsent) = link.call("m", Bytes::new()) else { panic!("not taken") };
        assert!(link.send("m", Bytes::new()).is_ok());
        assert_eq!(link.fail(Lost::Disconnected("gone".into())), 1);
        assert!(!sent.answer().await.unwrap_err().retry);
        assert!(unsent.answer().await.unwrap_err().retry);
        assert!(matches!(link.call("m", Bytes::new()), Err(NotTaken::Over)));
    }

    #[test]
    fn a_dropped_call_leaves_the_table() {
        let link = link(Limits { pending_calls_max: 1, ..Limits::default() });
        let waiting = link.call("m", Bytes::new());
        assert_eq!(refusal(link.call("m", Bytes::new())).kind, ErrorKind::Busy(Limit::PendingCalls));
        drop(waiting);
        assert!(link.call("m", Bytes::new()).is_ok());
    }

    #[test]
    fn what_fits_no_frame_is_refused_here_and_cut_in_answers() {
        let link = link(Limits { frame_bytes_max: 100, ..Limits::default() });
        let error = refusal(link.send("m", Bytes::from(vec![0; 100])));
        assert_eq!(error.kind, ErrorKind::TooLarge { bytes: 103, bytes_max: 100 });
        assert!(!error.retry);
        let long = "é".repeat(Failure::MESSAGE_BYTES_MAX);
        assert_eq!(short(Failure::new(500, long)).message.len(), Failure::MESSAGE_BYTES_MAX);
    }
}
