//! Holders of channels and frontends under seeded faults: links that break and lose what is under way, refused messages, late
//! ones of former links, restarts of either side, users who come, go and come back.
//!
//! What must hold: nobody is pushed to who was no member when it was pushed; nothing arrives twice or out of order; and once the
//! faults are over, both sides agree on who is where, without anything being pushed. A failing seed is printed;
//! `POMELO_SEED=n` replays it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use fastrand::Rng;
use pomelo_protocol::ServerId;
use tokio::time::Instant;

use super::{
    holder::{Among, Holder, Message, Post, Pushing},
    message::{Ask, Change, Left, PushHead, To},
};
use crate::{
    UserId, codec,
    session::groups::{Bound, Groups, Users},
    wire,
};

const SEEDS: u64 = 400;
const STEPS: usize = 600;
const HOLDERS: usize = 2;
const FRONTENDS: usize = 2;
const USERS: u32 = 6;
const CHANNELS: u32 = 3;

/// After so many seconds without a fault everything must be in order: longer than groups are kept without a link.
const CALM: u32 = 130;

#[derive(Clone)]
enum Down {
    Change(Bytes),
    Push(u64, Bytes),
}

enum Up {
    Left(Bytes),
    Ask(Bytes),
}

/// A connection of a holder and a frontend.
struct Link {
    number: u64,
    holder_life: u64,
    frontend_life: u64,
    down: VecDeque<Down>,
    up: VecDeque<Up>,
}

/// All connections of one pair.
#[derive(Default)]
struct Pair {
    current: Option<Link>,
    /// Broken ones, of which something may still be handled.
    former: Vec<Link>,
    cut: bool,
}

struct HolderSim {
    id: ServerId,
    life: u64,
    holder: Holder,
    links: u64,
    pairs: Vec<Pair>,
}

struct FrontendSim {
    id: ServerId,
    life: u64,
    groups: Groups<u64>,
    users: Users<u64>,
    sessions: BTreeMap<u64, UserId>,
}

struct World {
    rng: Rng,
    faults: bool,
    now: Instant,
    holders: Vec<HolderSim>,
    frontends: Vec<FrontendSim>,
    sessions: u64,
    pushes: u64,
    /// Who may get a push, by its number and frontend.
    allowed: HashMap<(u64, usize), BTreeSet<UserId>>,
    /// The last push that a session got from a holder.
    heard: HashMap<(u64, usize), u64>,
    delivered: usize,
    /// How often a frontend did not know what a message was about.
    asks: usize,
    /// How often a holder was asked.
    asked: usize,
}

/// Puts messages of one holder into its links.
struct SimPost<'a> {
    life: u64,
    links: &'a mut u64,
    pairs: &'a mut [Pair],
    frontends: &'a [(ServerId, u64)],
    rng: &'a mut Rng,
    refuse: f64,
    push: u64,
}

impl SimPost<'_> {
    fn pair(&mut self, to: &ServerId) -> (&mut Pair, u64) {
        let at = self.frontends.iter().position(|(id, _)| id == to).unwrap();
        (&mut self.pairs[at], self.frontends[at].1)
    }
}

impl Post for SimPost<'_> {
    fn link(&mut self, to: &ServerId) -> Option<u64> {
        let life = self.life;
        let next = *self.links + 1;
        let (pair, frontend_life) = self.pair(to);
        let number = pair.link(next, life, frontend_life)?;
        *self.links = (*self.links).max(number);
        Some(number)
    }

    fn put(&mut self, to: &ServerId, link: u64, message: Message<'_>) -> bool {
        let push = self.push;
        if self.rng.f64() < self.refuse {
            return false;
        }
        let (pair, _) = self.pair(to);
        let Some(current) = pair.current.as_mut().filter(|current| current.number == link) else {
            return false;
        };
        current.down.push_back(match message {
            Message::Change(change) => Down::Change(codec::to_server(change).unwrap()),
            Message::Push(head, body) => Down::Push(push, wire::join(head, body).unwrap()),
        });
        true
    }
}

