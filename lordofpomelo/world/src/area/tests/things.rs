//! Drops, bag, equipment, tasks, talk and travel.

use super::*;
use crate::data::Place;
use crate::hero::bag::SLOTS;
use crate::hero::tasks::{TaskData, TaskError};
use crate::hero::{Sort, TaskState};
use crate::ids::TaskId;

const ME: PlayerId = PlayerId(1);

fn bag(play: &Play) -> Vec<(u32, u32)> {
    play.area.hero(ME).unwrap().bag.iter().map(|(slot, thing)| (slot, thing.id)).collect()
}

fn give(play: &mut Play, id: u32, sort: Sort) {
    let ann = play.area.entity_of(ME).unwrap();
    play.area.player_mut(ann).unwrap().hero.bag.put(crate::hero::Thing { id, sort }).unwrap();
}

#[test]
fn what_is_picked_up_is_walked_to_first() {
    let mut play = Play::empty();
    let ann = play.join(1, p(300.0, 400.0));
    let bob = play.join(2, p(500.0, 400.0));
    let apple = play.lay(1, Sort::Item, p(700.0, 400.0));
    play.area.pick(ME, apple).unwrap();
    play.until("it is picked up", |play| !bag(play).is_empty());
    assert_eq!(bag(&play), [(1, 1)]);
    assert!(play.position(ann).distance(p(700.0, 400.0)) <= PICK_REACH_PX);
    let picked = PickItem { player: ann, item: apple, index: 1 };
    assert!(play.heard(bob).contains(&Push::PickItem(picked)));
    assert_eq!(play.target(ann), None);
    assert!(play.area.take_unsaved().iter().any(|(id, marks)| *id == ME && marks.bag));
}

#[test]
fn a_full_bag_leaves_the_thing_where_it_is() {
    let mut play = Play::empty();
    let ann = play.join(1, p(300.0, 400.0));
    for _ in 0..SLOTS {
        give(&mut play, 1, Sort::Item);
    }
    let apple = play.lay(2, Sort::Item, p(350.0, 400.0));
    play.area.pick(ME, apple).unwrap();
    play.ticks(2);
    assert_eq!(play.target(ann), None);
    assert!(play.area.entities.get(apple).is_some());
    assert!(play.area.drop_item(ME, 7).unwrap());
    assert!(!play.area.drop_item(ME, 7).unwrap(), "it is empty now");
    play.area.pick(ME, apple).unwrap();
    play.ticks(2);
    assert_eq!(play.area.hero(ME).unwrap().bag.get(7).unwrap().id, 2);
}

#[test]
fn things_vanish_after_half_a_minute_for_those_who_see_them() {
    let mut play = Play::empty();
    let ann = play.join(1, p(300.0, 400.0));
    let eve = play.join(3, p(3000.0, 2000.0));
    let apple = play.lay(1, Sort::Item, p(350.0, 400.0));
    play.ticks(299);
    assert!(play.area.entities.get(apple).is_some());
    play.heard(ann);
    play.ticks(1);
    assert_eq!(play.heard(ann), [Push::RemoveEntities(vec![apple])]);
    assert!(play.heard(eve).is_empty(), "D-32: the original told the whole area");
    assert_eq!(play.area.pick(ME, apple), Err(Refused::Target));
}

#[test]
fn for_ten_seconds_only_the_killer_may_take_what_fell() {
    let mut play = Play::new(vec![zone_at(202, 1, p(450.0, 400.0))], Vec::new(), Rules::default());
    let ann = play.join(1, p(400.0, 400.0));
    play.enter(Play::veteran(2, 20, p(460.0, 420.0)));
    let mut fallen = None;
    while fallen.is_none() {
        play.until("a harpy is there", |play| play.area.counts().mobs == 1);
        let (mob, at) = (play.mob(), play.position(play.mob()));
        play.area.relocate(ann, at);
        play.hear();
        play.area.attack(ME, mob).unwrap();
        play.until("it is dead", |play| play.area.counts().mobs == 0);
        fallen = play.area.entities.things.back().map(|(_, id)| *id);
    }
    let (thing, fell_ms) = (fallen.unwrap(), play.now_ms);
    assert_eq!(play.area.entities.get(thing).map(|thing| thing.kind_id > 0), Some(true));
    let bag_of_bob = |play: &Play| play.area.hero(PlayerId(2)).unwrap().bag.iter().count();
    let at = play.position(thing);
    let bob = play.area.entity_of(PlayerId(2)).unwrap();
    play.area.relocate(bob, at);
    play.hear();
    play.area.pick(PlayerId(2), thing).unwrap();
    play.ticks(3);
    assert_eq!(bag_of_bob(&play), 0);
    while play.now_ms < fell_ms + THING_OWNED_MS {
        play.ticks(1);
    }
    play.area.pick(PlayerId(2), thing).unwrap();
    play.ticks(1);
    assert_eq!(bag_of_bob(&play), 1);
}

