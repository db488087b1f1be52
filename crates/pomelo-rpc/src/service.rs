//! What a server does with the messages of its peers. Not here: names of methods and forms of bodies, which belong to the
//! one who implements [`Service`].

use std::pin::Pin;

use bytes::{BufMut, Bytes};
use pomelo_protocol::ServerId;
use tokio::time::Instant;

use crate::Failure;

/// A boxed future that can be sent to another thread.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a service made of a message.
pub enum Handled<T> {
    /// It is finished.
    Done(T),
    /// It is finished when this is ready.
    Later(BoxFuture<'static, T>),
}

/// Answers calls and takes one-way messages.
///
/// The messages of one link *start* in the order they came in. A one-way message is finished before anything behind it
/// starts, an answer to this server's own calls included: who sends a push and then an answer can rely on the push being
/// handled first. Calls run beside each other and may finish in any order. Nothing here holds up what the peer says next.
pub trait Service: Send + Sync + 'static {
    /// Answers one call. Begins in the link's task, which has other messages to handle: what can't be answered at once has
    /// to wait somewhere, and goes on in a task of its own. A panic is a [`Failure`] with code 500, and the call runs to its
    /// end even if the caller or its link is gone.
    ///
    /// `until` is when the caller stops waiting; none if it waits as long as it takes. A call whose caller does not wait any
    /// more is not begun.
    fn call(
        &self,
        from: &ServerId,
        method: &str,
        body: Bytes,
        until: Option<Instant>,
    ) -> Handled<Result<Bytes, Failure>>;

    /// Takes one message that nobody waits for, in the link's task. What may have to wait is a call ([`crate::Links::notify`]).
    /// A panic is logged.
    fn one_way(&self, from: &ServerId, method: &str, body: Bytes);
}

/// A body on its way out, which writes itself into a link's buffer: nothing is put together elsewhere first.
pub trait Payload {
    /// How many bytes it writes.
    fn len(&self) -> usize;

    /// Appends exactly so many.
    fn put(&self, out: &mut Vec<u8>);

    /// Whether it writes nothing.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<T: AsRef<[u8]>> Payload for T {
    fn len(&self) -> usize {
        self.as_ref().len()
    }

    fn put(&self, out: &mut Vec<u8>) {
        out.put_slice(self.as_ref());
    }
}
