//! What each push changes in a client's view. Not here: what answers change, which are [`View`]'s own methods.

use std::{collections::BTreeMap, mem};

use lordofpomelo::messages::pushes::{
    Drag, ON_ADD_ENTITIES, ON_APPLY_JOIN_TEAM, ON_APPLY_JOIN_TEAM_REPLY, ON_ATTACK, ON_CHAT, ON_DISBAND_TEAM,
    ON_DRAG_MEMBER, ON_DROP_ITEMS, ON_HP_MP, ON_INVITE_JOIN_TEAM, ON_INVITE_JOIN_TEAM_REPLY, ON_MOVE,
    ON_NPC_TALK, ON_PATH_CHECKOUT, ON_PICK_ITEM, ON_REMOVE_ENTITIES, ON_REVIVE, ON_TASK_COMPLETED,
    ON_TEAM_CAPTAIN_STATUS_CHANGE, ON_TEAM_MEMBER_STATUS_CHANGE, ON_TEAMMATE_LEAVE_TEAM, ON_UPDATE_TASK_DATA,
    ON_UPDATE_TEAM, ON_UPGRADE, ON_USER_LEAVE, Player, Reply, TaskCompleted, UserLeft,
};
use lordofpomelo_world::{
    area::{HpMp, Spot, TeamStatus},
    hero::{self, tasks::TaskData},
    ids::{EntityId, PlayerId, TaskId},
};
use serde::de::DeserializeOwned;

use super::{Anomaly, CHAT_MAX, DRIFT_PX_MAX, Own, Sort, Talk, View, entity::Track};
use crate::wire;

const KILLED: u32 = 2;

/// One push on its way into a view, with what is wrong with it.
struct Applied<'a> {
    view: &'a mut View,
    route: &'a str,
    now_ms: u64,
    wrong: Vec<Anomaly>,
}

impl View {
    /// Takes in what a server said, a push with its body in JSON, and says what is wrong with it. What can be made sense of counts
    /// nevertheless.
    pub fn push(&mut self, route: &str, body: &[u8], now_ms: u64) -> Vec<Anomaly> {
        let mut push = Applied { view: self, route, now_ms, wrong: Vec::new() };
        push.apply(body);
        push.wrong
    }
}

