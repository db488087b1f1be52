//! An application: all its server types, and what turns arguments into one running server.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use pomelo_cluster::config::{Config, ConfigError, Environment};
use pomelo_protocol::dictionary::Dictionary;
use pomelo_protocol::{ServerId, dictionary::DictionaryError};
use serde::Serialize;

use crate::{
    Args, ArgsError, Drain, Error, Filter, MasterHa, Plugin, PortError, RemoteCall, Request, Running, Server,
    Servers, Session, SingleSession, TlsError, answer::Answers, bounded, check, filter::FilterFn, master,
    node, plugin, rpc::RouteFn, server::Registered, types::Listed,
};

/// How long a call or a forwarded message may take where nothing else is said.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

type AddToEach = Arc<dyn Fn(&str, Server) -> Server + Send + Sync>;
type Describe = Arc<dyn Fn(Server) -> Server + Send + Sync>;

/// A game: its server types, how messages are routed among them, and its configuration. One executable holds them all;
/// which one a process is, its [arguments](Args) say.
///
/// See the [crate's page](crate) for a whole example.
pub struct App {
    config: Config,
    /// What is added to each described server.
    each: Vec<AddToEach>,
    pub(crate) servers: BTreeMap<String, Describe>,
    routes: HashMap<String, RouteFn>,
    twice: Vec<String>,
    /// Messages whose types clients are told.
    pub(crate) listed: Listed,
    filters: Vec<Registered<FilterFn<Request>>>,
    remote_filters: Vec<Registered<FilterFn<RemoteCall>>>,
    answers: Option<Answers>,
    client_errors: Vec<node::OfClient>,
    master_ha: Option<MasterHa>,
    call_timeout: Duration,
    single_session: Option<SingleSession>,
    drain: Drain,
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The arguments don't say which server.
    #[error(transparent)]
    Args(#[from] ArgsError),
    /// Something in `config/`.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Things that do not fit together.
    #[error("the application does not fit together:{}", list(.problems))]
    Problems {
        /// Each a sentence.
        problems: Vec<String>,
    },
    /// A certificate that can't be used.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// What had to be done before start-up failed: `on_start`, or the making of a state, which is named by its type.
    #[error("{server} does not start: {what}: {error}")]
    Hook {
        /// The server.
        server: ServerId,
        /// What failed.
        what: &'static str,
        /// In the words of the application.
        error: Error,
    },
    /// It was asked to stop before it had started.
    #[error("{server} was stopped before it had started")]
    Interrupted {
        /// The server.
        server: ServerId,
    },
    /// A port that is taken, or can't be had.
    #[error(transparent)]
    Port(#[from] PortError),
    /// More routes than codes, or one that is too long.
    #[error(transparent)]
    Dictionary(#[from] DictionaryError),
    /// A coordinator that can't be used as configured.
    #[error("coordinator: {0}")]
    Coordinator(String),
}

fn list(problems: &[String]) -> String {
    problems.iter().map(|problem| format!("\n  {problem}")).collect()
}

impl App {
    /// An application without servers yet.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            servers: BTreeMap::new(),
            each: Vec::new(),
            routes: HashMap::new(),
            twice: Vec::new(),
            listed: Listed::default(),
            filters: Vec::new(),
            remote_filters: Vec::new(),
            answers: None,
            client_errors: Vec::new(),
            master_ha: None,
            call_timeout: CALL_TIMEOUT,
            single_session: None,
            drain: Drain::default(),
        }
    }

    /// Adds a server type. The function describes it. It is called once for each server that starts in this process, so that
    /// each has its own state; also for a server of another type or a master, because all types are checked together. So
    /// what costs much or connects to something is better made before, and shared.
    pub fn server(
        mut self,
        server_type: impl Into<String>,
        describe: impl Fn(Server) -> Server + Send + Sync + 'static,
    ) -> Self {
        let server_type = server_type.into();
        if self.servers.insert(server_type.clone(), Arc::new(describe)).is_some() {
            self.twice.push(format!("server type {server_type:?} is described twice"));
        }
        self
    }

    /// How a session's messages find their server among those of a type. `None` means that there is none for it: the
    /// request fails. Without a function, the session's number decides ([`Servers::by_hash`]).
    pub fn route(
        mut self,
        server_type: impl Into<String>,
        choose: impl Fn(&Session, &Servers) -> Option<ServerId> + Send + Sync + 'static,
    ) -> Self {
        let server_type = server_type.into();
        if self.routes.insert(server_type.clone(), Arc::new(choose)).is_some() {
            self.twice.push(format!("type {server_type:?} has two route functions"));
        }
        self
    }

    /// A function around every message of every client, see [`Filter`]: it runs once, at the frontend that holds the client,
    /// outside the filters of server types, whether the message is handled there or forwarded. The first added is the
    /// outermost.
    ///
    /// ```
    /// # use pomelo::{App, Config, Error, Next, Request, Response};
    /// async fn only_entering_without_a_user(request: Request, next: Next) -> Response {
    ///     if request.session().uid().is_err() && request.route() != "connector.entryHandler.enter" {
    ///         return Response::error(Error::msg("enter first").with_code(401));
    ///     }
    ///     next.run(request).await
    /// }
    ///
    /// # fn app(config: Config) -> App {
    /// App::new(config).filter(only_entering_without_a_user)
    /// # }
    /// ```
    pub fn filter<Args, F: Filter<Args>>(mut self, filter: F) -> Self {
        self.filters.push(Registered::filter("a filter of the application", filter));
        self
    }

    /// A function around the remotes of all server types, at the server that is called; see [`Filter`].
    pub fn remote_filter<Args, F: Filter<Args, RemoteCall>>(mut self, filter: F) -> Self {
        self.remote_filters.push(Registered::filter("a filter of the application around remotes", filter));
        self
    }

    /// The one place that says what a client is answered when its request fails, whatever failed: a handler, a filter, a
    /// route that nobody has, a call. Without it that is the error's code, `{"code":500}` mostly, as the original answers.
    ///
    /// It runs where the error came up, so that its type is known; a notify is not answered, but comes by here too.
    ///
    /// ```
    /// # use pomelo::{App, Config, Error, Request};
    /// # use serde_json::{Value, json};
    /// #[derive(Debug, thiserror::Error)]
    /// enum GameError {
    ///     #[error("{missing} gold is missing")]
    ///     NotEnoughGold { missing: u32 },
    /// }
    ///
    /// fn told(error: &Error, _request: &Request) -> Value {
    ///     match error.downcast_ref() {
    ///         Some(GameError::NotEnoughGold { missing }) => json!({ "code": 1003, "missing": missing }),
    ///         None => json!({ "code": error.code() }),
    ///     }
    /// }
    ///
    /// # fn app(config: Config) -> App {
    /// App::new(config).on_error(told)
    /// # }
    /// ```
    ///
    /// What it answers is sent as JSON; one that does not say a `code` looks like a success to clients. An answer of up to
    /// 1 KiB is seen as an error by the filters of the frontend, too.
    pub fn on_error<T: Serialize>(
        mut self,
        tell: impl Fn(&Error, &Request) -> T + Send + Sync + 'static,
    ) -> Self {
        if self.answers.replace(Answers::new(tell)).is_some() {
            self.twice.push("on_error is given twice".to_owned());
        }
        self
    }

    /// Says which errors of a type are the clients' own doing: what is forbidden to them, what they can't pay for. Whoever
    /// sends such requests again and again causes as many of them as it likes, so they are logged at DEBUG, and never stand
    /// in the way of what fails at a server, which is logged at WARN. What clients are told stays the same.
    ///
    /// ```
    /// # use pomelo::{App, Config};
    /// #[derive(Debug, thiserror::Error)]
    /// enum ShopError {
    ///     #[error("not enough gold")]
    ///     Poor,
    ///     #[error("the shop's prices can't be read")]
    ///     Prices(#[from] std::io::Error),
    /// }
    ///
    /// # fn app(config: Config) -> App {
    /// App::new(config).client_error(|error: &ShopError| matches!(error, ShopError::Poor))
    /// # }
    /// ```
    ///
    /// A single error is marked with [`Error::of_client`]. Those of the framework are known: a route that nobody has, a body
    /// of another form, a [rate limit](crate::filters::RateLimit), a session without a user.
    pub fn client_error<E: std::error::Error + 'static>(
        mut self,
        is_of_client: impl Fn(&E) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.client_errors.push(Arc::new(move |error| error.downcast_ref().is_some_and(&is_of_client)));
        self
    }

