//! One area as it runs: the rules' [`Area`], who its players are, and the task that drives it. Not here: what handlers ask of it, and how its
//! players come and go between servers.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use lordofpomelo_store::Parts;
use lordofpomelo_world::{
    area::{Area, Counts, Entered, Events, Farewell, Marks, Membership, Refused, TICK_MS},
    data::Tables,
    hero::Hero,
    ids::{EntityId, PlayerId},
    team::Member,
};
use pomelo::{Channels, Rpc, ServerId, UserId};
use rustc_hash::FxHashMap;
use rustix::time::{ClockId, clock_gettime};
use tokio::{
    sync::Notify,
    time::{Instant, Interval, MissedTickBehavior, interval},
};

use super::{clock::Clock, saver::Saver, telling};
use crate::{
    THE_ONE,
    messages::remotes::team::{self, Update},
};

/// How often time passes in an area.
const TICK: Duration = Duration::from_millis(TICK_MS);

/// How often time passes in an area that nobody is in: as often as its zones make monsters, so that it is as full as it ought to be when
/// somebody comes. Players leave many instances behind.
const EMPTY_TICK: Duration = Duration::from_secs(5);

/// How often what has changed is stored. With the time that writing takes a server that dies loses less than a minute.
const SAVE_EVERY: Duration = Duration::from_secs(50);

/// How often an area with players says how much it has to do.
const REPORT_EVERY: Duration = Duration::from_secs(30);

/// How many durations of ticks are remembered: a minute's.
const TICKS_REMEMBERED: usize = 600;

/// Every tick of areas with players, for measurements: shown with `log=info,lordofpomelo::ticks=debug`.
const TICKS: &str = "lordofpomelo::ticks";

/// One area.
pub(super) struct Host {
    /// Its id, or that of the instance.
    key: String,
    me: ServerId,
    clock: Clock,
    tables: Arc<Tables>,
    inner: Mutex<Inner>,
    /// Something was said, or will be.
    changed: Notify,
}

struct Inner {
    area: Area,
    /// Read without the lock while pushes go out; copied when somebody comes or goes just then.
    people: Arc<People>,
    /// Of the last [`TICKS_REMEMBERED`] ticks, from their beginning until everything was told, in microseconds; the oldest is overwritten.
    ticks_us: Vec<u32>,
    next_tick: usize,
}

/// When a tick was due, when it began, and when the rules had decided all; and what this thread had worked until it began.
struct Tick {
    due: Instant,
    began: Instant,
    ruled: Instant,
    worked: Duration,
}

/// Who the players of an area are.
pub(super) type People = FxHashMap<EntityId, Person>;

/// A player's user, and the frontend that holds its connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) uid: UserId,
    pub(super) frontend: ServerId,
    pub(super) player: PlayerId,
}

/// A player who left, as it is to be stored.
#[derive(Debug)]
pub(super) struct Left {
    pub(super) hero: Hero,
    /// Its position is of no use in the scene it belongs to.
    pub(super) was_in_instance: bool,
    pub(super) team: Option<Membership>,
    pub(super) person: Person,
}

impl Host {
    pub(super) fn new(key: String, me: ServerId, area: Area, tables: Arc<Tables>, clock: Clock) -> Self {
        let inner = Inner { area, people: Arc::default(), ticks_us: Vec::new(), next_tick: 0 };
        Self { key, me, clock, tables, inner: Mutex::new(inner), changed: Notify::new() }
    }

    /// Its id, or that of the instance.
    pub(super) fn key(&self) -> &str {
        &self.key
    }

    /// The channel of its players.
    pub(super) fn channel(&self) -> String {
        format!("area_{}", self.key)
    }

    /// Reads something.
    pub(super) fn read<T>(&self, ask: impl FnOnce(&Area) -> T) -> T {
        ask(&self.lock().area)
    }

    /// Gives the area a command at the present time. What others are told of it follows.
    pub(super) fn with<T>(&self, ask: impl FnOnce(&mut Area, u64) -> T) -> T {
        let answer = ask(&mut self.lock().area, self.clock.now_ms());
        self.changed.notify_one();
        answer
    }

