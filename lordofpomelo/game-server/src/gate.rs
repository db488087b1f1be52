//! The gate: the one address that clients know. It sends each to a connector, the same one as long as there are as many. Not here:
//! who may come in, which is for the connector to ask.

use pomelo::{Hybrid, Result, Server, Servers};

use crate::messages::{
    FAIL, OK,
    gate::{Entry, NO_CONNECTOR, QUERY_ENTRY, QueryEntry},
};

/// Largest package of a client: its question has some 20 bytes, its handshake 200.
const MESSAGE_BYTES_MAX: usize = 4 * 1024;

/// The gate server: neither dictionary nor heartbeat, for clients leave as soon as they have their answer.
pub(crate) fn server(s: Server) -> Server {
    s.connector(Hybrid::new().no_heartbeat().protobuf().message_bytes_max(MESSAGE_BYTES_MAX))
        .handler(QUERY_ENTRY, query_entry)
}

async fn query_entry(servers: Servers, asked: QueryEntry) -> Result<Entry> {
    let nowhere = |code| Entry { code, host: None, port: None };
    let uid = asked.uid.0 as usize;
    if uid == 0 {
        return Ok(nowhere(FAIL));
    }
    let connectors = servers.of_type("connector");
    let chosen = uid.checked_rem(connectors.len()).and_then(|number| connectors.iter().nth(number));
    let Some(connector) = chosen else { return Ok(nowhere(NO_CONNECTOR)) };
    let host = connector.client_host.as_ref().unwrap_or(&connector.host);
    Ok(Entry { code: OK, host: Some(host.clone()), port: connector.client_port })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::messages::Number;

    fn connectors() -> Servers {
        let connector = |id, port, public: Option<&str>| {
            let info = json!({
                "id": id, "serverType": "connector", "host": "10.0.0.1", "clientHost": public, "clientPort": port,
                "frontend": true
            });
            Arc::new(serde_json::from_value(info).unwrap())
        };
        Servers::new([
            connector("connector-server-2", 3011, Some("play.example")),
            connector("connector-server-1", 3010, None),
        ])
    }

    async fn ask(servers: Servers, uid: u32) -> Entry {
        query_entry(servers, QueryEntry { uid: Number(uid) }).await.unwrap()
    }

    #[tokio::test]
    async fn a_user_gets_the_connector_of_its_number_and_its_public_address() {
        let at = |host: &str, port| Entry { code: 200, host: Some(host.to_owned()), port: Some(port) };
        for uid in [2, 4, 1_000_000] {
            assert_eq!(ask(connectors(), uid).await, at("10.0.0.1", 3010), "{uid}");
        }
        for uid in [1, 3, u32::MAX] {
            assert_eq!(ask(connectors(), uid).await, at("play.example", 3011), "{uid}");
        }
    }

    #[tokio::test]
    async fn nobody_is_sent_nowhere() {
        let none: QueryEntry = serde_json::from_value(json!({})).unwrap();
        assert_eq!(query_entry(connectors(), none).await.unwrap().code, 500);
        assert_eq!(ask(connectors(), 0).await.code, 500);
        assert_eq!(ask(Servers::default(), 7).await, Entry { code: 2001, host: None, port: None });
    }

    #[tokio::test]
    async fn a_uid_may_be_text() {
        let asked: QueryEntry = serde_json::from_value(json!({ "uid": "7" })).unwrap();
        assert_eq!(query_entry(connectors(), asked).await.unwrap().port, Some(3011));
    }
}
