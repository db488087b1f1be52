//! The site: what it is made of, and which request goes where.

use std::{
    net::IpAddr,
    path::PathBuf,
    sync::{Mutex, PoisonError},
    thread,
    time::Instant,
};

use hyper::{
    Method, Request,
    body::Incoming,
    header::{HeaderMap, IF_NONE_MATCH},
};
use lordofpomelo_store::Store;
use lordofpomelo_token::Tokens;
use pomelo_cluster::config::{Config, ConfigError};
use thiserror::Error;

use crate::{
    accounts::Accounts,
    files::{Files, FilesError},
    form,
    gates::{Gate, Gates},
    leader::Leading,
    passwords::{Cost, PasswordError, Passwords},
    replies::{self, Refusal, Reply},
    server::Limits,
    tries::Tries,
};

/// How often an address may try in a minute, unless said otherwise.
pub(crate) const TRIES_PER_MINUTE: u32 = 30;

/// What a site is made from.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder of the game's servers, which has `config`.
    pub game: PathBuf,
    /// Which section of the configuration.
    pub environment: String,
    /// The folder with the built web client.
    pub client: PathBuf,
    /// Where the game begins; none: as the configuration says.
    pub gates: Vec<Gate>,
    /// Whether a proxy says in `X-Forwarded-For` where requests come from.
    pub behind_proxy: bool,
    /// How often an address may sign in or up within a minute; 0: as often as it likes.
    pub tries_per_minute: u32,
    /// How many passwords are hashed at the same time.
    pub hashes: usize,
    /// How dear it is to hash one.
    pub cost: Cost,
    /// What connections may do.
    pub limits: Limits,
}

impl Options {
    /// Everything else as usual: 30 tries a minute, hashes on half of the processors.
    pub fn new(game: impl Into<PathBuf>, environment: impl Into<String>, client: impl Into<PathBuf>) -> Self {
        Self {
            game: game.into(),
            environment: environment.into(),
            client: client.into(),
            gates: Vec::new(),
            behind_proxy: false,
            tries_per_minute: TRIES_PER_MINUTE,
            hashes: usual_hashes(),
            cost: Cost::default(),
            limits: Limits::default(),
        }
    }
}

/// Half of the processors: the others are for the game.
pub(crate) fn usual_hashes() -> usize {
    thread::available_parallelism().map_or(1, |processors| processors.get().div_ceil(2))
}

/// Why a site can't be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The configuration of the game.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The secret of the tokens.
    #[error(transparent)]
    Tokens(#[from] lordofpomelo_token::ConfigError),
    /// The database.
    #[error(transparent)]
    Store(#[from] lordofpomelo_store::OpenError),
    /// The page.
    #[error(transparent)]
    Files(#[from] FilesError),
    /// The options for hashes.
    #[error("passwords can't be hashed: {0}")]
    Passwords(String),
    /// Nobody would know where the game is.
    #[error(
        "config/servers.json has no server of type `gate` with a clientPort in environment `{environment}`"
    )]
    NoGate {
        /// Which section.
        environment: String,
    },
}

impl From<PasswordError> for OpenError {
    fn from(error: PasswordError) -> Self {
        Self::Passwords(error.to_string())
    }
}

/// Everything that requests are answered from.
#[derive(Debug)]
pub struct Site {
    pub(crate) limits: Limits,
    accounts: Accounts,
    behind_proxy: bool,
    files: Files,
    gates: Gates,
    leading: Leading,
    opened_at: Instant,
    tries: Mutex<Tries>,
}

