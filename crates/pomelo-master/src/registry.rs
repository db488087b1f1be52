//! Which servers there are: those registered on this master's links, and, for the leader, the versioned membership that
//! everybody follows. Pure: events and the time go in, changes to publish come out.
//!
//! Not here: who may register ([`crate::access`]), how changes reach the servers ([`crate::control`]).

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::{Duration, Instant},
};

use pomelo_cluster::membership::{Change, Version, View};
use pomelo_protocol::{ServerId, ServerInfo};

use crate::link::LinkId;

/// A step of the membership, to be published by the leader.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Delta {
    /// The membership's version after the step.
    pub(crate) version: Version,
    /// What changed.
    pub(crate) change: Change,
}

/// A server was let in.
#[derive(Debug, PartialEq)]
pub(crate) struct Admitted {
    /// The link it was on before, which is to be closed.
    pub(crate) replaced: Option<LinkId>,
    /// What to publish; nothing when everybody knows this very record, and nothing on a standby.
    pub(crate) delta: Option<Delta>,
}

/// Why a server was not let in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// Two processes use one id, and the other one is alive.
    #[error(
        "two servers with id {id}: it is held by pid {pid} on {host}; stop that one, or give this one another id"
    )]
    Held {
        /// The id both use.
        id: ServerId,
        /// Of the process that holds it.
        pid: String,
        /// Of the process that holds it.
        host: String,
    },
    /// An earlier life of a server that has been started again since.
    #[error(
        "server {id} was started again since (incarnation {known}, this one is {given}); this process must end"
    )]
    Older {
        /// The id.
        id: ServerId,
        /// Incarnation of the process that is in its place.
        known: u64,
        /// Incarnation of the one that came.
        given: u64,
    },
}

/// The table of servers.
#[derive(Debug)]
pub(crate) struct Registry {
    /// Servers on a link of this master, whatever its role.
    seats: BTreeMap<ServerId, Seat>,
    by_link: HashMap<LinkId, ServerId>,
    /// The membership: this master's own while it leads, else the last one it followed.
    view: View,
    leading: bool,
    /// Members whose link has not come up here since the promotion.
    missing: BTreeMap<ServerId, Instant>,
    /// Servers that said goodbye here while another master led, with their incarnation. Only ids of the followed view, so
    /// it can't outgrow that.
    left: BTreeMap<ServerId, Option<u64>>,
    fresh: Duration,
    missing_max: Duration,
}

#[derive(Debug)]
struct Seat {
    link: LinkId,
    info: Arc<ServerInfo>,
    heard: Instant,
}

impl Registry {
    /// An empty table; `fresh` and `missing_max` are those of [`crate::Limits`].
    pub(crate) fn new(fresh: Duration, missing_max: Duration) -> Self {
        Self {
            seats: BTreeMap::new(),
            by_link: HashMap::new(),
            view: View::default(),
            leading: false,
            missing: BTreeMap::new(),
            left: BTreeMap::new(),
            fresh,
            missing_max,
        }
    }

    /// The membership as this master knows it.
    pub(crate) fn view(&self) -> &View {
        &self.view
    }

    /// The server on a link.
    pub(crate) fn server_on(&self, link: LinkId) -> Option<&ServerId> {
        self.by_link.get(&link)
    }

    /// The link of a server that is registered here.
    pub(crate) fn link_of(&self, id: &ServerId) -> Option<LinkId> {
        self.seats.get(id).map(|seat| seat.link)
    }

    /// Servers registered here, with their links.
    pub(crate) fn linked(&self) -> impl Iterator<Item = (&Arc<ServerInfo>, LinkId)> {
        self.seats.values().map(|seat| (&seat.info, seat.link))
    }

    /// When the last byte came from the link.
    pub(crate) fn heard(&mut self, link: LinkId, at: Instant) {
        if let Some(seat) = self.by_link.get(&link).and_then(|id| self.seats.get_mut(id)) {
            seat.heard = seat.heard.max(at);
        }
    }

