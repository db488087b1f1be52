//! Players whose area server is gone: their clients are sent away, to sign in anew when the server is there again. Otherwise they would stand
//! in a world that answers nothing. Not here: storing them, which that server has done as far as it could.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use pomelo::{Peer, Result, Session, Sessions, State};

use crate::session::PLACE;

/// What a client is told.
const REASON: &str = "the server of this area is gone";

/// The sessions that have a player, by number: at most as many as there are connections.
#[derive(Default)]
pub(super) struct Playing(Mutex<HashSet<u64>>);

impl Playing {
    /// Before the session gets its player: one that is closed meanwhile is taken out again.
    pub(super) fn add(&self, session: &Session) {
        self.lock().insert(session.id());
    }

    pub(super) fn remove(&self, session: &Session) {
        self.lock().remove(&session.id());
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A client is gone.
pub(super) async fn session_closed(playing: State<Playing>, session: Session) -> Result<()> {
    playing.remove(&session);
    Ok(())
}

/// A server is gone: whoever was on it goes, too.
pub(super) async fn server_removed(playing: State<Playing>, sessions: Sessions, peer: Peer) -> Result<()> {
    let players: Vec<_> = playing.lock().iter().copied().collect();
    for session in players.into_iter().filter_map(|id| sessions.get(id)) {
        if session.get(PLACE).is_some_and(|place| place.server == peer.id) {
            // An error says that it is gone already.
            let _ = session.kick(REASON).await;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use lordofpomelo_world::ids::PlayerId;
    use pomelo::{ServerId, testing::Stage};
    use serde_json::json;

    use super::*;
    use crate::session::{PLAYER, Place, SessionPlayer};

    async fn player_on(stage: &Stage, playing: &Playing, server: &str) -> Session {
        let session = stage.session();
        let server = ServerId::new(server).unwrap();
        session.set(PLACE, &Place { server, area: 1, instance: None, team: None }).await.unwrap();
        session.set(PLAYER, &SessionPlayer { id: PlayerId(1), name: "ann".into() }).await.unwrap();
        playing.add(&session);
        session
    }

    #[tokio::test]
    async fn whoever_is_on_a_server_that_is_gone_is_sent_away_and_nobody_else() {
        let (stage, playing) = (Stage::new("connector-server-1"), State::new(Playing::default()));
        let gone = player_on(&stage, &playing, "area-server-1").await;
        let here = player_on(&stage, &playing, "area-server-2").await;
        let travelled = player_on(&stage, &playing, "area-server-1").await;
        let place = here.get(PLACE).unwrap();
        travelled.set(PLACE, &place).await.unwrap();
        let info = json!({ "id": "area-server-1", "serverType": "area", "host": "127.0.0.1" });
        let peer = Peer(serde_json::from_value::<pomelo::ServerInfo>(info).unwrap().into());
        server_removed(playing.clone(), stage.sessions(), peer).await.unwrap();
        let is_there = |session: &Session| stage.sessions().get(session.id()).is_some();
        assert_eq!([&gone, &here, &travelled].map(is_there), [false, true, true]);
    }

    #[tokio::test]
    async fn sessions_that_are_closed_are_forgotten() {
        let (stage, playing) = (Stage::new("connector-server-1"), State::new(Playing::default()));
        let session = player_on(&stage, &playing, "area-server-1").await;
        session_closed(playing.clone(), session).await.unwrap();
        assert!(playing.lock().is_empty());
    }
}
