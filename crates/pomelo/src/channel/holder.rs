//! The channels of one server and what their members' frontends have been told of them.
//!
//! A frontend is told who joins and leaves, and keeps the members as a *group*; a push to all of them then names the group
//! and nobody in it. Each change has a version, and each push says which version it is meant for, so that a frontend never
//! pushes to a group that it does not know exactly; it [asks](Ask) instead.
//!
//! Messages arrive in order over one link and not at all when it breaks. So what a frontend has been told counts for the link
//! it was told over; over another one it is told everything again, in portions, before anything is pushed to the group.
//!
//! Here it is decided what is said when. Not here: links and encoding, which are behind [`Post`], and the frontend's side,
//! which is `session::groups`.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    iter::Peekable,
    ops::Bound,
    sync::Arc,
};

use pomelo_protocol::ServerId;

use super::{
    ChannelError, Leavers,
    message::{Ask, Change, Era, Left, PushHead, To},
};
use crate::UserId;

/// Most channels one server has at a time; adding to one more fails.
pub(super) const CHANNELS_MAX: usize = 1_000_000;
/// Most members of one channel; adding one more fails.
pub(super) const MEMBERS_MAX: usize = 100_000;
/// Most bytes of names in one message to a frontend, so that it fits a link's frame together with what is pushed; what names
/// more users is sent in several.
pub(super) const NAMES_BYTES_MAX: usize = 128 * 1024;
/// Most groups that one frontend is told again at a [`Holder::tend`], so that nothing else has to wait long; the others
/// have their turn with the next one, or when something is pushed to them.
const GROUPS_PER_TEND: usize = 10_000;

/// Where messages to frontends are put.
pub(super) trait Post {
    /// The number of the link that messages to this server go over now. None if there is no way to it.
    fn link(&mut self, to: &ServerId) -> Option<u64>;

    /// Puts a message on that link and no other; false if it can't be taken.
    fn put(&mut self, to: &ServerId, link: u64, message: Message<'_>) -> bool;
}

/// What goes to a frontend.
#[derive(Clone, Copy)]
pub(super) enum Message<'a> {
    Change(&'a Change<'a>),
    /// And its body.
    Push(&'a PushHead<'a>, &'a [u8]),
}

/// What is pushed.
#[derive(Clone, Copy)]
pub(super) struct Pushing<'a> {
    pub(super) route: &'a str,
    pub(super) body: &'a [u8],
}