    /// Puts a server on its link.
    pub(crate) fn admit(
        &mut self,
        link: LinkId,
        info: ServerInfo,
        now: Instant,
    ) -> Result<Admitted, Refused> {
        let mut replaced = None;
        if let Some(seat) = self.seats.get(&info.id) {
            self.may_take_over(seat, &info, now)?;
            replaced = (seat.link != link).then_some(seat.link);
        }
        if self.leading
            && let Some(member) = self.view.servers.get(&info.id)
        {
            refuse_older(member, &info)?;
        }
        if let Some(link) = replaced {
            self.by_link.remove(&link);
        }
        self.by_link.insert(link, info.id.clone());
        self.left.remove(&info.id);
        self.missing.remove(&info.id);
        self.seats.insert(info.id.clone(), Seat { link, info: Arc::new(info.clone()), heard: now });
        let delta = if self.leading { self.change(Change::Add(info)) } else { None };
        Ok(Admitted { replaced, delta })
    }

    /// The link is gone; `clean` when its server said that it leaves. A link that was replaced takes nobody with it.
    pub(crate) fn leave(&mut self, link: LinkId, clean: bool) -> Option<(ServerId, Option<Delta>)> {
        let id = self.by_link.remove(&link)?;
        let seat = self.seats.remove(&id)?;
        let incarnation = seat.info.incarnation;
        if self.leading {
            let delta = self.change(Change::Remove { id: id.clone(), incarnation });
            return Some((id, delta));
        }
        if clean && self.view.servers.contains_key(&id) {
            self.left.insert(id.clone(), incarnation);
        }
        Some((id, None))
    }

    /// The leader's membership, as this standby follows it.
    pub(crate) fn followed(&mut self, view: &View) {
        if self.leading || view.version < self.view.version {
            return;
        }
        self.view = view.clone();
        let servers = &self.view.servers;
        self.left.retain(|id, left| servers.get(id).is_some_and(|member| member.incarnation <= *left));
    }

    /// Takes over: the membership becomes what the former leader knew and what is registered here, under the new epoch.
    /// Members that are not linked here have a while to come.
    pub(crate) fn lead(&mut self, epoch: u64, now: Instant) {
        let left = std::mem::take(&mut self.left);
        self.view.servers.retain(|id, member| left.get(id).is_none_or(|left| member.incarnation > *left));
        for seat in self.seats.values() {
            let servers = &mut self.view.servers;
            let newer =
                servers.get(&seat.info.id).is_some_and(|known| known.incarnation > seat.info.incarnation);
            if !newer {
                servers.insert(seat.info.id.clone(), Arc::clone(&seat.info));
            }
        }
        let seats = &self.seats;
        // A link of a former life does not stand for the later one.
        let linked = |member: &ServerInfo| {
            seats.get(&member.id).is_some_and(|seat| seat.info.incarnation == member.incarnation)
        };
        let unlinked = self.view.servers.values().filter(|member| !linked(member));
        self.missing = unlinked.map(|member| (member.id.clone(), now)).collect();
        self.view.version = Version { epoch, rev: 0 };
        self.leading = true;
    }

    /// Another master leads from now on.
    pub(crate) fn step_down(&mut self) {
        self.leading = false;
        self.missing.clear();
    }

    /// Removes members that did not come in time after the promotion.
    pub(crate) fn expire(&mut self, now: Instant) -> Vec<Delta> {
        let missing_max = self.missing_max;
        let due =
            self.missing.extract_if(.., |_, since| now.saturating_duration_since(*since) >= missing_max);
        let due: Vec<_> = due.map(|(id, _)| id).collect();
        due.into_iter().filter_map(|id| self.expire_one(id)).collect()
    }

    fn expire_one(&mut self, id: ServerId) -> Option<Delta> {
        let incarnation = self.view.servers.get(&id)?.incarnation;
        self.change(Change::Remove { id, incarnation })
    }

    fn may_take_over(&self, seat: &Seat, info: &ServerInfo, now: Instant) -> Result<(), Refused> {
        let held = &seat.info;
        let same_process = match (held.incarnation, info.incarnation) {
            (Some(held), Some(given)) => held == given,
            _ => held.pid == info.pid && held.host == info.host,
        };
        if same_process {
            return Ok(());
        }
        refuse_older(held, info)?;
        if now.saturating_duration_since(seat.heard) >= self.fresh {
            return Ok(());
        }
        let pid = held.pid.map_or_else(|| "unknown".into(), |pid| pid.to_string());
        Err(Refused::Held { id: info.id.clone(), pid, host: held.host.clone() })
    }

