//! Skills: scenario 10.

use std::{rc::Rc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use lordofpomelo_robot::Record;
use lordofpomelo_world::{Point, hero::Sort, rules::combat};
use serde_json::Value;
use tests::realm::{Stage, refused, thing};

use crate::{belongings::comes_again, fighting::boxer};

const RING: Point = Point::new(3900.0, 1300.0);

pub(crate) async fn skills_are_learnt_and_raised_within_limits(stage: Rc<Stage>) -> Result<()> {
    let player = stage
        .enter("Pupil", |hero| {
            stage.raise(hero, 6);
            hero.skill_point = 1;
            hero.position = Point::new(RING.x, RING.y + 600.0);
        })
        .await?;
    for (skill, why) in [(1, "known"), (4, "of level 15"), (99, "none")] {
        ensure!(refused(player.learn_skill(skill).await)? == 0, "a skill that is {why}");
    }
    ensure!(refused(player.upgrade_skill(2).await)? == 0, "a skill that it does not have is raised");
    player.learn_skill(2).await?;
    player.learn_skill(3).await?;
    ensure!(refused(player.learn_skill(2).await)? == 0, "learnt twice");
    ensure!(
        refused(player.upgrade_skill(3).await)? == 0,
        "skill 3 is raised at level 6, which is for level 10"
    );
    player.upgrade_skill(2).await?;
    ensure!(refused(player.upgrade_skill(1).await)? == 0, "raised without a point");
    let own = player.own()?;
    ensure!(own.skills == [(1, 1), (2, 2), (3, 1)].into() && own.skill_points == 0, "{own:?}");
    comes_again(&stage, &player).await?;
    Ok(())
}

pub(crate) async fn skills_cost_mana_and_time(stage: Rc<Stage>) -> Result<()> {
    let post = stage.enter("Dummy", boxer(stage.near(1, RING)?)).await?;
    let near = stage.near(1, Point::new(RING.x + 40.0, RING.y))?;
    let player = stage
        .enter("Fencer", |hero| {
            boxer(near)(hero);
            stage.raise(hero, 5);
            (hero.stats.mp, hero.stats.max_mp) = (12, 1000);
            hero.learn(&stage.tables, 2);
            hero.bag.put(thing(Sort::Item, 13));
        })
        .await?;
    let (me, target) = (player.own()?.entity, post.own()?.entity);
    let attack = player.own()?.attack;
    player.eventually("the dummy in sight", |record| record.view.player("Dummy").map(|_| ())).await?;
    let mark = player.mark();
    player.use_skill(2).await?;
    player.attack(target).await?;
    let lunges = |record: &Record| {
        let blows =
            record.heard(mark).filter(|heard| heard.route == "onAttack").map(lordofpomelo_robot::Heard::json);
        blows.filter(|body| body["attacker"] == me && body["skillId"] == 2).collect::<Vec<Value>>()
    };
    let plain = |record: &Record| {
        let blows =
            record.heard(mark).filter(|heard| heard.route == "onAttack").map(lordofpomelo_robot::Heard::json);
        blows.filter(|body| body["attacker"] == me && body["skillId"] == 1).count()
    };
    player.eventually("a plain blow", |record| (plain(record) > 0).then_some(())).await?;
    ensure!(player.look(lunges).is_empty(), "a skill is used without a target");

    // Of many tries at once one succeeds: the others find it cooling down.
    for _ in 0..5 {
        player.use_skill(2).await?;
    }
    player.use_skill(3).await?;
    player.use_skill(7_777).await?;
    player.eventually("a lunge", |record| lunges(record).first().cloned()).await?;
    let blows = player.look(plain);
    player.eventually("two more plain blows", |record| (plain(record) >= blows + 2).then_some(())).await?;
    let told = player.look(lunges);
    ensure!(told.len() == 1, "{} lunges within the five seconds of one", told.len());
    let result = &told[0]["result"];
    let at = |luck| combat::damage(attack, 9, 1.2, luck, u32::MAX);
    let range = u64::from(at(0.0))..=u64::from(at(1.0 - f64::EPSILON));
    ensure!(
        result["mpUse"] == 5 && range.contains(&result["damage"].as_u64().context("damage")?),
        "{told:?}, {range:?}"
    );

    // It works again after five seconds, and a third time there is no mana for it.
    let again = async {
        loop {
            player.use_skill(2).await?;
            tokio::time::sleep(Duration::from_millis(500)).await;
            if player.look(|record| lunges(record).len()) >= 2 {
                return anyhow::Ok(());
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), again).await.context("no second lunge")??;
    ensure!(player.own()?.mp == 2, "mana {}", player.own()?.mp);
    let blows = player.look(plain);
    while player.look(plain) < blows + 8 {
        player.use_skill(2).await?;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    ensure!(player.look(lunges).len() == 2, "a lunge without mana");
    player.use_item(1).await?;
    player.use_skill(2).await?;
    player.eventually("a lunge after a ginseng", |record| (lunges(record).len() == 3).then_some(())).await?;
    Ok(())
}
