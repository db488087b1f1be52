//! The few small records that outlive a master, kept where the election is: each write is made by the leader of the moment, in
//! one step with the check that it still leads.
//!
//! The membership is not among them: every candidate holds it anyway, and thousands of servers would keep the store busy.

/// Folder of operations: commands that change something, by operation id.
pub const OPS: &str = "ops";
/// Folder of claims: which life of a server was allowed to start last, by server id.
pub const CLAIMS: &str = "claims";
/// Folder of what administrators want to last: servers that were stopped on purpose, blocked addresses.
pub const DESIRED: &str = "desired";
/// Folder of what happened: the last failovers.
pub const HISTORY: &str = "history";

/// Longest value, in bytes: ZooKeeper takes 1 MiB for a whole request.
pub const VALUE_BYTES_MAX: usize = 256 * 1024;

/// Most writes of one step.
pub const WRITES_MAX: usize = 256;

/// One key (`folder/name`) and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// `folder/name`.
    pub key: String,
    /// What was put there.
    pub value: Vec<u8>,
}

/// One change. Keys are `folder/name`; a name has no `/`, no control characters and at most 128 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Makes or replaces a value.
    Put {
        /// `folder/name`.
        key: String,
        /// At most [`VALUE_BYTES_MAX`].
        value: Vec<u8>,
    },
    /// Removes a value; one that is not there is no error.
    Delete {
        /// `folder/name`.
        key: String,
    },
}

/// Why something was not written or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// This candidate does not lead (any more). Nothing was written, and nothing will be in this term.
    #[error("fenced: {0}")]
    Fenced(String),
    /// The store did not answer; the write may have been made. Making it again is safe.
    #[error("coordinator unavailable: {0}")]
    Unavailable(String),
    /// It can never be done: a key or value that is not allowed.
    #[error("{0}")]
    Invalid(String),
}
