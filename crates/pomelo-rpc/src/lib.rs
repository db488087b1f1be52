//! A link between two servers: correlation, deadlines, batching, reconnect.
//!
//! [`Links`] holds at most one link to each other server. It is dialled when it is first needed, shared by everything in
//! this process, usable in both directions (so a server without a port of its own can be called over the link it opened),
//! and dialled again by the next message after it was lost. A server calls itself over a link too, one without a socket. Bodies are bytes; what is in them, which methods there are and
//! which server of a type is meant is decided above (`pomelo`).
//!
//! What to expect:
//!
//! * [`Links::call`] ends: with the answer, a failure of the called server, or an [`RpcError`] that says who failed and
//!   whether calling again may do it twice. Nothing is sent twice by the link itself.
//! * The deadline of a call travels with it: the called server knows how long its caller still waits, and does not begin what
//!   nobody waits for.
//! * [`Links::send`] is at most once: accepted means in the buffer, and a link that is lost takes its buffer with it.
//! * Order holds per link and direction, see [`Service`].
//! * Everything that grows has a limit in [`Limits`].

mod backoff;
mod calling;
mod calls;
#[cfg(test)]
mod clock_tests;
mod deadlines;
mod drive;
mod error;
mod frame;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod hello;
mod incoming;
mod limits;
mod link;
mod links;
mod outbox;
mod peers;
mod secret;
mod service;
mod tasks;
mod transport;
mod verdict;

pub use calling::Calling;
pub use error::{DialError, ErrorKind, Failure, Limit, RpcError, Who};
pub use limits::Limits;
pub use links::{Hello, Links, Resolve};
pub use secret::Secret;
pub use service::{BoxFuture, Handled, Payload, Service};
