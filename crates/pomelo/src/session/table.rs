//! The sessions whose connections this process holds, and the index of their users. The only place that writes a session.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, OnceLock, Weak},
};

use bytes::Bytes;
use pomelo_protocol::ServerId;
use rustc_hash::FxHashMap;

use super::{
    Command, Session, SessionCommand, SessionError, Single, SingleSession, Snapshot,
    claims::Outcome,
    command,
    groups::{Bound, Groups, Users},
};
use crate::{
    UserId,
    channel::message::Left,
    connector::{Frame, Wording},
    lock,
    rpc::Peers,
};

/// Why a session is kicked when its user signs in elsewhere.
const ELSEWHERE: &str = "signed in elsewhere";

/// The connection behind a session, as far as the table needs it. Both must return at once.
pub(crate) trait Connection: Send + Sync + 'static {
    /// Puts a frame into its buffer; false if it is closed.
    fn send(&self, frame: &Frame) -> bool;

    /// Sends the reason and closes it.
    fn kick(&self, reason: &str);

    /// Whether its client is there, as far as is known; what it has asked may still be handled when it is not.
    fn is_open(&self) -> bool;
}

/// As many entries as the connector admits clients (`Hybrid::max_connections`).
pub(crate) struct SessionTable {
    pub(super) me: ServerId,
    /// Of this process; its sessions count from 1.
    life: u64,
    told: Wording,
    /// Servers whose channels have members here are told of those that leave.
    pub(super) peers: Arc<dyn Peers>,
    this: Weak<SessionTable>,
    /// Is told when a session has been bound; must return at once.
    bound: OnceLock<Box<dyn Fn(Session) + Send + Sync>>,
    /// If a user may have one session only.
    single: OnceLock<Single>,
    pub(super) inner: Mutex<Inner>,
}

pub(super) struct Inner {
    pub(super) sessions: FxHashMap<u64, Entry>,
    pub(super) users: Users<Arc<dyn Connection>>,
    pub(super) groups: Groups<Arc<dyn Connection>>,
}

pub(super) struct Entry {
    pub(super) session: Session,
    pub(super) connection: Arc<dyn Connection>,
}

impl SessionTable {
    /// `told`: what its clients were told of how to read.
    pub(crate) fn new(me: ServerId, life: u64, told: Wording, peers: Arc<dyn Peers>) -> Arc<Self> {
        let inner = Inner { sessions: FxHashMap::default(), users: HashMap::new(), groups: Groups::new() };
        Arc::new_cyclic(|this| Self {
            me,
            life,
            told,
            peers,
            this: this.clone(),
            bound: OnceLock::new(),
            single: OnceLock::new(),
            inner: Mutex::new(inner),
        })
    }

    /// Tells this of each session that is bound from now on; only the first call counts.
    pub(crate) fn on_bound(&self, told: impl Fn(Session) + Send + Sync + 'static) {
        let _ = self.bound.set(Box::new(told));
    }

    /// A user may have one session only, from now on; only the first call counts.
    pub(crate) fn only_one(&self, single: Single) {
        let _ = self.single.set(single);
    }

    /// The rule for that, if there is one.
    pub(crate) fn single(&self) -> Option<&Single> {
        self.single.get()
    }

    pub(crate) fn open(&self, id: u64, connection: Arc<dyn Connection>) -> Session {
        let session = Session::here(id, self.me.clone(), self.this.clone());
        lock(&self.inner).sessions.insert(id, Entry { session: session.clone(), connection });
        session
    }

    /// Takes a session out; what it knew can still be read. If it was the last one of its user, that leaves all channels.
    pub(crate) fn close(&self, id: u64) -> Option<Session> {
        let mut inner = lock(&self.inner);
        let entry = inner.sessions.remove(&id)?;
        if let Some(uid) = entry.session.snapshot().uid() {
            self.unbind(&mut inner, uid, id);
        }
        Some(entry.session)
    }

    pub(crate) fn get(&self, id: u64) -> Option<Session> {
        lock(&self.inner).sessions.get(&id).map(|entry| entry.session.clone())
    }

    pub(crate) fn all(&self) -> Vec<Session> {
        lock(&self.inner).sessions.values().map(|entry| entry.session.clone()).collect()
    }

    pub(crate) fn by_uid(&self, uid: &UserId) -> Vec<Session> {
        let inner = lock(&self.inner);
        let bound = inner.users.get(uid).map(Vec::as_slice).unwrap_or_default();
        bound.iter().filter_map(|b| inner.sessions.get(&b.id)).map(|entry| entry.session.clone()).collect()
    }

    /// Kicks all sessions of this user; answers how many there were.
    pub(crate) fn kick(&self, uid: &UserId, reason: &str) -> usize {
        let sessions = self.by_uid(uid);
        for session in &sessions {
            // The only error is that it is closed already, which is what is wanted.
            let _ = self.apply(session.id(), Command::Kick(reason.to_owned()));
        }
        sessions.len()
    }