    /// Adds a [`Plugin`]: one of the application's own, or [`MasterHa`], which chooses what decides which master leads in place
    /// of what the configuration says. Plug-ins start in the order in which they were added, and stop in the reverse order.
    pub fn plugin(self, plugin: impl Plugin) -> Self {
        plugin::add(self, plugin)
    }

    /// Adds the same to all server types: states, filters, hooks. It is called with the type and what
    /// [`server`](Self::server) described, so its filters are inside those described there.
    ///
    /// ```
    /// # use pomelo::{App, Config, filters::Shed};
    /// # fn app(config: Config) -> App {
    /// App::new(config).each_server(|server_type, s| if server_type == "gate" { s } else { s.filter(Shed::new()) })
    /// # }
    /// ```
    pub fn each_server(mut self, add: impl Fn(&str, Server) -> Server + Send + Sync + 'static) -> Self {
        self.each.push(Arc::new(add));
        self
    }

    pub(crate) fn master_ha(mut self, master_ha: MasterHa) -> Self {
        self.master_ha = Some(master_ha);
        self
    }

    /// How long a call to a remote, a forwarded message or a write to a session may take: 10 s if not said.
    pub fn call_timeout(mut self, timeout: Duration) -> Self {
        self.call_timeout = bounded(timeout);
        self
    }

