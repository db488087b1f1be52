//! A distributed game-server framework: connectors, backends, sessions, channels, RPC, and a highly available master.

mod connector;

pub use connector::Hybrid;
