//! Tasks: scenario 12. What comes before a task in the chain was written into the database; each task itself is taken, done and handed
//! over by playing.

use std::{rc::Rc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use lordofpomelo_robot::{Record, Sort};
use lordofpomelo_world::{Point, hero::TaskState, map::MobZone};
use tests::realm::{Stage, mighty, refused};

/// A zone with monsters of this kind, with as many as possible.
fn zone(stage: &Stage, area: u32, kind: u32) -> Result<MobZone> {
    let zones = stage.map(area).zones.iter().filter(|zone| zone.kind == kind);
    zones.max_by_key(|zone| zone.number).cloned().with_context(|| format!("no zone of {kind} in area {area}"))
}

/// One task: in which area, what to kill, and how much of it was done before.
async fn done(stage: Rc<Stage>, kind: u32, area: u32, killed_before: u32) -> Result<()> {
    let row = stage.tables.task.get(kind).context("no such task")?;
    let (mob, count) = (row.complete_condition.kind, row.complete_condition.count);
    let zone = zone(&stage, area, mob)?;
    let at = Point::new(zone.rect.x + zone.rect.width / 2.0, zone.rect.y + zone.rect.height / 2.0);
    let account = stage
        .account(&format!("Tasker {kind}"), |hero| {
            stage.raise(hero, 90);
            mighty(hero);
            (hero.area_id, hero.position) = (area, at);
            hero.stats.walk_speed = 600;
        })
        .await?;
    for former in 1..kind {
        stage.give_task(&account, former, TaskState::HandedOver, 0).await?;
    }
    let begun = match killed_before {
        0 => None,
        killed => Some(stage.give_task(&account, kind, TaskState::InProgress, killed).await?),
    };
    let player = stage.sign_in(&account).await?;
    let task = player.new_task().await?.context("there is no next task")?;
    ensure!((task.id, task.exp) == (kind, row.exp), "{task:?}");
    let id = match begun {
        Some(id) => id,
        None => {
            ensure!(refused(player.start_task(kind + 1).await)? == 500, "task {} before {kind}", kind + 1);
            player.start_task(kind).await?
        }
    };
    ensure!(refused(player.start_task(kind).await)? == 500, "task {kind} is taken twice");
    ensure!(player.handover_task().await?.is_empty(), "it is handed over before it is done");

    let mark = player.mark();
    let completed = |record: &Record| {
        record
            .heard(mark)
            .any(|heard| heard.route == "onTaskCompleted" && heard.json()["taskId"] == id.0)
            .then_some(())
    };
    while player.look(completed).is_none() {
        let next = |record: &Record| {
            let mobs = record.view.of(Sort::Mob).filter(|one| one.kind == mob && one.is_alive());
            mobs.map(|one| one.id).next()
        };
        let target = player.within(Duration::from_secs(30), "a monster of its kind", next).await?;
        player.attack(target).await?;
        let over = |record: &Record| record.view.entity(target).is_none().then_some(());
        player.within(Duration::from_secs(20), "its death", over).await?;
    }
    let told: Vec<u64> = player
        .heard("onUpdateTaskData", mark)
        .iter()
        .filter_map(|body| body[id.to_string()]["mobKilled"].as_u64())
        .collect();
    let expected: Vec<u64> = (u64::from(killed_before) + 1..=u64::from(count)).collect();
    ensure!(told == expected, "it is told of {told:?} kills, not {expected:?}");

    // Nothing else is picked up or fought now: what changes is the reward.
    let (before, mark) = (player.own()?, player.mark());
    ensure!(player.handover_task().await? == [id], "it is not handed over");
    let fallen = player.hears("onDropItems", mark, |_| true).await?;
    let mut kinds: Vec<u64> = fallen["dropItems"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| one["kindId"].as_u64())
        .collect();
    kinds.sort_unstable();
    let mut promised: Vec<u64> = row.item.to_string().split(';').filter_map(|id| id.parse().ok()).collect();
    promised.sort_unstable();
    ensure!(kinds == promised, "{kinds:?} fell, {promised:?} was promised");
    ensure!(
        fallen["dropItems"][0]["heroLevel"].is_u64() && fallen["dropItems"][0]["imgId"].is_u64(),
        "{fallen}"
    );
    ensure!(player.own()?.tasks.is_empty(), "{:?}", player.own()?.tasks);
    ensure!(player.handover_task().await?.is_empty(), "it is handed over twice");
    let next = player.new_task().await?.map(|task| task.id);
    ensure!(next == stage.tables.task.get(kind + 1).map(|task| task.id), "after {kind} comes {next:?}");
    let history = player.history_tasks().await?;
    ensure!(history.len() == kind as usize && history.iter().all(|task| task.task_state == 2), "{history:?}");
    player.quit().await;
    let again = stage.sign_in(&account).await?;
    let experience = again.own()?.experience;
    ensure!(
        experience == before.experience + u64::from(row.exp),
        "{} and {} give {experience}",
        before.experience,
        row.exp
    );
    Ok(())
}

pub(crate) async fn the_first_task_brings_its_reward(stage: Rc<Stage>) -> Result<()> {
    done(stage, 1, 1, 0).await
}

pub(crate) async fn the_second_task_brings_its_reward(stage: Rc<Stage>) -> Result<()> {
    done(stage, 2, 1, 0).await
}

/// Of the horned ones there are few: nine of ten were killed before.
pub(crate) async fn the_third_task_brings_its_reward(stage: Rc<Stage>) -> Result<()> {
    done(stage, 3, 1, 9).await
}

pub(crate) async fn the_fourth_task_brings_its_reward(stage: Rc<Stage>) -> Result<()> {
    done(stage, 4, 2, 0).await
}

pub(crate) async fn the_last_task_brings_its_reward(stage: Rc<Stage>) -> Result<()> {
    done(stage, 5, 2, 0).await
}

pub(crate) async fn tasks_ask_for_their_level_and_order(stage: Rc<Stage>) -> Result<()> {
    let player = stage.enter("Novice", |hero| hero.position = Point::new(400.0, 120.0)).await?;
    ensure!(player.new_task().await?.map(|task| task.id) == Some(1), "the first task comes first");
    for (task, why) in [(1, "for level 3"), (2, "the second"), (0, "none"), (6, "none")] {
        ensure!(refused(player.start_task(task).await)? == 500, "task {task}, which is {why}, is taken");
    }
    ensure!(player.history_tasks().await?.is_empty(), "it took none");
    Ok(())
}