impl Pair {
    /// The link in use; a new one if there is none.
    fn link(&mut self, next: u64, holder_life: u64, frontend_life: u64) -> Option<u64> {
        if self.cut {
            return None;
        }
        let new =
            || Link { number: next, holder_life, frontend_life, down: VecDeque::new(), up: VecDeque::new() };
        Some(self.current.get_or_insert_with(new).number)
    }

    /// What is under way arrives up to some message, late perhaps.
    fn lose(&mut self, rng: &mut Rng) {
        if let Some(mut link) = self.current.take() {
            link.down.truncate(rng.usize(..=link.down.len()));
            link.up.truncate(rng.usize(..=link.up.len()));
            self.former.push(link);
        }
    }
}

impl World {
    fn new(seed: u64, faults: bool) -> Self {
        let id = |kind: &str, n: usize| ServerId::new(format!("{kind}-server-{n}")).unwrap();
        let holder = |n| HolderSim {
            id: id("chat", n),
            life: 1,
            holder: Holder::new(1),
            links: 0,
            pairs: (0..FRONTENDS).map(|_| Pair::default()).collect(),
        };
        let frontend = |n| FrontendSim {
            id: id("connector", n),
            life: 1,
            groups: Groups::new(),
            users: Users::new(),
            sessions: BTreeMap::new(),
        };
        Self {
            rng: Rng::with_seed(seed),
            faults,
            now: Instant::now(),
            holders: (0..HOLDERS).map(holder).collect(),
            frontends: (0..FRONTENDS).map(frontend).collect(),
            sessions: 0,
            pushes: 0,
            allowed: HashMap::new(),
            heard: HashMap::new(),
            delivered: 0,
            asks: 0,
            asked: 0,
        }
    }

