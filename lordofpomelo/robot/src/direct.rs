//! Accounts without a web server, for load: written into the game's database, with tokens by the game's own secret. It has to be on the
//! machine of the game, or to have its configuration.

use std::{path::Path, time::SystemTime};

use lordofpomelo_store::{OpenError, Store, StoreError};
use lordofpomelo_token::{ConfigError, Tokens};

/// What the accounts have for a password: the hash of none, so that nobody signs in by the page.
const NO_PASSWORD: &str = "!";

/// Who may come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The account's.
    pub name: String,
    /// The account's number.
    pub uid: u32,
    /// What a connector lets in.
    pub token: String,
}

/// The database and the secret of a game.
#[derive(Clone, Debug)]
pub struct Direct {
    store: Store,
    tokens: Tokens,
}

/// Why there is no account.
#[derive(Debug, thiserror::Error)]
pub enum DirectError {
    /// The database can't be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The secret can't be had.
    #[error(transparent)]
    Tokens(#[from] ConfigError),
    /// The database fails.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Direct {
    /// The game in this folder, in this environment.
    ///
    /// # Errors
    /// What its `config` says can't be used.
    pub fn open(game: &Path, environment: &str) -> Result<Self, DirectError> {
        let (store, tokens) = (Store::load(game, environment)?, Tokens::load(game, environment)?);
        Ok(Self { store, tokens })
    }

    /// The account of this name; it is made if there is none.
    ///
    /// # Errors
    /// [`DirectError::Store`].
    pub async fn account(&self, name: &str) -> Result<Account, DirectError> {
        let known = match self.store.account_by_name(name).await? {
            Some(account) => Some(account.id),
            None => None,
        };
        let uid = match known {
            Some(uid) => uid,
            None => self.store.register(name, NO_PASSWORD).await?,
        };
        Ok(Account { name: name.to_owned(), uid, token: self.token(uid, now_ms()) })
    }

    /// A token for an account as of a time in milliseconds since 1970: also one that is expired.
    #[must_use]
    pub fn token(&self, uid: u32, issued_ms: u64) -> String {
        self.tokens.issue(uid, issued_ms)
    }

    /// The database.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
