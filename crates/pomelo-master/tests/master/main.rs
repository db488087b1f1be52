//! Masters over real sockets.

#![expect(clippy::unwrap_used, reason = "functions of tests fail by panicking, too")]

mod cluster;
mod ops;
mod succession;
mod support;
mod wire;
