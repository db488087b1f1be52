//! The gate: the one address that clients know. It sends each to a connector.

use pomelo::{Result, Route, Servers};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which connector shall I use?
pub const QUERY_ENTRY: Route<QueryEntry, Entry> = Route::new("gate.gateHandler.queryEntry");

/// Who asks.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct QueryEntry {
    /// Any text that differs between clients.
    #[serde(default)]
    pub uid: String,
}

/// Where to connect: code 200 with host and port, or code 500.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    /// 200 or 500.
    pub code: u16,
    /// Host of the connector.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// Its port for clients.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

/// Chooses by the length of the name, as the original example does: crude, but the same client gets the same connector.
pub async fn query_entry(servers: Servers, req: QueryEntry) -> Result<Entry> {
    let connectors = servers.of_type("connector");
    let length = req.uid.encode_utf16().count();
    let chosen = (length > 0 && !connectors.is_empty())
        .then(|| connectors.iter().nth(length % connectors.len()))
        .flatten();
    Ok(match chosen {
        Some(server) => Entry {
            code: 200,
            host: Some(server.client_host.clone().unwrap_or_else(|| server.host.clone())),
            port: server.client_port,
        },
        None => Entry { code: 500, host: None, port: None },
    })
}

#[cfg(test)]
mod tests {
    use pomelo::testing::Stage;

    use super::*;

    #[tokio::test]
    async fn a_client_without_a_name_or_a_cluster_without_connectors_gets_code_500() {
        let stage = Stage::new("gate-server-1");
        let nowhere = Entry { code: 500, host: None, port: None };
        let answer = query_entry(stage.servers(), QueryEntry { uid: "alice".into() }).await.unwrap();
        assert_eq!(answer, nowhere);
        stage.add_server("connector-server-1", "connector");
        let answer = query_entry(stage.servers(), QueryEntry { uid: String::new() }).await.unwrap();
        assert_eq!(answer, nowhere);
    }
}
