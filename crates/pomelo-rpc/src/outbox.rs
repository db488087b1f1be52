//! The frames that wait to be written to one peer. Not here: the lock they are behind and the limits (`link`), and the writing
//! (`drive`).

use std::mem;
use std::time::Duration;

use tokio::time::Instant;

use crate::Payload;
use crate::frame::{self, FOR_EVER, Frame};

/// Frames not yet taken by the link's task, and a count of bytes that it has not written yet.
#[derive(Default)]
pub(crate) struct Outbox {
    frames: Vec<u8>,
    /// Calls in `frames` whose callers do not wait for ever: where they begin, and until when. How long that is gets said
    /// when they leave.
    waits: Vec<(usize, Instant)>,
    /// Bytes the task took and has not written yet.
    taken: usize,
    /// Those in `frames` that nobody waits for: they are lost with it, and that is logged.
    one_ways: usize,
}

impl Outbox {
    /// Whether nothing waits to be taken.
    pub(crate) fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// How many bytes wait to be written, those that were taken among them.
    pub(crate) fn bytes(&self) -> usize {
        self.frames.len() + self.taken
    }

    /// Whether everything is written.
    pub(crate) fn is_written(&self) -> bool {
        self.bytes() == 0
    }

    /// A call; without `until` nobody waits for it.
    pub(crate) fn put_call(&mut self, tag: u64, method: &str, body: &dyn Payload, until: Option<Instant>) {
        match until {
            Some(until) => self.waits.push((self.frames.len(), until)),
            None => self.one_ways += 1,
        }
        frame::put_call(&mut self.frames, FOR_EVER, tag, method, body);
    }

    /// A one-way message.
    pub(crate) fn put_one_way(&mut self, method: &str, body: &dyn Payload) {
        self.one_ways += 1;
        frame::put_one_way(&mut self.frames, method, body);
    }

    /// Anything else.
    pub(crate) fn put(&mut self, frame: &Frame<&str>) {
        frame.encode(&mut self.frames);
    }

    /// Swaps what waits into `out`, which must be empty. It still counts until it is written.
    pub(crate) fn take(&mut self, out: &mut Vec<u8>) {
        debug_assert!(out.is_empty(), "bytes were taken before the last ones were written");
        self.one_ways = 0;
        self.taken = self.frames.len();
        mem::swap(&mut self.frames, out);
        if self.waits.is_empty() {
            return;
        }
        let now = Instant::now();
        for (at, until) in self.waits.drain(..) {
            frame::set_wait(out, at, wait_ms(until.saturating_duration_since(now)));
        }
    }

    /// `bytes` of those taken are with the kernel.
    pub(crate) fn written(&mut self, bytes: usize) {
        self.taken = self.taken.saturating_sub(bytes);
    }

    /// Drops what was not taken. Returns how many messages were in it that nobody waits for.
    pub(crate) fn lose(&mut self) -> usize {
        mem::take(self).one_ways
    }
}

/// As it travels: whole milliseconds, 0 only if nothing is left.
fn wait_ms(left: Duration) -> u32 {
    let ms = left.as_nanos().div_ceil(1_000_000);
    u32::try_from(ms).unwrap_or(FOR_EVER).min(FOR_EVER - 1)
}
