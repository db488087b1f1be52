//! Calls from server to server, for handlers: which server is meant ([`target`]), how long it may take ([`deadline`]), what
//! travels, what comes back, and what is tried again.
//!
//! The links themselves are in `pomelo-rpc`; what arrives is answered in `node::inbox`.

mod deadline;
mod error;
mod peers;
mod target;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::join_all;
use pomelo_protocol::ServerId;
use pomelo_rpc::{ErrorKind, RpcError};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time::{Instant, sleep};

pub use self::{deadline::Deadline, error::CallError, target::Target};
pub(crate) use self::{
    peers::{Answer, Peers},
    target::{RouteFn, Router},
};
use crate::{Remote, codec};

/// Most attempts of one call, whatever [`Rpc::fail_over`] asks for.
const ATTEMPTS_MAX: u32 = 10;
/// The longest wait for an answer; a hundred years, which a clock can still show.
const DEADLINE_MAX: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
/// How long to wait before the same server is asked again; doubles each time.
const PAUSE_MIN: Duration = Duration::from_millis(50);
/// The most that grows to.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Calls functions of other servers, or of this one, as an argument of handlers, remotes and hooks.
///
/// ```
/// # use pomelo::{Remote, Result, Rpc, Session, UserId};
/// const ADD: Remote<UserId, Vec<UserId>> = Remote::new("chat.chatRemote.add");
///
/// async fn enter(session: Session, rpc: Rpc, _: ()) -> Result<Vec<UserId>> {
///     Ok(rpc.call(ADD, &session, &session.uid()?).await?)
/// }
/// ```
///
/// A call waits at most [`App::call_timeout`](crate::App::call_timeout), or what [`Rpc::within`] says, and never longer than
/// whoever waits for the handler that makes it ([`Deadline`]). The called server knows how long that is.
///
/// # When a call fails
///
/// As pomelo-rpc names it, a call is *fail-fast*: the first error is the result. It says who failed and whether calling again
/// is safe ([`RpcError`]). [`Rpc::fail_over`] tries again where that is safe; [`Rpc::call_or`] is *fail-safe*: it logs the
/// error and has another answer ready. They can be combined:
///
/// ```
/// # use std::time::Duration;
/// # use pomelo::{Remote, Result, Rpc, Target};
/// // It changes nothing, so that it may be asked for again, even if nobody knows whether it was answered.
/// const RANK: Remote<String, Option<u32>> = Remote::new("rank.rankRemote.of").idempotent();
///
/// async fn rank(rpc: Rpc, name: String) -> Result<Option<u32>> {
///     let rpc = rpc.within(Duration::from_millis(300)).fail_over(3);
///     Ok(rpc.call_or(RANK, Target::RoundRobin, &name, None).await)
/// }
/// ```
#[derive(Clone)]
pub struct Rpc {
    pub(crate) peers: Arc<dyn Peers>,
    pub(crate) router: Arc<Router>,
    pub(crate) deadline: Duration,
    /// When whoever waits for the function that has this stops waiting.
    until: Option<Instant>,
    attempts: u32,
}

impl Rpc {
    pub(crate) fn new(peers: Arc<dyn Peers>, router: Arc<Router>, deadline: Duration) -> Self {
        let measured = Arc::downgrade(&peers);
        router
            .directory
            .measure(move |server| measured.upgrade().map_or(0, |peers| peers.calls_waiting(server)));
        Self { peers, router, deadline: deadline.min(DEADLINE_MAX), until: None, attempts: 1 }
    }

    /// For a function whose caller waits until then.
    pub(crate) fn until(&self, until: Option<Instant>) -> Self {
        Self { until, ..self.clone() }
    }

    /// The same with calls that wait so long at most. Never longer than whoever waits for this handler.
    #[must_use]
    pub fn within(&self, timeout: Duration) -> Self {
        Self { deadline: timeout.min(DEADLINE_MAX), ..self.clone() }
    }

