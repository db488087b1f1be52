//! Brings a server up, follows the masters, and brings it down again.
//!
//! Ports first, then the cluster: a server that can't be reached must not be announced, and one that finds no master
//! serves what it can and goes on looking for one.

use std::{
    collections::{BTreeSet, HashMap},
    path::PathBuf,
    sync::{Arc, Mutex, Weak},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use pomelo_cluster::config::Environment;
use pomelo_protocol::{ServerId, ServerInfo, dictionary::Dictionary};
use pomelo_rpc::{Hello, Limits, Links};
use rustc_hash::FxHashSet;
use tokio::{
    net::TcpListener,
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::timeout,
};

use super::{
    Node, crons,
    failures::{Failures, OfClient},
    follow::Following,
    functions,
    inbox::Inbox,
    orders::Status,
    peers::{self, LinkedPeers},
    ports::{PortError, client_addrs, listen_addrs, listen_tcp},
    progress::Progress,
    snapshots::Snapshots,
    stopping::{self, Stopping},
};
use crate::{
    Channels, Drain, Rpc, Server, Servers, Sessions, StartError,
    answer::Answers,
    connector::{Connector, Leave},
    extract::{Game, Parts, PartsInner},
    rpc::{Peers, RouteFn, Router},
    schedule::{Clock, Schedule},
    servers::Directory,
    session::{SessionTable, Single, SingleSession},
};

/// How long the last answers to other servers may take to be written when the links end.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// What a server is started from, checked already.
pub(crate) struct Setup {
    pub(crate) server: Server,
    /// All server types of the application.
    pub(crate) types: BTreeSet<String>,
    pub(crate) info: ServerInfo,
    pub(crate) env: Environment,
    pub(crate) routes: HashMap<String, RouteFn>,
    pub(crate) dictionary: Dictionary,
    pub(crate) answers: Answers,
    pub(crate) client_errors: Vec<OfClient>,
    /// Routes of all server types whose messages wait for no other of their session.
    pub(crate) concurrent: FxHashSet<&'static str>,
    pub(crate) call_timeout: Duration,
    pub(crate) single_session: Option<SingleSession>,
    pub(crate) drain: Drain,
    /// The game's folder.
    pub(crate) base: PathBuf,
    /// Where what is known of the cluster is kept for the next start.
    pub(crate) memory: PathBuf,
}

/// How a server came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Asked to stop: it left the cluster and closed its clients.
    Stopped,
    /// Told to end at once.
    Killed,
    /// A later process has its id: it left as if it had been stopped.
    Replaced {
        /// The incarnation of that one.
        by: u64,
    },
}

/// A server whose ports are open.
pub(crate) struct NodeRunning {
    pub(crate) info: Arc<ServerInfo>,
    stop: watch::Sender<bool>,
    task: JoinHandle<Ending>,
}

impl NodeRunning {
    /// Asks it to stop. Its end is waited for elsewhere.
    pub(crate) fn stop(&self) {
        self.stop.send_replace(true);
    }

    /// Waits for its end.
    pub(crate) async fn ended(&mut self) -> Ending {
        // It is not aborted, so only a panic of ours can take the task's result away, and that is no clean end.
        (&mut self.task).await.unwrap_or(Ending::Killed)
    }
}