    /// A player comes in.
    pub(super) fn enter(&self, hero: Hero, team: Option<Membership>, person: Person) -> Entered {
        self.with_people(|area, people, now_ms| {
            // Once more at another connection, perhaps: the area forgets the former entity without a word, and so do we.
            if let Some(former) = area.entity_of(person.player) {
                people.remove(&former);
            }
            if people.is_empty() {
                // What has passed since the last rare tick is not to be seen as a leap.
                area.tick(now_ms);
            }
            let entered = area.enter(hero, team, now_ms);
            people.insert(entered.entity, person);
            entered
        })
    }

    /// A player who left is back as it was, which is not what is stored.
    pub(super) fn enter_again(&self, hero: Hero, team: Option<Membership>, person: Person) -> Entered {
        let player = person.player;
        let entered = self.enter(hero, team, person);
        self.lock().area.mark_unsaved(player);
        entered
    }

    /// A player leaves; `None` if it is not here.
    pub(super) fn leave(&self, player: PlayerId, why: Farewell) -> Option<Left> {
        self.with_people(|area, people, now_ms| {
            let (entity, team) = (area.entity_of(player)?, area.membership(player));
            let hero = area.leave(player, why, now_ms)?;
            let was_in_instance = area.instance_id().is_some();
            Some(Left { hero, was_in_instance, team, person: people.remove(&entity)? })
        })
    }

    /// All players leave at once; nobody is told, for the area ends.
    pub(super) fn clear(&self) -> Vec<Left> {
        let people = self.people();
        people.values().filter_map(|person| self.leave(person.player, Farewell::Travels)).collect()
    }

    /// Who is here.
    pub(super) fn people(&self) -> Arc<People> {
        Arc::clone(&self.lock().people)
    }

    /// A player as its team knows it.
    pub(super) fn member(&self, player: PlayerId) -> Result<Member, Refused> {
        let inner = self.lock();
        let entity = inner.area.entity_of(player).ok_or(Refused::Absent)?;
        let person = inner.people.get(&entity).ok_or(Refused::Absent)?;
        let player_info = inner.area.member_data(player).ok_or(Refused::Absent)?;
        Ok(Member {
            player_id: player,
            // Users are named by the numbers of their accounts.
            user_id: person.uid.as_str().parse().unwrap_or_default(),
            server_id: person.frontend.to_string(),
            backend_server_id: self.me.to_string(),
            player_info,
        })
    }

    /// Drives the area for as long as the task is left alone.
    pub(super) async fn run(self: Arc<Self>, channels: Channels, rpc: Rpc, saver: Saver) {
        let mut ticks = every(EMPTY_TICK);
        let (mut save_at, mut report_at) = (Instant::now() + SAVE_EVERY, Instant::now() + REPORT_EVERY);
        let mut events = Events::default();
        loop {
            let period = if self.lock().people.is_empty() { EMPTY_TICK } else { TICK };
            if ticks.period() != period {
                ticks = every(period);
            }
            let ticked = tokio::select! {
                now = ticks.tick() => {
                    let tick = self.tick(now);
                    if now >= save_at {
                        save_at = now + SAVE_EVERY;
                        self.save(&saver);
                    }
                    if now >= report_at {
                        report_at = now + REPORT_EVERY;
                        self.report();
                    }
                    self.tell_mates(&rpc);
                    Some(tick)
                }
                () = self.changed.notified() => None,
            };
            let people = self.drain(&mut events);
            telling::tell(&events, &people, &channels, &self.tables).await;
            if let Some(tick) = ticked {
                self.ticked(&tick, events.len());
            }
        }
    }

    fn tick(&self, due: Instant) -> Tick {
        let (began, worked) = (Instant::now(), worked());
        self.lock().area.tick(self.clock.now_ms());
        Tick { due, began, ruled: Instant::now(), worked }
    }

