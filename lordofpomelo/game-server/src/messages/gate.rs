//! What the gate answers: which connector to use.

use pomelo::{Route, types::Messages};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Number;

/// Which connector to use.
pub const QUERY_ENTRY: Route<QueryEntry, Entry> = Route::new("gate.gateHandler.queryEntry");

/// No connector is there.
pub const NO_CONNECTOR: u16 = 2001;

/// Who asks.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct QueryEntry {
    /// The account.
    #[serde(default)]
    pub uid: Number,
}

/// Where to connect.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    /// 200; 500 without a uid; 2001 if there is no connector.
    pub code: u16,
    /// Name or address; the page's own host is meant by 127.0.0.1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The client port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

pub(super) fn list(list: Messages) -> Messages {
    list.route(QUERY_ENTRY)
}
