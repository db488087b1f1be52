//! Links over real loopback sockets: what callers see in good times and when a peer dies, restarts or is no peer at all.
//! Whatever depends on time is in `src/clock_tests.rs`, on a paused clock.

#![expect(clippy::unwrap_used, reason = "the servers of a test are part of the test")]

mod calls;
mod peers;
mod rig;
