//! Walking, fighting, things, skills, tasks, travel.

use lordofpomelo::messages::{
    Nothing, Number,
    area::{
        ATTACK, Answer, AreaChanged, CHANGE_AREA, ChangeArea, DROP_ITEM, EQUIP, GET_HISTORY_TASKS,
        GET_NEW_TASK, HANDOVER_TASK, HandedOver, HistoryTask, LEARN_SKILL, Learnt, MOVE, Moved, NPC_TALK,
        NewTask, OfSkill, PICK_ITEM, START_TASK, Slot, StartTask, Started, Status, Target, TaskRow, UN_EQUIP,
        UPGRADE_SKILL, USE_ITEM, USE_SKILL, UnEquip, Used, Walk,
    },
    connector::{ServerTime, TIME_SYNC, TimeSync},
};
use lordofpomelo_world::{
    Point,
    hero::worn,
    ids::{EntityId, TaskId},
};

use super::Player;
use crate::{Line, PlayerError, Task, View};

impl<L: Line> Player<L> {
    /// Walks along these points, the first being where the player is. It walks at once; if the server does not let it, it stands at the
    /// first point again, until the server says where it is.
    ///
    /// # Errors
    /// Code 500 if the way can't be walked.
    pub async fn walk(&self, path: &[Point]) -> Result<(), PlayerError> {
        // The server's word on where the player is follows its refusal, and must not count before it.
        let _hold = self.hold();
        self.change(|view, now_ms| view.walk(path.to_vec(), now_ms));
        let walked = self.line.request(MOVE, &Walk { path: path.to_vec() }).await;
        if walked.is_err()
            && let Some(start) = path.first()
        {
            self.change(|view, _| view.astray(*start));
        }
        walked.map(|_code: lordofpomelo::messages::Code| ())
    }

    /// Begins to walk to a point, on the shortest way that the map has. Returns when the server has agreed, long before it
    /// [arrives](Self::arrives).
    ///
    /// # Errors
    /// [`PlayerError::NoWay`]; code 500 if the server does not let it.
    pub async fn walk_to(&self, to: Point) -> Result<(), PlayerError> {
        let here = self.position();
        let map = self.view(|view| view.map().cloned()).ok_or(PlayerError::NotInArea)?;
        let way = map.way(here, to).ok_or(PlayerError::NoWay)?;
        self.walk(&way.points).await
    }

    /// Walks to a point and waits until it is there.
    ///
    /// # Errors
    /// As of [`Self::walk_to`].
    pub async fn go_to(&self, to: Point) -> Result<(), PlayerError> {
        self.walk_to(to).await?;
        self.arrives().await;
        Ok(())
    }

    /// Goes for somebody until it is dead. The server walks the player there.
    ///
    /// # Errors
    /// As of the connection.
    pub async fn attack(&self, target: EntityId) -> Result<(), PlayerError> {
        self.change(View::stop);
        let Nothing {} = self.line.request(ATTACK, &aim(target)).await?;
        Ok(())
    }

    /// Uses a skill once on the target of the last [`Self::attack`].
    ///
    /// # Errors
    /// As of the connection.
    pub async fn use_skill(&self, skill: u32) -> Result<(), PlayerError> {
        self.line.notify(USE_SKILL, &OfSkill { skill_id: Number(skill) }).await
    }

    /// Goes to a thing on the ground and picks it up: `onPickItem` follows.
    ///
    /// # Errors
    /// Code 500 if there is no such thing.
    pub async fn pick(&self, target: EntityId) -> Result<(), PlayerError> {
        self.change(View::stop);
        self.line.request(PICK_ITEM, &aim(target)).await.map(|_: Answer| ())
    }

    /// Goes to an NPC and talks: `onNPCTalk` follows.
    ///
    /// # Errors
    /// As of the connection.
    pub async fn npc_talk(&self, npc: EntityId) -> Result<(), PlayerError> {
        self.change(View::stop);
        self.line.notify(NPC_TALK, &aim(npc)).await
    }

    /// Destroys what is in a slot.
    ///
    /// # Errors
    /// [`PlayerError::Refused`] if nothing is.
    pub async fn drop_item(&self, slot: u32) -> Result<(), PlayerError> {
        let _hold = self.hold();
        let Status { status } = self.line.request(DROP_ITEM, &at(slot)).await?;
        said(status, "to drop something")?;
        self.change(|view, _| view.dropped(slot));
        Ok(())
    }

    /// Eats or drinks what is in a slot.
    ///
    /// # Errors
    /// [`PlayerError::Refused`] if there is nothing of the kind.
    pub async fn use_item(&self, slot: u32) -> Result<(), PlayerError> {
        let _hold = self.hold();
        let Used { status, .. } = self.line.request(USE_ITEM, &at(slot)).await?;
        said(status, "to use something")?;
        let thing = self.view(|view| view.own().and_then(|own| own.bag.get(&slot).copied()));
        let gives = thing.and_then(|thing| self.resources.gives(thing.id)).unwrap_or_default();
        self.change(|view, _| view.used(slot, gives.0, gives.1));
        Ok(())
    }

