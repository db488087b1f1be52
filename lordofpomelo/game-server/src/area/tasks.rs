//! Handlers of tasks: which is next, taking it, handing it over. The chain's rules are the hero's (`world::hero::tasks`).

use std::collections::BTreeMap;

use lordofpomelo_store::Store;
use lordofpomelo_world::{
    area::Refused,
    data::{Condition, Task},
    hero::tasks::{TaskData, TaskState},
};
use pomelo::{Result, State};

use super::here::Here;
use crate::{
    clock::now_ms,
    messages::{
        Nothing, OK,
        area::{HandedOver, History, HistoryTask, NewTask, StartTask, Started, StartedTask, TaskRow},
    },
    resources::Resources,
};

/// The task that is open, or the next one.
pub(super) async fn get_new_task(here: Here, resources: State<Resources>, _: Nothing) -> Result<NewTask> {
    let tables = &resources.tables;
    let task = here.host.read(|area| area.hero(here.player).map(|hero| hero.current_task(tables)));
    Ok(NewTask { code: OK, task: task.ok_or(Refused::Absent)?.map(row) })
}

/// Takes a task: its row is stored first, and gives it the number that all later messages name.
pub(super) async fn start_task(
    here: Here,
    store: State<Store>,
    resources: State<Resources>,
    wanted: StartTask,
) -> Result<Started> {
    let (kind, tables) = (wanted.task_id.0, &resources.tables);
    let task = here.host.read(|area| {
        let hero = area.hero(here.player).ok_or(Refused::Absent)?;
        Ok::<_, Refused>(hero.may_start_task(tables, kind)?)
    })?;
    let id = store.add_task(here.player, kind, now_ms()).await?;
    here.host.with(|area, _| area.start_task(here.player, kind, id))?;
    let started = StartedTask {
        id,
        sort: task.kind.into(),
        name: task.name.clone(),
        accept_talk: task.accept_talk.clone(),
        work_talk: task.work_talk.clone(),
        finish_talk: task.finish_talk.clone(),
        item: task.item.to_string(),
        exp: task.exp,
        task_data: TaskData::default(),
        task_state: TaskState::InProgress.into(),
        complete_condition: condition(task.complete_condition),
    };
    Ok(Started { code: OK, task_data: Some(started), message: None })
}

/// Hands over all tasks that are done.
pub(super) async fn handover_task(here: Here, _: Nothing) -> Result<HandedOver> {
    let ids = here.host.with(|area, now_ms| area.hand_over_tasks(here.player, now_ms))?;
    Ok(HandedOver { code: OK, ids })
}

/// All tasks that were ever taken.
pub(super) async fn get_history_tasks(
    here: Here,
    resources: State<Resources>,
    _: Nothing,
) -> Result<History> {
    let tasks = here.host.read(|area| area.hero(here.player).map(|hero| hero.tasks.clone()));
    let tasks = tasks.ok_or(Refused::Absent)?.0.into_iter().filter_map(|task| {
        let row = resources.tables.task.get(task.kind_id)?;
        Some(HistoryTask {
            accept_talk: row.accept_talk.clone(),
            item: row.item.to_string(),
            name: row.name.clone(),
            id: task.id,
            exp: row.exp,
            task_data: task.task_data,
            task_state: task.task_state.into(),
        })
    });
    Ok(History { code: OK, route: "onGetHistoryTasks".into(), re_tasks: tasks.collect() })
}

fn row(task: &Task) -> TaskRow {
    TaskRow {
        id: task.id,
        name: task.name.clone(),
        sort: task.kind.into(),
        hero_level: task.hero_level,
        desc: task.desc.clone(),
        accept_talk: task.accept_talk.clone(),
        work_talk: task.work_talk.clone(),
        finish_talk: task.finish_talk.clone(),
        exp: task.exp,
        item: task.item.to_string(),
        complete_condition: condition(task.complete_condition),
    }
}

fn condition(condition: Condition) -> BTreeMap<u32, u32> {
    [(condition.kind, condition.count)].into()
}
