//! Tokens: what the web server gives a player who signed in, and the auth server checks.
//!
//! ```
//! use lordofpomelo_token::{TokenError, Tokens};
//!
//! let tokens = Tokens::signed("a secret that both servers know").valid_for(Some(60_000));
//! let token = tokens.issue(7, 1_000_000);
//! assert_eq!(tokens.check(&token, 1_030_000), Ok(7));
//! assert_eq!(tokens.check(&token, 1_070_000), Err(TokenError::Expired));
//! assert_eq!(tokens.check("something else", 1_030_000), Err(TokenError::Invalid));
//! ```
//!
//! Both servers take theirs from `config/session.json` of the game with [`Tokens::load`].
//!
//! Not here: the clock, which is the caller's, and who gets a token. A token can't be taken back before it expires: nobody keeps a
//! list.

mod config;
mod legacy;
mod signed;

use thiserror::Error;

pub use config::{ConfigError, SAMPLE_SECRET, SECRET_BYTES_MIN};

/// How long a token is good if the configuration does not say: six hours.
pub const LIFE_MS: u64 = 6 * 60 * 60 * 1_000;

/// How far the clocks of web server and auth server may be apart: a token from further ahead is refused.
pub const AHEAD_MS_MAX: u64 = 60_000;

/// Longest text that is looked at; tokens have about a hundred characters.
pub const TOKEN_CHARS_MAX: usize = 512;

/// Why somebody is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TokenError {
    /// Nobody who knows the secret issued it, or not yet.
    #[error("the token is not valid")]
    Invalid,
    /// It was good once.
    #[error("the token is expired")]
    Expired,
}

/// Issues tokens, and checks them: who knows the secret.
#[derive(Debug, Clone)]
pub struct Tokens {
    form: Form,
    life_ms: Option<u64>,
}

#[derive(Debug, Clone)]
enum Form {
    Signed(signed::Key),
    Legacy(legacy::Key),
}

/// What a token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Claim {
    uid: u32,
    issued_ms: u64,
}

impl Tokens {
    /// Tokens that nobody can make or change without the secret, good for [`LIFE_MS`].
    pub fn signed(secret: &str) -> Self {
        Self { form: Form::Signed(signed::Key::new(secret)), life_ms: Some(LIFE_MS) }
    }

    /// Tokens as the original's servers make and read them, good for [`LIFE_MS`]. They are encrypted but not signed: whoever has one
    /// may be able to change it. For tests with the original only.
    pub fn legacy(secret: &str) -> Self {
        Self { form: Form::Legacy(legacy::Key::new(secret)), life_ms: Some(LIFE_MS) }
    }

    /// How long tokens are good after they were issued, in milliseconds; `None` is for ever.
    pub fn valid_for(self, life_ms: Option<u64>) -> Self {
        Self { life_ms, ..self }
    }

    /// A token for this user. `now_ms` is in milliseconds since 1970.
    pub fn issue(&self, uid: u32, now_ms: u64) -> String {
        let claim = Claim { uid, issued_ms: now_ms };
        match &self.form {
            Form::Signed(key) => key.seal(claim),
            Form::Legacy(key) => key.seal(claim),
        }
    }

    /// Whose token this is. `now_ms` is in milliseconds since 1970.
    ///
    /// # Errors
    /// See [`TokenError`].
    pub fn check(&self, token: &str, now_ms: u64) -> Result<u32, TokenError> {
        if token.len() > TOKEN_CHARS_MAX {
            return Err(TokenError::Invalid);
        }
        let claim = match &self.form {
            Form::Signed(key) => key.open(token),
            Form::Legacy(key) => key.open(token),
        };
        let Claim { uid, issued_ms } = claim.ok_or(TokenError::Invalid)?;
        if issued_ms > now_ms.saturating_add(AHEAD_MS_MAX) {
            return Err(TokenError::Invalid);
        }
        match self.life_ms {
            Some(life_ms) if now_ms > issued_ms.saturating_add(life_ms) => Err(TokenError::Expired),
            _ => Ok(uid),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_700_000_000_000;

    fn forms() -> [Tokens; 2] {
        [Tokens::signed("one secret of many"), Tokens::legacy("one secret of many")]
    }

    #[test]
    fn the_user_comes_back_out_of_the_token() {
        for tokens in forms() {
            for uid in [0, 1, 42, u32::MAX] {
                assert_eq!(tokens.check(&tokens.issue(uid, NOW), NOW), Ok(uid));
            }
        }
    }

    #[test]
    fn a_token_is_good_until_its_life_is_over_and_not_a_millisecond_longer() {
        for tokens in forms() {
            let token = tokens.issue(1, NOW);
            assert_eq!(tokens.check(&token, NOW + LIFE_MS), Ok(1));
            assert_eq!(tokens.check(&token, NOW + LIFE_MS + 1), Err(TokenError::Expired));
            assert_eq!(tokens.valid_for(None).check(&token, u64::MAX), Ok(1));
        }
    }

    #[test]
    fn a_clock_may_be_ahead_a_little() {
        for tokens in forms() {
            let token = tokens.issue(1, NOW + AHEAD_MS_MAX);
            assert_eq!(tokens.check(&token, NOW), Ok(1));
            assert_eq!(tokens.check(&token, NOW - 1), Err(TokenError::Invalid));
        }
    }

    #[test]
    fn another_secret_or_form_reads_nothing() {
        for tokens in forms() {
            let token = tokens.issue(1, NOW);
            for other in [Tokens::signed("another secret"), Tokens::legacy("another secret")] {
                assert_eq!(other.check(&token, NOW), Err(TokenError::Invalid));
            }
        }
    }

    #[test]
    fn what_is_no_token_is_refused_whatever_it_is() {
        for tokens in forms() {
            let long = "a".repeat(TOKEN_CHARS_MAX + 1);
            for text in ["", ".", "..", "a.b", "äöü.", "MS4xLjE.", "00", "0", "\0", long.as_str()] {
                assert_eq!(tokens.check(text, NOW), Err(TokenError::Invalid), "{text:?}");
            }
        }
    }

    #[test]
    fn nothing_of_the_secret_is_printed() {
        for tokens in forms() {
            let printed = format!("{tokens:?}");
            assert!(!printed.contains("one secret") && printed.len() < 120, "{printed}");
        }
    }
}
