//! Who sees whom: scenarios 3 and 4.

use std::{collections::BTreeSet, rc::Rc};

use anyhow::{Context as _, Result, ensure};
use lordofpomelo_robot::{Record, Sort};
use lordofpomelo_world::{Point, ids::EntityId};
use serde_json::Value;
use tests::realm::{Stage, tough};

/// Where nobody else stands.
const MEADOW: Point = Point::new(2000.0, 700.0);

pub(crate) async fn two_players_see_each_other_come_walk_and_leave(stage: Rc<Stage>) -> Result<()> {
    let at = |x: f64, y: f64| {
        move |hero: &mut lordofpomelo_world::hero::Hero| {
            tough(hero);
            hero.position = Point::new(x, y);
        }
    };
    let ann = stage.enter("Ann", at(MEADOW.x, MEADOW.y)).await?;
    let far = stage.enter("Far away", at(3900.0, 300.0)).await?;
    let (mark, far_mark) = (ann.mark(), far.mark());
    let bob = stage.enter("Bob", at(MEADOW.x + 100.0, MEADOW.y)).await?;
    ensure!(bob.view(|view| view.player("Ann").is_some()), "Bob is not told of Ann");
    ann.eventually("Bob in sight", |record| record.view.player("Bob").map(|_| ())).await?;
    let (ann_id, bob_id, bob_player) = (ann.own()?.entity, bob.own()?.entity, bob.own()?.id);

    let bob_mark = bob.mark();
    let here = ann.position();
    ann.walk_to(stage.near(1, Point::new(MEADOW.x, MEADOW.y + 120.0))?).await?;
    let moved = bob.hears("onMove", bob_mark, |body| body["entityId"] == ann_id).await?;
    ensure!(moved["speed"] == 240, "{moved}");
    let start = Point::new(number(&moved["path"][0]["x"])?, number(&moved["path"][0]["y"])?);
    ensure!(start.distance(here) < 2.0, "the walk begins at {start:?}, Ann was at {here:?}");
    ann.arrives().await;
    ensure!(said_of(&ann.heard("onMove", mark), ann_id).is_none(), "who walks is told of its walk");

    bob.quit().await;
    let gone =
        |body: &Value| body["entities"].as_array().is_some_and(|all| all.iter().any(|id| *id == bob_id));
    ann.hears("onRemoveEntities", mark, gone).await?;
    let left = |body: &Value| body["playerId"] == bob_player.0;
    ann.hears("onUserLeave", mark, left).await?;
    far.hears("onUserLeave", far_mark, left).await?;
    ensure!(
        far.heard("onMove", far_mark).iter().all(|body| body["entityId"] != ann_id),
        "seen from far away"
    );
    ensure!(
        !far.heard("onRemoveEntities", far_mark).iter().any(gone),
        "removed from where it was never seen"
    );
    Ok(())
}

fn number(value: &Value) -> Result<f64> {
    value.as_f64().with_context(|| format!("{value} is no number"))
}

fn said_of(said: &[Value], entity: EntityId) -> Option<&Value> {
    said.iter().find(|body| body["entityId"] == entity)
}