/// Opens the ports, starts serving, and begins to look for a master; unless `stop` is done first.
pub(crate) async fn start(setup: Setup, stop: impl Future<Output = ()>) -> Result<NodeRunning, StartError> {
    let Setup {
        mut server,
        types,
        mut info,
        env,
        routes,
        dictionary,
        answers,
        client_errors,
        concurrent,
        call_timeout,
        single_session,
        drain,
        base,
        memory,
    } = setup;
    server.connector =
        server.connector.map(|hybrid| hybrid.configured(&env.options_of(&info.id)).with_protos(&env.protos));
    let inbox = Inbox::new();

    let mut listener = None;
    if let Some(port) = info.port {
        let bound = listen_tcp(&info.id, "port for other servers", &listen_addrs(&info.host, port))?;
        info.port = bound.local_addr().ok().map(|addr| addr.port());
        listener = Some(bound);
    }
    let life = info.incarnation.unwrap_or_else(incarnation);
    let mut connector = None;
    let mut told = None;
    if let (Some(hybrid), Some(port)) = (server.connector.take(), info.client_port) {
        let sent = hybrid.wording(&dictionary);
        let routes = sent.without_code(&types);
        if !routes.is_empty() {
            tracing::warn!(
                server = %info.id,
                ?routes,
                "answers without a number `code` in serverProtos.json: clients of the original can't tell their failures"
            );
        }
        let addrs = client_addrs(&info.id, hybrid.listen.as_deref(), port).await?;
        let service = Arc::clone(&inbox) as Arc<dyn crate::connector::ClientService>;
        let tls = hybrid.load_tls(&base)?;
        let bound = Connector::bind(&addrs, hybrid, tls, Arc::new(dictionary), service);
        let bound = bound.map_err(|error| PortError::of_connector(&info.id, error))?;
        info.client_port = bound.local_addr().ok().map(|addr| addr.port());
        info.frontend = true;
        connector = Some(bound);
        told = Some(sent);
    }
    info.pid = Some(std::process::id());
    info.incarnation = Some(life);
    let info = Arc::new(info);

    let directory = Arc::new(Directory::default());
    // Until a master says more, this server knows itself.
    directory.replace(Servers::new([Arc::clone(&info)]));
    let links = links(&info, &env, &directory, &inbox);
    let peers: Arc<dyn Peers> =
        Arc::new(LinkedPeers::new(info.id.clone(), links.clone(), Arc::clone(&inbox)));
    let channels = Channels::new(life, Arc::clone(&peers), Arc::clone(&directory));
    let table = told.map(|told| SessionTable::new(info.id.clone(), life, told, Arc::clone(&peers)));
    if let (Some(table), Some(rule)) = (&table, single_session) {
        let (peers, directory) = (Arc::clone(&peers), Arc::clone(&directory));
        table.only_one(Single::new(rule, info.id.clone(), peers, directory, call_timeout));
    }
    let router = Arc::new(Router::new(routes, Arc::clone(&directory)));
    let parts = Parts(Arc::new(PartsInner {
        me: Arc::clone(&info),
        game: Game { folder: base.into(), environment: env.name.clone().into() },
        states: server.states,
        directory: Arc::clone(&directory),
        rpc: Rpc::new(Arc::clone(&peers), router, call_timeout),
        channels: channels.clone(),
        sessions: table.clone().map(Sessions),
    }));
    let node = Arc::new_cyclic(|node: &Weak<Node>| Node {
        parts,
        front: functions::front(server.front_filters, Node::front_end(Weak::clone(node))),
        handlers: functions::handlers(server.handlers, server.filters),
        remotes: functions::remotes(server.remotes, server.remote_filters),
        answers,
        concurrent,
        hooks: server.hooks,
        progress: Progress::default(),
        table,
        types,
        snapshots: Snapshots::default(),
        failures: Failures::new(client_errors),
    });
    node.prepare(stop).await?;
    inbox.open(&node);
    if let Some(table) = &node.table
        && !node.hooks.session_bound.is_empty()
    {
        let node = Arc::downgrade(&node);
        table.on_bound(move |session| {
            if let Some(node) = node.upgrade() {
                node.session_bound(session);
            }
        });
    }

    if !node.hooks.members_left.is_empty() {
        let node = Arc::downgrade(&node);
        channels.on_gone(move |left| {
            if let Some(node) = node.upgrade() {
                node.members_left(left);
            }
        });
    }

    let (stop, stopping) = watch::channel(false);
    let following = Following::start(&env, &info, memory, directory, links.clone(), channels).drain(&drain);
    let entries = env.crons.get(&info.server_type).map_or(&[][..], Vec::as_slice);
    let ask = crons::ask(&following.follower, &info);
    let schedule = Schedule::new(server.crons, entries, node.parts.clone(), Clock::system(), ask);
    log_start(&info);
    let serving = Serving { node, following, links, drain, schedule };
    let task = tokio::spawn(serving.run(listener, connector, stopping));
    Ok(NodeRunning { info, stop, task })
}

fn log_start(info: &ServerInfo) {
    let (port, client_port) = (info.port, info.client_port);
    tracing::info!(server = %info.id, port, client_port, pid = info.pid, "serving");
}

