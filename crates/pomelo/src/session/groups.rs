//! What a frontend knows of the channels of other servers: which of its clients are in which, so that a push to a channel is a
//! loop over connections.
//!
//! A server that holds channels tells who joins and leaves ([`Change`]). What it says is taken in order, and only what follows
//! on what is known; for everything else it is asked. The frontend in turn says who has left by ending their last session
//! ([`Left`]), and who was never there.
//!
//! Messages come in order over one link; but when a link has been replaced, what came over the former one may still be
//! handled afterwards. So each message has an [`Era`], and one of an earlier era counts no more.
//!
//! Here it is decided what is known and said. Not here: connections, which are a `C`, links and encoding, and the side of the
//! holder, which is `channel::holder`.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use indexmap::IndexMap;
use pomelo_protocol::ServerId;
use tokio::time::Instant;

use crate::{
    UserId,
    channel::message::{Ask, Change, Era, Left, LeftGroup},
};

/// Most groups a frontend keeps. A channel beyond that gets none; pushes to it reach nobody here, which is logged.
const GROUPS_MAX: usize = 1_000_000;
/// How soon a server is asked again for the same channel.
const ASK_PAUSE: Duration = Duration::from_secs(1);
/// Most channels of one server that are asked for within [`ASK_PAUSE`], and most that wait for that; the others are when a push
/// for them comes later.
const ASKS_MAX: usize = 1_024;
/// How long groups are kept while there is no link to their server.
const KEPT: Duration = Duration::from_secs(120);
/// How long a server has, once there is another link to it than before, to tell again who is in its channels. Then it is asked
/// whether that is still right: some channels may have ended, and the word of it may be lost.
const TOLD_WITHIN: Duration = Duration::from_secs(10);
/// Most groups named in one message that says who left.
const LEFT_GROUPS_MAX: usize = 1_000;

/// The sessions of each user, in the order they were bound. No user without one.
pub(crate) type Users<C> = HashMap<UserId, Vec<Bound<C>>>;

/// One of a user's sessions, with what a push needs.
pub(crate) struct Bound<C> {
    pub(crate) id: u64,
    pub(crate) connection: C,
}

pub(crate) struct Groups<C> {
    holders: HashMap<ServerId, Holder<C>>,
    /// The groups of each user; each of its sessions is in all of them. No user without a group.
    places: HashMap<UserId, Vec<Place>>,
    len: usize,
}

/// A group by its server and number.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    holder: ServerId,
    number: u64,
}

/// A server that has said something.
struct Holder<C> {
    era: Era,
    /// The number of the link to it, as this server counts.
    link: Option<u64>,
    /// When that one was first seen, until it has had the time to tell what it has to.
    relinked: Option<Instant>,
    /// Since when there has been no link to it.
    unlinked: Option<Instant>,
    groups: HashMap<u64, Group<C>>,
    asked: HashMap<u64, Instant>,
    /// Groups of which something could not be said, or asked.
    owed: BTreeSet<u64>,
    /// Groups that may have ended.
    unsure: BTreeSet<u64>,
}

/// The members of a channel that are here.
struct Group<C> {
    version: u64,
    /// By session.
    members: IndexMap<u64, Member<C>>,
}

struct Member<C> {
    uid: UserId,
    connection: C,
}

/// What a message was answered with.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Answer<'a> {
    /// Users that are not here.
    pub(crate) left: Option<Left<'a>>,
    pub(crate) ask: Option<Ask>,
}

impl<C: Clone> Groups<C> {
    pub(crate) fn new() -> Self {
        Self { holders: HashMap::new(), places: HashMap::new(), len: 0 }
    }

    /// A server says something in this era. Whether it counts.
    pub(crate) fn hear(&mut self, from: &ServerId, era: Era) -> bool {
        let Some(holder) = self.holders.get_mut(from) else {
            self.holders.insert(from.clone(), Holder::new(era));
            return true;
        };
        if era.life > holder.era.life {
            self.forget(from);
            self.holders.insert(from.clone(), Holder::new(era));
            return true;
        }
        holder.era = holder.era.max(era);
        era == holder.era
    }

