//! The guardian's end of the pipe to its master: lines in, lines out, never waiting for either.
//!
//! Nobody is woken by what comes: the guardian looks when it looks after its master anyway, some ten times a second, and not
//! fifty times for fifty beats. Only the end of the pipe is news at once.
//!
//! Limits: a line of more than [`LINE_BYTES_MAX`] is skipped up to its end; at most one line waits to be written, and a newer
//! one is written after it.

use std::{io, os::unix::net::UnixStream};

use pomelo_cluster::guardian::{FromGuardian, FromMaster, LINE_BYTES_MAX};
use rustix::{
    io::Errno,
    net::{RecvFlags, SendFlags, recv, send},
};
use tokio::io::{Interest, unix::AsyncFd};

/// How much is read at once.
const READ_BYTES: usize = 4096;

/// Most that is read in one look: more than a pipe holds.
const LOOK_BYTES_MAX: usize = 1 << 20;

/// The pipe.
pub(super) struct Pipe {
    /// None once the other end is closed.
    stream: Option<AsyncFd<UnixStream>>,
    lines: Lines,
    /// What the pipe has not taken yet.
    rest: Vec<u8>,
    said: Option<FromGuardian>,
}

impl Pipe {
    /// Of a stream to a master that was just started. Needs a tokio runtime.
    pub(super) fn new(stream: UnixStream) -> io::Result<Self> {
        // Interest in what never comes: the kernel tells of the end all the same, and of nothing else.
        #[expect(deprecated, reason = "a socket keeps its number, and what replaces this needs unsafe")]
        let stream = AsyncFd::with_interest(stream, Interest::PRIORITY)?;
        Ok(Self { stream: Some(stream), lines: Lines::default(), rest: Vec::new(), said: None })
    }

    /// Waits until the other end is closed and that was not seen by [`Pipe::look`], which is to be called then. Cancel safe.
    pub(super) async fn ended(&self) {
        let Some(stream) = &self.stream else { return std::future::pending().await };
        loop {
            match stream.ready(Interest::PRIORITY).await {
                Ok(mut news) if !news.ready().is_read_closed() => news.clear_ready(),
                // Without a runtime that watches it, nothing is waited for any more.
                Ok(_) | Err(_) => return,
            }
        }
    }

    /// What the master has said since the last look. Writes what could not be written before.
    pub(super) fn look(&mut self) -> Vec<FromMaster> {
        self.flush();
        let mut all = Vec::new();
        for _ in 0..LOOK_BYTES_MAX / READ_BYTES {
            let Some(stream) = &self.stream else { break };
            let mut bytes = [0; READ_BYTES];
            match recv(stream.get_ref(), &mut bytes, RecvFlags::DONTWAIT) {
                Ok((count, _)) if count > 0 => all.extend(self.lines.take(&bytes[..count])),
                Err(Errno::AGAIN | Errno::INTR) => break,
                Ok(_) | Err(_) => self.stream = None,
            }
        }
        all
    }

    /// Whether the master has closed its end.
    pub(super) fn is_closed(&self) -> bool {
        self.stream.is_none()
    }

    /// Says it, unless it was the last thing said or another line waits to be written.
    pub(super) fn say(&mut self, line: &FromGuardian) {
        if !self.rest.is_empty() || self.said.as_ref() == Some(line) {
            return;
        }
        // Texts and numbers always make a line.
        let Ok(mut bytes) = serde_json::to_vec(line) else { return };
        bytes.push(b'\n');
        self.said = Some(line.clone());
        self.rest = bytes;
        self.flush();
    }

    /// What fails here fails in reading, too.
    fn flush(&mut self) {
        let (Some(stream), false) = (&self.stream, self.rest.is_empty()) else { return };
        if let Ok(count) = send(stream.get_ref(), &self.rest, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
            self.rest.drain(..count);
        }
    }
}

/// Bytes cut into lines. What is not understood is passed over: a master may say more than this guardian knows.
#[derive(Debug, Default)]
struct Lines {
    part: Vec<u8>,
    /// The line that `part` belonged to is too long.
    skipping: bool,
}

