//! One session a user, between this frontend and the others: the driver of [`claims`](super::claims).

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use pomelo_protocol::{ServerId, ServerInfo};
use tokio::{
    sync::Notify,
    time::{MissedTickBehavior, interval},
};

use super::{
    SessionTable, SingleSession,
    claims::{Attempt, Claim, Claims, Outcome, Stamp, Verdict},
};
use crate::{
    CallError, UserId, codec, lock,
    rpc::Peers,
    servers::Directory,
    users::{self, HOLD},
};

/// How long other frontends are waited for, and so how long a user can't come in while one of them hangs. Well below the
/// time that a server waits which binds a session of another.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(1);

/// How soon a frontend that did not answer is told again which users are held here; and how soon after one has joined the
/// cluster it is told.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// What a frontend does for the rule of one session a user.
///
/// Its claims are locked for moments only, also while the session table is locked, and never the other way round.
pub(crate) struct Single {
    claims: Mutex<Claims>,
    peers: Arc<dyn Peers>,
    directory: Arc<Directory>,
    me: ServerId,
    timeout: Duration,
    /// Others may have to be told something.
    owes: Notify,
}

impl Single {
    /// `deadline` is the longest that any call may take.
    pub(crate) fn new(
        rule: SingleSession,
        me: ServerId,
        peers: Arc<dyn Peers>,
        directory: Arc<Directory>,
        deadline: Duration,
    ) -> Self {
        let (claims, owes) = (Mutex::new(Claims::new(rule)), Notify::new());
        Self { claims, peers, directory, me, timeout: ANSWER_TIMEOUT.min(deadline), owes }
    }

    pub(super) fn rule(&self) -> SingleSession {
        self.claims().rule()
    }

    /// Claims a user for a session of this frontend. None if it can't have it.
    pub(super) async fn claim(&self, session: u64, uid: &UserId) -> Option<Made<'_>> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let at_us = u64::try_from(now.as_micros()).unwrap_or(u64::MAX);
        let stamp = Stamp { at_us, frontend: self.me.clone(), session };
        let attempt = self.claims().make(uid, stamp)?;
        // From here on it is ended also if nobody waits for this future any more.
        let mut made = Made { single: self, attempt, verdicts: Vec::new(), over: false };
        let question = codec::to_server(&made.attempt.claim);
        let others = self.others().map(|server| server.id.clone()).collect();
        let (verdicts, silent) = users::ask(&*self.peers, others, users::CLAIM, question, self.timeout).await;
        if !silent.is_empty() {
            tracing::warn!(%uid, ?silent, "frontends could not be asked whether the user is there, too; they will be told");
        }
        made.verdicts = verdicts;
        Some(made)
    }

    /// Another frontend claims a user.
    pub(crate) fn judge(&self, claim: &Claim) -> Verdict {
        self.claims().judge(claim)
    }

    /// Another frontend says which users it holds. Those that this one keeps.
    pub(crate) fn heard(&self, table: &SessionTable, holds: &[Claim]) -> Vec<UserId> {
        let heard = self.claims().heard(holds);
        heard.going.iter().for_each(|session| table.kick_former(*session));
        heard.kept
    }

    /// A session has its user no more.
    pub(super) fn released(&self, uid: &UserId, session: u64) {
        self.claims().released(uid, session);
    }

    /// Tells other frontends which users are held here, for ever.
    pub(crate) async fn tell(&self, table: &SessionTable) {
        let ask = |(to, holds)| self.ask(to, holds);
        let mut told: FuturesUnordered<_> = self.claims().due().into_iter().map(ask).collect();
        let mut ticks = interval(TELL_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => self.meet(),
                () = self.owes.notified() => {}
                Some((to, holds, kept)) = told.next() => self.told(table, &to, &holds, kept),
            }
            let due = self.claims().due();
            told.extend(due.into_iter().map(ask));
        }
    }

    fn meet(&self) {
        let lives = self.others().filter_map(|server| Some((server.id.clone(), server.incarnation?)));
        self.claims().meet(lives);
    }

    /// The other frontends of this framework that can be asked. One without a port for other servers, such as a gate, can't; if users
    /// are bound there it is the one that asks and tells.
    fn others(&self) -> impl Iterator<Item = Arc<ServerInfo>> {
        let servers = self.directory.now();
        let is_other = |server: &&Arc<ServerInfo>| {
            server.frontend && server.incarnation.is_some() && server.port.is_some() && server.id != self.me
        };
        servers.iter().filter(is_other).cloned().collect::<Vec<_>>().into_iter()
    }

    async fn ask(
        &self,
        to: ServerId,
        holds: Vec<Claim>,
    ) -> (ServerId, Vec<Claim>, Result<Vec<UserId>, CallError>) {
        let asked = async {
            let answer = self.peers.call(&to, HOLD, codec::to_server(&holds)?, self.timeout).await?;
            Ok(codec::from_server(&answer)?)
        };
        let kept = asked.await;
        (to, holds, kept)
    }

    fn told(
        &self,
        table: &SessionTable,
        to: &ServerId,
        holds: &[Claim],
        kept: Result<Vec<UserId>, CallError>,
    ) {
        let kept = kept.inspect_err(|error| {
            tracing::debug!(%to, users = holds.len(), %error, "a frontend can't be told who is here, later again");
        });
        let going = self.claims().told(to, holds, kept.ok().as_deref());
        going.into_iter().for_each(|session| table.kick_former(session));
    }

    fn claims(&self) -> MutexGuard<'_, Claims> {
        lock(&self.claims)
    }
}

