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

use crate::{
    Args, ArgsError, MasterHa, PortError, Running, Server, Servers, Session, check, master, node,
    rpc::RouteFn,
};

/// How long a call or a forwarded message may take where nothing else is said.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);

type Describe = Arc<dyn Fn(Server) -> Server + Send + Sync>;

/// A game: its server types, how messages are routed among them, and its configuration. One executable holds them all;
/// which one a process is, its [arguments](Args) say.
///
/// See the [crate's page](crate) for a whole example.
pub struct App {
    config: Config,
    servers: BTreeMap<String, Describe>,
    routes: HashMap<String, RouteFn>,
    twice: Vec<String>,
    master_ha: Option<MasterHa>,
    call_timeout: Duration,
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
            routes: HashMap::new(),
            twice: Vec::new(),
            master_ha: None,
            call_timeout: CALL_TIMEOUT,
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

    /// Chooses what decides which master leads, in place of what the configuration says.
    pub fn plugin(mut self, master_ha: MasterHa) -> Self {
        self.master_ha = Some(master_ha);
        self
    }

    /// How long a call to a remote, a forwarded message or a write to a session may take: 10 s if not said.
    pub fn call_timeout(mut self, timeout: Duration) -> Self {
        self.call_timeout = timeout;
        self
    }

    /// Starts the server or master that the arguments name, in this process and runtime. Several can run side by side:
    /// that is how tests build a cluster.
    pub async fn start(&self, args: &Args) -> Result<Running, StartError> {
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
        let server_type = info.server_type.to_string();
        let Some((_, server)) = servers.into_iter().find(|(name, _)| *name == server_type) else {
            let problem =
                format!("{} is of type {server_type:?}, which the application does not have", info.id);
            return Err(StartError::Problems { problems: vec![problem] });
        };
        let (routes, call_timeout) = (self.routes.clone(), self.call_timeout);
        let memory = pomelo_cluster::memory::folder(&base, &env.name);
        let setup = node::Setup { server, types, info, env, routes, dictionary, call_timeout, memory };
        Ok(Running::game(node::start(setup).await?))
    }

    /// The server types, for people.
    pub(crate) fn types(&self) -> Vec<&str> {
        self.servers.keys().map(String::as_str).collect()
    }

    /// The configuration, and the folder of the game.
    fn config(&self, args: &Args) -> Result<(Config, PathBuf), ConfigError> {
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
        let described =
            self.servers.iter().map(|(name, describe)| (name.clone(), describe(Server::default())));
        let servers = described.collect();
        let mut problems = self.twice.clone();
        problems.extend(check::problems(&servers, &self.routes, env));
        if problems.is_empty() { Ok(servers) } else { Err(StartError::Problems { problems }) }
    }
}