    /// The sessions that have a user, oldest first.
    pub(crate) fn bound(&self) -> Vec<Session> {
        let inner = lock(&self.inner);
        let mut bound: Vec<_> =
            inner.users.values().flatten().filter_map(|b| inner.sessions.get(&b.id)).collect();
        bound.sort_by_key(|entry| entry.session.id());
        bound.into_iter().map(|entry| entry.session.clone()).collect()
    }

    /// Carries out a command of another server. One for a session of a former life of this server is for nobody: its
    /// number may be another client's by now.
    pub(crate) async fn obey(&self, command: SessionCommand) -> Result<Arc<Snapshot>, SessionError> {
        let SessionCommand { id, life, command } = command;
        if life != self.life {
            return Err(self.closed(id));
        }
        self.carry_out(id, command).await
    }

    /// Carries out a command, after a user has been claimed who may have one session only.
    pub(crate) async fn carry_out(&self, id: u64, command: Command) -> Result<Arc<Snapshot>, SessionError> {
        let (Some(single), Command::Bind(uid)) = (self.single.get(), &command) else {
            return self.apply(id, command);
        };
        // A client that is gone must not take its user from the connection with which it has come back; one that can't be
        // bound must not take it from others; and who has this user already keeps it.
        let session = open(&lock(&self.inner), id).ok_or_else(|| self.closed(id))?;
        if command::changed(&session, &command)?.is_none() {
            return Ok(session.snapshot());
        }
        let elsewhere = || SessionError::SignedInElsewhere { uid: uid.clone() };
        let claim = single.claim(id, uid).await.ok_or_else(elsewhere)?;

        let mut inner = lock(&self.inner);
        let session = open(&inner, id).ok_or_else(|| self.closed(id))?;
        if command::changed(&session, &command)?.is_none() {
            return Ok(session.snapshot());
        }
        match claim.end() {
            Outcome::Won { former } => {
                // Under the lock under which it was won: nobody sees the user without a session.
                let written = self.write(&mut inner, id, &command)?;
                drop(inner);
                if let Some(former) = former {
                    self.kick_former(former);
                }
                self.act(written, command)
            }
            Outcome::Lost => {
                drop(inner);
                // Whoever did not win is the former session.
                if single.rule() == SingleSession::KickFormer {
                    self.kick_former(id);
                }
                Err(elsewhere())
            }
            Outcome::Repeated => Err(elsewhere()),
        }
    }

    /// Kicks a session whose user has signed in elsewhere.
    pub(super) fn kick_former(&self, id: u64) {
        // The only error is that it is closed already, which is what is wanted.
        let _ = self.apply(id, Command::Kick(ELSEWHERE.to_owned()));
    }

    /// Carries out a command, whoever sent it. Answers the session as it is now.
    pub(crate) fn apply(&self, id: u64, command: Command) -> Result<Arc<Snapshot>, SessionError> {
        let written = self.write(&mut lock(&self.inner), id, &command)?;
        self.act(written, command)
    }

    /// The part of a command that changes the session.
    fn write(&self, inner: &mut Inner, id: u64, command: &Command) -> Result<Written, SessionError> {
        let entry = inner.sessions.get(&id).ok_or_else(|| self.closed(id))?;
        let (session, connection) = (entry.session.clone(), Arc::clone(&entry.connection));
        let next = command::changed(&session, command)?;
        let (is_new, before) = (next.is_some(), session.snapshot());
        if let Some(next) = next {
            session.replace(next);
            if let Command::Bind(uid) = command {
                inner.bind(uid, id, Arc::clone(&connection));
            }
            if let (Command::Unbind, Some(uid)) = (command, before.uid()) {
                self.unbind(inner, uid, id);
            }
        }
        Ok(Written { session, connection, is_new })
    }

    /// The part of a command that others hear of.
    fn act(&self, written: Written, command: Command) -> Result<Arc<Snapshot>, SessionError> {
        let Written { session, connection, is_new } = written;
        match command {
            Command::Kick(reason) => connection.kick(&reason),
            Command::Push { route, body } => {
                if !connection.send(&self.frame(&route, body)?) {
                    return Err(session.closed());
                }
            }
            Command::Bind(_) if is_new => {
                if let Some(told) = self.bound.get() {
                    told(session.clone());
                }
            }
            Command::Bind(_) | Command::Unbind | Command::Set(..) | Command::Remove(_) => {}
        }
        Ok(session.snapshot())
    }

    /// A session has no user any more.
    fn unbind(&self, inner: &mut Inner, uid: &UserId, id: u64) {
        let left = inner.unbind(uid, id);
        self.tell_left(&mut inner.groups, left);
        if let Some(single) = self.single.get() {
            single.released(uid, id);
        }
    }

