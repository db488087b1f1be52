//! What every client has said and heard, kept by the players and read when all is over. Also which sessions were hit when a server
//! was killed: what happens to those is no fault.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use super::heard::{Flaw, Heard, Number};

/// Most faults that are told one by one.
const TOLD_MAX: usize = 20;

/// A server to be killed, by its place among those of its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kill {
    Connector(usize),
    Chat(usize),
}

/// Everything.
pub(super) struct Ledger {
    clients: Vec<Mutex<Client>>,
    room: usize,
    sent: AtomicU64,
    heard: AtomicU64,
    faults: Mutex<Faults>,
}

/// Of one client.
#[derive(Debug, Default)]
struct Client {
    /// Its present session, or its last one.
    session: Option<Session>,
    sessions: u32,
    /// Its server was killed, and it is not back yet.
    hit: bool,
}

/// From entering a room on.
#[derive(Debug)]
struct Session {
    connector: usize,
    entered: Instant,
    first_said: Option<Instant>,
    last_said: Option<Instant>,
    answered: Number,
    heard: Heard,
}

#[derive(Debug, Default)]
struct Faults {
    lost: u64,
    again: u64,
    others: u64,
    allowed: u64,
    told: Vec<String>,
}

/// What came of it.
#[derive(Clone, Debug)]
pub(super) struct Verdict {
    pub(super) sent: u64,
    pub(super) heard: u64,
    /// Messages that did not come to a session that should have got them.
    pub(super) lost: u64,
    /// Messages that came twice or behind a later one.
    pub(super) again: u64,
    /// What else happened to sessions whose servers lived.
    pub(super) others: u64,
    /// What happened to the others.
    pub(super) allowed: u64,
    /// Clients that came again after a server was killed.
    pub(super) back: usize,
    /// Clients that did not.
    pub(super) away: usize,
    /// Some of the faults.
    pub(super) told: Vec<String>,
}

impl Kill {
    pub(super) fn server(self) -> &'static str {
        match self {
            Self::Connector(0) => "connector-server-1",
            Self::Connector(_) => "connector-server-2",
            Self::Chat(n) => chat_server(n),
        }
    }
}

impl Ledger {
    pub(super) fn new(clients: usize, room: usize) -> Self {
        let clients = (0..clients).map(|_| Mutex::default()).collect();
        let (sent, heard) = Default::default();
        Self { clients, room, sent, heard, faults: Mutex::default() }
    }

    /// The room of a client.
    pub(super) fn room(&self, client: usize) -> String {
        format!("soak{}", client / self.room)
    }

    /// The chat server of its room.
    pub(super) fn chat_server(&self, client: usize) -> &'static str {
        chat_server(self.chat(client))
    }

    /// A client is in its room, by way of this connector: a session begins. Its number.
    pub(super) fn entered(&self, client: usize, connector: usize) -> u32 {
        let mut this = self.client(client);
        this.sessions += 1;
        this.hit = false;
        this.session = Some(Session {
            connector,
            entered: Instant::now(),
            first_said: None,
            last_said: None,
            answered: Number { session: this.sessions, message: 0 },
            heard: Heard::default(),
        });
        this.sessions
    }

    /// It is about to say something.
    pub(super) fn says(&self, client: usize) {
        self.sent.fetch_add(1, Ordering::Relaxed);
        if let Some(session) = &mut self.client(client).session {
            let now = Instant::now();
            session.first_said.get_or_insert(now);
            session.last_said = Some(now);
        }
    }

    /// What it said was answered.
    pub(super) fn answered(&self, client: usize, number: Number) {
        if let Some(session) = &mut self.client(client).session {
            session.answered = number;
        }
    }

    /// It heard somebody.
    pub(super) fn hears(&self, client: usize, sender: usize, number: Number) {
        self.heard.fetch_add(1, Ordering::Relaxed);
        let Some(their_first) = self.clients.get(sender).map(|_| self.first_said(sender, number.session))
        else {
            return self.fault(client, format!("heard client {sender}, which there is not"));
        };
        let mut this = self.client(client);
        let hit = this.hit;
        let Some(session) = &mut this.session else { return };
        let from_first = their_first.is_some_and(|first| session.entered < first);
        let flaw = session.heard.hear(sender, number, from_first);
        drop(this);
        // A room that died with its server has nothing more to say.
        let Some(flaw) = flaw.filter(|_| !hit) else { return };
        let mut faults = self.faults();
        match flaw {
            Flaw::Lost(count) => faults.lost += u64::from(count),
            Flaw::Again => faults.again += 1,
        }
        faults.tell(format!("client {client}: {flaw:?} at {number:?} of client {sender}"));
    }

    /// Something failed. It is a fault unless its server was killed.
    pub(super) fn fault(&self, client: usize, what: String) {
        let hit = self.client(client).hit;
        let mut faults = self.faults();
        if hit {
            faults.allowed += 1;
        } else {
            faults.others += 1;
            faults.tell(format!("client {client}: {what}"));
        }
    }

    /// Whether its server was killed since it entered.
    pub(super) fn is_hit(&self, client: usize) -> bool {
        self.client(client).hit
    }

    /// A server is about to be killed.
    pub(super) fn killed(&self, kill: Kill) {
        for n in 0..self.clients.len() {
            let mut client = self.client(n);
            let hit = match (kill, &client.session) {
                (Kill::Connector(_), None) => true,
                (Kill::Connector(killed), Some(session)) => session.connector == killed,
                (Kill::Chat(killed), _) => self.chat(n) == killed,
            };
            client.hit |= hit;
        }
    }

    /// When all is over: what was said last must have come to everybody in the room, too.
    pub(super) fn verdict(&self) -> Verdict {
        for client in 0..self.clients.len() {
            let first = client / self.room * self.room;
            for sender in first..(first + self.room).min(self.clients.len()) {
                self.check_last(client, sender);
            }
        }
        let faults = self.faults();
        let all = || self.clients.iter().map(|client| lock(client));
        Verdict {
            sent: self.sent.load(Ordering::Relaxed),
            heard: self.heard.load(Ordering::Relaxed),
            lost: faults.lost,
            again: faults.again,
            others: faults.others,
            allowed: faults.allowed,
            back: all().filter(|client| client.sessions > 1).count(),
            away: all().filter(|client| client.hit || client.session.is_none()).count(),
            told: faults.told.clone(),
        }
    }

    fn check_last(&self, client: usize, sender: usize) {
        let Some((said, said_at)) = ({
            let sender = self.client(sender);
            let session = sender.session.as_ref().filter(|_| !sender.hit);
            session.and_then(|session| Some((session.answered, session.last_said?)))
        }) else {
            return;
        };
        let this = self.client(client);
        let Some(session) = this.session.as_ref().filter(|_| !this.hit) else { return };
        if session.entered > said_at || said.message == 0 {
            return;
        }
        let heard = session.heard.last(sender).filter(|heard| heard.session == said.session);
        let missing = said.message.saturating_sub(heard.map_or(0, |heard| heard.message));
        if missing > 0 {
            let mut faults = self.faults();
            // Of those before it came, nobody knows.
            faults.lost += u64::from(if heard.is_some() { missing } else { 1 });
            faults.tell(format!("client {client} never heard {said:?} of client {sender}, but {heard:?}"));
        }
    }

    fn first_said(&self, sender: usize, session: u32) -> Option<Instant> {
        let sender = self.client(sender);
        sender.session.as_ref().filter(|_| sender.sessions == session)?.first_said
    }

    fn chat(&self, client: usize) -> usize {
        client / self.room % 2
    }

    fn client(&self, n: usize) -> MutexGuard<'_, Client> {
        lock(&self.clients[n])
    }

    fn faults(&self) -> MutexGuard<'_, Faults> {
        lock(&self.faults)
    }
}

