//! Who may change the nodes: everybody, as the original's plugin leaves them, or only who knows a user's password (ZooKeeper's
//! scheme `digest`). Everybody may read them in both cases.
//!
//! This keeps strangers from writing. It does not keep them from ending sessions: the password of a session follows from its
//! number, which everybody can read. Only a closed network does, or TLS with certificates of the clients.

use std::fmt;

use futures_util::{StreamExt, TryStreamExt, stream};
use tracing::{info, warn};
use zookeeper_client::{Acl, Acls, Client, Connector, CreateMode, CreateOptions, Error, Permission};

use super::{ASK_AT_ONCE, ZooKeeperConfigError};
use crate::coordinator::store;

/// The original's user, and its password too: known to everybody.
const KNOWN_TO_ALL: &str = "pomelo";

/// Where that is refused.
const PRODUCTION: &str = "production";

static OWNED: [Acl; 2] =
    [Acl::new_const(Permission::ALL, "auth", ""), Acl::new_const(Permission::READ, "world", "anyone")];

/// A user of ZooKeeper's scheme `digest`. Never shows its password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    user: String,
    password: String,
}

impl Credentials {
    /// Whether they can work is said by [`Self::check`].
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self { user: user.into(), password: password.into() }
    }

    /// Neither may be empty, a user's name has no colon, and an environment called `production` takes no password that is known
    /// to everybody.
    pub fn check(&self, environment: &str) -> Result<(), ZooKeeperConfigError> {
        let user = self.user.clone();
        if user.is_empty() || user.contains(':') {
            return Err(ZooKeeperConfigError::User { found: user });
        }
        if self.password.is_empty() {
            return Err(ZooKeeperConfigError::Password { user });
        }
        if environment == PRODUCTION && user == KNOWN_TO_ALL && self.password == KNOWN_TO_ALL {
            return Err(ZooKeeperConfigError::KnownToAll { environment: environment.to_owned() });
        }
        Ok(())
    }

    /// As the scheme wants it: `user:password`.
    pub(super) fn digest(&self) -> String {
        format!("{}:{}", self.user, self.password)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "user {:?} with a password", self.user)
    }
}

/// Shows who one is, on this connection and on all that replace it.
pub(super) fn show(connector: Connector, digest: Option<&str>) -> Connector {
    match digest {
        Some(digest) => connector.with_auth("digest", digest.as_bytes()),
        None => connector,
    }
}

/// How to make nodes that stay.
pub(super) fn persistent(credentials: Option<&Credentials>) -> CreateOptions<'static> {
    CreateMode::Persistent.with_acls(acls(credentials))
}

/// How to make a candidate's node.
pub(super) fn candidate(credentials: Option<&Credentials>) -> CreateOptions<'static> {
    CreateMode::EphemeralSequential.with_acls(acls(credentials))
}

fn acls(credentials: Option<&Credentials>) -> Acls<'static> {
    match credentials {
        Some(_) => Acls::new(&OWNED),
        None => Acls::anyone_all(),
    }
}

/// Takes nodes away from everybody that were made before there was a password. Those that belong to somebody else stay as they
/// are, and requests that need them will say so.
pub(super) async fn protect(client: &Client, path: &str) -> Result<(), Error> {
    if !is_open(client, path).await? {
        return Ok(());
    }
    info!(target: "pomelo::election", "the nodes below {path} are open to everybody: they get a password now");
    let mut nodes = vec![format!("{path}/epoch")];
    for folder in ["lock", store::OPS, store::CLAIMS, store::DESIRED, store::HISTORY] {
        let folder = format!("{path}/{folder}");
        match client.list_children(&folder).await {
            Ok(names) => nodes.extend(names.iter().map(|name| format!("{folder}/{name}"))),
            Err(Error::NoNode) => continue,
            Err(error) => return Err(error),
        }
        nodes.push(folder);
    }
    let owned = nodes.into_iter().map(|node| async move { own(client, &node).await });
    stream::iter(owned).buffer_unordered(ASK_AT_ONCE).try_collect::<()>().await?;
    // Last, because this one says whether all of it was done.
    own(client, path).await
}

async fn is_open(client: &Client, node: &str) -> Result<bool, Error> {
    match client.get_acl(node).await {
        Ok((acls, _)) => {
            Ok(acls.iter().any(|acl| acl.scheme() == "world" && acl.permission() != Permission::READ))
        }
        Err(Error::NoNode | Error::NoAuth) => Ok(false),
        Err(error) => Err(error),
    }
}

async fn own(client: &Client, node: &str) -> Result<(), Error> {
    match client.set_acl(node, &OWNED, None).await {
        Ok(_) | Err(Error::NoNode) => Ok(()),
        Err(Error::NoAuth) => {
            warn!(target: "pomelo::election", "{node} belongs to another user of zookeeper and stays as it is");
            Ok(())
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_never_shown() {
        let credentials = Credentials::new("game", "sesame");
        assert_eq!(format!("{credentials:?}"), "user \"game\" with a password");
        assert_eq!(credentials.digest(), "game:sesame");
    }

    #[test]
    fn users_and_passwords_that_can_not_work_are_refused_in_words() {
        let refused = |user, password| {
            let error = Credentials::new(user, password).check("production").unwrap_err();
            error.to_string()
        };
        assert!(refused("a:b", "x").contains("without a colon"));
        assert!(refused("", "x").contains("without a colon"));
        assert!(refused("a", "").contains("no password"));
        assert!(refused("pomelo", "pomelo").contains("known to everybody"));
        assert_eq!(Credentials::new("pomelo", "pomelo").check("development"), Ok(()));
        assert_eq!(Credentials::new("pomelo", "sesame").check("production"), Ok(()));
    }
}
