//! One admin link of the master: reads packets into events for the master's task, writes what that task sends.

/// Names an admin link within one master process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LinkId(pub(crate) u64);