/// A claim that all frontends have answered, or will not. If it is dropped it is given up.
pub(super) struct Made<'a> {
    single: &'a Single,
    attempt: Attempt,
    verdicts: Vec<(ServerId, Verdict)>,
    over: bool,
}

impl Made<'_> {
    /// The session is ready to have its user: what became of the claim.
    pub(super) fn end(mut self) -> Outcome {
        self.over = true;
        let outcome = self.single.claims().end(&self.attempt, Some(&self.verdicts));
        self.single.owes.notify_one();
        outcome
    }
}

impl Drop for Made<'_> {
    fn drop(&mut self) {
        if !self.over {
            self.single.claims().end(&self.attempt, None);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

    use bytes::Bytes;
    use pomelo_rpc::{BoxFuture, ErrorKind, RpcError, Who};

    use super::*;
    use crate::{
        Servers,
        connector::Frame,
        session::{Command, Connection},
    };

    /// Another frontend: it grants every claim, hears only the third word about who is held, and keeps the user itself.
    #[derive(Default)]
    struct HardOfHearing(AtomicUsize);

    impl Peers for HardOfHearing {
        fn call(
            &self,
            server: &ServerId,
            method: &str,
            body: Bytes,
            _deadline: Duration,
        ) -> BoxFuture<'static, Result<Bytes, RpcError>> {
            let answer = if method == users::CLAIM {
                codec::to_server(&Verdict::Granted { former_us: Some(u64::MAX - 1) })
            } else {
                let holds: Vec<Claim> = codec::from_server(&body).unwrap();
                codec::to_server(&holds.into_iter().map(|hold| hold.uid).collect::<Vec<_>>())
            };
            let is_lost = method == HOLD && self.0.fetch_add(1, Relaxed) < 2;
            let kind = ErrorKind::Disconnected("lost".into());
            let lost = RpcError { server: server.clone(), who: Who::Local, retry: true, kind };
            Box::pin(async move { if is_lost { Err(lost) } else { Ok(answer.unwrap()) } })
        }

        fn send(&self, _server: &ServerId, _method: &str, _body: Bytes) -> Result<(), RpcError> {
            Ok(())
        }

        fn link(&self, _server: &ServerId) -> Result<u64, RpcError> {
            Ok(1)
        }

        fn present(&self, _server: &ServerId) -> Option<u64> {
            Some(1)
        }

        fn send_over(&self, _to: &ServerId, _link: u64, _method: &str, _body: Bytes) -> Result<(), RpcError> {
            Ok(())
        }
    }

    #[derive(Default)]
    struct Kicked(AtomicBool);

    impl Connection for Kicked {
        fn send(&self, _frame: &Frame) -> bool {
            true
        }

        fn kick(&self, _reason: &str) {
            self.0.store(true, Relaxed);
        }

        fn is_open(&self) -> bool {
            true
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_frontend_is_told_who_is_held_until_it_answers_and_its_answer_counts() {
        let me = ServerId::new("connector-server-1").unwrap();
        let info = |id: &str| {
            let mut json = serde_json::json!({ "id": id, "serverType": "connector", "host": "h", "frontend": true, "incarnation": 1 });
            // Nobody can ask a gate.
            if !id.starts_with("gate") {
                json["port"] = 4050.into();
            }
            Arc::new(serde_json::from_value(json).unwrap())
        };
        let (peers, directory) = (Arc::new(HardOfHearing::default()), Arc::new(Directory::default()));
        directory
            .replace(Servers::new(["connector-server-1", "connector-server-2", "gate-server-1"].map(info)));
        let others = Arc::clone(&peers) as Arc<dyn Peers>;
        let table = SessionTable::new(me.clone(), 1, Default::default(), Arc::clone(&others));
        let rule = SingleSession::KickFormer;
        table.only_one(Single::new(rule, me, others, directory, Duration::from_secs(5)));
        let connection = Arc::new(Kicked::default());
        table.open(1, Arc::clone(&connection) as Arc<dyn Connection>);
        table.carry_out(1, Command::Bind(UserId::from("alice"))).await.unwrap();
        let kicked = async {
            while !connection.0.load(Relaxed) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::select! {
            () = table.single().unwrap().tell(&table) => {}
            () = kicked => {}
            () = tokio::time::sleep(Duration::from_secs(60)) => panic!("told {} times", peers.0.load(Relaxed)),
        }
        assert_eq!(peers.0.load(Relaxed), 3);
    }
}