impl Faults {
    fn tell(&mut self, what: String) {
        if self.told.len() < TOLD_MAX {
            self.told.push(what);
        }
    }
}

impl Verdict {
    pub(super) fn is_clean(&self) -> bool {
        self.lost == 0 && self.again == 0 && self.others == 0 && self.away == 0
    }
}

fn chat_server(n: usize) -> &'static str {
    if n == 0 { "chat-server-1" } else { "chat-server-2" }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Four clients in two rooms, all of whom are there.
    fn ledger() -> Ledger {
        let ledger = Ledger::new(4, 2);
        for client in 0..4 {
            assert_eq!(ledger.entered(client, client % 2), 1);
        }
        ledger
    }

    fn say(ledger: &Ledger, sender: usize, number: (u32, u32), to: &[usize]) {
        let number = Number { session: number.0, message: number.1 };
        ledger.says(sender);
        ledger.answered(sender, number);
        to.iter().for_each(|client| ledger.hears(*client, sender, number));
    }

    #[test]
    fn a_message_that_never_comes_is_lost_in_the_middle_and_at_the_end() {
        let ledger = ledger();
        say(&ledger, 0, (1, 1), &[0, 1]);
        say(&ledger, 0, (1, 2), &[0]);
        say(&ledger, 0, (1, 3), &[0, 1]);
        assert_eq!(ledger.verdict().lost, 1);
        say(&ledger, 0, (1, 4), &[1]);
        let verdict = ledger.verdict();
        assert_eq!((verdict.lost, verdict.again, verdict.is_clean()), (2, 0, false));
        assert!(verdict.told[1].contains("client 0 never heard"), "{:?}", verdict.told);
    }

    #[test]
    fn what_happens_to_the_sessions_of_a_killed_server_is_allowed_until_they_are_back() {
        let ledger = ledger();
        ledger.killed(Kill::Connector(1));
        ledger.fault(1, "closed".into());
        ledger.fault(3, "closed".into());
        // Client 0 is on another connector, and hears what the hit one said before, and says after it is back.
        say(&ledger, 1, (1, 1), &[0]);
        assert!(ledger.is_hit(1) && !ledger.is_hit(0) && ledger.verdict().away == 2);
        for client in [1, 3] {
            assert_eq!(ledger.entered(client, 0), 2);
        }
        say(&ledger, 1, (2, 1), &[0, 1]);
        let verdict = ledger.verdict();
        assert_eq!((verdict.allowed, verdict.back, verdict.away), (2, 2, 0));
        assert!(verdict.is_clean(), "{verdict:?}");
        ledger.fault(1, "closed again".into());
        assert_eq!(ledger.verdict().others, 1);
    }

    #[test]
    fn a_killed_chat_server_hits_the_rooms_that_it_has() {
        let ledger = ledger();
        ledger.killed(Kill::Chat(1));
        assert_eq!([0, 1, 2, 3].map(|client| ledger.is_hit(client)), [false, false, true, true]);
    }
}