    /// Everything that follows from a tick was told.
    fn ticked(&self, tick: &Tick, events: usize) {
        let us = |from: Instant, to: Instant| {
            u32::try_from(to.saturating_duration_since(from).as_micros()).unwrap_or(u32::MAX)
        };
        let took = us(tick.began, Instant::now());
        // Requests that were answered in between are in both; waiting for a processor is not in this.
        let work_us = worked().saturating_sub(tick.worked).as_micros();
        let mut inner = self.lock();
        let players = inner.people.len();
        if players > 0 {
            let (late_us, rules_us) = (us(tick.due, tick.began), us(tick.began, tick.ruled));
            let area = self.key.as_str();
            tracing::debug!(target: TICKS, area, players, late_us, rules_us, work_us, took_us = took, events, "tick");
        }
        let next = inner.next_tick;
        match inner.ticks_us.get_mut(next) {
            Some(slot) => *slot = took,
            None => inner.ticks_us.push(took),
        }
        inner.next_tick = (next + 1) % TICKS_REMEMBERED;
    }

    /// Says in the log how many there are and how long the ticks of the last minute took.
    fn report(&self) {
        let (Counts { players, mobs, items }, mut ticks) = {
            let inner = self.lock();
            (inner.area.counts(), inner.ticks_us.clone())
        };
        if players == 0 {
            return;
        }
        ticks.sort_unstable();
        let ms = |share: f64| {
            let at = (ticks.len() as f64 * share) as usize;
            f64::from(ticks.get(at).or(ticks.last()).copied().unwrap_or(0)) / 1000.0
        };
        let (p50, p99, max) = (ms(0.5), ms(0.99), ms(1.0));
        tracing::info!(
            area = self.key,
            players,
            mobs,
            items,
            "ticks of the last minute: p50 {p50:.2} ms, p99 {p99:.2} ms, max {max:.2} ms"
        );
    }

    /// Hands what changed since the last time to the saver. What can't be stored is handed over again the next time, as it is then.
    pub(super) fn save(self: &Arc<Self>, saver: &Saver) {
        let heroes: Vec<_> = {
            let mut inner = self.lock();
            let area = &mut inner.area;
            let marks = area.take_unsaved().into_iter();
            marks.filter_map(|(player, marks)| Some((area.hero(player)?.clone(), parts(marks)))).collect()
        };
        if heroes.is_empty() {
            return;
        }
        let players: Vec<_> = heroes.iter().map(|(hero, _)| hero.id).collect();
        let (host, saving) = (Arc::clone(self), saver.save_all(heroes));
        // Ends with its job: there are as many of these tasks as jobs wait for the database.
        tokio::spawn(async move {
            if let Err(error) = saving.await {
                tracing::error!(%error, area = host.key, players = players.len(), "not stored, tried again in {SAVE_EVERY:?}");
                let area = &mut host.lock().area;
                players.into_iter().for_each(|player| area.mark_unsaved(player));
            }
        });
    }

    /// Tells the manager of members whose figures changed.
    fn tell_mates(&self, rpc: &Rpc) {
        let now_ms = self.clock.now_ms();
        let changes = self.lock().area.take_member_changes(now_ms);
        for change in changes {
            if let Ok(member) = self.member(change.player) {
                let update = Update { team: change.team, member };
                if let Err(error) = rpc.send(team::UPDATE_MEMBER, THE_ONE, &update) {
                    tracing::debug!(%error, player = %change.player, "team mates are not told of new figures");
                }
            }
        }
    }

    fn drain(&self, events: &mut Events) -> Arc<People> {
        let mut inner = self.lock();
        inner.area.drain(events);
        Arc::clone(&inner.people)
    }

    fn with_people<T>(&self, change: impl FnOnce(&mut Area, &mut People, u64) -> T) -> T {
        let mut inner = self.lock();
        let Inner { area, people, .. } = &mut *inner;
        let answer = change(area, Arc::make_mut(people), self.clock.now_ms());
        drop(inner);
        self.changed.notify_one();
        answer
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// At once, and then so often.
fn every(period: Duration) -> Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    ticks
}

/// How long a processor has worked for this thread.
fn worked() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

fn parts(marks: Marks) -> Parts {
    let Marks { player, bag, equipment, skills, tasks } = marks;
    Parts { player, bag, equipment, skills, tasks }
}

#[cfg(test)]
mod tests;