    fn change(&mut self, change: Change) -> Option<Delta> {
        let version = self.view.advance(change.clone())?;
        Some(Delta { version, change })
    }
}

fn refuse_older(known: &ServerInfo, given: &ServerInfo) -> Result<(), Refused> {
    match (known.incarnation, given.incarnation) {
        (Some(known), Some(given_incarnation)) if given_incarnation < known => {
            Err(Refused::Older { id: given.id.clone(), known, given: given_incarnation })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRESH: Duration = Duration::from_secs(3);
    const MISSING: Duration = Duration::from_secs(10);

    fn server(id: &str, incarnation: u64) -> ServerInfo {
        let record = serde_json::json!({
            "id": id, "serverType": "chat", "host": "127.0.0.1", "port": 6050, "pid": 100 + incarnation,
            "incarnation": incarnation,
        });
        serde_json::from_value(record).unwrap()
    }

    fn leader() -> (Registry, Instant) {
        let (mut registry, now) = standby();
        registry.lead(1, now);
        (registry, now)
    }

    fn standby() -> (Registry, Instant) {
        (Registry::new(FRESH, MISSING), Instant::now())
    }

    fn followed(epoch: u64, servers: &[ServerInfo]) -> View {
        View::new(Version { epoch, rev: 9 }, servers.iter().cloned())
    }

    fn ids(registry: &Registry) -> Vec<&str> {
        registry.view().servers.keys().map(ServerId::as_str).collect()
    }

    #[test]
    fn each_join_and_leave_is_one_revision() {
        let (mut registry, now) = leader();
        let joined = registry.admit(LinkId(1), server("chat-1", 1), now).unwrap();
        assert_eq!(joined.delta.unwrap().version, Version { epoch: 1, rev: 1 });
        let (_, left) = registry.leave(LinkId(1), true).unwrap();
        let left = left.unwrap();
        assert_eq!(left.version, Version { epoch: 1, rev: 2 });
        assert!(matches!(left.change, Change::Remove { incarnation: Some(1), .. }));
        assert!(ids(&registry).is_empty());
    }

    #[test]
    fn a_server_that_links_again_with_the_same_record_changes_nothing() {
        let (mut registry, now) = leader();
        registry.admit(LinkId(1), server("chat-1", 1), now).unwrap();
        let again = registry.admit(LinkId(2), server("chat-1", 1), now).unwrap();
        assert_eq!(again, Admitted { replaced: Some(LinkId(1)), delta: None });
        assert_eq!(registry.leave(LinkId(1), false), None, "the old link takes nobody with it");
        assert_eq!(ids(&registry), ["chat-1"]);
    }

    #[test]
    fn a_late_leave_of_a_dead_process_does_not_evict_the_one_in_its_place() {
        let (mut registry, now) = leader();
        registry.admit(LinkId(1), server("chat-1", 1), now).unwrap();
        let later = now + FRESH;
        let newer = registry.admit(LinkId(2), server("chat-1", 2), later).unwrap();
        assert_eq!(newer.replaced, Some(LinkId(1)));
        assert!(newer.delta.is_some());
        assert_eq!(registry.leave(LinkId(1), true), None);
        assert_eq!(registry.view().servers[&ServerId::new("chat-1").unwrap()].incarnation, Some(2));
    }

    #[test]
    fn of_two_living_processes_with_one_id_the_second_is_refused_with_the_first_ones_pid() {
        let (mut registry, now) = leader();
        registry.admit(LinkId(1), server("chat-1", 1), now).unwrap();
        registry.heard(LinkId(1), now + FRESH);
        let refused = registry.admit(LinkId(2), server("chat-1", 2), now + FRESH + FRESH / 2).unwrap_err();
        assert!(refused.to_string().contains("held by pid 101 on 127.0.0.1"), "{refused}");
        assert_eq!(registry.link_of(&ServerId::new("chat-1").unwrap()), Some(LinkId(1)));
        assert_eq!(registry.leave(LinkId(2), false), None);
    }

    #[test]
    fn an_earlier_life_is_refused_however_silent_the_later_one_is() {
        let (mut registry, now) = leader();
        registry.admit(LinkId(1), server("chat-1", 5), now).unwrap();
        let refused = registry.admit(LinkId(2), server("chat-1", 4), now + 10 * FRESH).unwrap_err();
        assert!(matches!(refused, Refused::Older { known: 5, given: 4, .. }));
    }

    #[test]
    fn a_promoted_standby_knows_everybody_at_once_and_drops_those_who_never_come() {
        let (mut registry, now) = standby();
        registry.admit(LinkId(1), server("chat-1", 1), now).unwrap();
        registry.admit(LinkId(2), server("chat-3", 1), now).unwrap();
        registry.followed(&followed(4, &[server("chat-1", 1), server("chat-2", 1)]));
        registry.lead(5, now);
        assert_eq!(ids(&registry), ["chat-1", "chat-2", "chat-3"]);
        assert_eq!(registry.view().version, Version { epoch: 5, rev: 0 });
        assert!(registry.expire(now + MISSING / 2).is_empty());
        let dropped = registry.expire(now + MISSING);
        assert_eq!(dropped.len(), 1);
        assert_eq!(ids(&registry), ["chat-1", "chat-3"]);
    }

    #[test]
    fn a_member_of_whom_only_a_former_life_is_linked_at_the_promotion_is_dropped_if_it_never_comes() {
        let (mut registry, now) = standby();
        registry.admit(LinkId(1), server("chat-1", 1), now).unwrap();
        registry.followed(&followed(4, &[server("chat-1", 2)]));
        registry.lead(5, now);
        let former = registry.admit(LinkId(2), server("chat-1", 1), now).unwrap_err();
        assert!(matches!(former, Refused::Older { known: 2, given: 1, .. }));
        let (_, delta) = registry.leave(LinkId(1), false).unwrap();
        assert_eq!((delta, ids(&registry)), (None, vec!["chat-1"]), "the later life may still come");
        assert_eq!(registry.expire(now + MISSING).len(), 1);
        assert!(ids(&registry).is_empty());
    }

    #[test]
    fn a_member_that_comes_in_time_after_a_promotion_changes_nothing() {
        let (mut registry, now) = standby();
        registry.followed(&followed(4, &[server("chat-1", 1)]));
        registry.lead(5, now);
        assert_eq!(registry.admit(LinkId(1), server("chat-1", 1), now).unwrap().delta, None);
        assert!(registry.expire(now + 2 * MISSING).is_empty());
    }

    #[test]
    fn who_said_goodbye_to_a_standby_is_not_revived_by_its_promotion() {
        let (mut registry, now) = standby();
        registry.admit(LinkId(1), server("chat-1", 1), now).unwrap();
        registry.followed(&followed(4, &[server("chat-1", 1)]));
        registry.leave(LinkId(1), true);
        registry.followed(&followed(4, &[server("chat-1", 1)]));
        registry.lead(5, now);
        assert!(ids(&registry).is_empty());
    }

    #[test]
    fn a_lost_link_to_a_standby_is_no_leave() {
        let (mut registry, now) = standby();
        registry.admit(LinkId(1), server("chat-1", 1), now).unwrap();
        registry.followed(&followed(4, &[server("chat-1", 1)]));
        registry.leave(LinkId(1), false);
        registry.lead(5, now);
        assert_eq!(ids(&registry), ["chat-1"]);
    }

    #[test]
    fn a_standby_publishes_nothing_and_forgets_an_older_view() {
        let (mut registry, now) = standby();
        assert_eq!(registry.admit(LinkId(1), server("chat-1", 1), now).unwrap().delta, None);
        registry.followed(&followed(4, &[server("chat-1", 1)]));
        registry.followed(&followed(3, &[]));
        assert_eq!(ids(&registry), ["chat-1"]);
        assert!(registry.leave(LinkId(1), true).unwrap().1.is_none());
    }

    #[test]
    fn a_deposed_leader_publishes_nothing_and_follows() {
        let (mut registry, now) = leader();
        registry.admit(LinkId(1), server("chat-1", 1), now).unwrap();
        registry.step_down();
        assert!(registry.leave(LinkId(1), false).unwrap().1.is_none());
        registry.followed(&followed(2, &[server("chat-2", 1)]));
        assert_eq!(ids(&registry), ["chat-2"]);
    }
}
