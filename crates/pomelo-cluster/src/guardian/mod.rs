//! What a master and its guardian say to each other, and (in [`GuardianState`]) what the guardian makes of it.
//!
//! The guardian is the parent process that `pomelo start` and `pomelo masterha` leave running. The master's standard input is
//! one end of a socket pair between the two: lines of JSON, [`FromMaster`] one way and [`FromGuardian`] the other. A guardian that
//! dies makes the next failover slower and does nothing else.

mod backoff;
mod state;

use serde::{Deserialize, Serialize};

pub use self::{
    backoff::Backoff,
    state::{Action, EXCUSED_TIMES, Event, GuardianState, Note},
};
use crate::coordinator::Obituary;

/// Longest line of either, in bytes. What is longer is skipped up to its end.
pub const LINE_BYTES_MAX: usize = 16 * 1024;

/// How often a master says that it is alive, from the task that makes all its decisions, in ms.
pub const BEAT_MS: u64 = 20;

/// A line of the master.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FromMaster {
    /// It is alive.
    Beat,
    /// Its place in the queue; `None` when it has none.
    Place(Option<Obituary>),
}

/// A line of the guardian.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FromGuardian {
    /// It is there, and in this state. Sent once at the start and when the state changes.
    Here {
        /// Its process.
        pid: u32,
        /// Silence of the master after which it is killed, in ms; 0 is never.
        silence_ms: u64,
        /// For a person: the guardian's own connection to the coordinator.
        coordinator: String,
    },
}
