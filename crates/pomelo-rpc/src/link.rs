//! One link as its callers see it: a buffer that takes frames and a table of the calls that wait. Both are behind one
//! short lock and are there from the start of the dial on, so that nobody has to wait for the dial to queue up in order.
//! Not here: the connection (`drive`), a call as its caller waits for it (`calling`), and which link belongs to which peer
//! (`peers`).

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasherDefault, Hasher};
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use pomelo_protocol::ServerId;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::calling::Calling;
use crate::frame::{self, FOR_EVER, Frame, METHOD_BYTES_MAX};
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
    state: Mutex<State>,
}

struct State {
    phase: Phase,
    /// Frames not yet taken by the link's task.
    buffer: Vec<u8>,
    /// Calls in `buffer` whose callers do not wait for ever: where they begin, and until when. How long that is gets said
    /// when they leave.
    waits: Vec<(usize, Instant)>,
    /// Bytes the task took and has not written yet; they count as buffered.
    taken: usize,
    /// Those in `buffer` that nobody waits for: they are lost with it, and that is logged.
    one_ways: usize,
    calls: HashMap<u64, Pending, BuildHasherDefault<TagHasher>>,
    /// No call's time is over before this.
    due: Option<Instant>,
    next_tag: u64,
    /// Tags from here on are still in `buffer`, so their calls were surely not executed.
    first_unsent_tag: u64,
    /// The task of the link while it rests, or that of its dial.
    task: Option<Waker>,
}

