//! The TLS of one connection: bytes of the network in, bytes of the client out, and the other way round.
//!
//! Works on the connector's shared read buffer, so that an idle connection keeps keys and no buffers. No socket is read or
//! closed here, and which certificate is shown is said in [`super::tls`].

use std::{collections::VecDeque, io, sync::Arc};

use bytes::Bytes;
use rustls::{
    ServerConfig,
    server::UnbufferedServerConnection,
    unbuffered::{
        ConnectionState, EncodeError, EncodeTlsData, EncryptError, InsufficientSizeError, UnbufferedStatus,
        WriteTraffic,
    },
};
use tokio::net::tcp::OwnedWriteHalf;

use super::fault::Fault;

/// How much of what waits goes into one write: what fits into one TLS record.
const CHUNK_BYTES: usize = 16 * 1024;

/// What a record is longer than its content, at most.
const RECORD_BYTES: usize = 256;

/// The longest part of a handshake message or record that is kept until the rest is there. The largest message of a
/// handshake has 64 KiB.
const PARTIAL_BYTES_MAX: usize = 128 * 1024;

/// One side of a TLS connection, the server's.
pub(super) struct Secured {
    connection: UnbufferedServerConnection,
    /// What was received of a record that is not whole yet.
    partial: Vec<u8>,
    /// Encrypted, not written yet: all behind `written`.
    pending: Vec<u8>,
    written: usize,
    /// How many bytes of the queue are in `pending`. They count as written when all of it is.
    taken: usize,
    /// The handshake is done.
    ready: bool,
}

/// What else came along with what the client said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Received {
    /// Nothing.
    More,
    /// The beginning of a record.
    Part,
    /// The client's goodbye: nothing more will come.
    Last,
}

impl Secured {
    pub(super) fn new(config: Arc<ServerConfig>) -> Result<Self, Fault> {
        let connection = UnbufferedServerConnection::new(config).map_err(fault)?;
        Ok(Self { connection, partial: Vec::new(), pending: Vec::new(), written: 0, taken: 0, ready: false })
    }

    /// Takes bytes as they were read, and hands on what the client said. There may be something to
    /// [write](Self::write) afterwards, also after a fault: the alert that tells the client.
    pub(super) fn receive(
        &mut self,
        bytes: &mut [u8],
        mut said: impl FnMut(&[u8]),
    ) -> Result<Received, Fault> {
        if self.partial.is_empty() {
            let (used, received) = self.process(bytes, &mut said)?;
            self.partial.extend_from_slice(&bytes[used..]);
            return self.checked(received);
        }
        let mut partial = std::mem::take(&mut self.partial);
        partial.extend_from_slice(bytes);
        let (used, received) = self.process(&mut partial, &mut said)?;
        // In a buffer of its own size: it may wait long.
        self.partial = partial.split_off(used);
        self.checked(received)
    }

    fn checked(&self, received: Received) -> Result<Received, Fault> {
        match self.partial.len() {
            bytes if bytes > PARTIAL_BYTES_MAX => Err(Fault::TlsTooLong { bytes }),
            bytes if bytes > 0 && received == Received::More => Ok(Received::Part),
            _ => Ok(received),
        }
    }

