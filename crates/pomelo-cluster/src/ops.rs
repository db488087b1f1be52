//! Numbers of operations: a command that changes something is recorded under one before it is done, finished by the next master
//! if the first one dies, and done once by each target however often it is sent.

use std::{fmt, time::SystemTime};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Longest number, in bytes. Ours have 36.
const BYTES_MAX: usize = 64;

/// Number of one operation, chosen by who asks for it: a UUID of version 7 (time first, so that they sort by age).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct OpId(String);

/// Text that is no number of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an operation's number has 1 to {BYTES_MAX} letters, digits or hyphens")]
pub struct InvalidOpId;

impl OpId {
    /// A new one.
    pub fn new() -> Self {
        let since_1970 = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        let ms = u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX) & 0xffff_ffff_ffff;
        let (a, b) = (fastrand::u16(..0x1000), fastrand::u64(..) & 0x3fff_ffff_ffff_ffff | 1 << 63);
        Self(format!(
            "{:08x}-{:04x}-7{a:03x}-{:04x}-{:012x}",
            ms >> 16,
            ms & 0xffff,
            b >> 48,
            b & 0xffff_ffff_ffff
        ))
    }

    /// The number in field `op` of a command's body; none if there is none. An error is a field that holds something else.
    pub fn of_body(body: &Value) -> Result<Option<Self>, InvalidOpId> {
        match body.get("op") {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Self::try_from(text.clone()).map(Some),
            Some(_) => Err(InvalidOpId),
        }
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for OpId {
    fn default() -> Self {
        Self::new()
    }
}

impl TryFrom<String> for OpId {
    type Error = InvalidOpId;

    fn try_from(text: String) -> Result<Self, InvalidOpId> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if text.is_empty() || text.len() > BYTES_MAX || !text.bytes().all(allowed) {
            return Err(InvalidOpId);
        }
        Ok(Self(text))
    }
}

impl From<OpId> for String {
    fn from(id: OpId) -> Self {
        id.0
    }
}

impl fmt::Display for OpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for OpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_uuids_of_version_7_and_differ() {
        let (a, b) = (OpId::new(), OpId::new());
        assert_ne!(a, b);
        let text = a.as_str();
        assert_eq!((text.len(), &text[14..15]), (36, "7"), "{text}");
        assert!(matches!(&text[19..20], "8" | "9" | "a" | "b"), "{text}");
        assert_eq!(OpId::try_from(text.to_owned()), Ok(a));
    }

    #[test]
    fn what_could_leave_its_folder_is_refused() {
        for text in ["", "../x", "a/b", "a b", &"x".repeat(65)] {
            assert_eq!(OpId::try_from(text.to_owned()), Err(InvalidOpId), "{text}");
        }
        assert_eq!(OpId::of_body(&serde_json::json!({ "op": 7 })), Err(InvalidOpId));
        assert_eq!(OpId::of_body(&serde_json::json!({})), Ok(None));
    }
}
