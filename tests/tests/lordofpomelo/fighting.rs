//! Fights: scenarios 6 to 8.

use std::{ops::RangeInclusive, rc::Rc};

use anyhow::{Context as _, Result, ensure};
use lordofpomelo_robot::{
    Entity, Player, Record, Sort,
    messages::area::{MOVE, Walk},
};
use lordofpomelo_world::{Point, hero::Hero, ids::EntityId, map::MobZone, rules::combat};
use serde_json::Value;
use tests::realm::{Stage, refused, thing, tough};

/// What a plain blow may take.
fn blow(attack: u32, defence: u32) -> RangeInclusive<u64> {
    let at = |luck| u64::from(combat::damage(attack, defence, 1.0, luck, u32::MAX));
    at(0.0)..=at(1.0 - f64::EPSILON)
}

/// The zone of these monsters of the desert.
fn zone(stage: &Stage, kind: u32, level: u32) -> Result<MobZone> {
    let zone = stage.map(1).zones.iter().find(|zone| (zone.kind, zone.level) == (kind, level));
    zone.cloned().with_context(|| format!("no zone of {kind} of level {level}"))
}

fn middle(zone: &MobZone) -> Point {
    Point::new(zone.rect.x + zone.rect.width / 2.0, zone.rect.y + zone.rect.height / 2.0)
}

/// How far a point is from a zone.
fn away(zone: &MobZone, at: Point) -> f64 {
    let near = |from: f64, size: f64, at: f64| at.clamp(from, from + size);
    Point::new(near(zone.rect.x, zone.rect.width, at.x), near(zone.rect.y, zone.rect.height, at.y))
        .distance(at)
}

pub(super) fn mob_of(record: &Record, kind: u32, level: u32) -> Option<Entity> {
    record.view.of(Sort::Mob).find(|mob| (mob.kind, mob.level) == (kind, level) && mob.is_alive()).cloned()
}

pub(crate) async fn a_monster_is_killed_blow_by_blow_and_lifts_its_killer(stage: Rc<Stage>) -> Result<()> {
    let zone = zone(&stage, 202, 1)?;
    let player = stage
        .enter("Knight", |hero| {
            tough(hero);
            hero.position = middle(&zone);
            // Ten for each harpy: the second one lifts the hero.
            hero.experience = 45;
        })
        .await?;
    let me = player.own()?.entity;
    let mark = player.mark();
    let mine = |body: &Value| body["attacker"] == me;
    let kills = |record: &Record, count: usize| {
        let blows = record.heard(mark).filter(|heard| heard.route == "onAttack");
        let mut blows: Vec<_> =
            blows.map(|heard| (heard.n, heard.at_ms, heard.json())).filter(|blow| mine(&blow.2)).collect();
        let last =
            blows.iter().enumerate().filter(|(_, blow)| blow.2["result"]["result"] == 2).nth(count - 1)?.0;
        blows.truncate(last + 1);
        Some(blows)
    };
    let mut blows = Vec::new();
    for count in 1..=2 {
        // Somebody else may be quicker with one of them.
        while player.look(|record| kills(record, count)).is_none() {
            let mob = player.eventually("a harpy of level 1", |record| mob_of(record, 202, 1)).await?;
            player.attack(mob.id).await?;
            let over = |record: &Record| record.view.entity(mob.id).is_none().then_some(());
            player.within(std::time::Duration::from_secs(30), "its end", over).await?;
        }
        blows = player.look(|record| kills(record, count)).context("no kill")?;
    }
    let range = blow(23, 8);
    for (_, _, body) in &blows {
        let (damage, result) =
            (body["result"]["damage"].as_u64().context("damage")?, &body["result"]["result"]);
        ensure!(body["skillId"] == 1, "{body}");
        ensure!(
            range.contains(&damage) || (*result == 2 && damage < *range.end()),
            "{damage} is not in {range:?}"
        );
    }
    let deaths: Vec<_> = blows.iter().filter(|blow| blow.2["result"]["result"] == 2).collect();
    ensure!(
        deaths[0].2["exp"] == 55 && deaths[1].2["exp"] == 65 - 58,
        "experience {} and {}",
        deaths[0].2,
        deaths[1].2
    );
    for (_, _, body) in &deaths {
        let things = body["result"]["items"].as_array().map_or(0, Vec::len);
        ensure!(things <= 2, "{things} things fell");
    }
    // 1.2 blows a second; how long the way here takes may shorten the first pause.
    let took_ms = blows[blows.len() - 1].1 - blows[0].1;
    let least_ms = (blows.len() as u64 - 1) * 1000 * 10 / 12;
    ensure!(took_ms * 2 > least_ms, "{} blows in {took_ms} ms", blows.len());
    let rise = player
        .look(|record| record.heard(mark).find(|heard| heard.route == "onUpgrade").cloned())
        .context("no rise")?;
    ensure!(rise.n < deaths[1].0, "the rise is told after the blow");
    let rise = rise.json();
    for (field, value) in [
        ("level", 2),
        ("experience", 7),
        ("nextLevelExp", 77),
        ("attackValue", 30),
        ("defenceValue", 12),
        ("skillPoint", 2),
    ] {
        ensure!(rise[field] == value, "{field} of {rise}");
    }
    ensure!(rise["hp"] == 1_000_066 && rise["maxHp"] == 1_000_066, "{rise}");
    Ok(())
}