#[test]
fn an_item_heals_up_to_the_maximum_and_is_gone() {
    let mut play = Play::empty();
    let ann = play.join(1, p(300.0, 400.0));
    give(&mut play, 1, Sort::Item);
    give(&mut play, 4, Sort::Item);
    give(&mut play, 1, Sort::Equipment);
    let stats = &mut play.area.player_mut(ann).unwrap().hero.stats;
    (stats.hp, stats.mp) = (50, 0);
    assert!(play.area.use_item(ME, 1).unwrap());
    assert_eq!((play.stats(ann).hp, play.stats(ann).mp), (150, 0));
    assert!(play.area.use_item(ME, 2).unwrap());
    assert_eq!((play.stats(ann).hp, play.stats(ann).mp), (220, 20));
    assert!(!play.area.use_item(ME, 2).unwrap());
    assert!(!play.area.use_item(ME, 3).unwrap(), "that is to be worn");
    assert_eq!(bag(&play), [(3, 1)]);
}

/// D-22: the original lost the old piece with a full bag, and let items be worn that had the number of a piece.
#[test]
fn equipment_changes_places_even_with_a_full_bag() {
    let mut play = Play::empty();
    let ann = play.enter(Play::veteran(1, 12, p(300.0, 400.0)));
    give(&mut play, 1, Sort::Equipment);
    give(&mut play, 2, Sort::Equipment);
    give(&mut play, 3, Sort::Equipment);
    while !play.area.hero(ME).unwrap().bag.is_full() {
        give(&mut play, 1, Sort::Item);
    }
    let base = play.stats(ann).attack_value;
    let attack = |play: &Play| play.area.entities.get(ann).unwrap().life().unwrap().attack;
    assert_eq!(play.area.equip(ME, 1), Ok(None));
    assert_eq!(attack(&play), base + 33);
    give(&mut play, 9, Sort::Item);
    assert_eq!(play.area.equip(ME, 2), Ok(Some(2)), "where the new one came from");
    assert_eq!(attack(&play), base + 52);
    assert_eq!(play.area.equip(ME, 3), Err(Refused::Worn(WornError::Level(20))));
    assert_eq!(
        play.area.equip(ME, 4),
        Err(Refused::Worn(WornError::NoEquipment(4))),
        "an item with the number of a sword"
    );
    assert_eq!(play.area.unequip(ME, Place::Weapon, true), Err(Refused::Worn(WornError::BagFull)));
    assert_eq!(play.area.unequip(ME, Place::Ring, true), Err(Refused::Worn(WornError::NothingWorn)));
    play.area.drop_item(ME, 5).unwrap();
    assert_eq!(play.area.unequip(ME, Place::Weapon, true), Ok(Some(5)));
    assert_eq!(attack(&play), base);
    assert_eq!(play.area.equip(ME, 5), Ok(None));
    assert_eq!(play.area.unequip(ME, Place::Weapon, false), Ok(None), "destroyed");
    assert_eq!(attack(&play), base);
}

