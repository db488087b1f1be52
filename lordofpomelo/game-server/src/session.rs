//! What a session says of its player: who it is and where. Written by the connector when it signs in and by area servers when it travels;
//! read by every server it talks to.

use lordofpomelo_world::{area::Membership, ids::PlayerId};
use pomelo::{ServerId, Setting};
use serde::{Deserialize, Serialize};

/// Who plays. Written once.
pub const PLAYER: Setting<SessionPlayer> = Setting::new("player");

/// Where the player is, or comes in next.
pub const PLACE: Setting<Place> = Setting::new("place");

/// What a client is told that is sent away because its place in the world is lost: signing in anew leads to where it is then.
pub const LOST: &str = "the server of this area is gone";

/// Who plays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "by their names")]
pub struct SessionPlayer {
    pub id: PlayerId,
    pub name: String,
}

/// An area, the server it is on, and what the player brings along.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// The area server.
    pub server: ServerId,
    /// The row of the area table.
    pub area: u32,
    /// Its key, if it is an instance.
    pub instance: Option<String>,
    /// The team it was in when it left the last area.
    pub team: Option<Membership>,
}

impl Place {
    /// What names the area in the chat and on its server: the instance's key, or the area's id.
    #[must_use]
    pub fn key(&self) -> String {
        self.instance.clone().unwrap_or_else(|| self.area.to_string())
    }
}