    /// Puts on what is in a slot. The slot that what was worn there went to, if anything was.
    ///
    /// # Errors
    /// [`PlayerError::Refused`] if it is nothing to wear, or not yet.
    pub async fn equip(&self, slot: u32) -> Result<Option<u32>, PlayerError> {
        let _hold = self.hold();
        let Moved { status, bag_index } = self.line.request(EQUIP, &at(slot)).await?;
        said(status, "to put something on")?;
        let back = u32::try_from(bag_index).ok();
        let thing = self.view(|view| view.own().and_then(|own| own.bag.get(&slot).copied()));
        if let Some(piece) = thing.and_then(|thing| self.resources.piece(thing.id)) {
            let result = self.change(|view, _| view.equipped(slot, piece.place, back));
            self.noted(result);
        }
        Ok(back)
    }

    /// Takes off what is worn at a place (`weapon`), into the bag or destroying it. The slot, if it went into one.
    ///
    /// # Errors
    /// [`PlayerError::Refused`] if nothing is worn there, or the bag is full.
    pub async fn unequip(&self, place: &str, put_in_bag: bool) -> Result<Option<u32>, PlayerError> {
        let _hold = self.hold();
        let what = UnEquip { place: place.to_owned(), put_in_bag };
        let Moved { status, bag_index } = self.line.request(UN_EQUIP, &what).await?;
        said(status, "to take something off")?;
        let slot = u32::try_from(bag_index).ok();
        if let Some(place) = worn::place(place) {
            let result = self.change(|view, _| view.unequipped(place, slot));
            self.noted(result);
        }
        Ok(slot)
    }

    /// Learns a skill.
    ///
    /// # Errors
    /// [`PlayerError::Refused`] if it is known, or the level too low.
    pub async fn learn_skill(&self, skill: u32) -> Result<(), PlayerError> {
        let _hold = self.hold();
        let learnt: Learnt = self.line.request(LEARN_SKILL, &OfSkill { skill_id: Number(skill) }).await?;
        said(learnt.status, "to learn a skill")?;
        let level = learnt.skill.filter(|learnt| learnt.id == skill).map(|learnt| learnt.level);
        let level = level.ok_or(PlayerError::Refused { what: "an answer with the skill that was learnt" })?;
        self.change(|view, _| view.learnt(skill, level));
        Ok(())
    }

    /// Raises a skill.
    ///
    /// # Errors
    /// [`PlayerError::Refused`] if there are no points, or the level is too low.
    pub async fn upgrade_skill(&self, skill: u32) -> Result<(), PlayerError> {
        let _hold = self.hold();
        let what = OfSkill { skill_id: Number(skill) };
        let Status { status } = self.line.request(UPGRADE_SKILL, &what).await?;
        said(status, "to raise a skill")?;
        self.change(|view, _| view.upgraded(skill));
        Ok(())
    }

    /// The task that is open, or the next one to take; none if all are done.
    ///
    /// # Errors
    /// As of the connection.
    pub async fn new_task(&self) -> Result<Option<TaskRow>, PlayerError> {
        let NewTask { task, .. } = self.line.request(GET_NEW_TASK, &Nothing {}).await?;
        Ok(task)
    }

    /// Takes a task of the table. The number by which all that follows names it.
    ///
    /// # Errors
    /// Code 500 if it can't be taken.
    pub async fn start_task(&self, kind: u32) -> Result<TaskId, PlayerError> {
        let _hold = self.hold();
        let started: Started = self.line.request(START_TASK, &StartTask { task_id: Number(kind) }).await?;
        let data = started.task_data.ok_or(PlayerError::Refused { what: "an answer with the task" })?;
        let task = Task {
            name: data.name,
            exp: data.exp,
            is_complete: data.task_state == 1,
            done: data.task_data,
            condition: data.complete_condition,
        };
        self.change(|view, _| view.started(data.id, task));
        Ok(data.id)
    }

    /// Hands over all tasks that are done, and says which.
    ///
    /// # Errors
    /// As of the connection.
    pub async fn handover_task(&self) -> Result<Vec<TaskId>, PlayerError> {
        let _hold = self.hold();
        let HandedOver { ids, .. } = self.line.request(HANDOVER_TASK, &Nothing {}).await?;
        self.change(|view, _| view.handed_over(&ids));
        Ok(ids)
    }

    /// All tasks that were ever taken.
    ///
    /// # Errors
    /// As of the connection.
    pub async fn history_tasks(&self) -> Result<Vec<HistoryTask>, PlayerError> {
        Ok(self.line.request(GET_HISTORY_TASKS, &Nothing {}).await?.re_tasks)
    }

    /// Travels to another area, and comes into it.
    ///
    /// # Errors
    /// [`PlayerError::Refused`] if the player may not; as of [`Self::come_in`].
    pub async fn change_area(&self, target: u32) -> Result<(), PlayerError> {
        let changed: AreaChanged =
            self.line.request(CHANGE_AREA, &ChangeArea { target: Number(target) }).await?;
        said(changed.success, "to travel")?;
        self.come_in().await
    }

    /// The server's clock, in milliseconds since 1970.
    ///
    /// # Errors
    /// As of the connection.
    pub async fn time_sync(&self) -> Result<u64, PlayerError> {
        let ServerTime { server_time, .. } =
            self.line.request(TIME_SYNC, &TimeSync { client_time: 0.0 }).await?;
        Ok(server_time)
    }
}

fn aim(target: EntityId) -> Target {
    Target { target_id: Number(target) }
}

fn at(slot: u32) -> Slot {
    Slot { index: Number(slot) }
}

fn said(yes: bool, what: &'static str) -> Result<(), PlayerError> {
    if yes { Ok(()) } else { Err(PlayerError::Refused { what }) }
}