/// Which members are pushed to.
pub(super) enum Among<'a> {
    All,
    Only(BTreeSet<&'a UserId>),
    Except(BTreeSet<&'a UserId>),
}

pub(super) struct Holder {
    /// Of this process: whoever knew channels of another life knows nothing of these.
    life: u64,
    /// The latest version. All channels share one count, and channels have their numbers from it, too.
    last: u64,
    numbers: HashMap<Arc<str>, u64>,
    channels: HashMap<u64, Held>,
    frontends: HashMap<ServerId, Frontend>,
}

/// A channel; it has a member.
struct Held {
    name: Arc<str>,
    members: usize,
    groups: BTreeMap<ServerId, Group>,
}

/// The members of a channel at one frontend; there is one.
#[derive(Default)]
struct Group {
    /// With the version of the change that brought them in, or in again.
    users: BTreeMap<UserId, u64>,
    /// Over which link the frontend was told what it was told.
    link: Option<u64>,
    told: Told,
    /// The version that the frontend has been told, if it has been told anything.
    version: u64,
}

/// How much of a group its frontend has been told.
#[derive(Default)]
enum Told {
    #[default]
    Nothing,
    /// The members up to this one; nothing of those behind it.
    Upto(UserId),
    All,
}

/// What is to be done for a frontend.
#[derive(Default)]
struct Frontend {
    link: Option<u64>,
    groups: BTreeSet<u64>,
    /// Channels that it may not have been told everything of, or that have ended and it may not know.
    behind: BTreeSet<u64>,
}

impl Holder {
    pub(super) fn new(life: u64) -> Self {
        let (numbers, channels, frontends) = Default::default();
        Self { life, last: 0, numbers, channels, frontends }
    }

    /// How many channels have members.
    pub(super) fn len(&self) -> usize {
        self.channels.len()
    }

    /// The members by frontend.
    pub(super) fn members(&self, name: &str) -> impl Iterator<Item = (&ServerId, &UserId)> {
        let groups = self.held(name).into_iter().flat_map(|held| &held.groups);
        groups.flat_map(|(frontend, group)| group.users.keys().map(move |uid| (frontend, uid)))
    }

    pub(super) fn members_len(&self, name: &str) -> usize {
        self.held(name).map_or(0, |held| held.members)
    }

    /// Where a member is, in the order of the frontends' ids.
    pub(super) fn frontend_of(&self, name: &str, uid: &UserId) -> Option<&ServerId> {
        let mut groups = self.held(name)?.groups.iter();
        groups.find(|(_, group)| group.users.contains_key(uid)).map(|(frontend, _)| frontend)
    }

    /// Brings a user in. `false` if it was in already; then it is in again all the same, so that what the frontend said of
    /// it before counts no more.
    pub(super) fn add(
        &mut self,
        name: &Arc<str>,
        uid: UserId,
        frontend: ServerId,
        post: &mut impl Post,
    ) -> Result<bool, ChannelError> {
        let number = match self.numbers.get(name) {
            Some(&number) => number,
            None if self.channels.len() >= CHANNELS_MAX => {
                return Err(ChannelError::TooManyChannels { name: name.to_string() });
            }
            None => next(&mut self.last),
        };
        let held = self.channels.get(&number);
        let is_member = held.is_some_and(|held| {
            held.groups.get(&frontend).is_some_and(|group| group.users.contains_key(&uid))
        });
        if !is_member && held.is_some_and(|held| held.members >= MEMBERS_MAX) {
            return Err(ChannelError::Full { name: name.to_string() });
        }
        let held = self.channels.entry(number).or_insert_with(|| {
            self.numbers.insert(Arc::clone(name), number);
            Held { name: Arc::clone(name), members: 0, groups: BTreeMap::new() }
        });
        held.members += usize::from(!is_member);
        let group = held.groups.entry(frontend.clone()).or_default();
        let joined = next(&mut self.last);
        group.users.insert(uid.clone(), joined);
        let work = self.frontends.entry(frontend.clone()).or_default();
        work.groups.insert(number);
        let mut to = Telling { era_life: self.life, last: &mut self.last, number, frontend: &frontend, post };
        to.changed(group, work, &uid, true);
        Ok(!is_member)
    }

    /// Takes a user out.
    pub(super) fn leave(&mut self, name: &str, uid: &UserId, frontend: &ServerId, post: &mut impl Post) {
        let Some(&number) = self.numbers.get(name) else { return };
        let Some(held) = self.channels.get_mut(&number) else { return };
        let Some(group) = held.groups.get_mut(frontend) else { return };
        if group.users.remove(uid).is_none() {
            return;
        }
        held.members -= 1;
        let work = self.frontends.entry(frontend.clone()).or_default();
        let mut to = Telling { era_life: self.life, last: &mut self.last, number, frontend, post };
        if group.users.is_empty() {
            to.ended(work);
            self.dissolve(number, frontend);
        } else {
            to.changed(group, work, uid, false);
        }
    }

    /// A frontend says that users have left. Who has.
    pub(super) fn left(
        &mut self,
        frontend: &ServerId,
        left: &Left<'_>,
        post: &mut impl Post,
    ) -> Vec<Leavers> {
        let mut all = Vec::new();
        if left.life != self.life {
            self.introduce(frontend, post);
            return all;
        }
        for gone in &left.groups {
            let number = gone.number;
            let Some(held) = self.channels.get_mut(&number) else { continue };
            let Some(group) = held.groups.get_mut(frontend) else { continue };
            let work = self.frontends.entry(frontend.clone()).or_default();
            let mut to = Telling { era_life: self.life, last: &mut self.last, number, frontend, post };
            let mut users = Vec::new();
            for &uid in &gone.users {
                // Whoever was brought in later is reported again if it is not there.
                let Some((uid, _)) =
                    group.users.get_key_value(uid).filter(|(_, joined)| **joined <= gone.version)
                else {
                    continue;
                };
                let uid = uid.clone();
                group.users.remove(&uid);
                held.members -= 1;
                // The frontend has taken the user out. But if it has been told of members since, or is being told now, that
                // user may have been among them, and have come back meanwhile.
                if group.version != gone.version && !group.users.is_empty() {
                    to.changed(group, work, &uid, false);
                }
                users.push(uid);
            }
            if !users.is_empty() {
                all.push(leavers(&held.name, frontend, users));
            }
            if group.users.is_empty() {
                to.ended(work);
                self.dissolve(number, frontend);
            }
        }
        all
    }

    /// A frontend asks who is in some channels.
    pub(super) fn asked(&mut self, frontend: &ServerId, ask: &Ask, post: &mut impl Post) {
        if ask.life != self.life {
            return self.introduce(frontend, post);
        }
        for &(number, version) in &ask.groups {
            if let Some(group) = self.channels.get_mut(&number).and_then(|held| held.groups.get_mut(frontend))
            {
                if version == group.version && matches!(group.told, Told::All) {
                    continue;
                }
                group.told = Told::Nothing;
            }
            self.frontends.entry(frontend.clone()).or_default().behind.insert(number);
            self.tell_again(frontend, number, post);
        }
        self.tidy(frontend);
    }

    /// Takes all users of a frontend out of all channels: it has left the cluster. Who they were.
    pub(super) fn forget(&mut self, frontend: &ServerId) -> Vec<Leavers> {
        let mut all = Vec::new();
        for number in self.frontends.remove(frontend).unwrap_or_default().groups {
            let Some(held) = self.channels.get_mut(&number) else { continue };
            let Some(group) = held.groups.remove(frontend) else { continue };
            held.members -= group.users.len();
            all.push(leavers(&held.name, frontend, group.users.into_keys().collect()));
            self.dissolve(number, frontend);
        }
        all
    }

    /// Looks after frontends whose link is another one than before, and after what could not be told; now and then.
    pub(super) fn tend(&mut self, post: &mut impl Post) {
        let frontends: Vec<_> = self.frontends.keys().cloned().collect();
        for frontend in frontends {
            let Some(link) = post.link(&frontend) else { continue };
            let Some(work) = self.frontends.get_mut(&frontend) else { continue };
            work.meet(link);
            let behind: Vec<_> = work.behind.iter().copied().take(GROUPS_PER_TEND).collect();
            for number in behind {
                if !self.tell_again(&frontend, number, post) {
                    break;
                }
            }
            self.tidy(&frontend);
        }
    }

    /// Pushes to members of a channel, by one message to each frontend if they are all or all but a few.
    pub(super) fn push(&mut self, name: &str, among: &Among<'_>, pushing: Pushing<'_>, post: &mut impl Post) {
        let Some(&number) = self.numbers.get(name) else { return };
        let Some(held) = self.channels.get_mut(&number) else { return };
        for (frontend, group) in &mut held.groups {
            let Some(link) = post.link(frontend) else { continue };
            let era = Era { life: self.life, link };
            let except = match among {
                Among::All => Vec::new(),
                Among::Only(users) => {
                    let named = users.iter().filter(|uid| group.users.contains_key(**uid));
                    push_named(frontend, era, named.map(|uid| uid.as_str()), pushing, post);
                    continue;
                }
                Among::Except(users) => users
                    .iter()
                    .filter(|uid| group.users.contains_key(**uid))
                    .map(|uid| uid.as_str())
                    .collect(),
            };
            if except.len() == group.users.len() {
                continue;
            }
            if except.iter().map(|uid| name_bytes(uid)).sum::<usize>() > NAMES_BYTES_MAX {
                let named =
                    group.users.keys().map(UserId::as_str).filter(|uid| except.binary_search(uid).is_err());
                push_named(frontend, era, named, pushing, post);
                continue;
            }
            let work = self.frontends.entry(frontend.clone()).or_default();
            work.meet(link);
            let mut to = Telling { era_life: self.life, last: &mut self.last, number, frontend, post };
            // What does not fit before the push would not fit after it; the refusal has been logged.
            if to.catch_up(group, work, link) {
                let to_group = To::Group { number, version: group.version, except };
                let head = PushHead { era, route: pushing.route, to: to_group };
                to.post.put(frontend, link, Message::Push(&head, pushing.body));
            }
        }
    }

    /// Pushes to users wherever they are, members of nothing. Whether all of it could be sent.
    pub(super) fn push_to_users<'a>(
        &self,
        frontend: &ServerId,
        users: impl Iterator<Item = &'a str>,
        pushing: Pushing<'_>,
        post: &mut impl Post,
    ) -> bool {
        post.link(frontend)
            .is_some_and(|link| push_named(frontend, Era { life: self.life, link }, users, pushing, post))
    }

    /// Pushes to the clients of a frontend, members of nothing.
    pub(super) fn broadcast(
        &self,
        frontend: &ServerId,
        to: To<'_>,
        pushing: Pushing<'_>,
        post: &mut impl Post,
    ) {
        if let Some(link) = post.link(frontend) {
            let head = PushHead { era: Era { life: self.life, link }, route: pushing.route, to };
            post.put(frontend, link, Message::Push(&head, pushing.body));
        }
    }

    /// The channels with their numbers.
    #[cfg(test)]
    pub(super) fn numbers(&self) -> impl Iterator<Item = (&str, u64)> {
        self.numbers.iter().map(|(name, number)| (&**name, *number))
    }

    /// Says something to a frontend that speaks of channels of an earlier life, so that it forgets those.
    fn introduce(&mut self, frontend: &ServerId, post: &mut impl Post) {
        let number = next(&mut self.last);
        let mut to = Telling { era_life: self.life, last: &mut self.last, number, frontend, post };
        to.ended(&mut Frontend::default());
    }

    fn held(&self, name: &str) -> Option<&Held> {
        self.channels.get(self.numbers.get(name)?)
    }

    /// Tells a frontend what it lacks of a channel. Whether there is room for more.
    fn tell_again(&mut self, frontend: &ServerId, number: u64, post: &mut impl Post) -> bool {
        let Some(link) = post.link(frontend) else { return false };
        let Some(work) = self.frontends.get_mut(frontend) else { return true };
        work.meet(link);
        let group = self.channels.get_mut(&number).and_then(|held| held.groups.get_mut(frontend));
        let mut to = Telling { era_life: self.life, last: &mut self.last, number, frontend, post };
        match group {
            Some(group) => to.catch_up(group, work, link),
            None => to.ended(work),
        }
    }

    /// Removes a group without members, and the channel if it was the last one.
    fn dissolve(&mut self, number: u64, frontend: &ServerId) {
        if let Some(held) = self.channels.get_mut(&number) {
            held.groups.remove(frontend);
            if held.groups.is_empty() {
                self.numbers.remove(&held.name);
                self.channels.remove(&number);
            }
        }
        if let Some(work) = self.frontends.get_mut(frontend) {
            work.groups.remove(&number);
        }
        self.tidy(frontend);
    }

    fn tidy(&mut self, frontend: &ServerId) {
        if self.frontends.get(frontend).is_some_and(|work| work.groups.is_empty() && work.behind.is_empty()) {
            self.frontends.remove(frontend);
        }
    }
}