#[test]
fn tasks_come_one_after_the_other_and_count_kills() {
    let mut play = Play::new(vec![zone_at(202, 1, p(450.0, 400.0))], Vec::new(), Rules::default());
    play.join(1, p(400.0, 400.0));
    assert_eq!(play.area.start_task(ME, 1, TaskId(50)), Err(Refused::Task(TaskError::Level(3))));
    play.leave(1, Farewell::Travels);
    let ann = play.enter(Play::veteran(1, 30, p(400.0, 400.0)));
    assert_eq!(play.area.hero(ME).unwrap().current_task(&TABLES).unwrap().id, 1);
    assert_eq!(play.area.start_task(ME, 2, TaskId(50)), Err(Refused::Task(TaskError::Before(1))));
    assert_eq!(play.area.start_task(ME, 6, TaskId(50)), Err(Refused::Task(TaskError::Unknown(6))));
    assert_eq!(play.area.start_task(ME, 1, TaskId(50)), Ok(()));
    assert_eq!(play.area.start_task(ME, 1, TaskId(51)), Err(Refused::Task(TaskError::Taken(1))));

    for kills in 1..=3 {
        play.until("a harpy is there", |play| play.area.counts().mobs == 1);
        let (mob, at) = (play.mob(), play.position(play.mob()));
        play.area.relocate(ann, at);
        play.hear();
        play.heard(ann);
        play.area.attack(ME, mob).unwrap();
        play.until("it is dead", |play| play.area.counts().mobs == 0);
        let heard = play.heard(ann);
        let data = TaskData { mob_killed: kills, player_killed: 0 };
        assert!(heard.contains(&Push::UpdateTaskData(vec![(TaskId(50), data)])), "{heard:?}");
        assert_eq!(heard.contains(&Push::TaskCompleted(TaskId(50))), kills == 3);
    }
    assert_eq!(
        play.area.start_task(ME, 2, TaskId(51)),
        Err(Refused::Task(TaskError::Before(1))),
        "not handed over"
    );

    let experience = play.area.hero(ME).unwrap().experience;
    let bob = play.join(2, p(420.0, 400.0));
    play.heard(bob);
    assert_eq!(play.area.hand_over_tasks(ME, play.now_ms).unwrap(), [TaskId(50)]);
    play.hear();
    let hero = play.area.hero(ME).unwrap();
    assert_eq!(hero.experience, experience + 100);
    assert_eq!(hero.tasks.0[0].task_state, TaskState::HandedOver);
    let heard = play.heard(ann);
    let Some(Push::DropItems(fallen)) = heard.last() else { panic!("{heard:?}") };
    assert_eq!(fallen.iter().map(|thing| thing.kind_id).collect::<Vec<_>>(), [1, 25]);
    let at = play.position(ann);
    assert!(fallen.iter().all(|thing| Point::from(thing.at).distance(at) <= 71.0));
    assert!(
        play.heard(bob).iter().all(|push| matches!(push, Push::AddEntities(_))),
        "others see things fall"
    );
    assert_eq!(play.area.hand_over_tasks(ME, play.now_ms).unwrap(), []);
    assert_eq!(play.area.start_task(ME, 2, TaskId(51)), Ok(()));
    assert_eq!(play.area.hero(ME).unwrap().current_task(&TABLES).unwrap().id, 2);
}

#[test]
fn an_npc_is_walked_to_and_speaks() {
    let npcs = vec![NpcSpot { kind: 301, at: p(900.0, 400.0) }, NpcSpot { kind: 304, at: p(300.0, 420.0) }];
    let mut play = Play::new(Vec::new(), npcs, Rules::default());
    let ann = play.join(1, p(300.0, 400.0));
    let [guide, other] = [play.area.entities.npcs[0], play.area.entities.npcs[1]];
    for (npc, travel) in [(guide, Some(2)), (other, None)] {
        let at = play.position(npc);
        play.area.relocate(ann, p(at.x - 250.0, at.y));
        play.hear();
        play.area.npc_talk(ME, npc).unwrap();
        play.heard(ann);
        let mut said = None;
        play.until("it speaks", |play| {
            said = play
                .heard(ann)
                .into_iter()
                .find_map(|push| if let Push::NpcTalk(talk) = push { Some(talk) } else { None });
            said.is_some()
        });
        let said = said.unwrap();
        assert_eq!((said.npc, said.travel), (npc, travel));
        assert!(!said.npcword.is_empty());
        assert!(play.position(ann).distance(at) <= 100.0);
    }
    assert_eq!(play.area.npc_talk(ME, ann), Err(Refused::Target));
}

/// D-16: the original took players from anywhere to anywhere.
#[test]
fn one_travels_only_where_an_npc_nearby_leads() {
    let npcs = vec![NpcSpot { kind: 301, at: p(900.0, 400.0) }];
    let mut play = Play::new(Vec::new(), npcs, Rules::default());
    let ann = play.join(1, p(300.0, 400.0));
    assert_eq!(play.area.may_travel(ME, 2), Ok(()));
    for elsewhere in [1, 3, 4, 77] {
        assert_eq!(play.area.may_travel(ME, elsewhere), Err(Refused::Unreachable));
    }
    play.area.relocate(ann, p(299.0, 400.0));
    assert_eq!(play.area.may_travel(ME, 2), Err(Refused::Unreachable), "601 px away");
}

#[test]
fn kinds_for_loading_name_what_is_there_and_what_may_come() {
    let npcs = vec![NpcSpot { kind: 301, at: p(900.0, 400.0) }];
    let mut play = Play::new(vec![zone_at(202, 1, p(450.0, 400.0))], npcs, Rules::default());
    play.join(1, p(300.0, 400.0));
    play.lay(7, Sort::Equipment, p(300.0, 300.0));
    let kinds = play.area.kinds();
    let lists = [kinds.players, kinds.mobs, kinds.npcs, kinds.items, kinds.equipments];
    assert_eq!(
        lists.map(|kinds| kinds.into_iter().collect::<Vec<_>>()),
        [vec![210], vec![202], vec![301], vec![], vec![7]]
    );
}