    /// Users join and leave a channel.
    pub(crate) fn change<'a>(
        &mut self,
        from: &ServerId,
        change: &Change<'a>,
        users: &Users<C>,
        now: Instant,
    ) -> Answer<'a> {
        if !self.hear(from, change.era) {
            return Answer::default();
        }
        let number = change.number;
        if change.end {
            self.drop_group(from, number);
            return Answer::default();
        }
        let Some(holder) = self.holders.get(from) else { return Answer::default() };
        let known = holder.groups.get(&number).map(|group| group.version);
        if change.from != 0 && known != Some(change.from) {
            // What was said before it came to nothing, if it is not asked for already.
            return Answer { ask: self.ask(from, number, now), ..Answer::default() };
        }
        if change.from == 0 {
            self.drop_group(from, number);
            if self.len >= GROUPS_MAX {
                tracing::warn!(holder = %from, number, max = GROUPS_MAX, "too many groups, pushes to this one reach nobody here");
                return Answer::default();
            }
            self.len += 1;
        }
        let place = Place { holder: from.clone(), number };
        let Some(holder) = self.holders.get_mut(from) else { return Answer::default() };
        let group = holder.groups.entry(number).or_insert_with(Group::new);
        group.version = change.to;
        for &uid in &change.leave {
            group.remove(uid, users);
            leave_place(&mut self.places, uid, &place);
        }
        let mut absent = Vec::new();
        for &uid in &change.join {
            match users.get_key_value(uid) {
                None => absent.push(uid),
                Some((uid, bound)) => {
                    if group.add(uid, bound) {
                        self.places.entry(uid.clone()).or_default().push(place.clone());
                    }
                }
            }
        }
        let life = holder.era.life;
        let left = LeftGroup { number, version: change.to, users: absent };
        Answer { left: (!left.users.is_empty()).then(|| Left { life, groups: vec![left] }), ask: None }
    }

    /// Whether the members of a channel are known as of this version. If not, who is to be asked, unless that has been done.
    pub(crate) fn knows(
        &mut self,
        from: &ServerId,
        number: u64,
        version: u64,
        now: Instant,
    ) -> Result<(), Option<Ask>> {
        let known = self.holders.get(from).and_then(|holder| holder.groups.get(&number));
        if known.is_some_and(|group| group.version == version) {
            Ok(())
        } else {
            Err(self.ask(from, number, now))
        }
    }

    /// The sessions of a channel's members, with their connections.
    pub(crate) fn members(&self, from: &ServerId, number: u64) -> impl Iterator<Item = (u64, &C)> {
        let group = self.holders.get(from).and_then(|holder| holder.groups.get(&number));
        let members = group.into_iter().flat_map(|group| &group.members);
        members.map(|(id, member)| (*id, &member.connection))
    }

    /// A user has one session more.
    pub(crate) fn bound(&mut self, uid: &UserId, id: u64, connection: &C) {
        for Place { holder, number } in self.places.get(uid).into_iter().flatten() {
            if let Some(group) = self.holders.get_mut(holder).and_then(|h| h.groups.get_mut(number)) {
                group.members.insert(id, Member { uid: uid.clone(), connection: connection.clone() });
            }
        }
    }

    /// A user has one session less; `was_last` if that was the last one. Who is to be told then.
    pub(crate) fn unbound<'a>(
        &mut self,
        uid: &'a UserId,
        id: u64,
        was_last: bool,
    ) -> Vec<(ServerId, Left<'a>)> {
        for Place { holder, number } in self.places.get(uid).into_iter().flatten() {
            if let Some(group) = self.holders.get_mut(holder).and_then(|h| h.groups.get_mut(number)) {
                group.members.swap_remove(&id);
            }
        }
        if !was_last {
            return Vec::new();
        }
        let mut told: Vec<(ServerId, Left<'a>)> = Vec::new();
        for Place { holder: id, number } in self.places.remove(uid).unwrap_or_default() {
            let Some(holder) = self.holders.get(&id) else { continue };
            let Some(group) = holder.groups.get(&number) else { continue };
            let left = LeftGroup { number, version: group.version, users: vec![uid.as_str()] };
            let same =
                told.iter_mut().rev().find(|(to, left)| *to == id && left.groups.len() < LEFT_GROUPS_MAX);
            match same {
                Some((_, message)) => message.groups.push(left),
                None => told.push((id, Left { life: holder.era.life, groups: vec![left] })),
            }
        }
        told
    }

    /// A message could not be sent. The server will be asked for the groups it was about, which comes to the same: it tells who
    /// is in them, and is answered who is not here.
    pub(crate) fn owe(&mut self, to: &ServerId, numbers: impl IntoIterator<Item = u64>) {
        if let Some(holder) = self.holders.get_mut(to) {
            let groups = &holder.groups;
            holder.owed.extend(numbers.into_iter().filter(|number| groups.contains_key(number)));
        }
    }

    /// Drops what nobody speaks of any more, and says what is to be asked now. To be called now and then.
    ///
    /// `link` is the number of the link to a server, as this one counts, if there is one.
    pub(crate) fn tend(
        &mut self,
        now: Instant,
        link: impl Fn(&ServerId) -> Option<u64>,
    ) -> Vec<(ServerId, Ask)> {
        let (mut gone, mut asks) = (Vec::new(), Vec::new());
        for (id, holder) in &mut self.holders {
            holder.asked.retain(|_, asked| now - *asked < ASK_PAUSE);
            let Some(link) = link(id) else {
                if now - *holder.unlinked.get_or_insert(now) >= KEPT {
                    gone.push(id.clone());
                }
                continue;
            };
            holder.unlinked = None;
            // Also the first time: there may have been others since it spoke.
            if holder.link.replace(link) != Some(link) {
                holder.relinked = Some(now);
            }
            if holder.relinked.take_if(|relinked| now - *relinked >= TOLD_WITHIN).is_some() {
                holder.unsure = holder.groups.keys().copied().collect();
            }
            let groups = holder.due(now);
            if !groups.is_empty() {
                asks.push((id.clone(), Ask { life: holder.era.life, groups }));
            }
        }
        gone.iter().for_each(|id| self.forget(id));
        asks
    }

    /// Drops the groups of a server: it has left the cluster, or lives another life.
    pub(crate) fn forget(&mut self, id: &ServerId) {
        let Some(holder) = self.holders.get(id) else { return };
        let numbers: Vec<_> = holder.groups.keys().copied().collect();
        for number in numbers {
            self.drop_group(id, number);
        }
        self.holders.remove(id);
    }

    /// The sessions in each group of a server.
    #[cfg(test)]
    pub(crate) fn known(&self, from: &ServerId) -> std::collections::BTreeMap<u64, BTreeSet<u64>> {
        let groups = self.holders.get(from).into_iter().flat_map(|holder| &holder.groups);
        groups.map(|(number, group)| (*number, group.members.keys().copied().collect())).collect()
    }

    fn drop_group(&mut self, id: &ServerId, number: u64) {
        let Some(holder) = self.holders.get_mut(id) else { return };
        holder.owed.remove(&number);
        let Some(group) = holder.groups.remove(&number) else { return };
        self.len -= 1;
        let place = Place { holder: id.clone(), number };
        for member in group.members.values() {
            leave_place(&mut self.places, member.uid.as_str(), &place);
        }
    }

    /// A question for the members of a channel, unless it has just been asked.
    fn ask(&mut self, id: &ServerId, number: u64, now: Instant) -> Option<Ask> {
        let holder = self.holders.get_mut(id)?;
        if holder.asked.len() >= ASKS_MAX {
            holder.asked.retain(|_, asked| now - *asked < ASK_PAUSE);
        }
        let asked = holder.asked.get(&number);
        if asked.is_some_and(|asked| now - *asked < ASK_PAUSE) || holder.asked.len() >= ASKS_MAX {
            if holder.owed.len() < ASKS_MAX {
                holder.owed.insert(number);
            }
            return None;
        }
        holder.asked.insert(number, now);
        Some(Ask { life: holder.era.life, groups: vec![(number, 0)] })
    }
}

