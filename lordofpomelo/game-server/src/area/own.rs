//! A player as it sees itself: figures, bag, equipment, skills and tasks together.

use lordofpomelo_world::{
    area::Area,
    data::Tables,
    hero::{
        Hero,
        bag::SLOTS,
        tasks::{HeroTask, TaskData},
    },
    ids::PlayerId,
};

use crate::messages::area::{Bag, BagItem, CurPlayer, CurTask, SkillLevel};

/// The player of the area, for `enterScene`; `None` if it is not there.
pub(super) fn cur_player(area: &Area, player: PlayerId, tables: &Tables) -> Option<CurPlayer> {
    let (own, hero) = (area.own_view(player)?, area.hero(player)?);
    Some(CurPlayer {
        own,
        sort: "player".into(),
        bag: bag(hero),
        equipments: hero.equipments.clone(),
        fight_skills: hero
            .skills
            .iter()
            .map(|skill| SkillLevel { id: skill.id, level: skill.level })
            .collect(),
        cur_tasks: hero.tasks.open().filter_map(|task| cur_task(task, tables)).collect(),
    })
}

fn bag(hero: &Hero) -> Bag {
    let items = hero.bag.iter().map(|(key, thing)| BagItem { key, id: thing.id, sort: thing.sort });
    Bag { item_count: SLOTS, items: items.collect() }
}

/// `None` for a task that is not in the table any more.
fn cur_task(task: &HeroTask, tables: &Tables) -> Option<CurTask> {
    let row = tables.task.get(task.kind_id)?;
    Some(CurTask {
        accept_talk: row.accept_talk.clone(),
        work_talk: row.work_talk.clone(),
        finish_talk: row.finish_talk.clone(),
        item: row.item.to_string(),
        name: row.name.clone(),
        id: task.id,
        exp: row.exp,
        sort: row.kind.into(),
        task_state: task.task_state.into(),
        task_data: data(task.task_data),
        complete_condition: row.complete_condition.to_string(),
    })
}

fn data(data: TaskData) -> String {
    serde_json::json!({ "mobKilled": data.mob_killed, "playerKilled": data.player_killed }).to_string()
}