fn links(info: &ServerInfo, env: &Environment, directory: &Arc<Directory>, inbox: &Arc<Inbox>) -> Links {
    let directory = Arc::clone(directory);
    let resolve = move |id: &ServerId| {
        let servers = directory.now();
        let info = servers.get(id.as_str())?;
        let host = if info.host.contains(':') { format!("[{}]", info.host) } else { info.host.clone() };
        Some(format!("{host}:{}", info.port?))
    };
    let hello = Hello { id: info.id.clone(), incarnation: info.incarnation.unwrap_or_default() };
    let service = Arc::clone(inbox) as Arc<dyn pomelo_rpc::Service>;
    let limits = Limits { close_timeout: CLOSE_TIMEOUT, ..Limits::default() };
    Links::with_secret(hello, Arc::new(resolve), service, limits, peers::secret(info, env))
}

/// Later lives of one id must have higher numbers, also when they follow each other within the same second.
fn incarnation() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_micros()).unwrap_or_default()
}

/// A server between the opening of its ports and its end.
struct Serving {
    node: Arc<Node>,
    following: Following,
    links: Links,
    drain: Drain,
    schedule: Schedule,
}

impl Serving {
    async fn run(
        mut self,
        listener: Option<TcpListener>,
        connector: Option<Connector>,
        mut stopping: watch::Receiver<bool>,
    ) -> Ending {
        let status = Status {
            me: Arc::clone(&self.node.parts.0.me),
            started: Instant::now(),
            table: self.node.table.clone(),
            connector: connector.as_ref().map(Connector::handle),
            drills: Mutex::default(),
            schedule: self.schedule.clone(),
        };
        let (no_more_links, links_done) = watch::channel(false);
        let (no_more_clients, clients_done) = watch::channel(None);
        let (mut accepting, mut clients) = (JoinSet::new(), JoinSet::new());
        if let Some(listener) = listener {
            let links = self.links.clone();
            accepting.spawn(async move { links.serve(listener, told(links_done)).await });
        }
        if let Some(connector) = connector {
            clients.spawn(connector.run(leave(clients_done)));
        }
        let scheduling = self.schedule.start();
        // Dropped, and so ended, with this future.
        let mut tending = JoinSet::new();
        let node = Arc::clone(&self.node);
        tending.spawn(async move { node.tend().await });
        tending.spawn(self.following.told.hooks(Arc::clone(&self.node)));
        let ending = tokio::select! {
            ending = self.following.run(&status) => ending,
            () = stopped(&mut stopping) => Ending::Stopped,
            // They end when they are told to, below. A server that nobody reaches any more must not stay in the cluster.
            Some(_) = clients.join_next() => Ending::Killed,
            Some(_) = accepting.join_next() => Ending::Killed,
        };
        if ending == Ending::Killed {
            return ending;
        }
        let node = Arc::clone(&self.node);
        let stopping = Stopping {
            node: &node,
            following: &mut self.following,
            drain: self.drain,
            clients,
            no_more_clients,
        };
        let finish = self.drain.finish;
        // Jobs that run have the time of what else is in progress; nobody waits for those that take longer.
        let jobs = async {
            if timeout(finish, scheduling.stop()).await.is_err() {
                tracing::warn!("jobs did not end in time, dropped");
            }
        };
        tokio::join!(stopping.run(), jobs);
        no_more_links.send_replace(true);
        self.links.close().await;
        while accepting.join_next().await.is_some() {}
        stopping::stopped(&node).await;
        match ending {
            Ending::Replaced { by } => {
                tracing::error!(server = %status.me.id, by, "ended: a later process has its id");
            }
            Ending::Stopped | Ending::Killed => tracing::info!(server = %status.me.id, "stopped"),
        }
        ending
    }
}

/// Resolves when it is asked to stop; never, if nobody is left who could ask.
async fn stopped(stopping: &mut watch::Receiver<bool>) {
    if stopping.wait_for(|&stop| stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Resolves when it is told to, or when nobody is left who could.
async fn told(mut done: watch::Receiver<bool>) {
    let _ = done.wait_for(|&done| done).await;
}

/// Resolves when the clients are to go; at once, if nobody is left who could say so.
async fn leave(mut done: watch::Receiver<Option<Leave>>) -> Leave {
    match done.wait_for(Option::is_some).await.map(|leave| *leave) {
        Ok(Some(leave)) => leave,
        Ok(None) | Err(_) => Leave::at_once(),
    }
}