impl<C> Holder<C> {
    fn new(era: Era) -> Self {
        let (groups, asked, owed, unsure) = Default::default();
        Self { era, link: None, relinked: None, unlinked: None, groups, asked, owed, unsure }
    }

    /// What is to be asked now.
    fn due(&mut self, now: Instant) -> Vec<(u64, u64)> {
        let mut due = Vec::new();
        while self.asked.len() < ASKS_MAX {
            let asks = if let Some(number) = self.owed.pop_first() {
                (number, 0)
            } else if let Some(number) = self.unsure.pop_first() {
                let Some(group) = self.groups.get(&number) else { continue };
                (number, group.version)
            } else {
                break;
            };
            self.asked.insert(asks.0, now);
            due.push(asks);
        }
        due
    }
}

impl<C: Clone> Group<C> {
    fn new() -> Self {
        Self { version: 0, members: IndexMap::new() }
    }

    /// Adds all sessions of a user. Whether it was none before.
    fn add(&mut self, uid: &UserId, bound: &[Bound<C>]) -> bool {
        let mut is_new = true;
        for Bound { id, connection } in bound {
            let member = Member { uid: uid.clone(), connection: connection.clone() };
            is_new &= self.members.insert(*id, member).is_none();
        }
        is_new
    }

    fn remove(&mut self, uid: &str, users: &Users<C>) {
        for Bound { id, .. } in users.get(uid).into_iter().flatten() {
            self.members.swap_remove(id);
        }
    }
}

/// The user is not in that group any more.
fn leave_place(places: &mut HashMap<UserId, Vec<Place>>, uid: &str, place: &Place) {
    if let Some(of_user) = places.get_mut(uid) {
        of_user.retain(|other| other != place);
        if of_user.is_empty() {
            places.remove(uid);
        }
    }
}
