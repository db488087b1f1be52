//! What the chat server answers.

use pomelo::{Route, types::Messages};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Code, Number};

/// Says something.
pub const SEND: Route<Say, Code> = Route::new("chat.chatHandler.send");

/// There is no such channel.
pub const CHANNEL_MISSING: u16 = 3002;
/// Whom it was for is not online.
pub const USER_OFFLINE: u16 = 3004;

/// To whom something is said. On the wire the colours in which the original shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Scope {
    /// Everybody.
    #[serde(rename = "D41313")]
    All,
    /// Everybody in the own area.
    #[serde(rename = "F7A900")]
    Area,
    /// One player, by name.
    #[serde(rename = "279106")]
    Private,
    /// The own team.
    #[serde(rename = "0897f7")]
    Team,
}

/// What is said. Who says it, and in which area, the session knows.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Say {
    /// To whom.
    pub scope: Scope,
    /// At most 200 characters count.
    pub content: String,
    /// The player's name, if private.
    #[serde(default)]
    pub to_name: String,
    /// The own team, if it is for the team; the manager looks whether it is.
    #[serde(default)]
    pub team_id: Number,
}

pub(super) fn list(list: Messages) -> Messages {
    list.route(SEND)
}
