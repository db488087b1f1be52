//! The socket that a connection's queue is written to, in the clear or through TLS.
//!
//! Not here: what waits, and when it is written ([`super::out`]).

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    time::Duration,
};

use bytes::Bytes;
use tokio::net::tcp::OwnedWriteHalf;

use super::{
    fault::Fault,
    secure::{Received, Secured},
};

/// How many frames go into one vectored write.
const SLICES_MAX: usize = 64;

/// Where a connection's bytes go.
pub(super) struct Sink {
    socket: OwnedWriteHalf,
    /// Boxed: most connections of a game in the clear should not pay for it.
    secured: Option<Box<Secured>>,
}

impl Sink {
    pub(super) fn new(socket: OwnedWriteHalf) -> Self {
        Self { socket, secured: None }
    }

    /// From now on everything is encrypted.
    pub(super) fn secure(&mut self, secured: Secured) {
        self.secured = Some(Box::new(secured));
    }

    /// What was read from a connection that is [secured](Self::secure), and what the client said with it.
    pub(super) fn decrypt(&mut self, bytes: &mut [u8], said: impl FnMut(&[u8])) -> Result<Received, Fault> {
        match &mut self.secured {
            Some(secured) => secured.receive(bytes, said),
            None => Ok(Received::More),
        }
    }

    /// Whether something has to be written that is not in the queue: the handshake of TLS.
    pub(super) fn owes(&self) -> bool {
        self.secured.as_ref().is_some_and(|secured| secured.owes())
    }

    /// Writes some of the queue; how many of its bytes. With TLS it may be none, and all the same go on.
    pub(super) fn write(&mut self, queue: &VecDeque<Bytes>) -> io::Result<usize> {
        if let Some(secured) = &mut self.secured {
            return secured.write(&self.socket, queue);
        }
        let written = if queue.len() == 1 {
            self.socket.try_write(&queue[0])?
        } else {
            let mut slices = [IoSlice::new(&[]); SLICES_MAX];
            let count = queue.len().min(SLICES_MAX);
            for (slice, bytes) in slices.iter_mut().zip(queue) {
                *slice = IoSlice::new(bytes);
            }
            self.socket.try_write_vectored(&slices[..count])?
        };
        if written == 0 { Err(io::ErrorKind::WriteZero.into()) } else { Ok(written) }
    }

    /// Says goodbye and closes this side of the connection.
    pub(super) fn close(mut self) {
        if let Some(secured) = &mut self.secured {
            secured.close(&self.socket);
        }
    }

    /// As [`close`](Self::close), but the kernel throws away what it still holds, too.
    pub(super) fn abort(self) {
        // If it fails the kernel keeps trying to send for a while; nothing else is lost.
        let _ = socket2::SockRef::from(self.socket.as_ref()).set_linger(Some(Duration::ZERO));
        self.socket.forget();
    }
}
