//! The table of a [`super::View`]: servers by id, cheap to hand on and to change by one, and a digest that grows with it.
//!
//! A clone shares the table; the first change after that copies it, and no further one does until it is cloned again. So whoever
//! takes many steps in a row hands the result on once.

use std::{collections::BTreeMap, fmt, ops::Deref, sync::Arc};

use md5::{Digest as _, Md5};
use pomelo_protocol::{ServerId, ServerInfo};

/// Servers by id. Read it as the map it derefs to.
#[derive(Clone, Default)]
pub struct Members {
    by_id: Arc<BTreeMap<ServerId, Arc<ServerInfo>>>,
    /// Sum, with overflow, of [`fingerprint`]s.
    ///
    /// Each is 128 bits of MD5 of one server in one life, and an id is in a table once. Two tables that differ by accident have
    /// the same sum with a probability of 2^-128, whichever they are. Somebody who may register any number of servers can look
    /// for tables of equal sum; but that takes the cluster's token, with which simpler things can be done.
    sum: u128,
}

impl Members {
    /// Puts a server in, in place of one with the same id, which is given back.
    pub fn insert(&mut self, id: ServerId, info: Arc<ServerInfo>) -> Option<Arc<ServerInfo>> {
        self.sum = self.sum.wrapping_add(fingerprint(&id, &info));
        let old = Arc::make_mut(&mut self.by_id).insert(id.clone(), info);
        if let Some(old) = &old {
            self.sum = self.sum.wrapping_sub(fingerprint(&id, old));
        }
        old
    }

    /// Takes a server out.
    pub fn remove(&mut self, id: &ServerId) -> Option<Arc<ServerInfo>> {
        if !self.by_id.contains_key(id) {
            return None;
        }
        let old = Arc::make_mut(&mut self.by_id).remove(id)?;
        self.sum = self.sum.wrapping_sub(fingerprint(id, &old));
        Some(old)
    }

    /// Takes those out for which `keep` says no.
    pub fn retain(&mut self, mut keep: impl FnMut(&ServerId, &Arc<ServerInfo>) -> bool) {
        let gone: Vec<_> = self.by_id.iter().filter(|(id, info)| !keep(id, info)).collect();
        let gone: Vec<_> = gone.into_iter().map(|(id, _)| id.clone()).collect();
        for id in gone {
            self.remove(&id);
        }
    }

    /// Whether both are certainly the same, by their being one table in memory: tells what is new without looking at thousands.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.by_id, &other.by_id)
    }

    /// Hexadecimal, 32 digits.
    pub(super) fn digest(&self) -> String {
        format!("{:032x}", self.sum)
    }
}

/// Of one server in one life.
fn fingerprint(id: &ServerId, info: &ServerInfo) -> u128 {
    // Servers of the original have no incarnation; their process is the next best.
    let life = info.incarnation.map_or_else(|| format!("p{:?}", info.pid), |n| format!("i{n}"));
    u128::from_be_bytes(Md5::digest(format!("{id} {life}")).into())
}

impl Deref for Members {
    type Target = BTreeMap<ServerId, Arc<ServerInfo>>;

    fn deref(&self) -> &Self::Target {
        &self.by_id
    }
}

impl PartialEq for Members {
    fn eq(&self, other: &Self) -> bool {
        self.is(other) || (self.sum == other.sum && self.by_id == other.by_id)
    }
}

impl fmt::Debug for Members {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.by_id, f)
    }
}

impl FromIterator<ServerInfo> for Members {
    fn from_iter<I: IntoIterator<Item = ServerInfo>>(servers: I) -> Self {
        let by_id = servers.into_iter().map(|info| (info.id.clone(), Arc::new(info)));
        let by_id: BTreeMap<_, _> = by_id.collect();
        let sum = by_id.iter().fold(0_u128, |sum, (id, info)| sum.wrapping_add(fingerprint(id, info)));
        Self { by_id: Arc::new(by_id), sum }
    }
}

impl<'a> IntoIterator for &'a Members {
    type Item = (&'a ServerId, &'a Arc<ServerInfo>);
    type IntoIter = std::collections::btree_map::Iter<'a, ServerId, Arc<ServerInfo>>;

    fn into_iter(self) -> Self::IntoIter {
        self.by_id.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(id: &str, incarnation: u64) -> ServerInfo {
        let value = serde_json::json!({
            "id": id, "serverType": "chat", "host": "127.0.0.1", "port": 6050, "incarnation": incarnation
        });
        serde_json::from_value(value).unwrap()
    }

    fn put(members: &mut Members, id: &str, incarnation: u64) {
        members.insert(ServerId::new(id).unwrap(), Arc::new(server(id, incarnation)));
    }

    #[test]
    fn however_a_table_came_to_be_its_digest_is_that_of_its_servers() {
        let mut members = Members::default();
        for (id, life) in [("a", 1), ("b", 1), ("a", 2), ("c", 1), ("d", 4)] {
            put(&mut members, id, life);
        }
        members.remove(&ServerId::new("c").unwrap());
        members.remove(&ServerId::new("nobody").unwrap());
        members.retain(|id, _| id.as_str() != "d");
        let same: Members = [server("b", 1), server("a", 2)].into_iter().collect();
        assert_eq!((members.digest(), &members), (same.digest(), &same));
        members.retain(|_, _| false);
        assert_eq!(members.digest(), Members::default().digest());
    }

    #[test]
    fn a_table_that_nobody_else_holds_is_changed_in_place() {
        let mut members: Members = [server("a", 1)].into_iter().collect();
        let place = Arc::as_ptr(&members.by_id);
        put(&mut members, "b", 1);
        members.remove(&ServerId::new("a").unwrap());
        assert_eq!(Arc::as_ptr(&members.by_id), place);
    }

    #[test]
    fn a_clone_is_not_changed_by_what_becomes_of_its_origin() {
        let mut members: Members = [server("a", 1)].into_iter().collect();
        let before = members.clone();
        put(&mut members, "b", 1);
        assert_eq!((before.len(), members.len()), (1, 2));
        assert_ne!(before.digest(), members.digest());
        assert_ne!(before, members);
    }
}
