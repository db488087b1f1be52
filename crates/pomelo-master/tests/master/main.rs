//! Masters over real sockets.

mod cluster;
mod support;
mod wire;
