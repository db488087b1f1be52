//! What a session knows at one moment: its user and its settings. Never changed, only replaced.

use std::sync::OnceLock;

use bytes::Bytes;
use serde_json::{Map, Value};

use super::SessionError;
use crate::UserId;

/// Most bytes that the settings of one session may have as JSON. They travel with every forwarded message.
pub(crate) const SETTINGS_BYTES_MAX: usize = 32 * 1024;

/// At least one of `settings` and `json` is set; the other is made when it is first asked for. So a connector encodes the
/// settings once for all messages it forwards, and a backend parses them only for a handler that looks at them.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    uid: Option<UserId>,
    settings: OnceLock<Map<String, Value>>,
    json: OnceLock<Bytes>,
}

impl Snapshot {
    pub(crate) fn new() -> Self {
        Self {
            uid: None,
            settings: OnceLock::from(Map::new()),
            json: OnceLock::from(Bytes::from_static(b"{}")),
        }
    }

    /// As it came from the connector.
    pub(crate) fn received(uid: Option<UserId>, json: Bytes) -> Self {
        Self { uid, settings: OnceLock::new(), json: OnceLock::from(json) }
    }

    pub(crate) fn uid(&self) -> Option<&UserId> {
        self.uid.as_ref()
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Value> {
        self.settings().get(key)
    }

    /// The settings as a JSON object.
    pub(crate) fn json(&self) -> Bytes {
        // A map of JSON values with text keys always encodes.
        let encode = || serde_json::to_vec(self.settings()).map(Bytes::from).unwrap_or_default();
        self.json.get_or_init(encode).clone()
    }

    pub(crate) fn with_uid(&self, uid: UserId) -> Self {
        Self { uid: Some(uid), ..self.clone() }
    }

    pub(crate) fn without_uid(&self) -> Self {
        Self { uid: None, ..self.clone() }
    }

    pub(crate) fn with(&self, key: &str, value: Value) -> Result<Self, SessionError> {
        let mut settings = self.settings().clone();
        settings.insert(key.to_owned(), value);
        let next = Self { uid: self.uid.clone(), settings: OnceLock::from(settings), json: OnceLock::new() };
        let bytes = next.json().len();
        if bytes > SETTINGS_BYTES_MAX { Err(SessionError::TooLarge { bytes }) } else { Ok(next) }
    }

    pub(crate) fn without(&self, key: &str) -> Self {
        let mut settings = self.settings().clone();
        settings.shift_remove(key);
        Self { uid: self.uid.clone(), settings: OnceLock::from(settings), json: OnceLock::new() }
    }

    fn settings(&self) -> &Map<String, Value> {
        self.settings.get_or_init(|| {
            let json = self.json.get().map(AsRef::as_ref).unwrap_or_default();
            serde_json::from_slice(json).unwrap_or_else(|error| {
                tracing::warn!(%error, "settings of a session came malformed; taken as empty");
                Map::new()
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_makes_a_new_snapshot_and_leaves_the_old_one_alone() {
        let old = Snapshot::new();
        let new = old.with("rid", "room1".into()).unwrap().with_uid(UserId::from("alice"));
        assert_eq!(old.get("rid"), None);
        assert_eq!(new.get("rid"), Some(&Value::from("room1")));
        assert_eq!(new.json(), r#"{"rid":"room1"}"#);
        assert_eq!(new.without("rid").json(), "{}");
        let received = Snapshot::received(new.uid().cloned(), new.json());
        assert_eq!(received.get("rid"), Some(&Value::from("room1")));
        assert_eq!(received.uid(), Some(&UserId::from("alice")));
    }

    #[test]
    fn settings_above_the_limit_are_refused() {
        let big = "x".repeat(SETTINGS_BYTES_MAX);
        assert!(matches!(Snapshot::new().with("k", big.into()), Err(SessionError::TooLarge { .. })));
    }
}