    fn with<T>(&mut self, h: usize, act: impl FnOnce(&mut Holder, &mut SimPost<'_>) -> T) -> T {
        let frontends: Vec<_> = self.frontends.iter().map(|f| (f.id.clone(), f.life)).collect();
        let HolderSim { life, holder, links, pairs, .. } = &mut self.holders[h];
        let refuse = if self.faults { 0.1 } else { 0.0 };
        let mut post = SimPost {
            life: *life,
            links,
            pairs,
            frontends: &frontends,
            rng: &mut self.rng,
            refuse,
            push: self.pushes,
        };
        act(holder, &mut post)
    }

    fn step(&mut self) {
        let (h, f) = (self.rng.usize(..HOLDERS), self.rng.usize(..FRONTENDS));
        let uid = UserId::from(format!("user{}", self.rng.u32(..USERS)));
        let channel: Arc<str> = format!("room{}", self.rng.u32(..CHANNELS)).into();
        let faults = self.faults;
        match self.rng.u32(..100) {
            0..8 => self.open(f, uid),
            8..12 => self.close(f),
            12..24 => {
                // Mostly somebody who is there.
                let there = self.frontends[f].users.contains_key(&uid);
                if there || self.rng.u32(..4) == 0 {
                    let frontend = self.frontends[f].id.clone();
                    self.with(h, |holder, post| holder.add(&channel, uid, frontend, post)).unwrap();
                }
            }
            24..28 => {
                let frontend = self.frontends[f].id.clone();
                self.with(h, |holder, post| holder.leave(&channel, &uid, &frontend, post));
            }
            28..44 => self.push(h, &channel),
            44..46 if faults => self.holders[h].pairs[f].lose(&mut self.rng),
            46 if faults => {
                let cut = !self.holders[h].pairs[f].cut;
                let pair = &mut self.holders[h].pairs[f];
                pair.cut = cut;
                pair.lose(&mut self.rng);
            }
            47 if faults && self.rng.u32(..4) == 0 => self.restart_holder(h),
            48 if faults && self.rng.u32(..4) == 0 => self.restart_frontend(f),
            49..53 => self.with(h, |holder, post| holder.tend(post)),
            53..55 => {
                self.now += Duration::from_millis(1_000);
                self.tend_frontend(f);
            }
            _ => self.arrive(h, f),
        }
    }

    fn open(&mut self, f: usize, uid: UserId) {
        self.sessions += 1;
        let id = self.sessions;
        let frontend = &mut self.frontends[f];
        frontend.groups.bound(&uid, id, &id);
        frontend.users.entry(uid.clone()).or_default().push(Bound { id, connection: id });
        frontend.sessions.insert(id, uid);
    }

    fn close(&mut self, f: usize) {
        let frontend = &mut self.frontends[f];
        let Some(&id) = frontend.sessions.keys().nth(self.rng.usize(..=frontend.sessions.len())) else {
            return;
        };
        let uid = frontend.sessions.remove(&id).unwrap();
        let bound = frontend.users.get_mut(&uid).unwrap();
        bound.retain(|bound| bound.id != id);
        let was_last = bound.is_empty();
        if was_last {
            frontend.users.remove(&uid);
        }
        let left = frontend.groups.unbound(&uid, id, was_last);
        for (to, left) in left {
            self.tell_left(f, &to, &left);
        }
    }

    fn push(&mut self, h: usize, channel: &Arc<str>) {
        self.pushes += 1;
        let some: Vec<_> = (0..2).map(|_| UserId::from(format!("user{}", self.rng.u32(..USERS)))).collect();
        let among = match self.rng.u32(..4) {
            0 => Among::Only(some.iter().collect()),
            1 => Among::Except(some.iter().collect()),
            _ => Among::All,
        };
        for (f, frontend) in self.frontends.iter().enumerate() {
            let members = self.holders[h].holder.members(channel).filter(|(id, _)| **id == frontend.id);
            let members = members.map(|(_, uid)| uid.clone()).filter(|uid| match &among {
                Among::All => true,
                Among::Only(users) => users.contains(uid),
                Among::Except(users) => !users.contains(uid),
            });
            self.allowed.insert((self.pushes, f), members.collect());
        }
        let pushing = Pushing { route: "onChat", body: b"{}" };
        self.with(h, |holder, post| holder.push(channel, &among, pushing, post));
    }

    fn restart_holder(&mut self, h: usize) {
        let holder = &mut self.holders[h];
        holder.life += 1;
        holder.holder = Holder::new(holder.life);
        holder.links = 0;
        holder.pairs.iter_mut().for_each(|pair| pair.lose(&mut self.rng));
    }

    fn restart_frontend(&mut self, f: usize) {
        let frontend = &mut self.frontends[f];
        frontend.life += 1;
        (frontend.groups, frontend.users, frontend.sessions) = (Groups::new(), Users::new(), BTreeMap::new());
        self.holders.iter_mut().for_each(|holder| holder.pairs[f].lose(&mut self.rng));
    }

    fn tend_frontend(&mut self, f: usize) {
        let holders = &self.holders;
        // As good as a number that this side counts.
        let link = |id: &ServerId| {
            let holder = holders.iter().find(|holder| holder.id == *id)?;
            holder.pairs[f].current.as_ref().map(|link| holder.life * 1_000_000 + link.number)
        };
        for (to, ask) in self.frontends[f].groups.tend(self.now, link) {
            self.ask(f, &to, Some(ask));
        }
    }

    /// Somebody's next message is handled, over the link in use or a former one.
    fn arrive(&mut self, h: usize, f: usize) {
        let (holder, frontend) = (&mut self.holders[h], &self.frontends[f]);
        let (holder_life, frontend_life) = (holder.life, frontend.life);
        let pair = &mut holder.pairs[f];
        pair.former.retain(|link| !(link.down.is_empty() && link.up.is_empty()));
        let former = pair.former.len();
        let at = self.rng.usize(..=former);
        let Some(link) = pair.former.get_mut(at).or(pair.current.as_mut()) else { return };
        // To a life that is over nothing gets through.
        if self.rng.bool() {
            let message = link.down.pop_front().filter(|_| link.frontend_life == frontend_life);
            if let Some(message) = message {
                self.down(h, f, message);
            }
        } else {
            let message = link.up.pop_front().filter(|_| link.holder_life == holder_life);
            match message {
                Some(Up::Left(body)) => {
                    let (id, left) =
                        (self.frontends[f].id.clone(), codec::from_server::<Left<'_>>(&body).unwrap());
                    self.with(h, |holder, post| holder.left(&id, &left, post));
                }
                Some(Up::Ask(body)) => {
                    self.asked += 1;
                    let (id, ask) = (self.frontends[f].id.clone(), codec::from_server::<Ask>(&body).unwrap());
                    self.with(h, |holder, post| holder.asked(&id, &ask, post));
                }
                None => {}
            }
        }
    }

    fn down(&mut self, h: usize, f: usize, message: Down) {
        let from = self.holders[h].id.clone();
        let frontend = &mut self.frontends[f];
        match message {
            Down::Change(body) => {
                let change: Change<'_> = codec::from_server(&body).unwrap();
                let answer = frontend.groups.change(&from, &change, &frontend.users, self.now);
                if let Some(left) = answer.left {
                    self.tell_left(f, &from, &left);
                }
                self.asks += usize::from(answer.ask.is_some());
                self.ask(f, &from, answer.ask);
            }
            Down::Push(n, body) => {
                let (head, _) = wire::split::<PushHead<'_>>(&body).unwrap();
                if !frontend.groups.hear(&from, head.era) {
                    return;
                }
                let receivers: Vec<u64> = match head.to {
                    To::Group { number, version, except } => {
                        if let Err(ask) = frontend.groups.knows(&from, number, version, self.now) {
                            self.asks += usize::from(ask.is_some());
                            return self.ask(f, &from, ask);
                        }
                        let members = frontend.groups.members(&from, number).map(|(id, _)| id);
                        members.filter(|id| !except.contains(&frontend.sessions[id].as_str())).collect()
                    }
                    To::Users(users) => users
                        .iter()
                        .filter_map(|&uid| frontend.users.get(uid))
                        .flatten()
                        .map(|b| b.id)
                        .collect(),
                    To::Bound | To::All => Vec::new(),
                };
                for session in receivers {
                    let uid = &self.frontends[f].sessions[&session];
                    assert!(self.allowed[&(n, f)].contains(uid), "{uid} got push {n} and was no member");
                    let last = self.heard.insert((session, h), n).unwrap_or(0);
                    assert!(last < n, "push {n} came to {uid} after push {last}");
                    self.delivered += 1;
                }
            }
        }
    }

    fn tell_left(&mut self, f: usize, to: &ServerId, left: &Left<'_>) {
        let body = codec::to_server(left).unwrap();
        if !self.up(f, to, Up::Left(body)) {
            self.frontends[f].groups.owe(to, left.groups.iter().map(|group| group.number));
        }
    }

    fn ask(&mut self, f: usize, to: &ServerId, ask: Option<Ask>) {
        let Some(ask) = ask else { return };
        let body = codec::to_server(&ask).unwrap();
        if !self.up(f, to, Up::Ask(body)) {
            self.frontends[f].groups.owe(to, ask.groups.iter().map(|(number, _)| *number));
        }
    }

    fn up(&mut self, f: usize, to: &ServerId, message: Up) -> bool {
        if self.faults && self.rng.u32(..10) == 0 {
            return false;
        }
        let frontend_life = self.frontends[f].life;
        let holder = self.holders.iter_mut().find(|holder| holder.id == *to).unwrap();
        let next = holder.links + 1;
        let Some(number) = holder.pairs[f].link(next, holder.life, frontend_life) else { return false };
        holder.links = holder.links.max(number);
        if let Some(link) = &mut holder.pairs[f].current {
            link.up.push_back(message);
        }
        true
    }

    fn settle(&mut self) {
        for (h, f) in (0..HOLDERS).flat_map(|h| (0..FRONTENDS).map(move |f| (h, f))) {
            while self.holders[h].pairs[f].is_busy() {
                self.arrive(h, f);
            }
        }
    }

    /// No more faults, until all that was wrong must have been found.
    fn calm(&mut self) {
        self.faults = false;
        for pair in self.holders.iter_mut().flat_map(|holder| &mut holder.pairs) {
            pair.cut = false;
        }
        for _ in 0..CALM {
            self.now += Duration::from_secs(1);
            (0..HOLDERS).for_each(|h| self.with(h, |holder, post| holder.tend(post)));
            (0..FRONTENDS).for_each(|f| self.tend_frontend(f));
            self.settle();
        }
    }

    /// Both sides agree on all channels, and all members are there.
    fn agree(&self) {
        for (holder, frontend) in self.holders.iter().flat_map(|h| self.frontends.iter().map(move |f| (h, f)))
        {
            let mut expected = BTreeMap::new();
            for (name, number) in holder.holder.numbers() {
                let there = holder.holder.members(name).filter(|(id, _)| **id == frontend.id);
                let members: Vec<_> = there.map(|(_, uid)| uid).collect();
                let sessions: BTreeSet<u64> = members
                    .iter()
                    .flat_map(|uid| frontend.users.get(*uid).unwrap_or_else(|| panic!("{uid} stayed")))
                    .map(|bound| bound.id)
                    .collect();
                if !members.is_empty() {
                    expected.insert(number, sessions);
                }
            }
            assert_eq!(frontend.groups.known(&holder.id), expected, "{} of {}", frontend.id, holder.id);
        }
    }
}

impl Pair {
    fn is_busy(&self) -> bool {
        self.former.iter().chain(&self.current).any(|link| !link.down.is_empty() || !link.up.is_empty())
    }
}

fn seeds() -> std::ops::Range<u64> {
    #[expect(clippy::disallowed_methods, reason = "a failing seed is replayed by naming it: POMELO_SEED=17")]
    let one = std::env::var("POMELO_SEED").ok().and_then(|seed| seed.parse().ok());
    one.map_or(0..SEEDS, |seed: u64| seed..seed + 1)
}

fn play(seed: u64, faults: bool) -> World {
    // Says so if it is left by a panic.
    struct Seed(u64);
    impl Drop for Seed {
        fn drop(&mut self) {
            if std::thread::panicking() {
                eprintln!("replay with POMELO_SEED={}", self.0);
            }
        }
    }
    let _seed = Seed(seed);
    let mut world = World::new(seed, faults);
    (0..STEPS).for_each(|_| world.step());
    world.calm();
    world.agree();
    // And everybody hears of what is pushed now.
    let before = world.delivered;
    let mut expected = 0;
    for (h, n) in (0..HOLDERS).flat_map(|h| (0..CHANNELS).map(move |n| (h, n))) {
        let channel: Arc<str> = format!("room{n}").into();
        world.pushes += 1;
        for f in 0..FRONTENDS {
            let id = &world.frontends[f].id;
            let there = world.holders[h].holder.members(&channel).filter(|(frontend, _)| *frontend == id);
            let members: BTreeSet<_> = there.map(|(_, uid)| uid.clone()).collect();
            expected += members.iter().map(|uid| world.frontends[f].users[uid].len()).sum::<usize>();
            world.allowed.insert((world.pushes, f), members);
        }
        let pushing = Pushing { route: "onChat", body: b"{}" };
        world.with(h, |holder, post| holder.push(&channel, &Among::All, pushing, post));
    }
    world.settle();
    assert_eq!(world.delivered - before, expected, "not everybody heard");
    world
}

#[test]
fn both_sides_agree_after_any_faults_and_nobody_is_pushed_to_by_mistake() {
    let worlds: Vec<_> = seeds().map(|seed| play(seed, true)).collect();
    // Something was lost and found, or this would prove nothing.
    assert!(worlds.iter().map(|world| world.asked).sum::<usize>() > worlds.len());
    assert!(worlds.iter().map(|world| world.delivered).sum::<usize>() > worlds.len());
}

#[test]
fn without_faults_nobody_has_to_ask() {
    for seed in seeds() {
        assert_eq!(play(seed, false).asks, 0, "seed {seed}");
    }
}
