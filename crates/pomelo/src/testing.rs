//! For tests of an application's handlers: a [`Stage`] gives them their arguments without a cluster, so that they are
//! called as the plain functions they are.
//!
//! ```
//! use pomelo::{Push, Remote, Result, Rpc, Session, UserId, testing::Stage};
//!
//! const ADD: Remote<UserId, Vec<UserId>> = Remote::new("chat.chatRemote.add");
//!
//! async fn enter(session: Session, rpc: Rpc, name: String) -> Result<usize> {
//!     session.bind(UserId::from(name)).await?;
//!     Ok(rpc.call(ADD, &session, &session.uid()?).await?.len())
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let stage = Stage::new("connector-server-1").answer(ADD, |uid| Ok(vec![UserId::from("alice"), uid]));
//! let session = stage.session();
//! assert_eq!(enter(session.clone(), stage.rpc(), "bob".into()).await.unwrap(), 2);
//! assert_eq!(session.uid().unwrap().as_str(), "bob");
//! # }
//! ```

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc, Mutex, OnceLock, Weak,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use pomelo_protocol::{ServerId, ServerInfo};
use pomelo_rpc::{BoxFuture, ErrorKind, Failure, RpcError, Who};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    Channels, Me, Push, Remote, Result, Rpc, Servers, Session, Sessions, UserId, Users,
    channel::message::{CHANGE, Change, PUSH, PushHead, To},
    codec,
    connector::{Frame, Wording},
    lock,
    rpc::{Peers, Router},
    servers::Directory,
    session::{CommandReply, Connection, SessionTable},
    users, wire,
};

/// Stands in for a cluster around one server: sessions that remember, calls that are answered by closures, pushes that
/// are kept to be looked at.
pub struct Stage {
    me: ServerId,
    cast: Arc<Cast>,
    directory: Arc<Directory>,
    sessions: Arc<SessionTable>,
    sessions_opened: AtomicU64,
    channels: Channels,
}

/// A push that a channel sent to one frontend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed<Msg> {
    /// The frontend it was sent to.
    pub frontend: ServerId,
    /// Its receivers there; nobody is named in a broadcast.
    pub users: Vec<UserId>,
    /// What was pushed.
    pub message: Msg,
}

/// Of the server that a stage is.
const LIFE: u64 = 1;

type Answer = Box<dyn Fn(&[u8]) -> Result<Bytes> + Send + Sync>;

/// Plays all other servers.
#[derive(Default)]
struct Cast {
    answers: Mutex<HashMap<&'static str, Answer>>,
    /// Of the stage.
    sessions: OnceLock<Weak<SessionTable>>,
    sent: Mutex<Vec<(ServerId, String, Bytes)>>,
}

impl Stage {
    /// For handlers of the server with this id: `chat-server-1`.
    ///
    /// # Panics
    ///
    /// If that is no valid id.
    pub fn new(me: &str) -> Self {
        let me = ServerId::new(me).unwrap_or_else(|error| panic!("{error}"));
        let cast = Arc::new(Cast::default());
        let peers = Arc::clone(&cast) as Arc<dyn Peers>;
        let directory = Arc::new(Directory::default());
        let channels = Channels::new(LIFE, Arc::clone(&peers), Arc::clone(&directory));
        let sessions = SessionTable::new(me.clone(), LIFE, Wording::default(), peers);
        let _ = cast.sessions.set(Arc::downgrade(&sessions));
        Self { me, cast, directory, sessions, sessions_opened: AtomicU64::new(0), channels }
    }

    /// Plays the servers that answer a remote. A server of its type need not exist.
    pub fn answer<Req, Res>(
        self,
        remote: Remote<Req, Res>,
        answer: impl Fn(Req) -> Result<Res> + Send + Sync + 'static,
    ) -> Self
    where
        Req: DeserializeOwned,
        Res: Serialize,
    {
        let answer = move |body: &[u8]| Ok(codec::to_server(&answer(codec::from_server(body)?)?)?);
        lock(&self.cast.answers).insert(remote.name(), Box::new(answer));
        if self.directory.now().of_type(remote.server_type()).is_empty() {
            self.add_server(&format!("{}-server-1", remote.server_type()), remote.server_type());
        }
        self
    }

