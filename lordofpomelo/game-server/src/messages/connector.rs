//! What connectors answer: signing in, making a hero, the time.

use pomelo::{Route, types::Messages};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Number, pushes::Upgraded};

/// Comes in with the token of the web server.
pub const ENTRY: Route<Entry, Entered> = Route::new("connector.entryHandler.entry");
/// Makes the hero of an account that has none.
pub const CREATE_PLAYER: Route<CreatePlayer, Created> = Route::new("connector.roleHandler.createPlayer");
/// What time it is at the server, and how long the way there is.
pub const TIME_SYNC: Route<TimeSync, ServerTime> = Route::new("connector.timeSyncHandler.timeSync");

/// The token is none of ours.
pub const TOKEN_INVALID: u16 = 1001;
/// The token is too old.
pub const TOKEN_EXPIRED: u16 = 1002;
/// The token's account is gone.
pub const USER_MISSING: u16 = 1003;

/// The token of the web server.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "SignIn")]
pub struct Entry {
    /// As `/login` and `/register` answered it.
    #[serde(default)]
    pub token: String,
}

/// Who came in.
#[derive(Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Entered {
    /// 200; 500 without a token, or a second time; 1001, 1002, 1003 for what is wrong with the token.
    pub code: u16,
    /// The account's hero; none if it has to be made first.
    #[serde(default)]
    pub player: Option<PlayerRow>,
}

/// A hero as it is stored, without what it carries.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the columns of the original's table")]
pub struct PlayerRow {
    pub id: u32,
    pub user_id: u32,
    pub kind_id: u32,
    pub kind_name: String,
    pub name: String,
    pub country: u32,
    pub rank: u32,
    pub level: u32,
    pub experience: u64,
    pub attack_value: u32,
    pub defence_value: u32,
    pub hit_rate: u32,
    pub dodge_rate: u32,
    pub walk_speed: u32,
    pub attack_speed: f64,
    pub hp: u32,
    pub mp: u32,
    pub max_hp: u32,
    pub max_mp: u32,
    pub area_id: u32,
    pub x: u32,
    pub y: u32,
    pub skill_point: u32,
}

/// A hero to be made.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CreatePlayer {
    /// 1 to 16 letters, digits, blanks, `_` or `-`; nobody else's.
    pub name: String,
    /// The character: 210 or 211.
    pub role_id: Number,
}

/// The hero that was made.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Created {
    /// 200; 500 if the name is taken or not allowed, or there is a hero already.
    pub code: u16,
    /// The account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<User>,
    /// The hero; its entity is 0, for it is in no area yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub player: Option<Upgraded>,
    /// Why not, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// An account.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct User {
    /// Its number.
    pub id: u32,
}

/// The client's clock.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TimeSync {
    /// Milliseconds since 1970.
    #[serde(default)]
    pub client_time: f64,
}

/// The server's clock.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerTime {
    /// 200.
    pub code: u16,
    /// Milliseconds since 1970.
    pub server_time: u64,
}

pub(super) fn list(list: Messages) -> Messages {
    list.route(ENTRY).route(CREATE_PLAYER).route(TIME_SYNC)
}
