//! Bag and equipment: scenario 9, and what of cheating is a matter of things.

use std::{rc::Rc, sync::Arc};

use anyhow::{Context as _, Result, ensure};
use lordofpomelo_robot::{
    Player, Record,
    messages::area::{ADD_ITEM, Added},
};
use lordofpomelo_world::{
    Point,
    data::Place,
    hero::{Sort, TaskState},
    ids::EntityId,
};
use serde_json::json;
use tests::realm::{Stage, refused, thing};

const FIELD: Point = Point::new(3500.0, 700.0);

/// Signs in anew: what the player knows of itself must be the same as before.
pub(super) async fn comes_again(stage: &Stage, player: &Player) -> Result<Arc<Player>> {
    let mut before = player.own()?;
    let account = stage.accounts.account(&before.name).await?;
    player.quit().await;
    let again = stage.sign_in(&account).await?;
    let after = again.own()?;
    before.entity = after.entity;
    let values = |own: &lordofpomelo_robot::Own| {
        let figures = (
            own.level,
            own.hp,
            own.max_hp,
            own.mp,
            own.experience,
            own.skill_points,
            own.attack,
            own.defence,
        );
        (own.id, figures, own.bag.clone(), own.worn.clone(), own.skills.clone(), own.tasks.clone())
    };
    ensure!(values(&before) == values(&after), "before it signed in anew:\n{before:?}\nafter:\n{after:?}");
    Ok(again)
}

pub(crate) async fn things_are_picked_up_until_the_bag_is_full(stage: Rc<Stage>) -> Result<()> {
    let account = stage
        .account("Porter", |hero| {
            hero.position = FIELD;
            for _ in 0..19 {
                hero.bag.put(thing(Sort::Item, 1));
            }
        })
        .await?;
    let task = stage.give_task(&account, 1, TaskState::Complete, 3).await?;
    let porter = stage.sign_in(&account).await?;
    let thief = stage.enter("Thief", |hero| hero.position = Point::new(FIELD.x + 560.0, FIELD.y)).await?;
    ensure!(porter.handover_task().await? == [task], "the task is not handed over");
    let fallen = |record: &Record| {
        let mut things: Vec<EntityId> =
            record.view.entities().filter(|one| one.is_thing()).map(|one| one.id).collect();
        things.sort_unstable();
        (things.len() >= 2).then_some(things)
    };
    let things = porter.eventually("the reward on the ground", fallen).await?;
    let (first, second) = (things[0], things[1]);
    thief.eventually("the reward in sight", |record| record.view.entity(second).map(|_| ())).await?;

    let mark = porter.mark();
    porter.pick(first).await?;
    let picked = porter.hears("onPickItem", mark, |body| body["item"] == first).await?;
    ensure!(picked["index"] == 20 && porter.own()?.is_bag_full(), "{picked}");
    porter.pick(second).await?;
    // Answers come in order: the server has looked at the full bag when it has looked at what follows a second later.
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    ensure!(porter.view(|view| view.entity(second).is_some()), "the bag is full, and the thing is gone");

    // Somebody else, from afar: what belongs to another for a while it does not get, and then it has to go there.
    let thief_mark = thief.mark();
    ensure!(refused(thief.pick(4_000_000).await)? == 500, "a thing that is not there");
    ensure!(refused(thief.pick(porter.own()?.entity).await)? == 500, "a player is picked up");
    thief.pick(second).await?;
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    ensure!(thief.heard("onPickItem", thief_mark).is_empty(), "it takes what is another's");
    let me = thief.own()?.entity;
    let gone = thief.within(std::time::Duration::from_secs(20), "the thing in the thief's bag", |record| {
        record
            .heard(thief_mark)
            .find(|heard| heard.route == "onPickItem" && heard.json()["player"] == me)
            .map(|_| ())
    });
    let trying = async {
        loop {
            // Refused once it is gone.
            let _ = thief.pick(second).await;
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        }
    };
    tokio::select! {
        gone = gone => gone?,
        () = trying => {}
    }
    let walked = thief.heard("onMove", thief_mark).into_iter().any(|body| body["entityId"] == me);
    ensure!(walked, "it took from afar");

    let added: Added =
        porter.client().request(ADD_ITEM, &json!({ "item": { "id": 12, "type": "equipment" } })).await?;
    ensure!(added.bag_index == -1, "things come from nowhere: {added:?}");
    comes_again(&stage, &porter).await?;
    comes_again(&stage, &thief).await?;
    Ok(())
}

