//! Players whose area server is gone: their clients are sent away, to sign in anew when the server is there again. Otherwise they would stand
//! in a world that answers nothing. Not here: storing them, which that server has done as far as it could.

use pomelo::{Peer, Result, Sessions};

use crate::session::{LOST, PLACE};

/// A server is gone: whoever was on it goes, too.
pub(super) async fn server_removed(sessions: Sessions, peer: Peer) -> Result<()> {
    for session in sessions.all() {
        if session.get(PLACE).is_some_and(|place| place.server == peer.id) {
            // An error says that it is gone already.
            let _ = session.kick(LOST).await;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use pomelo::{ServerId, Session, testing::Stage};
    use serde_json::json;

    use super::*;
    use crate::session::Place;

    async fn player_on(stage: &Stage, server: &str) -> Session {
        let session = stage.session();
        let server = ServerId::new(server).unwrap();
        session.set(PLACE, &Place { server, area: 1, instance: None, team: None }).await.unwrap();
        session
    }

    #[tokio::test]
    async fn whoever_is_on_a_server_that_is_gone_is_sent_away_and_nobody_else() {
        let stage = Stage::new("connector-server-1");
        let gone = player_on(&stage, "area-server-1").await;
        let here = player_on(&stage, "area-server-2").await;
        let travelled = player_on(&stage, "area-server-1").await;
        travelled.set(PLACE, &here.get(PLACE).unwrap()).await.unwrap();
        let nowhere = stage.session();
        let info = json!({ "id": "area-server-1", "serverType": "area", "host": "127.0.0.1" });
        let peer = Peer(serde_json::from_value::<pomelo::ServerInfo>(info).unwrap().into());
        server_removed(stage.sessions(), peer).await.unwrap();
        let is_there = |session: &Session| stage.sessions().get(session.id()).is_some();
        assert_eq!([&gone, &here, &travelled, &nowhere].map(is_there), [false, true, true, true]);
    }
}