impl Lines {
    fn take(&mut self, bytes: &[u8]) -> Vec<FromMaster> {
        let mut said = Vec::new();
        let mut pieces = bytes.split(|byte| *byte == b'\n');
        // Everything before a line's end; what stands behind the last one waits for more.
        let last = pieces.next_back().unwrap_or_default();
        for piece in pieces {
            self.add(piece);
            if !std::mem::take(&mut self.skipping) {
                said.extend(serde_json::from_slice::<FromMaster>(&self.part).ok());
            }
            self.part.clear();
        }
        self.add(last);
        said
    }

    fn add(&mut self, piece: &[u8]) {
        if self.part.len() + piece.len() > LINE_BYTES_MAX {
            self.skipping = true;
            self.part.clear();
        }
        if !self.skipping {
            self.part.extend_from_slice(piece);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};

    use pomelo_cluster::coordinator::Obituary;

    use super::*;

    const BEAT: &[u8] = b"\"beat\"\n";

    fn place(node: &str) -> FromMaster {
        FromMaster::Place(Some(Obituary::ZooKeeper {
            servers: "h:1".into(),
            node: node.into(),
            auth: None,
            session_timeout_ms: 1,
        }))
    }

    #[test]
    fn a_line_may_come_in_pieces_and_several_at_once() {
        let mut lines = Lines::default();
        let mut text = serde_json::to_vec(&place("/a")).unwrap();
        text.push(b'\n');
        let (start, end) = text.split_at(7);
        assert_eq!(lines.take(start), []);
        let rest = [end, BEAT, BEAT, b"\"be"].concat();
        assert_eq!(lines.take(&rest), [place("/a"), FromMaster::Beat, FromMaster::Beat]);
        assert_eq!(lines.take(b"at\"\n"), [FromMaster::Beat]);
    }

    #[test]
    fn a_line_that_is_too_long_or_not_understood_costs_only_itself() {
        let mut lines = Lines::default();
        for _ in 0..100 {
            assert_eq!(lines.take(&[b'x'; READ_BYTES]), []);
            assert!(lines.part.len() <= LINE_BYTES_MAX);
        }
        assert_eq!(lines.take(&[b"\n", BEAT].concat()), [FromMaster::Beat]);
        assert_eq!(lines.take(&[b"{\"dance\":1}\n\xff\xfe\n\n", BEAT].concat()), [FromMaster::Beat]);
    }

    #[tokio::test]
    async fn only_the_end_is_news_at_once() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let mut pipe = Pipe::new(ours).unwrap();
        (&theirs).write_all(BEAT).unwrap();
        let short = std::time::Duration::from_millis(50);
        assert!(tokio::time::timeout(short, pipe.ended()).await.is_err(), "a beat is no end");
        assert_eq!(pipe.look(), [FromMaster::Beat]);
        (&theirs).write_all(BEAT).unwrap();
        drop(theirs);
        pipe.ended().await;
        assert_eq!(pipe.look(), [FromMaster::Beat]);
        assert!(pipe.is_closed());
        assert!(tokio::time::timeout(short, pipe.ended()).await.is_err(), "it was seen");
    }

    #[tokio::test]
    async fn what_was_said_is_heard_after_the_end_and_nothing_is_said_twice() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let mut pipe = Pipe::new(ours).unwrap();
        assert_eq!(pipe.look(), []);
        let here = |coordinator: &str| FromGuardian::Here {
            pid: 7,
            silence_ms: 500,
            coordinator: coordinator.into(),
        };
        pipe.say(&here("connected"));
        pipe.say(&here("connected"));
        pipe.say(&here("cut"));
        (&theirs).write_all(BEAT).unwrap();
        theirs.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(pipe.look(), [FromMaster::Beat]);
        assert!(pipe.is_closed());
        assert_eq!(pipe.look(), []);
        drop(pipe);
        let heard: Vec<String> = BufReader::new(&theirs).lines().map(Result::unwrap).collect();
        assert_eq!(heard.len(), 2, "{heard:?}");
        assert!(heard[1].contains("cut"));
    }

    #[tokio::test]
    async fn a_master_that_does_not_read_costs_what_is_said_and_no_time() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let mut pipe = Pipe::new(ours).unwrap();
        for n in 0..100_000 {
            let line = FromGuardian::Here { pid: n, silence_ms: 500, coordinator: "x".repeat(100) };
            pipe.say(&line);
        }
        assert!(pipe.rest.len() < 1000, "one line waits");
        assert!(!pipe.is_closed());
        drop(theirs);
        assert_eq!(pipe.look(), []);
        assert!(pipe.is_closed());
    }
}
