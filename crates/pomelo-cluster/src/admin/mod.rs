//! Connections of the admin protocol.
//!
//! * [`Link`]: one connection, the same for a server that dials a master, a master that accepts, and a tool.
//! * [`LinkSender`]: its sending half, for any number of owners; never waits.
//! * [`AdminListener`]: where a master accepts links.
//! * [`AdminClient`]: what a tool asks a master with; [`Asker`]: the same, whichever master leads.
//!
//! What the messages say is in [`pomelo_protocol::admin`]; whom to follow is in `follow`, what a master answers in
//! `pomelo-master`.

mod asker;
mod client;
mod link;
mod listener;
mod sender;

pub use self::{
    asker::Asker,
    client::{AdminClient, AdminError},
    link::{Link, LinkConfig, LinkError},
    listener::AdminListener,
    sender::{LinkSender, SendError},
};
