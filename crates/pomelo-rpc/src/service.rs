//! What a server does with the messages of its peers. Not here: names of methods and forms of bodies, which belong to the
//! one who implements [`Service`].

use std::pin::Pin;

use bytes::Bytes;
use pomelo_protocol::ServerId;

use crate::Failure;

/// A boxed future that can be sent to another thread.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Answers calls and takes one-way messages.
///
/// The messages of one link *start* in the order they came in. A one-way message is finished before anything behind it
/// starts; calls run beside each other and may finish in any order. Answers to this server's own calls pass by those that
/// wait, but never by a one-way message that can be handled without waiting: who sends a push and then an answer can rely
/// on the push being handled first.
pub trait Service: Send + Sync + 'static {
    /// Answers one call. Runs in a task of its own: a panic is a [`Failure`] with code 500, and the call runs to its end
    /// even if the caller or its link is gone.
    fn call(&self, from: &ServerId, method: &str, body: Bytes) -> BoxFuture<'static, Result<Bytes, Failure>>;

    /// Takes one message that nobody waits for. It holds up every message of this peer behind it, so what may take
    /// longer belongs into a task or a queue of its own. A panic is logged.
    fn one_way(&self, from: &ServerId, method: &str, body: Bytes) -> BoxFuture<'static, ()>;
}