    /// The same with calls that are tried up to so many times in all (10 at most), within the same time: what pomelo-rpc
    /// calls *fail-over*. Only what surely was not executed is repeated ([`RpcError::retry`]: a server that could not be
    /// reached, is busy, or is leaving), and of a remote that is [idempotent](Remote::idempotent) also what got no answer. A
    /// failure of the function itself is an answer.
    ///
    /// Another server is asked where the target leaves the choice, first those that were not asked yet; the same one is asked
    /// again after a pause of 50 ms, which doubles. Each attempt of an idempotent remote has its share of the time that is
    /// left, so that a server that hangs leaves time for the next.
    #[must_use]
    pub fn fail_over(&self, attempts: u32) -> Self {
        Self { attempts: attempts.clamp(1, ATTEMPTS_MAX), ..self.clone() }
    }

    /// Calls a remote and waits for its answer. `target` is a `&Session` (routed as its client's messages are), a
    /// `&ServerId`, or another [`Target`].
    pub async fn call<'a, Req, Res>(
        &self,
        remote: Remote<Req, Res>,
        target: impl Into<Target<'a>>,
        request: &Req,
    ) -> Result<Res, CallError>
    where
        Req: Serialize,
        Res: DeserializeOwned,
    {
        let (target, body) = (target.into(), codec::to_server(request));
        let answer = self.ask(Asked::of(&remote), target, body?).await?;
        Ok(codec::from_server(&answer)?)
    }

    /// Calls a remote that may fail: whatever goes wrong is logged, and `otherwise` is the answer. What pomelo-rpc calls
    /// *fail-safe*.
    pub async fn call_or<'a, Req, Res>(
        &self,
        remote: Remote<Req, Res>,
        target: impl Into<Target<'a>>,
        request: &Req,
        otherwise: Res,
    ) -> Res
    where
        Req: Serialize,
        Res: DeserializeOwned,
    {
        self.call(remote, target, request).await.unwrap_or_else(|error| {
            tracing::warn!(remote = remote.name(), %error, "call failed, its default is taken");
            otherwise
        })
    }

    /// Calls a remote of every server of its type, this one included if it is of that type, all at once. Their answers are in
    /// the order of their ids; none if there are no servers. The servers are those that are known when it is called.
    ///
    /// ```
    /// # use pomelo::{Remote, Result, Rpc};
    /// const COUNT: Remote<(), u64> = Remote::new("chat.chatRemote.count");
    ///
    /// async fn online(rpc: Rpc, _: ()) -> Result<u64> {
    ///     let counts = rpc.call_all(COUNT, &()).await;
    ///     Ok(counts.into_iter().filter_map(|(_, count)| count.ok()).sum())
    /// }
    /// ```
    pub async fn call_all<Req, Res>(
        &self,
        remote: Remote<Req, Res>,
        request: &Req,
    ) -> Vec<(ServerId, Result<Res, CallError>)>
    where
        Req: Serialize,
        Res: DeserializeOwned,
    {
        // Encoded each time only if that fails: the error can't be copied.
        let bodies = self.for_all(&remote, request);
        let calls = bodies.into_iter().map(|(server, body)| async move {
            let answer = match body {
                Ok(body) => self.ask(Asked::of(&remote), Target::Server(&server), body).await,
                Err(error) => Err(error),
            };
            let answer = answer.and_then(|answer| Ok(codec::from_server(&answer)?));
            (server, answer)
        });
        join_all(calls).await
    }

    /// Sends a request and does not wait: it is handled at most once, in the order sent, and its answer is dropped.
    pub fn send<'a, Req, Res>(
        &self,
        remote: Remote<Req, Res>,
        target: impl Into<Target<'a>>,
        request: &Req,
    ) -> Result<(), CallError>
    where
        Req: Serialize,
    {
        let server = self.router.choose(remote.server_type(), target.into(), &[])?;
        Ok(self.peers.send(&server, remote.name(), codec::to_server(request)?)?)
    }

    /// Sends a request to every server of its type, as [`send`](Self::send) does to one; says for each whether it could be
    /// sent.
    pub fn send_all<Req, Res>(
        &self,
        remote: Remote<Req, Res>,
        request: &Req,
    ) -> Vec<(ServerId, Result<(), CallError>)>
    where
        Req: Serialize,
    {
        let bodies = self.for_all(&remote, request).into_iter();
        let send = |server: &ServerId, body| Ok(self.peers.send(server, remote.name(), body)?);
        bodies.map(|(server, body)| (server.clone(), body.and_then(|body| send(&server, body)))).collect()
    }

    fn for_all<Req: Serialize, Res>(
        &self,
        remote: &Remote<Req, Res>,
        request: &Req,
    ) -> Vec<(ServerId, Result<Bytes, CallError>)> {
        let servers = self.router.directory.of_type(remote.server_type());
        let encoded = codec::to_server(request);
        let body = || match &encoded {
            Ok(body) => Ok(body.clone()),
            Err(_) => Ok(codec::to_server(request)?),
        };
        servers.iter().map(|server| (server.id.clone(), body())).collect()
    }

    async fn ask(&self, asked: Asked, target: Target<'_>, body: Bytes) -> Result<Bytes, CallError> {
        let late = || CallError::Late { server_type: asked.server_type.to_owned() };
        if self.attempts == 1 {
            let left = self.left().ok_or_else(late)?;
            let server = self.router.choose(asked.server_type, target, &[])?;
            return Ok(self.peers.start(&server, asked.name, &body, left).await?);
        }
        let rpc = self.until(Some(Instant::now() + self.left().ok_or_else(late)?));
        let (mut tried, mut pause) = (Vec::new(), PAUSE_MIN);
        for attempts_left in (1..=self.attempts).rev() {
            let left = rpc.left().ok_or_else(late)?;
            let server = self.router.choose(asked.server_type, target, &tried);
            let server = match server {
                Err(CallError::NoServer { .. } | CallError::NotThere { .. }) if !tried.is_empty() => {
                    // All were asked once; from here on it goes round again.
                    tried.clear();
                    rpc.rest(&mut pause).await;
                    self.router.choose(asked.server_type, target, &tried)
                }
                server => server,
            }?;
            let share = if asked.idempotent { left / attempts_left } else { left };
            match self.peers.start(&server, asked.name, &body, share).await {
                Ok(answer) => return Ok(answer),
                Err(error) if attempts_left > 1 && asked.may_repeat(&error) => {
                    tracing::debug!(%error, attempts_left, remote = asked.name, "call failed, tried again");
                }
                Err(error) => return Err(error.into()),
            }
            if target.is_one() {
                rpc.rest(&mut pause).await;
            } else {
                tried.push(server);
            }
        }
        Err(late())
    }

    /// How long a call may take that starts now; nothing if its time is over.
    fn left(&self) -> Option<Duration> {
        let Some(until) = self.until else { return Some(self.deadline) };
        let left = until.saturating_duration_since(Instant::now()).min(self.deadline);
        (!left.is_zero()).then_some(left)
    }

    async fn rest(&self, pause: &mut Duration) {
        sleep(self.left().unwrap_or_default().min(*pause)).await;
        *pause = (*pause * 2).min(PAUSE_MAX);
    }
}

/// What is called, without its types.
#[derive(Clone, Copy)]
struct Asked {
    server_type: &'static str,
    name: &'static str,
    idempotent: bool,
}

impl Asked {
    fn of<Req, Res>(remote: &Remote<Req, Res>) -> Self {
        Self { server_type: remote.server_type(), name: remote.name(), idempotent: remote.is_idempotent() }
    }

    fn may_repeat(&self, error: &RpcError) -> bool {
        let unknown = matches!(error.kind, ErrorKind::Deadline { .. } | ErrorKind::Disconnected(_));
        error.retry || (self.idempotent && unknown)
    }
}