    fn closed(&self, id: u64) -> SessionError {
        SessionError::Closed { id, frontend: self.me.clone() }
    }

    pub(super) fn frame(&self, route: &str, body: Bytes) -> Result<Frame, SessionError> {
        let body = self.told.push(route, body)?;
        Ok(Frame::push(route, self.told.dictionary.as_ref(), body)?)
    }
}

/// A session after a command.
struct Written {
    session: Session,
    connection: Arc<dyn Connection>,
    /// Whether the command changed something.
    is_new: bool,
}

/// The session, if its client is there.
fn open(inner: &Inner, id: u64) -> Option<Session> {
    let entry = inner.sessions.get(&id)?;
    entry.connection.is_open().then(|| entry.session.clone())
}

impl Inner {
    fn bind(&mut self, uid: &UserId, id: u64, connection: Arc<dyn Connection>) {
        self.groups.bound(uid, id, &connection);
        self.users.entry(uid.clone()).or_default().push(Bound { id, connection });
    }

    /// A session has no user any more. Who is to be told that the user has left.
    fn unbind<'a>(&mut self, uid: &'a UserId, id: u64) -> Vec<(ServerId, Left<'a>)> {
        let Some(bound) = self.users.get_mut(uid) else { return Vec::new() };
        bound.retain(|other| other.id != id);
        let was_last = bound.is_empty();
        if was_last {
            self.users.remove(uid);
        }
        self.groups.unbound(uid, id, was_last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Recorded {
        frames: Mutex<usize>,
        kicked: Mutex<Option<String>>,
    }

    impl Connection for Recorded {
        fn send(&self, _frame: &Frame) -> bool {
            *lock(&self.frames) += 1;
            lock(&self.kicked).is_none()
        }

        fn kick(&self, reason: &str) {
            *lock(&self.kicked) = Some(reason.to_owned());
        }

        fn is_open(&self) -> bool {
            lock(&self.kicked).is_none()
        }
    }

    fn table() -> Arc<SessionTable> {
        SessionTable::alone("connector-server-1", 7)
    }

    fn bind(table: &SessionTable, id: u64, uid: &str) -> Result<Arc<Snapshot>, SessionError> {
        table.apply(id, Command::Bind(UserId::from(uid)))
    }

    #[test]
    fn a_user_is_found_from_bind_to_close() {
        let table = table();
        for id in [1, 2] {
            table.open(id, Arc::new(Recorded::default()));
            bind(&table, id, "alice").unwrap();
        }
        bind(&table, 1, "alice").unwrap();
        let alice = UserId::from("alice");
        assert_eq!(table.by_uid(&alice).iter().map(Session::id).collect::<Vec<_>>(), [1, 2]);
        assert!(matches!(bind(&table, 1, "bob"), Err(SessionError::AlreadyBound { .. })));
        assert!(matches!(bind(&table, 1, &"a".repeat(256)), Err(SessionError::LongUid { bytes: 256 })));

        let closed = table.close(1).unwrap();
        assert_eq!(closed.uid().unwrap(), alice);
        assert_eq!(table.by_uid(&alice).len(), 1);
        table.close(2);
        assert!(table.by_uid(&alice).is_empty());
        assert!(lock(&table.inner).users.is_empty());
        assert!(matches!(bind(&table, 1, "alice"), Err(SessionError::Closed { .. })));
    }

    #[tokio::test]
    async fn a_command_for_a_session_of_a_former_life_reaches_nobody() {
        let table = table();
        let connection = Arc::new(Recorded::default());
        table.open(1, Arc::clone(&connection) as Arc<dyn Connection>);
        let kick = |life| SessionCommand { id: 1, life, command: Command::Kick("bye".to_owned()) };
        assert!(matches!(table.obey(kick(6)).await, Err(SessionError::Closed { .. })));
        assert_eq!(*lock(&connection.kicked), None);
        table.obey(kick(7)).await.unwrap();
        assert_eq!(lock(&connection.kicked).as_deref(), Some("bye"));
    }

    #[tokio::test]
    async fn handles_write_through_the_table_until_the_session_is_closed() {
        let table = table();
        let connection = Arc::new(Recorded::default());
        let session = table.open(1, Arc::clone(&connection) as Arc<dyn Connection>);
        session.set("rid", "room1").await.unwrap();
        assert_eq!(table.get(1).unwrap().get::<String>("rid").unwrap(), "room1");
        assert_eq!(session.get::<u32>("rid"), None);
        session.remove("rid").await.unwrap();
        assert_eq!(session.get::<String>("rid"), None);
        session.kick("bye").await.unwrap();
        assert_eq!(lock(&connection.kicked).as_deref(), Some("bye"));
        table.close(1);
        assert!(matches!(session.set("rid", "x").await, Err(SessionError::Closed { .. })));
    }
}