/// At each word of the server on where the walker is, what it was told to see of those who stand still is what is in its window there.
pub(crate) async fn a_view_is_its_window_wherever_one_walks(stage: Rc<Stage>) -> Result<()> {
    let mut posts = Vec::new();
    for (n, x) in (0..8).zip([700.0, 1000.0, 1350.0, 1650.0, 1950.0, 2250.0, 2600.0, 2900.0]) {
        let at = stage.near(1, Point::new(x, 420.0 + 90.0 * f64::from(n)))?;
        let post = stage
            .enter(&format!("Post {n}"), |hero| {
                tough(hero);
                hero.position = at;
            })
            .await?;
        posts.push((post.own()?.entity, at, post));
    }
    let walker = stage
        .enter("Walker", |hero| {
            tough(hero);
            hero.position = Point::new(420.0, 160.0);
            hero.stats.walk_speed = 600;
        })
        .await?;
    let still = |record: &Record| -> BTreeSet<EntityId> {
        let entities = record.view.entities();
        entities
            .filter(|one| one.sort == Sort::Npc || posts.iter().any(|post| post.0 == one.id))
            .map(|one| one.id)
            .collect()
    };
    // Which NPC has which number is told when it is first seen; each has a place of its own.
    let mut places: Vec<(EntityId, Point)> = posts.iter().map(|(id, at, _)| (*id, *at)).collect();
    let npcs = &stage.map(1).npcs;
    let (mark, mut told) = walker.look(|record| (record.count(), still(record)));
    learn_npcs(
        &mut places,
        walker.view(|view| view.of(Sort::Npc).map(|npc| (npc.id, npc.kind)).collect()),
        npcs,
    );
    for to in [
        Point::new(1500.0, 700.0),
        Point::new(3000.0, 900.0),
        Point::new(2300.0, 1700.0),
        Point::new(900.0, 1500.0),
    ] {
        walker.go_to(stage.near(1, to)?).await?;
    }
    let mut checks = 0;
    for heard in walker.look(|record| record.heard(mark).cloned().collect::<Vec<_>>()) {
        let body = heard.json();
        match heard.route.as_str() {
            "onAddEntities" => {
                let npcs_told =
                    listed(&body["npc"]).map(|npc| (id(&npc["entityId"]), id(&npc["kindId"]))).collect();
                learn_npcs(&mut places, npcs_told, npcs);
                let all = ["npc", "player"].into_iter().flat_map(|sort| listed(&body[sort]));
                let ids = all.map(|one| id(&one["entityId"]));
                told.extend(ids.filter(|id| places.iter().any(|place| place.0 == *id)));
            }
            "onRemoveEntities" => told.retain(|known| listed(&body["entities"]).all(|one| id(one) != *known)),
            "onPathCheckout" => {
                let at = Point::new(number(&body["position"]["x"])?, number(&body["position"]["y"])?);
                let window: BTreeSet<EntityId> = places
                    .iter()
                    .filter(|(_, place)| stage.sees(1, at, 2, *place))
                    .map(|(id, _)| *id)
                    .collect();
                ensure!(
                    told == window,
                    "at {at:?} (push {}) it sees {told:?}, its window has {window:?}",
                    heard.n
                );
                checks += 1;
            }
            _ => {}
        }
    }
    ensure!(checks >= 5, "the server said only {checks} times where it is");

    let all_seen = |range: i64| {
        let (here, places) = (walker.position(), places.clone());
        places
            .into_iter()
            .filter(|(_, at)| stage.sees(1, here, range, *at))
            .map(|(id, _)| id)
            .collect::<BTreeSet<_>>()
    };
    let known = |record: &Record| -> BTreeSet<EntityId> {
        still(record).into_iter().filter(|id| places.iter().any(|place| place.0 == *id)).collect()
    };
    for (width, range) in [(3000, 5), (400, 1), (1200, 2)] {
        walker.change_view(width, 300).await?;
        let window = all_seen(range);
        let what = format!("a view of {width} pixels");
        walker.eventually(&what, |record| (known(record) == window).then_some(())).await?;
    }
    Ok(())
}

/// Notes where NPCs that were seen stand.
fn learn_npcs(
    places: &mut Vec<(EntityId, Point)>,
    told: Vec<(EntityId, u32)>,
    npcs: &[lordofpomelo_world::map::NpcSpot],
) {
    for (id, kind) in told {
        if places.iter().all(|place| place.0 != id)
            && let Some(npc) = npcs.iter().find(|npc| npc.kind == kind)
        {
            places.push((id, npc.at));
        }
    }
}

fn listed(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn id(value: &Value) -> u32 {
    value.as_u64().and_then(|id| u32::try_from(id).ok()).unwrap_or_default()
}
