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

    /// All sessions of this frontend, those without a user too, in no order. Others come and go while the list is looked at.
    ///
    /// ```
    /// # use pomelo::{Peer, Result, Server, ServerId, Sessions, Setting};
    /// const AREA: Setting<ServerId> = Setting::new("area");
    ///
    /// /// Whoever is on a server that is gone is sent away, to come in again.
    /// async fn went(sessions: Sessions, peer: Peer) -> Result<()> {
    ///     for session in sessions.all().iter().filter(|session| session.get(AREA).as_ref() == Some(&peer.id)) {
    ///         // An error says that it is gone already.
    ///         let _ = session.kick("the server of this area is gone").await;
    ///     }
    ///     Ok(())
    /// }
    ///
    /// # let server = Server::default();
    /// server.on_server_removed(went);
    /// ```
    pub fn all(&self) -> Vec<Session> {
        self.0.all()
    }

    /// Kicks all sessions of this user; answers how many there were.
    pub async fn kick(&self, uid: &UserId, reason: &str) -> usize {
        self.0.kick(uid, reason)
    }
}