    /// How much was used, as far as it goes.
    fn process(
        &mut self,
        bytes: &mut [u8],
        said: &mut impl FnMut(&[u8]),
    ) -> Result<(usize, Received), Fault> {
        let mut used = 0;
        let mut received = Received::More;
        loop {
            let UnbufferedStatus { discard, state } = self.connection.process_tls_records(&mut bytes[used..]);
            used += discard;
            match state {
                Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                    while let Some(record) = traffic.next_record() {
                        let record = record.map_err(fault)?;
                        used += record.discard;
                        said(record.payload);
                    }
                }
                Ok(ConnectionState::EncodeTlsData(data)) => encode(data, &mut self.pending),
                Ok(ConnectionState::TransmitTlsData(transmit)) => transmit.done(),
                Ok(ConnectionState::PeerClosed) => received = Received::Last,
                Ok(ConnectionState::WriteTraffic(_)) => {
                    self.ready = true;
                    return Ok((used, received));
                }
                // Early data is not asked for, so there is none.
                Ok(_) => return Ok((used, received)),
                Err(error) => {
                    self.alert(&mut bytes[used..]);
                    return Err(fault(error));
                }
            }
        }
    }

    /// After an error: what tells the client, if there is such a thing. `bytes` are those that were not used: rustls knows
    /// how far it was in them. Asked once only, since it would look at them again.
    fn alert(&mut self, bytes: &mut [u8]) {
        self.ready = false;
        if let Ok(ConnectionState::EncodeTlsData(data)) = self.connection.process_tls_records(bytes).state {
            encode(data, &mut self.pending);
        }
    }

    /// Whether something is encrypted and not written.
    pub(super) fn owes(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Writes some of the queue. How many of its bytes are written, when all that was encrypted of it is; until then they
    /// stay in the queue, which may grow at its end meanwhile.
    pub(super) fn write(&mut self, socket: &OwnedWriteHalf, queue: &VecDeque<Bytes>) -> io::Result<usize> {
        if self.pending.is_empty() {
            self.taken = match self.ready {
                true => self.encrypt(queue)?,
                // Nobody can be told anything without a handshake, or after a fault.
                false => queue.iter().map(Bytes::len).sum(),
            };
        }
        while self.written < self.pending.len() {
            match socket.try_write(&self.pending[self.written..])? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                bytes => self.written += bytes,
            }
        }
        self.pending = Vec::new();
        self.written = 0;
        Ok(std::mem::take(&mut self.taken))
    }

    /// Says how much of the queue it took.
    fn encrypt(&mut self, queue: &VecDeque<Bytes>) -> io::Result<usize> {
        let mut gathered = Vec::new();
        let chunk: &[u8] = match queue.front() {
            None => return Ok(0),
            Some(first) if queue.len() == 1 || first.len() >= CHUNK_BYTES => {
                &first[..first.len().min(CHUNK_BYTES)]
            }
            Some(_) => {
                for bytes in queue {
                    let room = CHUNK_BYTES - gathered.len();
                    gathered.extend_from_slice(&bytes[..bytes.len().min(room)]);
                    if gathered.len() == CHUNK_BYTES {
                        break;
                    }
                }
                &gathered
            }
        };
        loop {
            // rustls knows how far it was in what is not whole yet, and must find it as it was.
            let UnbufferedStatus { discard, state } = self.connection.process_tls_records(&mut self.partial);
            let taken = match state.map_err(io::Error::other)? {
                ConnectionState::EncodeTlsData(data) => {
                    encode(data, &mut self.pending);
                    None
                }
                ConnectionState::TransmitTlsData(transmit) => {
                    transmit.done();
                    None
                }
                ConnectionState::WriteTraffic(traffic) => {
                    seal(traffic, chunk, &mut self.pending)?;
                    Some(chunk.len())
                }
                _ => return Err(io::ErrorKind::NotConnected.into()),
            };
            self.partial.drain(..discard);
            if let Some(taken) = taken {
                return Ok(taken);
            }
        }
    }

    /// The goodbye that tells the client that it has everything, if the kernel takes it.
    pub(super) fn close(&mut self, socket: &OwnedWriteHalf) {
        if !self.ready || self.owes() {
            return;
        }
        let mut bytes = [0; RECORD_BYTES];
        if let Ok(ConnectionState::WriteTraffic(mut traffic)) =
            self.connection.process_tls_records(&mut self.partial).state
            && let Ok(encrypted) = traffic.queue_close_notify(&mut bytes)
        {
            // It can't be waited for. The end of the connection says the same, less surely.
            let _ = socket.try_write(&bytes[..encrypted]);
        }
    }
}

fn fault(error: rustls::Error) -> Fault {
    Fault::Tls(error.to_string())
}

fn encode<Data>(mut data: EncodeTlsData<'_, Data>, pending: &mut Vec<u8>) {
    if let Err(EncodeError::InsufficientSize(InsufficientSizeError { required_size })) = data.encode(&mut [])
    {
        let at = pending.len();
        pending.resize(at + required_size, 0);
        // It has the room it asked for.
        let encoded = data.encode(&mut pending[at..]).unwrap_or_default();
        pending.truncate(at + encoded);
    }
}

/// Encrypts behind what is there.
fn seal<Data>(mut traffic: WriteTraffic<'_, Data>, chunk: &[u8], pending: &mut Vec<u8>) -> io::Result<()> {
    let at = pending.len();
    let mut bytes = chunk.len() + RECORD_BYTES;
    loop {
        pending.resize(at + bytes, 0);
        match traffic.encrypt(chunk, &mut pending[at..]) {
            Ok(encrypted) => {
                pending.truncate(at + encrypted);
                return Ok(());
            }
            Err(EncryptError::InsufficientSize(InsufficientSizeError { required_size }))
                if required_size > bytes =>
            {
                bytes = required_size;
            }
            Err(error) => {
                pending.truncate(at);
                return Err(io::Error::other(error));
            }
        }
    }
}
