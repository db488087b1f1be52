//! Who is there, by user and by name, and how much each has said lately. Not here: the channels, which know by themselves who is gone.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use lordofpomelo_world::{
    rate::Rate,
    text::{CHAT_BURST, CHAT_WINDOW_MS},
};
use pomelo::{ServerId, UserId};
use thiserror::Error;
use tokio::time::Instant;

use crate::messages::remotes::ChatAdd;

/// Most players at a time: as many as a channel has room for. One more is refused.
const ONLINE_MAX: usize = 100_000;

/// The players who are there.
pub(super) struct Online {
    started: Instant,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    by_uid: HashMap<UserId, Speaker>,
    /// Each is in `by_uid`.
    by_name: HashMap<String, UserId>,
}

struct Speaker {
    name: String,
    spot: Spot,
    lines: Rate<CHAT_BURST>,
}

/// Where a player is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spot {
    /// The frontend it is reached through.
    pub(super) frontend: ServerId,
    /// The key of its area.
    pub(super) area: String,
}

/// [`ONLINE_MAX`] players are there.
#[derive(Debug, PartialEq, Eq, Error)]
#[error("{ONLINE_MAX} players are in the chat already")]
pub(super) struct Full;

impl Online {
    pub(super) fn new() -> Self {
        Self { started: Instant::now(), table: Mutex::default() }
    }

    /// Notes where a player is. Answers where it was.
    pub(super) fn put(&self, who: &ChatAdd) -> Result<Option<Spot>, Full> {
        let spot = Spot { frontend: who.frontend.clone(), area: who.area.clone() };
        let mut table = self.lock();
        let former = if let Some(speaker) = table.by_uid.get_mut(&who.uid) {
            let name = std::mem::replace(&mut speaker.name, who.name.clone());
            let former = std::mem::replace(&mut speaker.spot, spot);
            table.by_name.remove(&name);
            Some(former)
        } else if table.by_uid.len() < ONLINE_MAX {
            let speaker = Speaker { name: who.name.clone(), spot, lines: Rate::per(CHAT_WINDOW_MS) };
            table.by_uid.insert(who.uid.clone(), speaker);
            None
        } else {
            return Err(Full);
        };
        table.by_name.insert(who.name.clone(), who.uid.clone());
        Ok(former)
    }

    /// Forgets a player.
    pub(super) fn remove(&self, uid: &UserId) {
        let mut table = self.lock();
        if let Some(speaker) = table.by_uid.remove(uid) {
            table.by_name.remove(&speaker.name);
        }
    }

    /// The player of this name, and its frontend.
    pub(super) fn named(&self, name: &str) -> Option<(UserId, ServerId)> {
        let table = self.lock();
        let uid = table.by_name.get(name)?;
        Some((uid.clone(), table.by_uid.get(uid)?.spot.frontend.clone()))
    }

    /// Whether a player may say one more line now, which is counted then; `None` if it is not there.
    pub(super) fn may_speak(&self, uid: &UserId) -> Option<bool> {
        let now_ms = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.lock().by_uid.get_mut(uid).map(|speaker| speaker.lines.pass(now_ms))
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use lordofpomelo_world::ids::PlayerId;

    use super::*;

    fn who(number: usize) -> ChatAdd {
        ChatAdd {
            uid: UserId::from(number.to_string()),
            player: PlayerId(1),
            name: format!("p{number}"),
            frontend: ServerId::new("connector-server-1").unwrap(),
            area: "1".into(),
        }
    }

    #[tokio::test]
    async fn a_full_table_takes_nobody_new_but_those_who_are_in_it() {
        let online = Online::new();
        for number in 0..ONLINE_MAX {
            assert_eq!(online.put(&who(number)), Ok(None));
        }
        assert_eq!(online.put(&who(ONLINE_MAX)), Err(Full));
        assert!(online.put(&ChatAdd { area: "2".into(), ..who(7) }).unwrap().is_some());
        online.remove(&UserId::from("7"));
        assert_eq!(online.put(&who(ONLINE_MAX)), Ok(None));
    }
}
