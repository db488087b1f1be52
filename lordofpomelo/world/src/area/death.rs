//! What follows a deadly blow: experience, drops, quests, and a dead player's return. Not here: the blow ([`super::fight`]).

use super::entity::Body;
use super::events::{Attack, Push, Revive};
use super::view::ThingView;
use super::{Area, REVIVE_MS};
use crate::aoi::{EntityKind, Event};
use crate::geometry::Point;
use crate::hero::tasks::Victim;
use crate::ids::EntityId;
use crate::rules::growth;

/// A dead player comes back so much before its time is over, if a tick falls there.
const REVIVE_GRACE_MS: u64 = 10;

/// How near team mates must be to share experience.
const SHARE_REACH_PX: f64 = 600.0;

/// The killer's part of shared experience, in percent; the mates split the rest.
const SHARE_KILLER: u64 = 60;

/// Ids in order, for a quick look whether one is among them.
struct Ids(Vec<EntityId>);

impl Ids {
    fn of(ids: &[EntityId]) -> Self {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        Self(ids)
    }

    fn has(&self, id: EntityId) -> bool {
        self.0.binary_search(&id).is_ok()
    }
}

impl Area {
    /// The target of this attack has just lost its last hit point.
    pub(super) fn die(&mut self, attack: Attack, now_ms: u64) {
        let (killer, victim) = (attack.attacker, attack.target);
        let Some(entity) = self.entities.get(victim) else { return };
        let victim_of_task = match &entity.body {
            Body::Mob(_) => Victim::Mob(entity.kind_id),
            Body::Player(player) => Victim::Player(player.hero.stats.level),
            Body::Npc | Body::Thing(_) => return,
        };
        match victim_of_task {
            Victim::Mob(_) => self.mob_dies(attack, now_ms),
            Victim::Player(_) => self.player_dies(attack, now_ms),
        }
        if let Some(life) = self.entities.get_mut(killer).and_then(|killer| killer.life_mut())
            && life.target == Some(victim)
        {
            life.target = None;
            life.chase = None;
        }
        self.count_kill(killer, victim_of_task);
    }

    fn player_dies(&mut self, mut attack: Attack, now_ms: u64) {
        let (killer, victim) = (attack.attacker, attack.target);
        if let Some(player) = self.player_mut(victim) {
            player.life.target = None;
            player.life.chase = None;
            player.life.walk = None;
            player.revive_at_ms = Some(now_ms + REVIVE_MS);
            self.dead.push(victim);
        }
        self.forget_player(victim);
        attack.revive_time = Some(REVIVE_MS);
        if let Some(at) = self.entities.get(killer).map(|killer| killer.position) {
            self.push_by_sight(at, Push::Attack(attack));
        }
    }

    /// The killer's experience first, since a rise is told before the blow; then the blow with what falls; then, to those whom the
    /// blow does not tell, that the monster is gone and what fell.
    fn mob_dies(&mut self, mut attack: Attack, now_ms: u64) {
        let (killer, victim) = (attack.attacker, attack.target);
        attack.exp = self.reward_kill(killer, victim);
        let drops = self.drops_of(victim, killer, now_ms);
        let place = |id: EntityId| self.entities.get(id).map(|entity| entity.position);
        let (Some(from), Some(at)) = (place(killer), place(victim)) else { return };
        let told = Ids::of(self.aoi.players_watching(from));
        let shown = self.tell_kill(&told, at, &drops, attack);

        self.aoi.unwatch(victim);
        let Self { aoi, events, .. } = self;
        aoi.remove(victim, &mut |event| {
            if let Event::Vanished { players, .. } = event {
                let others = players.iter().copied().filter(|id| !told.has(*id));
                events.push(others, Push::RemoveEntities(vec![victim]));
            }
        });
        self.forget_mob(victim);
        if let Some(mob) = self.entities.remove(victim)
            && let Some(mob) = mob.mob()
        {
            self.zones[mob.zone].killed(now_ms);
        }
        for (drop, shown) in drops.iter().zip(shown) {
            self.reveal(drop.entity_id, &shown);
        }
    }

    /// Pushes the blow to all who see the attacker. What fell is named to those who can take it from there: who also see the monster,
    /// else their client drops the message, and the place of the thing, else they would see it beyond their window. Returns for each
    /// thing whom it was named to.
    fn tell_kill(&mut self, told: &Ids, at: Point, drops: &[ThingView], attack: Attack) -> Vec<Ids> {
        let knows = Ids::of(self.aoi.players_watching(at));
        let sees: Vec<Ids> =
            drops.iter().map(|drop| Ids::of(self.aoi.players_watching(drop.at.into()))).collect();
        let mask = |id: EntityId| {
            let named = |n: usize| knows.has(id) && sees[n].has(id);
            (0..drops.len()).fold(0_u32, |mask, n| mask | u32::from(named(n)) << n)
        };
        for wanted in 0..1 << drops.len() {
            let mut part = attack.clone();
            let named = drops.iter().enumerate().filter(|(n, _)| wanted >> n & 1 == 1);
            part.result.items = named.map(|(_, drop)| *drop).collect();
            self.events.push(told.0.iter().copied().filter(|id| mask(*id) == wanted), Push::Attack(part));
        }
        let named_to = |n: usize| told.0.iter().copied().filter(|id| mask(*id) >> n & 1 == 1).collect();
        (0..drops.len()).map(|n| Ids(named_to(n))).collect()
    }

