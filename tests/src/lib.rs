//! What the suites of whole clusters share: a cluster of the chat example as a user starts it, and players that count what
//! they lose. The suites themselves are in `tests/`.

pub mod browser;
pub mod cluster;
pub mod npm;
pub mod player;
