//! Signing up and signing in: what is asked of the database and the passwords, and what the answer is.

use std::time::{SystemTime, UNIX_EPOCH};

use lordofpomelo_store::{NAME_CHARS_MAX, Store, StoreError};
use lordofpomelo_token::Tokens;
use serde::{Serialize, Serializer, ser::SerializeMap as _};
use tracing::{debug, warn};

use crate::{
    form::Credentials,
    passwords::{PasswordError, Passwords},
    replies::Refusal,
};

/// Most characters of a password.
const PASSWORD_CHARS_MAX: usize = 128;

/// Letters of no width and letters that turn the text around: with them two names look alike. Everything else that is not seen is a
/// control character or a space.
const UNSEEN: [(char, char); 13] = [
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{202a}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// What a player is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Come in.
    Welcome {
        /// The account.
        uid: u32,
        /// For the game's connector.
        token: String,
    },
    /// A field is missing, or there is no such account, or it can't be made.
    Failed,
    /// The password is wrong; or somebody has the name.
    Refused,
}

impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut document = serializer.serialize_map(None)?;
        match self {
            Self::Welcome { uid, token } => {
                document.serialize_entry("code", &200)?;
                document.serialize_entry("token", token)?;
                document.serialize_entry("uid", uid)?;
            }
            Self::Failed => document.serialize_entry("code", &500)?,
            Self::Refused => document.serialize_entry("code", &501)?,
        }
        document.end()
    }
}

/// Who may sign in.
#[derive(Debug)]
pub(crate) struct Accounts {
    pub(crate) store: Store,
    pub(crate) tokens: Tokens,
    pub(crate) passwords: Passwords,
}

impl Accounts {
    /// Fails only if it can't be said whether there is such an account.
    pub(crate) async fn login(&self, given: Option<Credentials>) -> Result<Outcome, Refusal> {
        let Some(Credentials { name, password }) = given else { return Ok(Outcome::Failed) };
        let account = self.store.account_by_name(&name).await.map_err(unanswered)?;
        let stored = account.as_ref().map(|account| account.password.as_str());
        let matches = self.passwords.matches(password, stored).await.map_err(unhashed)?;
        let Some(account) = account else { return Ok(Outcome::Failed) };
        if !matches {
            return Ok(Outcome::Refused);
        }
        let now_ms = now_ms();
        if let Err(error) = self.store.signed_in(account.id, now_ms).await {
            warn!(uid = account.id, %error, "could not note that a player signed in");
        }
        Ok(self.welcome(account.id, now_ms))
    }

    /// Fails only if there was no time for the password.
    pub(crate) async fn register(&self, given: Option<Credentials>) -> Result<Outcome, Refusal> {
        let Some(Credentials { name, password }) = given.filter(Credentials::is_fit) else {
            return Ok(Outcome::Failed);
        };
        let taken = async {
            // Looked up first, since hashing is dear; who is quicker meanwhile has the name all the same.
            if self.store.account_by_name(&name).await?.is_some() {
                Err(StoreError::NameTaken)
            } else {
                Ok(())
            }
        };
        if let Err(error) = taken.await {
            return Ok(not_registered(&error));
        }
        let hash = self.passwords.hash(password).await.map_err(unhashed)?;
        match self.store.register(&name, &hash).await {
            Ok(uid) => {
                debug!(uid, "a player registered");
                Ok(self.welcome(uid, now_ms()))
            }
            Err(error) => Ok(not_registered(&error)),
        }
    }

    fn welcome(&self, uid: u32, now_ms: u64) -> Outcome {
        Outcome::Welcome { uid, token: self.tokens.issue(uid, now_ms) }
    }
}

impl Credentials {
    /// Whether an account may have these.
    fn is_fit(&self) -> bool {
        let Self { name, password } = self;
        let unseen = |c: char| UNSEEN.iter().any(|(first, last)| (*first..=*last).contains(&c));
        let seen = |c: char| !c.is_control() && !unseen(c) && (c == ' ' || !c.is_whitespace());
        name.trim() == name
            && (1..=NAME_CHARS_MAX).contains(&name.chars().count())
            && name.chars().all(seen)
            && (1..=PASSWORD_CHARS_MAX).contains(&password.chars().count())
    }
}

fn not_registered(error: &StoreError) -> Outcome {
    if matches!(error, StoreError::NameTaken) {
        return Outcome::Refused;
    }
    warn!(%error, "could not register a player");
    Outcome::Failed
}

fn unanswered(error: StoreError) -> Refusal {
    warn!(%error, "the database does not answer");
    Refusal::Busy
}

fn unhashed(error: PasswordError) -> Refusal {
    match error {
        // Whoever makes it busy is not to fill the log, too.
        PasswordError::Busy => debug!(%error, "a player could not sign in"),
        PasswordError::Failed(_) => warn!(%error, "a player could not sign in"),
    }
    Refusal::Busy
}

fn now_ms() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis())
        .unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_fit(name: &str, password: &str) -> bool {
        Credentials { name: name.to_owned(), password: password.to_owned() }.is_fit()
    }

    #[test]
    fn a_name_has_one_to_fifty_characters_that_are_seen() {
        let longest = "ä".repeat(50);
        for name in ["a", "ann", "Ann B.", "王小明", "Ünal", "<b>", "🐉", longest.as_str()] {
            assert!(is_fit(name, "x"), "{name:?}");
        }
        let too_long = "a".repeat(51);
        for name in [
            "",
            " ",
            "ann ",
            " ann",
            "a\tb",
            "a\nb",
            "a\0b",
            "a\u{200b}b",
            "\u{202e}nna",
            "a\u{a0}b",
            "\u{3164}",
            "a\u{7f}",
            too_long.as_str(),
        ] {
            assert!(!is_fit(name, "x"), "{name:?}");
        }
    }

    #[test]
    fn a_password_has_one_to_128_characters_of_any_kind() {
        assert!(is_fit("ann", " \0\u{200b}"));
        assert!(is_fit("ann", &"ä".repeat(128)));
        assert!(!is_fit("ann", &"a".repeat(129)));
        assert!(!is_fit("ann", ""));
    }

    #[test]
    fn answers_are_the_originals() {
        let text = |outcome| serde_json::to_string(&outcome).unwrap();
        assert_eq!(
            text(Outcome::Welcome { uid: 7, token: "t".into() }),
            r#"{"code":200,"token":"t","uid":7}"#
        );
        assert_eq!(text(Outcome::Failed), r#"{"code":500}"#);
        assert_eq!(text(Outcome::Refused), r#"{"code":501}"#);
    }
}
