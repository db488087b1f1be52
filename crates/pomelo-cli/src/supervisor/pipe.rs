//! The guardian's end of the pipe to its master: lines in, lines out, never waiting for either.
//!
//! Limits: a line of more than [`LINE_BYTES_MAX`] is skipped up to its end; at most one line waits to be written, and a newer
//! one is written after it.

use std::io;

use pomelo_cluster::guardian::{FromGuardian, FromMaster, LINE_BYTES_MAX};
use rustix::net::{RecvFlags, SendFlags, recv, send};
use tokio::net::UnixStream;

/// How much is read at once.
const READ_BYTES: usize = 4096;

/// How much is read of what a dead master left behind: more than a pipe holds.
const LAST_WORDS_BYTES_MAX: usize = 1 << 20;

/// The pipe.
pub(super) struct Pipe {
    /// None once the other end is closed.
    stream: Option<UnixStream>,
    lines: Lines,
    /// What the pipe has not taken yet.
    rest: Vec<u8>,
    said: Option<FromGuardian>,
}

impl Pipe {
    /// Of a stream to a master that was just started.
    pub(super) fn new(stream: UnixStream) -> Self {
        Self { stream: Some(stream), lines: Lines::default(), rest: Vec::new(), said: None }
    }

    /// What the master says; `None` once, when it has closed its end. Writes meanwhile what could not be written before.
    /// Cancel safe.
    pub(super) async fn next(&mut self) -> Option<Vec<FromMaster>> {
        loop {
            let Some(stream) = &self.stream else { return std::future::pending().await };
            tokio::select! {
                _ = stream.readable() => match read(stream, &mut self.lines) {
                    Ok(said) if said.is_empty() => {}
                    Ok(said) => return Some(said),
                    Err(_) => {
                        self.stream = None;
                        return None;
                    }
                },
                _ = stream.writable(), if !self.rest.is_empty() => self.flush(),
            }
        }
    }

    /// Everything that is still in the pipe, without waiting.
    pub(super) fn last_words(&mut self) -> Vec<FromMaster> {
        let Some(stream) = &self.stream else { return Vec::new() };
        let mut all = Vec::new();
        for _ in 0..LAST_WORDS_BYTES_MAX / READ_BYTES {
            let mut bytes = [0; READ_BYTES];
            // Past the runtime, which may not have been told yet that there is something to read.
            match recv(stream, &mut bytes, RecvFlags::DONTWAIT) {
                Ok((count, _)) if count > 0 => all.extend(self.lines.take(&bytes[..count])),
                Ok(_) | Err(_) => break,
            }
        }
        all
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
        let Some(stream) = &self.stream else { return };
        // Past the runtime, which may not know yet that there is room. What is left is written when it does.
        if let Ok(count) = send(stream, &self.rest, SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
            self.rest.drain(..count);
        }
    }

    /// What fails here fails in reading, too.
    fn flush(&mut self) {
        let Some(stream) = &self.stream else { return };
        while !self.rest.is_empty() {
            match stream.try_write(&self.rest) {
                Ok(count) if count > 0 => drop(self.rest.drain(..count)),
                Ok(_) | Err(_) => return,
            }
        }
    }
}

/// What can be read now; an error is the end of the pipe.
fn read(stream: &UnixStream, lines: &mut Lines) -> io::Result<Vec<FromMaster>> {
    let mut bytes = [0; READ_BYTES];
    match stream.try_read(&mut bytes) {
        Ok(0) => Err(io::ErrorKind::UnexpectedEof.into()),
        Ok(count) => Ok(lines.take(&bytes[..count])),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Vec::new()),
        Err(error) => Err(error),
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
    async fn last_words_are_read_after_the_end() {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let mut pipe = Pipe::new(UnixStream::from_std(ours).unwrap());
        pipe.say(&FromGuardian::Here { pid: 7, silence_ms: 500, coordinator: "connected".into() });
        pipe.say(&FromGuardian::Here { pid: 7, silence_ms: 500, coordinator: "connected".into() });
        pipe.say(&FromGuardian::Here { pid: 7, silence_ms: 500, coordinator: "cut".into() });
        (&theirs).write_all(BEAT).unwrap();
        theirs.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(pipe.last_words(), [FromMaster::Beat]);
        assert_eq!(pipe.next().await, None, "the other end is closed");
        drop(pipe);
        let heard: Vec<String> = BufReader::new(&theirs).lines().map(Result::unwrap).collect();
        assert_eq!(heard.len(), 2, "what was said already is not said again: {heard:?}");
        assert!(heard[1].contains("cut"));
    }
}