pub(crate) async fn things_are_eaten_worn_and_destroyed(stage: Rc<Stage>) -> Result<()> {
    let sword = |id| thing(Sort::Equipment, id);
    let player = stage
        .enter("Dandy", |hero| {
            stage.raise(hero, 12);
            hero.stats.hp = 100;
            hero.position = Point::new(FIELD.x, FIELD.y + 300.0);
            // Cutlass (level 4), sabre (12), falchion (20); an item with the number of a weapon.
            for one in [sword(1), sword(2), sword(3), thing(Sort::Item, 2), thing(Sort::Item, 1)] {
                hero.bag.put(one);
            }
        })
        .await?;
    player.use_item(4).await?;
    ensure!(player.own()?.hp == 400, "a peach gives 300: {}", player.own()?.hp);
    for (slot, what) in [(4, "an empty slot"), (1, "a weapon"), (0, "no slot"), (21, "no slot")] {
        ensure!(refused(player.use_item(slot).await)? == 0, "{what} is eaten");
    }
    ensure!(player.equip(1).await?.is_none(), "something was worn before");
    ensure!(refused(player.equip(3).await)? == 0, "a weapon of level 20 is worn at 12");
    ensure!(refused(player.equip(5).await)? == 0, "an item is worn");
    let back = player.equip(2).await?;
    ensure!(back == Some(1), "the cutlass goes to the first free slot, not {back:?}");
    ensure!(player.own()?.worn.at(Place::Weapon) == Some(2), "{:?}", player.own()?.worn);
    player.drop_item(5).await?;
    ensure!(refused(player.drop_item(5).await)? == 0, "nothing is destroyed");
    ensure!(refused(player.unequip("hat", true).await)? == 0, "a place that is none");
    ensure!(refused(player.unequip("ring", true).await)? == 0, "a ring that is not worn");
    let slot = player.unequip("Weapon", true).await?;
    ensure!(slot == Some(2), "it goes to the first free slot, not {slot:?}");
    let player = comes_again(&stage, &player).await?;
    let bag = player.own()?.bag;
    ensure!(bag == [(1, sword(1)), (2, sword(2)), (3, sword(3))].into(), "{bag:?}");
    player.equip(2).await?;
    player.unequip("weapon", false).await?;
    ensure!(
        player.own()?.worn.at(Place::Weapon).is_none() && player.own()?.bag.len() == 2,
        "{:?}",
        player.own()?
    );
    comes_again(&stage, &player).await?;
    Ok(())
}

pub(crate) async fn a_full_bag_loses_nothing(stage: Rc<Stage>) -> Result<()> {
    let player = stage
        .enter("Hoarder", |hero| {
            stage.raise(hero, 12);
            hero.position = Point::new(FIELD.x + 300.0, FIELD.y + 300.0);
            hero.equipments.put(Place::Weapon, Some(1));
            hero.bag.put(thing(Sort::Equipment, 2));
            for _ in 0..19 {
                hero.bag.put(thing(Sort::Item, 1));
            }
        })
        .await?;
    ensure!(refused(player.unequip("weapon", true).await)? == 0, "taken off into a full bag");
    ensure!(player.equip(1).await? == Some(1), "the piece changes places with the one worn");
    let own = player.own()?;
    ensure!(own.is_bag_full() && own.worn.at(Place::Weapon) == Some(2), "{own:?}");
    ensure!(own.bag.get(&1).context("slot 1")?.id == 1, "{own:?}");
    comes_again(&stage, &player).await?;
    Ok(())
}