impl Frontend {
    /// Over another link than before everything has to be told again.
    fn meet(&mut self, link: u64) {
        if self.link.replace(link).is_some_and(|former| former != link) {
            self.behind.extend(&self.groups);
        }
    }
}

/// Tells one frontend of one channel.
struct Telling<'a, P> {
    era_life: u64,
    last: &'a mut u64,
    number: u64,
    frontend: &'a ServerId,
    post: &'a mut P,
}

impl<P: Post> Telling<'_, P> {
    /// A member joined, or another one left, and `group` is as it is now. Tells of it if the frontend knows the rest.
    fn changed(&mut self, group: &mut Group, work: &mut Frontend, uid: &UserId, joined: bool) {
        let Some(link) = self.post.link(self.frontend) else {
            work.behind.insert(self.number);
            return;
        };
        work.meet(link);
        group.meet(link);
        match &group.told {
            Told::All => {}
            Told::Upto(told) if uid <= told => {}
            // It comes with the others, or nobody has heard of it.
            Told::Upto(_) => return,
            Told::Nothing => {
                self.catch_up(group, work, link);
                return;
            }
        }
        let names = vec![uid.as_str()];
        let (join, leave) = if joined { (names, Vec::new()) } else { (Vec::new(), names) };
        match self.put(link, group.version, join, leave) {
            Some(version) => group.version = version,
            None => {
                group.told = Told::Nothing;
                work.behind.insert(self.number);
            }
        }
    }

    /// Tells the frontend what it has not been told of the group, over this link. Whether it has been told all then.
    fn catch_up(&mut self, group: &mut Group, work: &mut Frontend, link: u64) -> bool {
        group.meet(link);
        while !matches!(group.told, Told::All) {
            let (from, begin) = match &group.told {
                Told::Upto(told) => (group.version, Bound::Excluded(told.as_str())),
                Told::Nothing | Told::All => (0, Bound::Unbounded),
            };
            let rest = group.users.range::<str, _>((begin, Bound::Unbounded));
            let mut rest = rest.map(|(uid, _)| uid.as_str()).peekable();
            let names = portion(&mut rest);
            let told = match (rest.peek(), names.last()) {
                (Some(_), Some(&last)) => Told::Upto(UserId::from(last)),
                _ => Told::All,
            };
            let Some(version) = self.put(link, from, names, Vec::new()) else {
                work.behind.insert(self.number);
                return false;
            };
            (group.told, group.version) = (told, version);
        }
        work.behind.remove(&self.number);
        true
    }

    /// Sends a change. The version after it, if it could be sent.
    fn put(&mut self, link: u64, from: u64, join: Vec<&str>, leave: Vec<&str>) -> Option<u64> {
        let era = Era { life: self.era_life, link };
        let to = next(self.last);
        let change = Change { era, number: self.number, from, to, join, leave, end: false };
        self.post.put(self.frontend, link, Message::Change(&change)).then_some(to)
    }

    /// Tells the frontend that the channel has no member there any more. Whether it could be told.
    fn ended(&mut self, work: &mut Frontend) -> bool {
        work.behind.remove(&self.number);
        // Over the next link the frontend asks for what it hears no more of.
        let Some(link) = self.post.link(self.frontend) else { return false };
        let era = Era { life: self.era_life, link };
        let change = Change { era, number: self.number, to: next(self.last), end: true, ..Change::default() };
        let told = self.post.put(self.frontend, link, Message::Change(&change));
        if !told {
            work.behind.insert(self.number);
        }
        told
    }
}

