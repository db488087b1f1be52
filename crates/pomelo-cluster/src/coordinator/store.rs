//! The few small records that outlive a master, kept where the election is: each write is made by the leader of the moment, in
//! one step with the check that it still leads.
//!
//! The membership is not among them: every candidate holds it anyway, and thousands of servers would keep the store busy.

/// Folder of operations: commands that change something, by operation id.
pub const OPS: &str = "ops";
/// Folder of claims: which life of a server was allowed to start last, by server id.
pub const CLAIMS: &str = "claims";
/// Folder of what administrators want to last: servers that were stopped on purpose, blocked addresses.
pub const DESIRED: &str = "desired";
/// Folder of what happened: the last failovers.
pub const HISTORY: &str = "history";

/// Longest value, in bytes: ZooKeeper takes 1 MiB for a whole request.
pub const VALUE_BYTES_MAX: usize = 256 * 1024;

/// Most writes of one step.
pub const WRITES_MAX: usize = 256;

/// Most bytes of all keys and values of one step, for the same reason.
pub const STEP_BYTES_MAX: usize = 768 * 1024;

/// Longest name, in bytes.
pub const NAME_BYTES_MAX: usize = 128;

/// One key (`folder/name`) and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// `folder/name`.
    pub key: String,
    /// What was put there.
    pub value: Vec<u8>,
}

/// One change. Keys are `folder/name`; a name has no `/`, no control characters and at most 128 bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// Makes or replaces a value.
    Put {
        /// `folder/name`.
        key: String,
        /// At most [`VALUE_BYTES_MAX`].
        value: Vec<u8>,
    },
    /// Removes a value; one that is not there is no error.
    Delete {
        /// `folder/name`.
        key: String,
    },
}

/// Why something was not written or read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// This candidate does not lead (any more). Nothing was written, and nothing will be in this term.
    #[error("fenced: {0}")]
    Fenced(String),
    /// The store did not answer; the write may have been made. Making it again is safe.
    #[error("coordinator unavailable: {0}")]
    Unavailable(String),
    /// It can never be done: a key or value that is not allowed.
    #[error("{0}")]
    Invalid(String),
}

impl Write {
    /// `folder/name`.
    pub fn key(&self) -> &str {
        match self {
            Self::Put { key, .. } | Self::Delete { key } => key,
        }
    }
}

/// Whether these may be written in one step; [`StoreError::Invalid`] says what is wrong. Every store asks this first.
pub fn check(writes: &[Write]) -> Result<(), StoreError> {
    if writes.len() > WRITES_MAX {
        let found = writes.len();
        return Err(StoreError::Invalid(format!(
            "{found} writes in one step, at most {WRITES_MAX} are possible"
        )));
    }
    let mut bytes = 0;
    for (n, write) in writes.iter().enumerate() {
        let key = write.key();
        if !key.split_once('/').is_some_and(|(folder, name)| is_name(folder) && is_name(name)) {
            return Err(StoreError::Invalid(format!("invalid key {key:?}: expected folder/name")));
        }
        if writes[..n].iter().any(|other| other.key() == key) {
            return Err(StoreError::Invalid(format!("the key {key:?} is written twice in one step")));
        }
        bytes += key.len();
        if let Write::Put { value, .. } = write {
            if value.len() > VALUE_BYTES_MAX {
                let (found, most) = (value.len(), VALUE_BYTES_MAX);
                return Err(StoreError::Invalid(format!(
                    "{key}: a value of {found} bytes, at most {most} are possible"
                )));
            }
            bytes += value.len();
        }
    }
    if bytes > STEP_BYTES_MAX {
        return Err(StoreError::Invalid(format!(
            "{bytes} bytes in one step, at most {STEP_BYTES_MAX} are possible"
        )));
    }
    Ok(())
}

/// Whether a folder may be called so.
pub fn check_folder(folder: &str) -> Result<(), StoreError> {
    if is_name(folder) { Ok(()) } else { Err(StoreError::Invalid(format!("invalid folder {folder:?}"))) }
}

fn is_name(name: &str) -> bool {
    (1..=NAME_BYTES_MAX).contains(&name.len())
        && name != "."
        && name != ".."
        && !name.contains(|c: char| c == '/' || c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(key: &str, bytes: usize) -> Write {
        Write::Put { key: key.to_owned(), value: vec![b'x'; bytes] }
    }

    #[test]
    fn keys_that_could_leave_their_folder_are_refused() {
        for key in [
            "",
            "ops",
            "ops/",
            "/x",
            "ops/a/b",
            "ops/..",
            "../ops",
            "ops/a\n",
            &format!("ops/{}", "x".repeat(129)),
        ] {
            assert!(matches!(check(&[put(key, 1)]), Err(StoreError::Invalid(_))), "{key:?}");
        }
        assert_eq!(
            check(&[put("ops/01890-a", 1), Write::Delete { key: "claims/chat-server-1".into() }]),
            Ok(())
        );
        assert!(check_folder("ops/x").is_err() && check_folder("ops").is_ok());
    }

    #[test]
    fn what_does_not_fit_into_one_step_is_refused_in_words() {
        let refused = |writes: &[Write]| check(writes).unwrap_err().to_string();
        assert!(refused(&[put("ops/a", VALUE_BYTES_MAX + 1)]).contains("at most 262144"));
        let many: Vec<_> = (0..=WRITES_MAX).map(|n| put(&format!("ops/{n}"), 1)).collect();
        assert!(refused(&many).contains("257 writes"));
        let large: Vec<_> = (0..4).map(|n| put(&format!("ops/{n}"), VALUE_BYTES_MAX)).collect();
        assert!(refused(&large).contains("in one step, at most 786432"));
        assert!(refused(&[put("ops/a", 1), Write::Delete { key: "ops/a".into() }]).contains("twice"));
    }
}
