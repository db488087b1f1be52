//! Messages as the servers make them fit their definitions: nothing required is missing, which clients would get an empty body for,
//! and nothing is lost on the way.

use std::{borrow::Cow, collections::BTreeSet};

use lordofpomelo::messages::{area, pushes};
use lordofpomelo_world::{
    area::{
        Attack, AttackResult, MobView, Move, NpcView, OwnView, PickItem, PlayerView, Revive, Spot, ThingView,
        Views,
    },
    hero::{Sort, Worn},
    ids::{PlayerId, TaskId},
    map::Run,
};
use pomelo_protocol::protobuf::Required;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::protos;

const AT: Spot = Spot { x: 640, y: 0 };

fn thing(sort: Sort) -> ThingView {
    ThingView { entity_id: 7, kind_id: 25, at: AT, player_id: PlayerId(0), sort }
}

fn player() -> PlayerView {
    PlayerView {
        entity_id: 4_294_967,
        kind_id: 210,
        at: AT,
        level: 100,
        walk_speed: 240,
        hp: 0,
        max_hp: 220,
        mp: 0,
        max_mp: 20,
        id: PlayerId(12),
        name: "小明 the 3rd".into(),
        team_id: 0,
        is_captain: 0,
    }
}

fn own() -> OwnView {
    OwnView {
        shown: player(),
        kind_name: "Angel".into(),
        area_id: 1,
        experience: 1 << 40,
        attack_value: 23,
        defence_value: 9,
        attack_speed: 1.2,
        hit_rate: 90,
        dodge_rate: 13,
        next_level_exp: 1 << 41,
        skill_point: 0,
    }
}

fn views() -> Views {
    let (entity_id, kind_id) = (3, 202);
    Views {
        npc: vec![NpcView { entity_id, kind_id: 301, at: AT }],
        mob: vec![MobView { entity_id, kind_id, at: AT, level: 5, walk_speed: 160, hp: 60, max_hp: 60 }],
        item: vec![thing(Sort::Item)],
        equipment: vec![thing(Sort::Equipment)],
        player: vec![player(), player()],
    }
}

fn attack(items: Vec<ThingView>, more: Option<u64>) -> Attack {
    let result = AttackResult { result: 2, damage: 37, mp_use: 5, items };
    Attack { attacker: 5, target: 9, result, skill_id: 1, exp: more, revive_time: more }
}

fn talk(travels: bool) -> pushes::Talk {
    pushes::Talk {
        npc: 3,
        npcword: "Where to?".into(),
        myword: String::new(),
        player: 1,
        kind_id: 301,
        action: travels.then_some(Cow::Borrowed("changeArea")),
        params: travels.then_some(pushes::TalkParams { target: 2 }),
    }
}

fn scene() -> area::Scene {
    let task = area::CurTask {
        accept_talk: String::new(),
        work_talk: "Three harpies, no more, no less.".into(),
        finish_talk: "Quiet, at last.".into(),
        item: "1;25".into(),
        name: "Wings over the camp".into(),
        id: TaskId(71),
        exp: 100,
        sort: 0,
        task_state: 0,
        task_data: r#"{"mobKilled":0,"playerKilled":0}"#.into(),
        complete_condition: r#"{"202":3}"#.into(),
    };
    let hero = area::CurPlayer {
        own: own(),
        sort: "player".into(),
        bag: area::Bag {
            item_count: 20,
            items: vec![area::BagItem { key: 20, id: 4, sort: Sort::Equipment }],
        },
        equipments: Worn::default(),
        fight_skills: vec![area::SkillLevel { id: 1, level: 1 }],
        cur_tasks: vec![task],
    };
    let columns = [vec![], vec![Run { start: 0, length: 2 }, Run { start: 9, length: 1 }]];
    let map = area::Map {
        name: "desert".into(),
        width: 4200,
        height: 2800,
        tile_w: 20,
        tile_h: 20,
        weight_map: columns.map(|collisions| area::Column { collisions }).into(),
    };
    area::Scene {
        entities: Some(views()),
        cur_player: Some(Box::new(hero)),
        map: Some(map.into()),
        code: 200,
    }
}

/// Sends a message through its definition and back into its type.
#[track_caller]
fn passes<T: Serialize + DeserializeOwned>(route: &'static str, message: &T) -> &'static str {
    let schema = protos().server().schema(route).unwrap_or_else(|| panic!("{route} has no definition"));
    let sent = serde_json::to_value(message).unwrap();
    let body = schema
        .encode(sent.to_string().as_bytes(), Required::Checked)
        .unwrap_or_else(|error| panic!("{error}"));
    let read: Value = serde_json::from_slice(&schema.decode(&body, 64 << 10).unwrap()).unwrap();
    assert_eq!(read, sent, "{route}: what is written is read");
    let back: T = serde_json::from_value(read).unwrap();
    assert_eq!(serde_json::to_value(&back).unwrap(), sent, "{route}: what is read has the type");
    route
}

#[test]
fn every_message_with_a_definition_passes_it_and_loses_nothing() {
    let own_up = pushes::Upgraded { own: own(), sort: "player".into() };
    let walk = Move { entity_id: 1, path: vec![AT, Spot { x: 1, y: 4200 }], speed: 240 };
    let refused = area::Scene { code: 500, ..area::Scene::default() };
    let bare = {
        let mut scene = scene();
        let hero = scene.cur_player.as_mut().unwrap();
        hero.bag.items.clear();
        hero.cur_tasks.clear();
        scene
    };
    let tried = [
        passes(pushes::ON_MOVE.name(), &walk),
        passes(pushes::ON_ATTACK.name(), &attack(vec![], None)),
        passes(
            pushes::ON_ATTACK.name(),
            &attack(vec![thing(Sort::Item), thing(Sort::Equipment)], Some(5000)),
        ),
        passes(pushes::ON_UPGRADE.name(), &own_up),
        passes(pushes::ON_PICK_ITEM.name(), &PickItem { player: 1, item: 7, index: 20 }),
        passes(pushes::ON_NPC_TALK.name(), &talk(false)),
        passes(pushes::ON_NPC_TALK.name(), &talk(true)),
        passes(pushes::ON_REVIVE.name(), &Revive { entity_id: 1, at: AT, hp: 110 }),
        passes(pushes::ON_ADD_ENTITIES.name(), &views()),
        passes(pushes::ON_REMOVE_ENTITIES.name(), &pushes::Removed { entities: vec![1, 300] }),
        passes(pushes::ON_PATH_CHECKOUT.name(), &pushes::PathCheckout { entity_id: 1, position: AT }),
        passes(area::ENTER_SCENE.name(), &scene()),
        passes(area::ENTER_SCENE.name(), &bare),
        passes(area::ENTER_SCENE.name(), &refused),
    ];
    let defined: BTreeSet<String> = protos().server().routes().map(str::to_owned).collect();
    assert_eq!(defined, tried.into_iter().map(str::to_owned).collect(), "all definitions, and no others");
}