    /// Puts a thing that exists into the grid of sight; those who were not shown it yet are told.
    fn reveal(&mut self, id: EntityId, shown: &Ids) {
        let Some(entity) = self.entities.get(id) else { return };
        let (kind, at) = (entity.kind(), entity.position);
        let Self { aoi, events, entities, .. } = self;
        aoi.add(id, kind, at, &mut |event| {
            if let Event::Appeared { object, players, .. } = event {
                let others = players.iter().copied().filter(|id| !shown.has(*id));
                let views = super::sight::views([object].into_iter(), entities);
                events.push(others, Push::AddEntities(views));
            }
        });
    }

    /// Gives experience for a monster; returns the killer's, within its level.
    fn reward_kill(&mut self, killer: EntityId, victim: EntityId) -> Option<u64> {
        let victim = self.entities.get(victim)?;
        let mob_level = victim.stats()?.level;
        let base = self.tables.character.get(victim.kind_id)?.base_exp;
        let level = self.entities.get(killer)?.player()?.hero.stats.level;
        let gained = growth::gain(base, level, mob_level);
        let mates = if self.rules.share_experience { self.mates_near(killer) } else { Vec::new() };
        let own = if mates.is_empty() { gained } else { (gained * SHARE_KILLER / 100).max(1) };
        for mate in &mates {
            self.gain(*mate, (gained - own.min(gained)) / mates.len() as u64);
        }
        self.gain(killer, own);
        Some(self.entities.get(killer)?.player()?.hero.experience)
    }

    /// Living team mates of a player, near enough to share.
    fn mates_near(&self, id: EntityId) -> Vec<EntityId> {
        let Some(entity) = self.entities.get(id) else { return Vec::new() };
        let team = |player: EntityId| Some(self.entities.get(player)?.player()?.team.as_ref()?.id);
        let Some(own) = team(id) else { return Vec::new() };
        let others =
            self.entities.players.iter().copied().filter(|other| *other != id && team(*other) == Some(own));
        let near = |other: &EntityId| {
            self.entities.get(*other).is_some_and(|other| {
                other.is_alive() && other.position.distance(entity.position) <= SHARE_REACH_PX
            })
        };
        others.filter(near).collect()
    }

    /// Adds experience, and tells the player if it rises a level.
    pub(super) fn gain(&mut self, id: EntityId, experience: u64) {
        let tables = self.tables.clone();
        let Some(player) = self.player_mut(id) else { return };
        let rose = player.hero.gain(&tables, experience);
        self.mark(id, |marks| marks.player = true);
        if rose {
            self.refresh_totals(id);
            self.team_info_changed(id);
            if let Some(entity) = self.entities.get(id)
                && let Some(player) = entity.player()
            {
                let view = player.own_view(entity, &tables);
                self.push(id, Push::Upgrade(Box::new(view)));
            }
        }
    }

    /// Dead players whose time is over come back.
    pub(super) fn tick_dead(&mut self, now_ms: u64) {
        let mut dead = std::mem::take(&mut self.dead);
        dead.retain(|id| {
            let revive_at = self.player_mut(*id).and_then(|player| player.revive_at_ms);
            let is_due = revive_at.is_some_and(|at| now_ms + REVIVE_GRACE_MS >= at);
            if is_due {
                self.revive(*id, now_ms);
            }
            revive_at.is_some() && !is_due
        });
        self.dead = dead;
    }

    /// First the player is moved, which shows it to those who see the place; then they are told that it lives.
    fn revive(&mut self, id: EntityId, now_ms: u64) {
        let to = self.map.birth_point(&mut self.chance);
        let Some(player) = self.player_mut(id) else { return };
        player.revive_at_ms = None;
        let stats = &mut player.hero.stats;
        stats.hp = (stats.max_hp / 2).max(1);
        let hp = stats.hp;
        self.begin_peace(id, now_ms);
        self.relocate(id, to);
        self.push_by_sight(to, Push::Revive(Revive { entity_id: id, at: to.into(), hp }));
        self.mark(id, |marks| marks.player = true);
        self.team_info_changed(id);
    }

    /// Takes somebody who is object and watcher out of the grid of sight; who saw it is told.
    pub(super) fn vanish(&mut self, id: EntityId) {
        debug_assert!(self.entities.get(id).is_some_and(|entity| entity.kind() == EntityKind::Player));
        self.sight(|aoi, tell| aoi.leave(id, tell));
    }
}
