//! What can go wrong with a call: who failed, and whether calling again can do it twice. Not here: bad bytes on the wire
//! (`frame`), which a caller only sees as a lost link or a failed dial.

use std::sync::Arc;

use pomelo_protocol::ServerId;

/// Whose fault it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// This server: it refused the call before it left.
    Local,
    /// The called server: it answered with a failure.
    Remote,
    /// What lies between: no link, a lost one, or silence.
    Transport,
}

/// A call or a one-way message that failed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{server}: {kind}")]
pub struct RpcError {
    /// The server that was to be called.
    pub server: ServerId,
    /// Whose fault it was.
    pub who: Who,
    /// True if the call was surely not executed and a later one, or one to another server of the type, may succeed.
    /// False if it may have been executed, or would only fail again.
    pub retry: bool,
    /// What happened.
    pub kind: ErrorKind,
}

/// What happened to a call.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ErrorKind {
    /// Nobody knows an address of it, and it has not opened a link itself.
    #[error("unknown server, or one without an RPC port that has not connected yet")]
    UnknownServer,
    /// No link could be opened. Said again without a new dial while the peer is backed off from.
    #[error(transparent)]
    Dial(Arc<DialError>),
    /// A limit was reached, here or (with [`Who::Remote`]) there.
    #[error("busy: {0}")]
    Busy(Limit),
    /// No answer in time; with [`Who::Remote`] the called server says that it had no time left when it was to begin.
    #[error("no answer within {waited_ms} ms")]
    Deadline {
        /// How long the caller waited.
        waited_ms: u64,
    },
    /// The link was lost before the answer came.
    #[error("link lost: {0}")]
    Disconnected(Arc<str>),
    /// The called server answered with a failure.
    #[error(transparent)]
    Remote(Failure),
    /// The call does not fit into a frame.
    #[error("message of {bytes} bytes is too large, the limit is {bytes_max}")]
    TooLarge {
        /// Its size as a frame.
        bytes: usize,
        /// [`crate::Limits::frame_bytes_max`].
        bytes_max: usize,
    },
    /// [`crate::Links::close`] was called.
    #[error("this server is closing its links")]
    Closed,
}

/// Which limit a call ran into.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Limit {
    /// [`crate::Limits::buffered_bytes_max`].
    #[error("too many bytes wait to be written")]
    BufferedBytes,
    /// [`crate::Limits::pending_calls_max`].
    #[error("too many calls wait for an answer")]
    PendingCalls,
    /// [`crate::Limits::notices_max`].
    #[error("too many calls that nobody waits for are not done yet")]
    Notices,
    /// [`crate::Limits::calls_in_progress_max`] of the called server.
    #[error("the called server takes no more calls")]
    CallsInProgress,
    /// [`crate::Limits::links_max`].
    #[error("too many links")]
    Links,
}

/// Why no link could be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DialError {
    /// The connection was refused, or could not be made.
    #[error("cannot connect to {addr}: {error}")]
    Connect {
        /// Where the server was said to be.
        addr: String,
        /// The system's words.
        error: String,
    },
    /// Connecting and the hello took longer than [`crate::Limits::dial_timeout`].
    #[error("{addr} did not answer within {timeout_ms} ms")]
    TimedOut {
        /// Where the server was said to be.
        addr: String,
        /// The limit.
        timeout_ms: u64,
    },
    /// The peer closed the connection, or lost it, before it said welcome.
    #[error("{addr} closed the connection during the hello: {error}")]
    HelloLost {
        /// Where the server was said to be.
        addr: String,
        /// The system's words, or what came in place of a welcome.
        error: String,
    },
    /// What answered is no server of ours.
    #[error("{addr} does not speak this protocol: {error}")]
    Garbage {
        /// Where the server was said to be.
        addr: String,
        /// What was wrong with its bytes.
        error: String,
    },
    /// The peer speaks another version of the link.
    #[error("{addr} speaks link version {theirs}, this server speaks {ours}")]
    WrongVersion {
        /// Where the server was said to be.
        addr: String,
        /// This server's version.
        ours: u16,
        /// The peer's.
        theirs: u16,
    },
    /// Another server answers there.
    #[error("{addr} is {found}, not {expected}")]
    WrongId {
        /// Where the server was said to be.
        addr: String,
        /// Who should be there.
        expected: ServerId,
        /// Who is there.
        found: ServerId,
    },
    /// The peer said no.
    #[error("{addr} refused the link: {message}")]
    Refused {
        /// Where the server was said to be.
        addr: String,
        /// The peer's words.
        message: String,
    },
}

/// What a called server answers in place of a result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("failed with code {code}: {message}")]
pub struct Failure {
    /// As in the answers to clients: 500 is "something went wrong". Below 100: what servers tell each other.
    pub code: u16,
    /// For people. At most [`Failure::MESSAGE_BYTES_MAX`] bytes travel.
    pub message: String,
}

impl Failure {
    /// A longer message is cut on its way.
    pub const MESSAGE_BYTES_MAX: usize = 1024;

    /// The code of a call that was not begun, because the called server leaves the cluster: another one may be asked, so
    /// [`RpcError::retry`] is true.
    pub const LEAVING: u16 = 1;

    /// The code of a call that was not begun, because its caller did not wait any more when its turn came.
    pub const TOO_LATE: u16 = 2;

    /// A failure with this code and message.
    pub fn new(code: u16, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl RpcError {
    pub(crate) fn local(server: &ServerId, kind: ErrorKind) -> Self {
        let retry = matches!(kind, ErrorKind::UnknownServer | ErrorKind::Busy(_));
        Self { server: server.clone(), who: Who::Local, retry, kind }
    }

    /// The link failed before the call can have reached the peer.
    pub(crate) fn not_sent(server: &ServerId, kind: ErrorKind) -> Self {
        Self { server: server.clone(), who: Who::Transport, retry: true, kind }
    }

    /// The link failed after the call may have reached the peer.
    pub(crate) fn unknown_outcome(server: &ServerId, kind: ErrorKind) -> Self {
        Self { server: server.clone(), who: Who::Transport, retry: false, kind }
    }

    /// The called server answered with a failure.
    pub fn failure(server: &ServerId, failure: Failure) -> Self {
        let retry = matches!(failure.code, Failure::LEAVING | Failure::TOO_LATE);
        Self { server: server.clone(), who: Who::Remote, retry, kind: ErrorKind::Remote(failure) }
    }

    pub(crate) fn remote_busy(server: &ServerId) -> Self {
        let kind = ErrorKind::Busy(Limit::CallsInProgress);
        Self { server: server.clone(), who: Who::Remote, retry: true, kind }
    }
}
