//! Who may register at a master, and with which rights. Not here: which of two processes an id belongs to
//! ([`crate::registry`]).

use md5::{Digest as _, Md5};
use pomelo_cluster::config::{AdminUser, Environment, ServerTokens};
use pomelo_protocol::admin::ClientRegister;

/// Rights of an administrator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Right {
    /// Everything: level 1.
    Administer,
    /// Only to look: level 2 and above.
    Look,
}

/// The accounts and tokens of a configuration.
#[derive(Debug)]
pub(crate) struct Access {
    users: Vec<AdminUser>,
    tokens: ServerTokens,
    types: Vec<String>,
}

impl Access {
    /// What `adminUser.json` and `adminServer.json` allow.
    pub(crate) fn new(env: &Environment) -> Self {
        Self {
            users: env.admin_users.clone(),
            tokens: env.server_tokens.clone(),
            types: env.types().into_iter().map(ToString::to_string).collect(),
        }
    }

    /// These accounts, and these tokens of these server types.
    #[cfg(test)]
    pub(crate) fn of(users: Vec<AdminUser>, tokens: ServerTokens, types: Vec<String>) -> Self {
        Self { users, tokens, types }
    }

    /// Whether a server may register.
    pub(crate) fn server(&self, server_type: &str, token: Option<&str>) -> bool {
        self.tokens.accepts(server_type, token)
    }

    /// Whether an agent or another master may register: they show the token of any server type, since they act for all.
    pub(crate) fn peer(&self, token: Option<&str>) -> bool {
        self.types.iter().any(|server_type| self.tokens.accepts(server_type, token))
    }

    /// The rights of a user; `None` for a wrong name or password.
    pub(crate) fn client(&self, client: &ClientRegister) -> Option<Right> {
        let user = self.users.iter().find(|user| user.username == client.username)?;
        let matches = if client.md5 {
            same(md5_hex(&user.password).as_bytes(), client.password.to_ascii_lowercase().as_bytes())
        } else {
            same(user.password.as_bytes(), client.password.as_bytes())
        };
        matches.then_some(if user.level == 1 { Right::Administer } else { Right::Look })
    }
}

fn md5_hex(text: &str) -> String {
    Md5::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Compares in a time that does not depend on where the two differ.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access() -> Access {
        let user = |username: &str, level| AdminUser {
            id: "user-1".into(),
            username: username.into(),
            password: username.into(),
            level,
        };
        Access {
            users: vec![user("admin", 1), user("monitor", 2)],
            tokens: ServerTokens::default(),
            types: vec!["chat".into()],
        }
    }

    fn client(username: &str, password: &str, md5: bool) -> ClientRegister {
        ClientRegister {
            id: "pomelo_cli_1".into(),
            username: username.into(),
            password: password.into(),
            md5,
            hello: None,
        }
    }

    #[test]
    fn the_recorded_password_hashes_open_and_a_wrong_one_does_not() {
        let access = access();
        let admin = client("admin", "21232f297a57a5a743894a0e4a801fc3", true);
        assert_eq!(access.client(&admin), Some(Right::Administer));
        let monitor = client("monitor", "08b5411f848a2581a41672a759c87380", true);
        assert_eq!(access.client(&monitor), Some(Right::Look));
        assert_eq!(access.client(&client("admin", "2bda2998d9b0ee197da142a0447f6725", true)), None);
        assert_eq!(access.client(&client("nobody", "21232f297a57a5a743894a0e4a801fc3", true)), None);
    }

    #[test]
    fn a_plain_password_is_compared_as_it_is() {
        assert_eq!(access().client(&client("admin", "admin", false)), Some(Right::Administer));
        assert_eq!(access().client(&client("admin", "21232f297a57a5a743894a0e4a801fc3", false)), None);
    }
}
