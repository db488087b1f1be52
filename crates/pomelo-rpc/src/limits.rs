//! Every limit and every time of a server's links, with what happens at it. Not here: who enforces them.

use std::time::Duration;

/// Limits of all links of one server. [`Limits::default`] is meant for production; all servers of a cluster should have
/// the same `frame_bytes_max`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest frame, without its length field. A longer call is refused here ([`crate::ErrorKind::TooLarge`]), a longer
    /// answer becomes a failure, and a peer that announces a longer one loses its link.
    pub frame_bytes_max: usize,
    /// Most bytes that wait to be written to one peer. Beyond it calls and one-way messages fail as
    /// [`crate::ErrorKind::Busy`]; answers shrink to a short failure.
    pub buffered_bytes_max: usize,
    /// Most calls to one peer that wait for their answer. Beyond it calls fail as [`crate::ErrorKind::Busy`].
    pub pending_calls_max: usize,
    /// Most calls of one peer that run here at once. Beyond it a call is answered "busy" without running.
    pub calls_in_progress_max: usize,
    /// Most calls to one peer that nobody waits for ([`crate::Links::notify`]) and that it has not done with. Beyond it they
    /// fail as [`crate::ErrorKind::Busy`]. Less than the peer's `calls_in_progress_max`, so that it has room for others.
    pub notices_max: usize,
    /// Most peers that are known at once: linked, being dialled or backed off from. Beyond it a dial fails as
    /// [`crate::ErrorKind::Busy`] and a hello is refused.
    pub links_max: usize,
    /// Most accepted connections that have not said hello yet. At the limit nobody else is accepted until one has, or
    /// its `hello_timeout` is over.
    pub hellos_waiting_max: usize,
    /// Longest time from the start of a dial to the peer's welcome.
    pub dial_timeout: Duration,
    /// Longest time an accepted connection may take to say hello.
    pub hello_timeout: Duration,
    /// How long a peer isn't dialled again after the first failed dial; doubles with each further one.
    pub backoff_min: Duration,
    /// The most that time grows to.
    pub backoff_max: Duration,
    /// A ping is sent when nothing else was for this long.
    pub ping_idle: Duration,
    /// A link on which nothing came for this long is dead. Must be longer than the peer's `ping_idle`.
    pub dead_after: Duration,
    /// How long [`crate::Links::close`] waits for calls in progress and for buffers to be written.
    pub close_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            frame_bytes_max: (1 << 20) + (4 << 10),
            buffered_bytes_max: 8 << 20,
            pending_calls_max: 65_536,
            calls_in_progress_max: 16_384,
            notices_max: 4_096,
            links_max: 4_096,
            hellos_waiting_max: 256,
            dial_timeout: Duration::from_secs(3),
            hello_timeout: Duration::from_secs(3),
            backoff_min: Duration::from_millis(100),
            backoff_max: Duration::from_secs(1),
            ping_idle: Duration::from_secs(5),
            dead_after: Duration::from_secs(15),
            close_timeout: Duration::from_secs(2),
        }
    }
}
