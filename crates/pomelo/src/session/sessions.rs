//! All sessions of this frontend, for handlers.

use std::sync::Arc;

use super::{Session, SessionTable};
use crate::UserId;

/// The sessions of this frontend, as an argument of its handlers. Backends hold no connections and can't have it: a
/// handler that asks for it there is refused at start-up.
///
/// ```
/// # use pomelo::{Result, Session, Sessions, UserId};
/// async fn enter(session: Session, sessions: Sessions, name: String) -> Result<bool> {
///     let uid = UserId::from(name);
///     if !sessions.by_uid(&uid).is_empty() {
///         return Ok(false);
///     }
///     session.bind(uid).await?;
///     Ok(true)
/// }
/// ```
#[derive(Clone)]
pub struct Sessions(pub(crate) Arc<SessionTable>);

impl Sessions {
    /// The sessions bound to this user, oldest first; none if the user is not connected here.
    pub fn by_uid(&self, uid: &UserId) -> Vec<Session> {
        self.0.by_uid(uid)
    }

    /// The session with this number.
    pub fn get(&self, id: u64) -> Option<Session> {
        self.0.get(id)
    }

    /// Kicks all sessions of this user; answers how many there were.
    pub async fn kick(&self, uid: &UserId, reason: &str) -> usize {
        self.0.kick(uid, reason)
    }
}