/// A call whose answer its caller has not fetched yet.
struct Pending {
    answer: Option<Result<Bytes, RpcError>>,
    caller: Option<Waker>,
    until: Instant,
    wait: Duration,
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
            buffer: Vec::new(),
            waits: Vec::new(),
            taken: 0,
            one_ways: 0,
            calls: HashMap::default(),
            due: None,
            next_tag: 1,
            first_unsent_tag: 1,
            task: None,
        };
        Arc::new(Self { peer, number, limits, running, state: Mutex::new(state) })
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
        let tag = state.next_tag;
        self.check(&state, method, frame::call_len(tag, method, body.len()))?;
        let at = state.buffer.len();
        frame::put_call(&mut state.buffer, FOR_EVER, tag, method, body);
        state.waits.push((at, until));
        state.next_tag += 1;
        state.calls.insert(tag, Pending { answer: None, caller: None, until, wait });
        let sooner = state.due.is_none_or(|due| until < due);
        if sooner {
            state.due = Some(until);
        }
        state.wake_if(at == 0 || sooner);
        Ok(Calling::new(self.clone(), tag))
    }

    /// Queues a one-way message.
    pub(crate) fn send(&self, method: &str, body: &dyn Payload) -> Result<(), NotTaken> {
        let mut state = self.open_state()?;
        self.check(&state, method, frame::one_way_len(method, body.len()))?;
        let was_empty = state.buffer.is_empty();
        frame::put_one_way(&mut state.buffer, method, body);
        state.one_ways += 1;
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
        let failure = Failure::new(503, Limit::CallsInProgress.to_string());
        let mut state = self.state();
        if state.phase != Phase::Down {
            state.append(&Frame::<&str>::Fail { tag, busy: true, failure });
        }
    }

    /// Queues a ping unless something else waits to be written anyway.
    pub(crate) fn ping(&self) {
        let mut state = self.state();
        if state.phase != Phase::Down && state.buffer.is_empty() && state.taken == 0 {
            state.append(&Frame::<&str>::Ping);
        }
    }

    /// An answer came. One that nobody waits for any more is dropped.
    pub(crate) fn answered(&self, tag: u64, result: Result<Bytes, RpcError>) {
        let mut state = self.state();
        let caller = state.calls.get_mut(&tag).filter(|call| call.answer.is_none()).and_then(|call| {
            call.answer = Some(result);
            call.caller.take()
        });
        drop(state);
        wake(caller);
    }

    /// The answer to a call, if it is there; otherwise `caller` is woken when it is.
    pub(crate) fn poll_answer(&self, tag: u64, caller: &Waker) -> Poll<Result<Bytes, RpcError>> {
        let mut state = self.state();
        let Entry::Occupied(mut call) = state.calls.entry(tag) else {
            // It was fetched before.
            return Poll::Ready(Err(RpcError::unknown_outcome(&self.peer, ErrorKind::Closed)));
        };
        match call.get_mut().answer.take() {
            Some(answer) => {
                call.remove();
                Poll::Ready(answer)
            }
            None => {
                let waiting = &mut call.get_mut().caller;
                if waiting.as_ref().is_none_or(|waiting| !waiting.will_wake(caller)) {
                    *waiting = Some(caller.clone());
                }
                Poll::Pending
            }
        }
    }

    /// Nobody waits for this call any more. It may still be executed.
    pub(crate) fn forget(&self, tag: u64) {
        self.state().calls.remove(&tag);
    }

    /// Ends the calls whose time is over; what is not sent yet says so to the called server, which does not begin it.
    pub(crate) fn expire(&self, now: Instant) {
        let mut state = self.state();
        let State { calls, due, first_unsent_tag, .. } = &mut *state;
        let (mut next, mut callers) = (None, Vec::new());
        for (tag, call) in calls.iter_mut().filter(|(_, call)| call.answer.is_none()) {
            if call.until > now {
                next = Some(next.map_or(call.until, |next: Instant| next.min(call.until)));
                continue;
            }
            let kind = ErrorKind::Deadline { waited_ms: millis(call.wait) };
            call.answer = Some(Err(outcome(&self.peer, *tag >= *first_unsent_tag, kind)));
            callers.push(call.caller.take());
        }
        *due = next;
        drop(state);
        callers.into_iter().for_each(wake);
    }

    /// Swaps what is buffered into `out`, which must be empty. Until [`Link::written`] it still counts as buffered.
    pub(crate) fn take(&self, out: &mut Vec<u8>) -> Taken {
        debug_assert!(out.is_empty(), "bytes were taken before the last ones were written");
        let mut state = self.state();
        state.first_unsent_tag = state.next_tag;
        state.one_ways = 0;
        state.taken = state.buffer.len();
        mem::swap(&mut state.buffer, out);
        if !state.waits.is_empty() {
            let now = Instant::now();
            for (at, until) in state.waits.drain(..) {
                frame::set_wait(out, at, wait_ms(until.saturating_duration_since(now)));
            }
        }
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

    /// Before the link's task rests: `writing` says that it waits for the kernel to take more.
    pub(crate) fn rest(&self, task: &Waker, writing: bool) -> Rest {
        let mut state = self.state();
        let something = match state.phase {
            Phase::Down => true,
            Phase::Closing => !writing,
            Phase::Dialling | Phase::Up { .. } => !writing && !state.buffer.is_empty(),
        };
        if something { Rest::Busy } else { state.rest(task) }
    }

    /// The same for the task that dials, which only keeps the time; nothing if there is a connection.
    pub(crate) fn rest_dialling(&self, task: &Waker) -> Option<Instant> {
        let mut state = self.state();
        match (state.phase, state.due) {
            (Phase::Dialling, due) => {
                state.rest(task);
                due
            }
            _ => None,
        }
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
        state.buffer = Vec::new();
        state.waits = Vec::new();
        let State { calls, first_unsent_tag, .. } = &mut *state;
        let mut callers = Vec::new();
        for (tag, call) in calls.iter_mut().filter(|(_, call)| call.answer.is_none()) {
            call.answer = Some(Err(outcome(&self.peer, *tag >= *first_unsent_tag, why.kind())));
            callers.push(call.caller.take());
        }
        callers.push(state.task.take());
        let one_ways = mem::take(&mut state.one_ways);
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
        state.buffer.len() + state.taken + 4 + bytes > self.limits.buffered_bytes_max
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
        let was_empty = self.buffer.is_empty();
        frame.encode(&mut self.buffer);
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
        Rest::Until(self.due)
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

/// Tags count up, so that a multiplication spreads them well enough.
#[derive(Default)]
struct TagHasher(u64);

impl Hasher for TagHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|&byte| self.write_u64(self.0 ^ u64::from(byte)));
    }

    fn write_u64(&mut self, tag: u64) {
        self.0 = tag.wrapping_mul(0x9e37_79b9_7f4a_7c15);
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

/// As it travels: whole milliseconds, 0 only if nothing is left.
fn wait_ms(left: Duration) -> u32 {
    let ms = left.as_nanos().div_ceil(1_000_000);
    u32::try_from(ms).unwrap_or(FOR_EVER).min(FOR_EVER - 1)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn link(limits: Limits) -> Arc<Link> {
        Link::new(ServerId::new("chat-server-1").unwrap(), 1, Arc::new(limits))
    }

    fn call(link: &Arc<Link>, wait_s: u64) -> Result<Calling, NotTaken> {
        let wait = Duration::from_secs(wait_s);
        link.call("m", b"", wait, Instant::now() + wait)
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
        assert!(link.send("m", &[0; 200]).is_ok());
        let mut out = Vec::new();
        assert_eq!(link.take(&mut out), Taken::Open);
        let error = refusal(link.send("m", &[0; 200]));
        assert_eq!(error.kind, ErrorKind::Busy(Limit::BufferedBytes));
        assert!(error.retry);
        link.written(out.len());
        assert!(link.send("m", &[0; 200]).is_ok());
    }

    #[test]
    fn a_full_buffer_still_takes_a_short_answer_and_shortens_a_long_one() {
        let link = link(Limits { buffered_bytes_max: 3000, ..Limits::default() });
        assert!(link.send("m", &[0; 2900]).is_ok());
        link.answer(1, Ok(vec![0; 2000].into()));
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
        let Ok(sent) = call(&link, 10) else { panic!("not taken") };
        link.take(&mut Vec::new());
        let Ok(unsent) = call(&link, 10) else { panic!("not taken") };
        assert!(link.send("m", b"").is_ok());
        assert_eq!(link.fail(Lost::Disconnected("gone".into())), 1);
        assert!(!sent.await.unwrap_err().retry);
        assert!(unsent.await.unwrap_err().retry);
        assert!(matches!(call(&link, 10), Err(NotTaken::Over)));
    }

    #[test]
    fn a_dropped_call_leaves_the_table() {
        let link = link(Limits { pending_calls_max: 1, ..Limits::default() });
        let waiting = call(&link, 10);
        assert_eq!(refusal(call(&link, 10)).kind, ErrorKind::Busy(Limit::PendingCalls));
        drop(waiting);
        assert!(call(&link, 10).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_caller_still_waits_is_said_when_the_call_leaves_and_not_when_it_is_queued() {
        let link = link(Limits::default());
        let _calls = [10, 2].map(|wait_s| call(&link, wait_s));
        tokio::time::advance(Duration::from_millis(2500)).await;
        let mut out = Vec::new();
        link.take(&mut out);
        let mut buffer = bytes::BytesMut::from(&out[..]);
        let mut next = || match Frame::decode(&mut buffer, 1 << 20).unwrap().unwrap() {
            Frame::Call { wait_ms, .. } => wait_ms,
            other => panic!("{other:?}"),
        };
        assert_eq!([next(), next()], [7500, 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn calls_end_when_their_time_is_over_and_one_that_never_left_may_be_repeated() {
        let link = link(Limits::default());
        let (Ok(sent), Ok(late)) = (call(&link, 2), call(&link, 9)) else { panic!("not taken") };
        link.take(&mut Vec::new());
        let Ok(unsent) = call(&link, 1) else { panic!("not taken") };
        let start = Instant::now();
        assert_eq!(link.rest(Waker::noop(), false), Rest::Busy);
        assert_eq!(link.rest(Waker::noop(), true), Rest::Until(Some(start + Duration::from_secs(1))));
        tokio::time::advance(Duration::from_secs(2)).await;
        link.expire(Instant::now());
        assert_eq!(link.rest(Waker::noop(), true), Rest::Until(Some(start + Duration::from_secs(9))));
        let (sent, unsent) = (sent.await.unwrap_err(), unsent.await.unwrap_err());
        assert_eq!((sent.retry, &sent.kind), (false, &ErrorKind::Deadline { waited_ms: 2000 }));
        assert_eq!((unsent.retry, &unsent.kind), (true, &ErrorKind::Deadline { waited_ms: 1000 }));
        assert_eq!(link.calls_waiting(), 1);
        link.answered(2, Ok(Bytes::new()));
        assert_eq!(late.await, Ok(Bytes::new()));
        assert_eq!(link.calls_waiting(), 0);
    }

    #[test]
    fn what_fits_no_frame_is_refused_here_and_cut_in_answers() {
        let link = link(Limits { frame_bytes_max: 100, ..Limits::default() });
        let error = refusal(link.send("m", &[0; 100]));
        assert_eq!(error.kind, ErrorKind::TooLarge { bytes: 103, bytes_max: 100 });
        assert!(!error.retry);
        let long = "é".repeat(Failure::MESSAGE_BYTES_MAX);
        assert_eq!(short(Failure::new(500, long)).message.len(), Failure::MESSAGE_BYTES_MAX);
    }
}