impl Applied<'_> {
    fn apply(&mut self, body: &[u8]) {
        let route = self.route;
        match route {
            _ if route == ON_MOVE.name() => self.read(body, Self::moved),
            _ if route == ON_ADD_ENTITIES.name() => self.read(body, Self::added),
            _ if route == ON_REMOVE_ENTITIES.name() => self.read(body, Self::removed),
            _ if route == ON_ATTACK.name() => self.read(body, Self::attacked),
            _ if route == ON_PATH_CHECKOUT.name() => self.read(body, Self::checkout),
            _ if route == ON_REVIVE.name() => self.read(body, Self::revived),
            _ if route == ON_PICK_ITEM.name() => self.read(body, Self::picked),
            _ if route == ON_UPGRADE.name() => self.read(body, Self::rose),
            _ if route == ON_DROP_ITEMS.name() => self.read(body, Self::fell),
            _ if route == ON_NPC_TALK.name() => self.read(body, Self::talked),
            _ if route == ON_HP_MP.name() => self.read(body, Self::recovered),
            _ if route == ON_UPDATE_TASK_DATA.name() => self.read(body, Self::tasks),
            _ if route == ON_TASK_COMPLETED.name() => self.read(body, Self::completed),
            _ if route == ON_USER_LEAVE.name() => self.read(body, Self::user_left),
            _ if route == ON_CHAT.name() => self.read(body, |this, said| {
                let over = (this.view.chat.len() + 1).saturating_sub(CHAT_MAX);
                this.view.chat.drain(..over);
                this.view.chat.push(said);
            }),
            _ if route == ON_UPDATE_TEAM.name() => self.read(body, Self::team),
            _ if route == ON_TEAMMATE_LEAVE_TEAM.name() => self.read(body, Self::mate_left),
            _ if route == ON_DISBAND_TEAM.name() => self.read(body, |this, _: Vec<PlayerId>| this.no_team()),
            _ if route == ON_TEAM_CAPTAIN_STATUS_CHANGE.name()
                || route == ON_TEAM_MEMBER_STATUS_CHANGE.name() =>
            {
                self.read(body, Self::status);
            }
            _ if route == ON_INVITE_JOIN_TEAM.name() => {
                self.read(body, |this, who| this.view.invitations.push(who));
            }
            _ if route == ON_APPLY_JOIN_TEAM.name() => {
                self.read(body, |this, who| this.view.applications.push(who));
            }
            _ if route == ON_INVITE_JOIN_TEAM_REPLY.name() || route == ON_APPLY_JOIN_TEAM_REPLY.name() => {
                self.read(body, |_, _: Reply| {});
            }
            _ if route == ON_DRAG_MEMBER.name() => self.read(body, |_, _: Drag| {}),
            _ => self.wrong.push(Anomaly::UnknownPush { route: route.to_owned() }),
        }
    }

    fn read<T: DeserializeOwned>(&mut self, body: &[u8], then: impl FnOnce(&mut Self, T)) {
        match serde_json::from_slice(body) {
            Ok(told) => then(self, told),
            Err(error) => {
                self.wrong.push(Anomaly::Unreadable { route: self.route(), error: error.to_string() });
            }
        }
    }

    fn route(&self) -> String {
        self.route.to_owned()
    }

    /// The player, who must be in an area to be told this.
    fn own(&mut self) -> Option<&mut Own> {
        if self.view.own.is_none() {
            self.wrong.push(Anomaly::BeforeScene { route: self.route.to_owned() });
        }
        self.view.own.as_mut()
    }

    fn is_own(&self, id: EntityId) -> bool {
        self.view.own.as_ref().is_some_and(|own| own.entity == id)
    }

    fn unknown(&mut self, entity: EntityId) {
        self.wrong.push(Anomaly::UnknownEntity { route: self.route(), entity });
    }

    fn not_own(&mut self, entity: EntityId) {
        self.wrong.push(Anomaly::NotOwn { route: self.route(), entity });
    }

    fn life(&mut self, entity: EntityId, is_dead: bool) {
        self.wrong.push(Anomaly::Life { route: self.route(), entity, is_dead });
    }

    fn added(&mut self, told: wire::Added) {
        if self.own().is_none() {
            return;
        }
        for entity in told.into_entities() {
            self.add(entity);
        }
    }

    fn add(&mut self, entity: super::Entity) {
        let id = entity.id;
        if self.is_own(id) {
            self.wrong.push(Anomaly::Own { route: self.route(), entity: id });
        } else if self.view.entities.insert(id, entity).is_some() {
            self.wrong.push(Anomaly::AddedTwice { route: self.route(), entity: id });
        }
    }

    fn removed(&mut self, told: wire::Removed) {
        if self.own().is_none() {
            return;
        }
        for id in told.entities {
            if self.is_own(id) {
                self.wrong.push(Anomaly::Own { route: self.route(), entity: id });
            } else if self.view.entities.remove(&id).is_none() {
                self.unknown(id);
            }
        }
    }

    fn moved(&mut self, told: wire::Move) {
        if told.path.is_empty() {
            let error = "an empty path".to_owned();
            self.wrong.push(Anomaly::Unreadable { route: self.route(), error });
            return;
        }
        let id = told.entity_id;
        let track = Track::walking(told.path.into_iter().map(Into::into).collect(), told.speed, self.now_ms);
        let is_dead = if self.is_own(id) {
            self.own().map(|own| {
                own.track = track;
                own.is_dead
            })
        } else {
            self.view.entities.get_mut(&id).map(|entity| {
                entity.track = track;
                entity.is_dead
            })
        };
        match is_dead {
            Some(true) => self.life(id, true),
            Some(false) => {}
            None => self.unknown(id),
        }
    }

    fn checkout(&mut self, told: wire::Checkout) {
        let now_ms = self.now_ms;
        let Some(own) = self.own() else { return };
        if own.entity != told.entity_id {
            self.not_own(told.entity_id);
            return;
        }
        let at = told.position.into();
        let is_doubtful = own.track.is_doubtful;
        if is_doubtful || own.track.at(now_ms).distance(at) > DRIFT_PX_MAX {
            own.track = if is_doubtful { Track::doubtful(at) } else { Track::standing(at) };
        }
        self.view.checkout = Some(at);
    }

    fn attacked(&mut self, told: wire::Attack) {
        let (now_ms, attacker, target) = (self.now_ms, told.attacker, told.target);
        let Some(own) = self.own() else { return };
        let is_kill = told.result.result == KILLED;
        if own.entity == attacker {
            own.track.stop(now_ms);
            own.mp = own.mp.saturating_sub(told.result.mp_use);
            if let Some(experience) = told.exp {
                own.experience = experience;
            }
            if own.is_dead {
                self.life(attacker, true);
            }
        } else if let Some(entity) = self.view.entities.get_mut(&attacker) {
            entity.track.stop(now_ms);
            if entity.is_dead {
                self.life(attacker, true);
            }
        } else {
            self.unknown(attacker);
        }
        self.hit(target, told.result.damage, is_kill);
        // Whoever does not know both drops the message, and is told of the things otherwise.
        for thing in told.result.items {
            self.add(thing.into_entity());
        }
        if is_kill && self.is_own(target) && told.revive_time.is_none() {
            let error = "the player is dead, and not told for how long".to_owned();
            self.wrong.push(Anomaly::Unreadable { route: self.route(), error });
        }
    }

    /// Somebody lost hit points. Who sees the attacker need not see the target.
    fn hit(&mut self, target: EntityId, damage: u32, is_kill: bool) {
        let now_ms = self.now_ms;
        let was_dead = if let Some(own) = self.view.own.as_mut().filter(|own| own.entity == target) {
            own.hp = own.hp.saturating_sub(damage);
            if is_kill {
                own.hp = 0;
                own.track.stop(now_ms);
            }
            let was_dead = own.is_dead;
            own.is_dead |= is_kill;
            was_dead
        } else if let Some(entity) = self.view.entities.get_mut(&target) {
            entity.hp = entity.hp.saturating_sub(damage);
            if is_kill {
                entity.hp = 0;
                entity.track.stop(now_ms);
            }
            let was_dead = entity.is_dead;
            entity.is_dead |= is_kill;
            if is_kill && entity.sort == Sort::Mob {
                self.view.entities.remove(&target);
            }
            was_dead
        } else {
            false
        };
        if was_dead {
            self.life(target, true);
        }
    }

    fn revived(&mut self, told: wire::Revive) {
        let id = told.entity_id;
        let (track, hp) = (Track::standing(Spot { x: told.x, y: told.y }.into()), told.hp);
        let was_dead = if self.is_own(id) {
            self.own().map(|own| {
                (own.track, own.hp) = (track, hp);
                mem::replace(&mut own.is_dead, false)
            })
        } else {
            self.view.entities.get_mut(&id).map(|entity| {
                (entity.track, entity.hp) = (track, hp);
                // To those whom its return brought it into sight it was shown alive.
                entity.is_dead = false;
                true
            })
        };
        match was_dead {
            Some(true) => {}
            Some(false) => self.life(id, false),
            None => self.unknown(id),
        }
    }

    fn picked(&mut self, told: wire::Picked) {
        if self.own().is_none() {
            return;
        }
        let Some(thing) = self.view.entities.remove(&told.item) else { return self.unknown(told.item) };
        if self.is_own(told.player) {
            let sort = if thing.sort == Sort::Item { hero::Sort::Item } else { hero::Sort::Equipment };
            let route = self.route();
            if let Some(own) = self.own()
                && !own.put(told.index, hero::Thing { id: thing.kind, sort })
            {
                self.wrong.push(Anomaly::Slot { route, slot: told.index });
            }
        } else if !self.view.entities.contains_key(&told.player) {
            self.unknown(told.player);
        }
    }

    fn rose(&mut self, told: wire::Figures) {
        let Some(own) = self.own() else { return };
        if own.entity == told.entity_id { own.set(told) } else { self.not_own(told.entity_id) }
    }

    fn fell(&mut self, told: wire::DropItems) {
        if self.own().is_some() {
            told.drop_items.into_iter().for_each(|thing| self.add(thing.into_entity()));
        }
    }

    fn talked(&mut self, told: wire::Talk) {
        if self.own().is_none() {
            return;
        }
        if !self.view.entities.get(&told.npc).is_some_and(|npc| npc.sort == Sort::Npc) {
            self.unknown(told.npc);
        }
        if told.npcword.is_empty() {
            let error = "npcword is empty".to_owned();
            self.wrong.push(Anomaly::Unreadable { route: self.route(), error });
        }
        let travel = told.action.filter(|action| action == "changeArea").and(told.params);
        self.view.talk = Some(Talk {
            npc: told.npc,
            words: told.npcword,
            answer: told.myword,
            travel: travel.map(|params| params.target),
        });
    }

    fn recovered(&mut self, told: HpMp) {
        if self.is_own(told.entity_id) {
            if let Some(own) = self.own() {
                (own.hp, own.mp) = (told.hp, told.mp);
            }
        } else if let Some(entity) = self.view.entities.get_mut(&told.entity_id) {
            entity.hp = told.hp;
        } else {
            self.unknown(told.entity_id);
        }
    }

    fn tasks(&mut self, told: BTreeMap<TaskId, TaskData>) {
        for (id, done) in told {
            let route = self.route();
            match self.own().map(|own| own.tasks.get_mut(&id)) {
                Some(Some(task)) => task.done = done,
                Some(None) => self.wrong.push(Anomaly::UnknownTask { route, task: id }),
                None => return,
            }
        }
    }

    fn completed(&mut self, told: TaskCompleted) {
        let route = self.route();
        match self.own().map(|own| own.tasks.get_mut(&told.task_id)) {
            Some(Some(task)) => task.is_complete = true,
            Some(None) => self.wrong.push(Anomaly::UnknownTask { route, task: told.task_id }),
            None => {}
        }
    }

    /// Told to the whole area: most are not in sight.
    fn user_left(&mut self, told: UserLeft) {
        self.view
            .entities
            .retain(|_, entity| entity.player.as_ref().is_none_or(|who| who.id != told.player_id));
    }

    fn team(&mut self, told: BTreeMap<PlayerId, lordofpomelo_world::team::MemberData>) {
        if let Some(own) = &mut self.view.own
            && let Some(member) = told.get(&own.id)
        {
            (own.team, own.is_captain) = (member.team_id.0, member.is_captain == 1);
        }
        self.view.team = told;
    }

    fn mate_left(&mut self, told: Player) {
        if self.view.own.as_ref().is_some_and(|own| own.id == told.player_id) {
            self.no_team();
        } else {
            self.view.team.remove(&told.player_id);
        }
    }

    fn no_team(&mut self) {
        self.view.team.clear();
        if let Some(own) = &mut self.view.own {
            (own.team, own.is_captain) = (0, false);
        }
    }

    fn status(&mut self, told: TeamStatus) {
        let is_captain = told.is_captain == 1;
        if let Some(own) = self.view.own.as_mut().filter(|own| own.id == told.player_id) {
            (own.team, own.is_captain) = (told.team_id.0, is_captain);
            return;
        }
        let mut known = self.view.entities.values_mut().filter_map(|entity| entity.player.as_mut());
        match known.find(|who| who.id == told.player_id) {
            Some(who) => (who.team, who.is_captain) = (told.team_id.0, is_captain),
            None => {
                self.wrong.push(Anomaly::UnknownPlayer { route: self.route(), player: told.player_id });
            }
        }
    }
}