    /// Lets a user have one session only, on all frontends together, and says which of two stays. [`Session::bind`] asks the other
    /// frontends then, which takes as long as the slowest of them; one that does not answer within a second is passed over, and
    /// the user may have a session there, too, until it ends.
    pub fn single_session(mut self, rule: SingleSession) -> Self {
        self.single_session = Some(rule);
        self
    }

    /// How long a server that stops may take, step by step; all servers of the cluster should be of one mind.
    pub fn drain(mut self, drain: Drain) -> Self {
        self.drain = drain;
        self
    }

    /// Starts the server or master that the arguments name, in this process and runtime. Several can run side by side:
    /// that is how tests build a cluster.
    pub async fn start(&self, args: &Args) -> Result<Running, StartError> {
        self.start_until(args, std::future::pending()).await
    }

    /// As [`start`](Self::start), unless `stop` is done first: then what prepares the server is dropped where it waits, and
    /// plug-ins that have begun end again.
    pub async fn start_until(
        &self,
        args: &Args,
        stop: impl Future<Output = ()>,
    ) -> Result<Running, StartError> {
        let (config, base) = self.config(args)?;
        let env = config.environment(args.env())?;
        let servers = self.describe(&env)?;
        if args.is_master() {
            return master::start(args, env, self.master_ha.as_ref(), &base).await;
        }
        let info = args.server(&env)?;
        let handlers = servers.values().flat_map(|server| server.handlers.iter().map(|h| h.name));
        let dictionary = Dictionary::new(handlers, env.dictionary.iter().cloned())?;
        let types = servers.keys().cloned().collect();
        let concurrent = servers.values().flat_map(|server| server.concurrent.iter().copied()).collect();
        let server_type = info.server_type.to_string();
        let Some((_, server)) = servers.into_iter().find(|(name, _)| *name == server_type) else {
            let problem =
                format!("{} is of type {server_type:?}, which the application does not have", info.id);
            return Err(StartError::Problems { problems: vec![problem] });
        };
        let (routes, call_timeout) = (self.routes.clone(), self.call_timeout);
        let answers = self.answers.clone().unwrap_or_default();
        let memory = pomelo_cluster::memory::folder(&base, &env.name);
        let setup = node::Setup {
            server,
            types,
            info,
            env,
            routes,
            dictionary,
            answers,
            client_errors: self.client_errors.clone(),
            concurrent,
            call_timeout,
            single_session: self.single_session,
            drain: self.drain,
            base,
            memory,
        };
        Ok(Running::game(node::start(setup, stop).await?))
    }

    /// The server types, for people.
    pub(crate) fn types(&self) -> Vec<&str> {
        self.servers.keys().map(String::as_str).collect()
    }

    /// The configuration, and the folder of the game.
    pub(crate) fn config(&self, args: &Args) -> Result<(Config, PathBuf), ConfigError> {
        let mut config = match &args.base {
            Some(base) => Config::load(base.join("config"))?,
            None => self.config.clone(),
        };
        if let Some(file) = &args.masterha {
            config = config.with_masterha(file)?;
        }
        let base = config.dir().parent().unwrap_or(Path::new("")).to_owned();
        Ok((config, base))
    }

    fn describe(&self, env: &Environment) -> Result<BTreeMap<String, Server>, StartError> {
        let described = self.servers.iter().map(|(name, describe)| {
            let described = describe(Server::default());
            let mut server = self.each.iter().fold(described, |server, add| add(name, server));
            if server.connector.is_some() {
                server.front_filters.clone_from(&self.filters);
            }
            server.remote_filters.splice(..0, self.remote_filters.iter().cloned());
            (name.clone(), server)
        });
        let servers = described.collect();
        let mut problems = self.twice.clone();
        problems.extend(check::problems(&servers, &self.routes, env));
        let handlers = servers.values().flat_map(|server: &Server| server.handlers.iter().map(|h| h.name));
        problems.extend(self.listed.problems(handlers));
        if problems.is_empty() { Ok(servers) } else { Err(StartError::Problems { problems }) }
    }
}
