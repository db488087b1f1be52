//! Passwords as hashes: Argon2id, on threads of their own, a few at a time.
//!
//! The parameters are those that OWASP recommends: 19 MiB of memory, two passes, one lane. They stand in each hash, so that others
//! can be chosen later; what is stored is checked with its own.

use std::sync::Arc;

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{self, PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use thiserror::Error;
use tokio::{sync::Semaphore, task::spawn_blocking};

/// Passwords that wait for their turn; one more is refused.
pub const WAITING_MAX: usize = 64;

/// How dear a hash is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// How often all of it is gone through.
    pub passes: u32,
}

/// What OWASP recommends.
impl Default for Cost {
    fn default() -> Self {
        Self { memory_kib: 19 * 1024, passes: 2 }
    }
}

/// Why there is no hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum PasswordError {
    /// [`WAITING_MAX`] passwords wait.
    #[error("{WAITING_MAX} passwords wait to be hashed")]
    Busy,
    /// The library, or the thread.
    #[error("hashing failed: {0}")]
    Failed(password_hash::Error),
}

/// Makes hashes and compares with them.
#[derive(Debug)]
pub(crate) struct Passwords {
    argon: Argon2<'static>,
    /// For whom there is no account; hashed with the same cost, so that it takes the same time.
    nobody: Arc<PasswordHash>,
    turns: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

impl Passwords {
    /// `at_once` is how many are hashed at the same time, at least one.
    pub(crate) fn new(cost: Cost, at_once: usize) -> Result<Self, PasswordError> {
        let failed = |_| PasswordError::Failed(password_hash::Error::ParamsInvalid);
        let params = Params::new(cost.memory_kib, cost.passes, 1, None).map_err(failed)?;
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let nobody = argon.hash_password(b"nobody").map_err(PasswordError::Failed)?;
        let at_once = at_once.max(1);
        Ok(Self {
            argon,
            nobody: Arc::new(nobody),
            turns: Arc::new(Semaphore::new(at_once)),
            places: Arc::new(Semaphore::new(at_once + WAITING_MAX)),
        })
    }

    /// The text to store.
    pub(crate) async fn hash(&self, password: String) -> Result<String, PasswordError> {
        let argon = self.argon.clone();
        let hash = self.in_turn(move || argon.hash_password(password.as_bytes())).await?;
        Ok(hash.map_err(PasswordError::Failed)?.to_string())
    }

    /// Whether the password belongs to what is stored. Without an account, or with a stored text that is no hash, the answer is no
    /// and takes as long.
    pub(crate) async fn matches(
        &self,
        password: String,
        stored: Option<&str>,
    ) -> Result<bool, PasswordError> {
        let stored = stored.and_then(|text| PasswordHash::new(text).ok());
        let known = stored.is_some();
        let (argon, nobody) = (self.argon.clone(), Arc::clone(&self.nobody));
        let compared = self.in_turn(move || {
            argon.verify_password(password.as_bytes(), stored.as_ref().unwrap_or(&nobody)).is_ok()
        });
        Ok(compared.await? && known)
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, PasswordError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| PasswordError::Busy)?;
        let turn = Arc::clone(&self.turns).acquire_owned().await.map_err(|_| PasswordError::Busy)?;
        // The work goes on when nobody waits for it any more, and so keeps turn and place.
        let worked = spawn_blocking(move || {
            let done = work();
            drop((turn, place));
            done
        });
        worked.await.map_err(|_| PasswordError::Failed(password_hash::Error::Crypto))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    const CHEAP: Cost = Cost { memory_kib: 64, passes: 1 };

    #[tokio::test]
    async fn a_password_matches_its_own_hash_only() {
        let passwords = Passwords::new(CHEAP, 1).unwrap();
        let hash = passwords.hash("secret".to_owned()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{hash}");
        assert_ne!(hash, passwords.hash("secret".to_owned()).await.unwrap(), "each has its own salt");
        assert_eq!(passwords.matches("secret".to_owned(), Some(&hash)).await, Ok(true));
        assert_eq!(passwords.matches("Secret".to_owned(), Some(&hash)).await, Ok(false));
        assert_eq!(passwords.matches(String::new(), Some(&hash)).await, Ok(false));
    }

    #[tokio::test]
    async fn nobody_has_no_password_and_neither_has_an_account_without_a_hash() {
        let passwords = Passwords::new(CHEAP, 1).unwrap();
        for stored in [None, Some(""), Some("nobody"), Some("$argon2id$nonsense")] {
            assert_eq!(passwords.matches("nobody".to_owned(), stored).await, Ok(false));
            assert_eq!(passwords.matches(String::new(), stored).await, Ok(false));
        }
        // A no that comes at once would tell which accounts there are.
        let _turn = passwords.turns.acquire().await.unwrap();
        assert!(passwords.matches("nobody".to_owned(), None).now_or_never().is_none());
    }

    #[tokio::test]
    async fn a_hash_of_another_cost_is_checked_with_its_own() {
        let old = Passwords::new(CHEAP, 1).unwrap().hash("secret".to_owned()).await.unwrap();
        let new = Passwords::new(Cost { memory_kib: 128, passes: 2 }, 1).unwrap();
        assert_eq!(new.matches("secret".to_owned(), Some(&old)).await, Ok(true));
    }

    #[tokio::test]
    async fn one_more_than_may_wait_is_refused_and_the_places_are_free_again_afterwards() {
        let passwords = Passwords::new(CHEAP, 1).unwrap();
        // Nobody's turn comes while these are held.
        let turn = passwords.turns.acquire().await.unwrap();
        let asked = || passwords.hash("secret".to_owned());
        let mut waiting: Vec<_> = (0..=WAITING_MAX).map(|_| Box::pin(asked())).collect();
        for one in &mut waiting {
            assert!(one.now_or_never().is_none());
        }
        assert_eq!(asked().await, Err(PasswordError::Busy));
        drop(turn);
        for one in waiting {
            assert!(one.await.is_ok());
        }
        assert!(asked().await.is_ok());
    }
}