impl Site {
    /// Reads configuration and page, and opens the database. Waits for the disk; meant for the start of a program.
    ///
    /// # Errors
    /// See [`OpenError`].
    pub fn open(options: Options) -> Result<Self, OpenError> {
        let Options { game, environment, client, gates, .. } = options;
        let config = Config::load(game.join("config"))?.environment(&environment)?;
        let gates = if gates.is_empty() { Gate::configured(&config) } else { gates };
        let gates =
            Gates::new(gates).ok_or_else(|| OpenError::NoGate { environment: environment.clone() })?;
        Ok(Self {
            files: Files::load(&client)?,
            gates,
            leading: Leading::new(&config),
            accounts: Accounts {
                tokens: Tokens::load(&game, &environment)?,
                store: Store::load(&game, &environment)?,
                passwords: Passwords::new(options.cost, options.hashes)?,
            },
            behind_proxy: options.behind_proxy,
            limits: options.limits,
            opened_at: Instant::now(),
            tries: Mutex::new(Tries::per_minute(options.tries_per_minute)),
        })
    }

    /// How many files the page has.
    pub fn files(&self) -> usize {
        self.files.len()
    }

    pub(crate) fn is_behind_proxy(&self) -> bool {
        self.behind_proxy
    }

    pub(crate) async fn answer(&self, request: Request<Incoming>, peer: IpAddr) -> Reply {
        self.answered(request, peer).await.unwrap_or_else(Refusal::reply)
    }

    async fn answered(&self, request: Request<Incoming>, peer: IpAddr) -> Result<Reply, Refusal> {
        match request.uri().path() {
            "/login" => {
                let given = self.given(request, peer, "username").await?;
                Ok(replies::json(&self.accounts.login(given).await?))
            }
            "/register" => {
                let given = self.given(request, peer, "name").await?;
                Ok(replies::json(&self.accounts.register(given).await?))
            }
            "/config.json" => {
                is_looking(request.method())?;
                Ok(replies::json(self.gates.next()))
            }
            "/cluster.json" => {
                is_looking(request.method())?;
                Ok(replies::json(&self.leading.now().await))
            }
            path => {
                let file = self.files.get(path).ok_or(Refusal::NotFound)?;
                is_looking(request.method())?;
                let known = request.headers().get(IF_NONE_MATCH).and_then(|tags| tags.to_str().ok());
                Ok(replies::file(file, known))
            }
        }
    }

    /// What a player sends who signs in or up, if it is not one try too many.
    async fn given(
        &self,
        request: Request<Incoming>,
        peer: IpAddr,
        name_field: &str,
    ) -> Result<Option<form::Credentials>, Refusal> {
        if request.method() != Method::POST {
            return Err(Refusal::Method("POST"));
        }
        let from = if self.behind_proxy { forwarded(request.headers()).unwrap_or(peer) } else { peer };
        let tried = {
            let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
            tries.take(from, self.opened_at.elapsed())
        };
        tried.map_err(|wait| Refusal::TooMany(wait.as_secs() + 1))?;
        form::read(request, name_field, self.limits.body_within).await
    }
}

fn is_looking(method: &Method) -> Result<(), Refusal> {
    if [Method::GET, Method::HEAD].contains(method) { Ok(()) } else { Err(Refusal::Method("GET, HEAD")) }
}

/// The last address of the list is the one that our own proxy saw; those before it anybody can write.
fn forwarded(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all("x-forwarded-for").iter().next_back()?;
    last.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_list_of_addresses_the_last_one_is_believed() {
        let from = |lists: &[&str]| {
            let mut headers = HeaderMap::new();
            for list in lists {
                headers.append("x-forwarded-for", list.parse().unwrap());
            }
            forwarded(&headers).map(|address| address.to_string())
        };
        assert_eq!(from(&["192.0.2.1"]).as_deref(), Some("192.0.2.1"));
        assert_eq!(from(&["203.0.113.9, 192.0.2.1"]).as_deref(), Some("192.0.2.1"));
        assert_eq!(from(&["203.0.113.9", "198.51.100.7,2001:db8::1"]).as_deref(), Some("2001:db8::1"));
        assert_eq!(from(&[]), None);
        assert_eq!(from(&["unknown"]), None);
        assert_eq!(from(&["192.0.2.1, "]), None);
    }
}