impl Group {
    /// What was said over another link may not have arrived.
    fn meet(&mut self, link: u64) {
        if self.link.replace(link) != Some(link) {
            self.told = Told::Nothing;
        }
    }
}

fn leavers(channel: &str, frontend: &ServerId, users: Vec<UserId>) -> Leavers {
    Leavers { channel: channel.to_owned(), frontend: frontend.clone(), users }
}

fn next(last: &mut u64) -> u64 {
    *last += 1;
    *last
}

/// Sends users a push by their names, in as many messages as they take. Whether all of them could be sent.
fn push_named<'a>(
    frontend: &ServerId,
    era: Era,
    users: impl Iterator<Item = &'a str>,
    pushing: Pushing<'_>,
    post: &mut impl Post,
) -> bool {
    let (mut users, mut all) = (users.peekable(), true);
    while users.peek().is_some() {
        let head = PushHead { era, route: pushing.route, to: To::Users(portion(&mut users)) };
        all &= post.put(frontend, era.link, Message::Push(&head, pushing.body));
    }
    all
}

/// The next of these names: as many as fit into one message, but one at least.
fn portion<'a>(names: &mut Peekable<impl Iterator<Item = &'a str>>) -> Vec<&'a str> {
    let mut taken = Vec::new();
    let mut bytes = 0;
    while let Some(name) = names.next_if(|name| bytes == 0 || bytes + name_bytes(name) <= NAMES_BYTES_MAX) {
        bytes += name_bytes(name);
        taken.push(name);
    }
    taken
}

/// What a name takes in a message: a text of MessagePack has up to five bytes in front.
fn name_bytes(name: &str) -> usize {
    name.len() + 5
}