    /// Adds a server to those that are known, by id and type.
    ///
    /// # Panics
    ///
    /// If the id or the type is not valid.
    pub fn add_server(&self, id: &str, server_type: &str) {
        let info = info(id, server_type).unwrap_or_else(|error| panic!("{error}"));
        let known = self.directory.now();
        self.directory.replace(Servers::new(known.iter().cloned().chain([Arc::new(info)])));
    }

    /// A new session, held by this stage: it can be written while the stage is there, and is closed by a kick. Pushes to
    /// it go nowhere.
    pub fn session(&self) -> Session {
        let id = self.sessions_opened.fetch_add(1, Ordering::Relaxed) + 1;
        let connection = StageConnection { id, table: Arc::downgrade(&self.sessions) };
        self.sessions.open(id, Arc::new(connection))
    }

    /// The sessions of this stage.
    pub fn sessions(&self) -> Sessions {
        Sessions(Arc::clone(&self.sessions))
    }

    /// Calls whoever [answers](Self::answer).
    pub fn rpc(&self) -> Rpc {
        let router = Arc::new(Router::new(HashMap::new(), Arc::clone(&self.directory)));
        Rpc::new(Arc::clone(&self.cast) as Arc<dyn Peers>, router, Duration::from_secs(1))
    }

    /// The users of this stage's sessions, as if it were the only frontend: they are found, written and kicked, and pushes to
    /// them are kept here.
    ///
    /// ```
    /// # use pomelo::{Push, UserId, testing::Stage};
    /// const ON_WHISPER: Push<String> = Push::new("onWhisper");
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let (stage, alice) = (Stage::new("chat-server-1"), UserId::from("alice"));
    /// let session = stage.session();
    /// session.bind(alice.clone()).await.unwrap();
    /// for found in stage.users().find(&alice).await.sessions {
    ///     found.set("mark", &7).await.unwrap();
    /// }
    /// assert_eq!(session.get("mark"), Some(7));
    /// stage.users().push([&alice], ON_WHISPER, &"psst".to_owned()).await.unwrap();
    /// assert_eq!(stage.pushed(ON_WHISPER)[0].users, [alice]);
    /// # }
    /// ```
    pub fn users(&self) -> Users {
        let mut me = ServerInfo::clone(&self.me().0);
        (me.frontend, me.incarnation) = (true, Some(LIFE));
        let directory = Arc::new(Directory::default());
        directory.replace(Servers::new([Arc::new(me)]));
        Users {
            peers: Arc::clone(&self.cast) as Arc<dyn Peers>,
            directory,
            channels: self.channels(),
            deadline: Duration::from_secs(1),
        }
    }

    /// Channels whose pushes are kept here.
    pub fn channels(&self) -> Channels {
        self.channels.clone()
    }

    /// The known servers.
    pub fn servers(&self) -> Servers {
        self.directory.now()
    }

    /// The server itself. Its type is its id up to the first `-`.
    pub fn me(&self) -> Me {
        let server_type = self.me.as_str().split('-').next().unwrap_or_default();
        let info = info(self.me.as_str(), server_type).unwrap_or_else(|error| panic!("{error}"));
        Me(Arc::new(info))
    }

    /// Which requests of a remote were sent so far [without waiting](Rpc::send), and to which server, in order.
    ///
    /// ```
    /// # use pomelo::{Remote, Target, testing::Stage};
    /// const NOTE: Remote<String, ()> = Remote::new("log.logRemote.note");
    ///
    /// let stage = Stage::new("area-server-1");
    /// stage.add_server("log-server-1", "log");
    /// stage.rpc().send(NOTE, Target::RoundRobin, &"a duel".to_owned()).unwrap();
    /// assert_eq!(stage.sent(NOTE)[0].1, "a duel");
    /// ```
    ///
    /// # Panics
    ///
    /// If a request is not of the type of the remote.
    pub fn sent<Req: DeserializeOwned, Res>(&self, remote: Remote<Req, Res>) -> Vec<(ServerId, Req)> {
        let sent = lock(&self.cast.sent);
        let of_remote = sent.iter().filter(|(_, method, _)| method == remote.name());
        let request =
            |body| codec::from_server(body).unwrap_or_else(|error| panic!("{}: {error}", remote.name()));
        of_remote.map(|(server, _, body)| (server.clone(), request(body))).collect()
    }

