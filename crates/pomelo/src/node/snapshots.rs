//! What this server knows of sessions of other servers, so that a session is read from its JSON once and not with each
//! message. The session comes with each message all the same: what is kept here is only ever compared with that.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use pomelo_protocol::ServerId;
use rustc_hash::FxHashMap;

use crate::{UserId, lock, session::Snapshot, wire::Forwarded};

/// Most sessions that are kept; beyond it all are forgotten, and read again when they come.
const SNAPSHOTS_MAX: usize = 65_536;
/// Most bytes that their settings have as JSON; the same happens beyond it.
const BYTES_MAX: usize = 16 << 20;

pub(super) struct Snapshots {
    /// Of a session that nothing is known of.
    empty: Arc<Snapshot>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    sessions: FxHashMap<(ServerId, u64), Arc<Snapshot>>,
    bytes: usize,
}

impl Default for Snapshots {
    fn default() -> Self {
        Self { empty: Arc::new(Snapshot::new()), kept: Mutex::default() }
    }
}

impl Snapshots {
    /// The session as this message says it is.
    pub(super) fn of(&self, frontend: &ServerId, message: &Forwarded<'_>) -> Arc<Snapshot> {
        let (uid, settings) = (message.uid, message.settings);
        if uid.is_none() && matches!(settings, b"{}" | b"") {
            return Arc::clone(&self.empty);
        }
        let mut kept = lock(&self.kept);
        let key = (frontend.clone(), message.session);
        if let Some(known) = kept.sessions.get(&key)
            && known.uid().map(UserId::as_str) == uid
            && known.json() == settings
        {
            return Arc::clone(known);
        }
        if kept.sessions.len() >= SNAPSHOTS_MAX || kept.bytes + settings.len() > BYTES_MAX {
            *kept = Kept::default();
        }
        // Copied: what is kept must not keep all that was read along with it.
        let snapshot = Arc::new(Snapshot::received(uid.map(UserId::from), Bytes::copy_from_slice(settings)));
        kept.bytes += settings.len();
        if let Some(former) = kept.sessions.insert(key, Arc::clone(&snapshot)) {
            kept.bytes -= former.json().len();
        }
        snapshot
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message<'a>(session: u64, uid: Option<&'a str>, settings: &'a [u8]) -> Forwarded<'a> {
        Forwarded { route: "a.b.c", session, life: 1, uid, settings, notify: false, body: Bytes::new() }
    }

    #[test]
    fn a_session_that_did_not_change_is_not_read_again_and_one_that_did_is() {
        let snapshots = Snapshots::default();
        let frontend = ServerId::new("connector-1").unwrap();
        let of = |message| snapshots.of(&frontend, &message);
        let first = of(message(1, Some("alice"), br#"{"rid":"a"}"#));
        assert!(Arc::ptr_eq(&first, &of(message(1, Some("alice"), br#"{"rid":"a"}"#))));
        for changed in
            [message(1, Some("bob"), br#"{"rid":"a"}"#), message(1, Some("alice"), br#"{"rid":"b"}"#)]
        {
            let (uid, rid) = (changed.uid, changed.settings.to_vec());
            let next = of(changed);
            assert_eq!((next.uid().map(UserId::as_str), &next.json()[..]), (uid, &rid[..]));
        }
        assert!(!Arc::ptr_eq(&first, &of(message(2, Some("alice"), br#"{"rid":"a"}"#))));
        assert!(Arc::ptr_eq(&of(message(3, None, b"{}")), &of(message(4, None, b"{}"))));
        assert_eq!(lock(&snapshots.kept).bytes, 22);
    }

    #[test]
    fn what_is_kept_stays_below_its_limit() {
        let snapshots = Snapshots::default();
        let frontend = ServerId::new("connector-1").unwrap();
        let settings = format!(r#"{{"k":"{}"}}"#, "x".repeat(30_000));
        for session in 0..1_000 {
            snapshots.of(&frontend, &message(session, None, settings.as_bytes()));
            assert!(lock(&snapshots.kept).bytes <= BYTES_MAX);
        }
        assert!(lock(&snapshots.kept).sessions.len() < 600);
    }
}