pub(crate) async fn a_monster_notices_chases_strikes_and_gives_up(stage: Rc<Stage>) -> Result<()> {
    let zone = zone(&stage, 209, 15)?;
    let player = stage
        .enter("Bait", |hero| {
            tough(hero);
            hero.position = middle(&zone);
        })
        .await?;
    let me = player.own()?.entity;
    let mark = player.mark();
    leaves_its_peace(&player, &stage).await?;
    let patience = std::time::Duration::from_secs(30);
    let struck = |record: &Record| {
        let blows =
            record.heard(mark).filter(|heard| heard.route == "onAttack").map(lordofpomelo_robot::Heard::json);
        blows.into_iter().find(|body| body["target"] == me)
    };
    let body = player.within(patience, "a blow of a flower that noticed it", struck).await?;
    let row = stage.tables.character.get(209).context("no flower")?;
    let attack = lordofpomelo_world::rules::growth::mob_value(row.attack_value, 15, row.upgrade_param);
    let (damage, range) = (body["result"]["damage"].as_u64().context("damage")?, blow(attack, 9));
    ensure!(range.contains(&damage), "{damage} is not in {range:?}");
    let chaser: EntityId = serde_json::from_value(body["attacker"].clone())?;

    // Away, with the monster behind: it walks where the player went, and back when that is too far from home.
    let far = stage.near(1, Point::new(zone.rect.x + zone.rect.width + 900.0, middle(&zone).y))?;
    let flight = player.mark();
    player.go_to(far).await?;
    let end = |body: &Value, of: usize| -> Option<Point> {
        serde_json::from_value(body["path"].as_array()?.get(of)?.clone()).ok()
    };
    let walks = |record: &Record| {
        let moves =
            record.heard(flight).filter(|heard| heard.route == "onMove").map(lordofpomelo_robot::Heard::json);
        let of_chaser = moves.filter(|body| body["entityId"] == chaser);
        of_chaser
            .filter_map(|body| Some((end(&body, 0)?, end(&body, body["path"].as_array()?.len() - 1)?)))
            .collect::<Vec<_>>()
    };
    let back = |record: &Record| {
        let walks = walks(record);
        let chased = walks.iter().any(|(from, to)| to.distance(far) < from.distance(far));
        let last = walks.last().filter(|_| chased)?;
        (last.1.distance(far) > last.0.distance(far)).then_some(record.count())
    };
    let home = player.within(patience, "the monster chases and turns back", back).await?;
    let after = player.heard("onAttack", home);
    ensure!(
        !after.iter().any(|body| body["attacker"] == chaser && body["target"] == me),
        "it strikes from afar"
    );
    ensure!(away(&zone, player.position()) > 500.0, "the player did not flee");
    Ok(())
}

pub(crate) async fn the_dead_do_nothing_until_they_come_back(stage: Rc<Stage>) -> Result<()> {
    let zone = zone(&stage, 209, 20)?;
    let player = stage
        .enter("Mortal", |hero| {
            hero.position = middle(&zone);
            hero.stats.hp = 1;
            hero.bag.put(thing(lordofpomelo_world::hero::Sort::Item, 1));
        })
        .await?;
    let me = player.own()?.entity;
    let mark = player.mark();
    leaves_its_peace(&player, &stage).await?;
    let patience = std::time::Duration::from_secs(30);
    let dies = |record: &Record| {
        let blows = record.heard(mark).filter(|heard| heard.route == "onAttack");
        blows
            .map(|heard| (heard.at_ms, heard.json()))
            .find(|(_, body)| body["target"] == me && body["result"]["result"] == 2)
    };
    let (died_ms, death) = player.within(patience, "its death", dies).await?;
    ensure!(death["reviveTime"] == 5000, "{death}");
    let here = player.position();
    let path = vec![here, here];
    let walked: Result<lordofpomelo_robot::messages::Code, _> =
        player.client().request(MOVE, &Walk { path }).await;
    ensure!(refused(walked.map_err(Into::into))? == 500, "the dead walk");
    ensure!(refused(player.use_item(1).await)? == 500, "the dead eat");
    ensure!(refused(player.enter_scene().await)? == 500, "the dead come in anew");
    ensure!(refused(player.change_area(2).await)? >= 0, "the dead travel");
    let comes_back = |record: &Record| {
        let back =
            record.heard(mark).find(|heard| heard.route == "onRevive" && heard.json()["entityId"] == me);
        back.map(|heard| (heard.at_ms, heard.json()))
    };
    let (back_ms, back) = player.eventually("its return", comes_back).await?;
    ensure!(back_ms - died_ms > 3_000, "back after {} ms", back_ms - died_ms);
    ensure!(back["hp"] == 110, "{back}");
    let at: Point = serde_json::from_value(back)?;
    ensure!(stage.map(1).birth.contains(at), "it comes back at {at:?}");
    walks_a_little(&player, &stage).await?;
    player.use_item(1).await?;
    ensure!(player.own()?.hp == 210, "it ate a strawberry and has {:?}", player.own()?.hp);
    Ok(())
}

/// Who has come in is not noticed before it does something.
async fn leaves_its_peace(player: &Player, stage: &Stage) -> Result<()> {
    let here = player.position();
    player.walk_to(stage.near(1, Point::new(here.x + 20.0, here.y))?).await?;
    Ok(())
}

async fn walks_a_little(player: &Player, stage: &Stage) -> Result<()> {
    let here = player.position();
    player.go_to(stage.near(1, Point::new(here.x + 60.0, here.y + 40.0))?).await?;
    Ok(())
}

/// Players who fight each other, as heroes for this.
pub(super) fn boxer(at: Point) -> impl FnOnce(&mut Hero) {
    move |hero| {
        tough(hero);
        hero.position = at;
    }
}