    /// What channels pushed by this name so far, in order.
    ///
    /// # Panics
    ///
    /// If a message is not of the type of the push.
    pub fn pushed<Msg: DeserializeOwned>(&self, push: Push<Msg>) -> Vec<Pushed<Msg>> {
        let mut members: HashMap<(ServerId, u64), BTreeSet<UserId>> = HashMap::new();
        let mut pushed = Vec::new();
        for (frontend, method, body) in lock(&self.cast.sent).iter() {
            let group = |number| (frontend.clone(), number);
            match method.as_str() {
                CHANGE => {
                    let change: Change<'_> = codec::from_server(body).expect("encoded by Channel");
                    let members = members.entry(group(change.number)).or_default();
                    if change.from == 0 {
                        members.clear();
                    }
                    members.extend(change.join.into_iter().map(UserId::from));
                    members.retain(|uid| !change.leave.contains(&uid.as_str()));
                }
                PUSH => {
                    let (head, message) = wire::split::<PushHead<'_>>(body).expect("encoded by Channel");
                    if head.route != push.name() {
                        continue;
                    }
                    let users = match head.to {
                        To::Group { number, except, .. } => {
                            let members = members.get(&group(number)).into_iter().flatten();
                            members.filter(|uid| !except.contains(&uid.as_str())).cloned().collect()
                        }
                        To::Users(users) => users.into_iter().map(UserId::from).collect(),
                        To::Bound | To::All => Vec::new(),
                    };
                    let message = serde_json::from_slice(&message);
                    let message = message.unwrap_or_else(|error| panic!("{}: {error}", push.name()));
                    pushed.push(Pushed { frontend: frontend.clone(), users, message });
                }
                _ => {}
            }
        }
        pushed
    }
}

/// A client that does nothing.
struct StageConnection {
    id: u64,
    table: Weak<SessionTable>,
}

impl Connection for StageConnection {
    fn send(&self, _frame: &Frame) -> bool {
        true
    }

    fn kick(&self, _reason: &str) {
        if let Some(table) = self.table.upgrade() {
            table.close(self.id);
        }
    }

    fn is_open(&self) -> bool {
        true
    }
}

impl Cast {
    /// What the stage itself answers about its sessions.
    async fn about_sessions(table: &SessionTable, method: &str, body: &[u8]) -> Result<Bytes> {
        Ok(match method {
            users::FIND => codec::to_server(&users::known(table, LIFE, &codec::from_server(body)?))?,
            users::KICK => {
                let users::Kick { uid, reason } = codec::from_server(body)?;
                codec::to_server(&table.kick(&uid, &reason))?
            }
            _ => {
                let done = table.obey(codec::from_server(body)?).await;
                codec::to_server(&CommandReply::new(done.as_ref().map(Arc::as_ref)))?
            }
        })
    }
}

impl Peers for Cast {
    fn call(
        &self,
        server: &ServerId,
        method: &str,
        body: Bytes,
        _deadline: Duration,
    ) -> BoxFuture<'static, Result<Bytes, RpcError>> {
        let server = server.clone();
        let failed = move |text: String| {
            let kind = ErrorKind::Remote(Failure::new(500, text));
            RpcError { server, who: Who::Remote, retry: false, kind }
        };
        if matches!(method, users::FIND | users::KICK | wire::SESSION)
            && let Some(table) = self.sessions.get().and_then(Weak::upgrade)
        {
            let method = method.to_owned();
            return Box::pin(async move {
                Self::about_sessions(&table, &method, &body).await.map_err(|error| failed(error.to_string()))
            });
        }
        let answer = match lock(&self.answers).get(method) {
            Some(answer) => answer(&body).map_err(|error| failed(error.to_string())),
            None => Err(failed(format!("nobody answers {method} on this stage"))),
        };
        Box::pin(async move { answer })
    }

    fn send(&self, server: &ServerId, method: &str, body: Bytes) -> Result<(), RpcError> {
        lock(&self.sent).push((server.clone(), method.to_owned(), body));
        Ok(())
    }

    fn link(&self, _server: &ServerId) -> Result<u64, RpcError> {
        Ok(1)
    }

    fn present(&self, _server: &ServerId) -> Option<u64> {
        Some(1)
    }

    fn send_over(&self, server: &ServerId, _link: u64, method: &str, body: Bytes) -> Result<(), RpcError> {
        self.send(server, method, body)
    }
}

fn info(id: &str, server_type: &str) -> serde_json::Result<ServerInfo> {
    serde_json::from_value(serde_json::json!({ "id": id, "serverType": server_type, "host": "127.0.0.1" }))
}
