//! The way into a game that runs: its gate, which names a connector. Not here: accounts ([`crate::Web`], [`crate::Direct`]).

use lordofpomelo::messages::{
    Number,
    gate::{Entry, QUERY_ENTRY, QueryEntry},
};
use pomelo_client::{Client, ClientOptions};

use crate::{Account, Maps, NewHero, Player, PlayerError, Resources};

/// A game that runs, by its gate. Clones share what players were told of tables and maps.
#[derive(Clone, Debug)]
pub struct Game {
    gate: String,
    options: ClientOptions,
    maps: Maps,
    resources: Resources,
}

impl Game {
    /// The game whose gate is at `ws://host:port` (or `tcp://`, `wss://`, `tls://`).
    #[must_use]
    pub fn at(gate: &str) -> Self {
        Self::with(gate, ClientOptions::default())
    }

    /// The same with other settings of the clients.
    #[must_use]
    pub fn with(gate: &str, options: ClientOptions) -> Self {
        // Tests look at every push: none may be dropped while a test does something else.
        let options = ClientOptions { pushes_max: options.pushes_max.max(100_000), ..options };
        Self { gate: gate.to_owned(), options, maps: Maps::default(), resources: Resources::default() }
    }

    /// What players were told of maps.
    #[must_use]
    pub fn maps(&self) -> &Maps {
        &self.maps
    }

    /// What players were told of tables.
    #[must_use]
    pub fn resources(&self) -> &Resources {
        &self.resources
    }

    /// Asks the gate for the URL of a connector.
    ///
    /// # Errors
    /// As of the connection; code 2001 if there is no connector, 500 for user 0.
    pub async fn connector(&self, uid: u32) -> Result<String, PlayerError> {
        let gate = Client::connect_with(&self.gate, self.options.clone()).await?;
        let entry = gate.request(QUERY_ENTRY, &query(uid)).await;
        gate.close().await;
        connector_url(&self.gate, entry?)
    }

    /// Connects to a connector by way of the gate. The player is not signed in yet: see [`Player::entry`].
    ///
    /// # Errors
    /// As of the connections.
    pub async fn connect(&self, uid: u32) -> Result<Player, PlayerError> {
        self.connect_to(&self.connector(uid).await?).await
    }

    /// The same to this connector.
    ///
    /// # Errors
    /// As of the connection.
    pub async fn connect_to(&self, connector: &str) -> Result<Player, PlayerError> {
        let client = Client::connect_with(connector, self.options.clone()).await?;
        Ok(Player::new(client, self.maps.clone(), self.resources.clone()))
    }

    /// The whole way: from the gate into the scene. An account without a hero gets one of the account's own name.
    ///
    /// # Errors
    /// As of its parts.
    pub async fn play(&self, account: &Account) -> Result<Player, PlayerError> {
        let player = self.connect(account.uid).await?;
        player.play(&account.token, Some(&NewHero::new(&account.name))).await?;
        Ok(player)
    }
}

pub(crate) fn query(uid: u32) -> QueryEntry {
    QueryEntry { uid: Number(uid) }
}

/// Where the gate sends a client: by the gate's scheme, and to the gate's host where it says 127.0.0.1.
pub(crate) fn connector_url(gate: &str, entry: Entry) -> Result<String, PlayerError> {
    let (Some(host), Some(port)) = (entry.host, entry.port) else { return Err(PlayerError::NoConnector) };
    let (scheme, authority) = gate.split_once("://").unwrap_or(("ws", gate));
    let own = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    let host = if host == "127.0.0.1" { own } else { &host };
    Ok(format!("{scheme}://{host}:{port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_connector_is_reached_like_the_gate() {
        let entry = |host: &str| Entry { code: 200, host: Some(host.to_owned()), port: Some(3010) };
        let url = |gate, host| connector_url(gate, entry(host)).unwrap();
        assert_eq!(url("ws://127.0.0.1:3014", "127.0.0.1"), "ws://127.0.0.1:3010");
        assert_eq!(url("tcp://game.example:3014", "127.0.0.1"), "tcp://game.example:3010");
        assert_eq!(url("wss://[::1]:3014", "10.0.0.7"), "wss://10.0.0.7:3010");
        let none = Entry { code: 2001, host: None, port: None };
        assert!(matches!(connector_url("ws://a:1", none), Err(PlayerError::NoConnector)));
    }
}
