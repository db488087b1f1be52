//! This master's end of the pipe to its guardian, the process that started it ([`pomelo_cluster::guardian`]).
//!
//! It never waits: a beat for which the pipe has no room is skipped, and a place that could not be written goes with the next
//! beat. A guardian that is gone makes the next failover slower and changes nothing else here; that is said once.

use std::{fmt, io, os::unix::net::UnixStream as StdUnixStream};

use pomelo_cluster::{
    coordinator::Obituary,
    guardian::{FromGuardian, FromMaster},
};
use tokio::net::UnixStream;
use tracing::{debug, info, warn};

/// Longest line of the guardian; a longer one ends the conversation.
const LINE_BYTES_MAX: usize = 64 * 1024;
/// How much is read at once.
const READ_BYTES: usize = 4096;

/// A state of the guardian, as it says it itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Guardian {
    /// Its process.
    pub(crate) pid: u32,
    /// Silence of this master after which it is killed, in ms; 0 is never.
    pub(crate) silence_ms: u64,
    /// Its own connection to the coordinator, for a person.
    pub(crate) coordinator: String,
}

/// The pipe.
pub(crate) struct Guarded {
    stream: Option<UnixStream>,
    /// What the pipe has not taken yet of a line; a line is never left half written.
    rest: Vec<u8>,
    /// A place that was not said yet.
    place: Option<Option<Obituary>>,
    read: Vec<u8>,
}

impl Guarded {
    /// Without a guardian, nothing is ever written or read.
    pub(crate) fn new(stream: Option<StdUnixStream>) -> Self {
        let stream = stream.and_then(|stream| match open(stream) {
            Ok(stream) => Some(stream),
            Err(error) => {
                warn!(target: "pomelo::master", "goes on without its guardian: its pipe is of no use: {error}");
                None
            }
        });
        Self { stream, rest: Vec::new(), place: None, read: Vec::new() }
    }

    /// Whether there is one to write to.
    pub(crate) fn is_there(&self) -> bool {
        self.stream.is_some()
    }

    /// Says that this master is alive, and first what could not be said before.
    pub(crate) fn beat(&mut self) {
        self.say_place();
        if self.rest.is_empty() && self.place.is_none() {
            self.line(&FromMaster::Beat);
        }
    }

    /// Says what the guardian needs to take this master's place in the queue away.
    pub(crate) fn place(&mut self, place: Option<Obituary>) {
        if self.is_there() {
            self.place = Some(place);
            self.say_place();
        }
    }

    /// What the guardian says of itself; `None` once, when it is gone. Cancel safe.
    pub(crate) async fn next(&mut self) -> Option<Guardian> {
        loop {
            if let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=end).collect();
                match serde_json::from_slice(&line) {
                    Ok(FromGuardian::Here { pid, silence_ms, coordinator }) => {
                        return Some(Guardian { pid, silence_ms, coordinator });
                    }
                    Err(why) => {
                        debug!(target: "pomelo::master", "the guardian said what is not understood: {why}");
                    }
                }
                continue;
            }
            let Some(stream) = &self.stream else { return std::future::pending().await };
            let mut bytes = [0; READ_BYTES];
            let heard = match stream.readable().await {
                Ok(()) => stream.try_read(&mut bytes),
                Err(error) => Err(error),
            };
            match heard {
                Ok(0) => return self.gone("it ended"),
                Ok(_) if self.read.len() > LINE_BYTES_MAX => return self.gone("it talks too much"),
                Ok(count) => self.read.extend_from_slice(&bytes[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return self.gone(&error.to_string()),
            }
        }
    }

    fn gone(&mut self, why: &str) -> Option<Guardian> {
        warn!(target: "pomelo::master", "goes on without its guardian: {why}");
        self.stream = None;
        self.rest.clear();
        self.read.clear();
        None
    }

    fn say_place(&mut self) {
        self.flush();
        if self.rest.is_empty()
            && let Some(place) = self.place.take()
        {
            info!(target: "pomelo::master", "its guardian is told {place:?}");
            self.line(&FromMaster::Place(place));
        }
    }

    fn line(&mut self, line: &FromMaster) {
        match serde_json::to_vec(line) {
            Ok(mut bytes) => {
                bytes.push(b'\n');
                self.rest = bytes;
                self.flush();
            }
            Err(why) => warn!(target: "pomelo::master", "its guardian is not told: {why}"),
        }
    }

    /// What fails here fails in reading, too, and is said there.
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

impl fmt::Debug for Guarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guarded").field("is_there", &self.is_there()).finish_non_exhaustive()
    }
}

fn open(stream: StdUnixStream) -> io::Result<UnixStream> {
    stream.set_nonblocking(true)?;
    UnixStream::from_std(stream)
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead as _, BufReader, Read as _, Write as _},
        path::PathBuf,
        time::Duration,
    };

    use super::*;

    async fn pair() -> (Guarded, StdUnixStream) {
        let (here, there) = StdUnixStream::pair().unwrap();
        there.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let guarded = Guarded::new(Some(here));
        until_it_takes_more(&guarded).await;
        (guarded, there)
    }

    async fn until_it_takes_more(guarded: &Guarded) {
        guarded.stream.as_ref().unwrap().writable().await.unwrap();
    }

    fn place() -> Option<Obituary> {
        Some(Obituary::Embedded { dir: PathBuf::from("run/ha") })
    }

    fn line(from: &mut BufReader<&StdUnixStream>) -> FromMaster {
        let mut line = String::new();
        from.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    #[tokio::test]
    async fn the_guardian_hears_beats_and_places_in_lines() {
        let (mut guarded, there) = pair().await;
        guarded.beat();
        guarded.place(place());
        guarded.beat();
        let mut there = BufReader::new(&there);
        assert_eq!(line(&mut there), FromMaster::Beat);
        assert_eq!(line(&mut there), FromMaster::Place(place()));
        assert_eq!(line(&mut there), FromMaster::Beat);
    }

    #[tokio::test]
    async fn a_guardian_that_does_not_read_costs_beats_and_no_place() {
        let (mut guarded, there) = pair().await;
        while guarded.rest.is_empty() {
            guarded.beat();
        }
        guarded.place(None);
        guarded.place(place());
        assert_eq!(guarded.place, Some(place()), "the latest one waits");
        let mut all = String::new();
        there.set_nonblocking(true).unwrap();
        assert!((&there).read_to_string(&mut all).is_err(), "it would wait for more");
        until_it_takes_more(&guarded).await;
        guarded.beat();
        assert!((&there).read_to_string(&mut all).is_err(), "it would wait for more");
        let said: Vec<FromMaster> = all.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(said[said.len() - 2..], [FromMaster::Place(place()), FromMaster::Beat]);
    }

    #[tokio::test]
    async fn what_the_guardian_says_is_heard_and_its_end_is_news_once() {
        let (mut guarded, there) = pair().await;
        let here = FromGuardian::Here { pid: 7, silence_ms: 500, coordinator: "connected".into() };
        let mut text = serde_json::to_string(&here).unwrap();
        text.push_str("\nnonsense\n");
        (&there).write_all(text.as_bytes()).unwrap();
        let heard = guarded.next().await.unwrap();
        assert_eq!(heard, Guardian { pid: 7, silence_ms: 500, coordinator: "connected".into() });
        drop(there);
        assert_eq!(guarded.next().await, None);
        assert!(!guarded.is_there());
        guarded.beat();
        guarded.place(place());
        assert!(tokio::time::timeout(Duration::from_millis(10), guarded.next()).await.is_err());
    }
}
