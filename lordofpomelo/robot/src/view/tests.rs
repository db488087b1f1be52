//! Sequences of pushes, and what a client knows after them.

use serde_json::{Value, json};

use super::*;

const ME: EntityId = 100;

fn figures() -> Value {
    json!({
        "entityId": ME, "kindId": 210, "x": 400, "y": 300, "level": 1, "walkSpeed": 200, "hp": 220, "maxHp": 220,
        "mp": 20, "maxMp": 20, "id": 7, "name": "ann", "experience": 3, "attackValue": 23, "defenceValue": 9,
        "attackSpeed": 1.0, "areaId": 1, "hitRate": 90, "dodgeRate": 13, "nextLevelExp": 58, "skillPoint": 1,
        "type": "player", "teamId": 0, "isCaptain": 0,
    })
}

fn mob(id: EntityId) -> Value {
    json!({ "entityId": id, "kindId": 202, "x": 500, "y": 300, "level": 1, "walkSpeed": 100, "hp": 60, "maxHp": 60 })
}

fn other(id: EntityId) -> Value {
    json!({
        "entityId": id, "kindId": 211, "x": 450, "y": 300, "level": 2, "walkSpeed": 200, "hp": 100, "maxHp": 200,
        "mp": 5, "maxMp": 9, "id": 1000 + id, "name": format!("p{id}"), "teamId": 0, "isCaptain": 0,
    })
}

fn scene() -> Value {
    let mut player = figures();
    let more = json!({
        "bag": { "itemCount": 3, "items": [{ "key": 2, "id": 5, "type": "item" }] },
        "equipments": { "weapon": 1004, "armor": 0 },
        "fightSkills": [{ "id": 1, "level": 1 }],
        "curTasks": [{
            "acceptTalk": "", "workTalk": "", "finishTalk": "", "item": "", "name": "hunt", "id": 31, "exp": 5,
            "taskState": 0, "taskData": "{\"mobKilled\":1,\"playerKilled\":0}", "completeCondition": "{\"202\":3}",
        }],
    });
    player.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({
        "code": 200,
        "entities": { "mob": [mob(1)], "npc": [{ "entityId": 2, "kindId": 301, "x": 600, "y": 300 }], "player": [other(3)] },
        "curPlayer": player,
        "map": {
            "name": "m", "width": 800, "height": 600, "tileW": 20, "tileH": 20,
            "weightMap": (0..40).map(|x| if x == 5 { json!({ "collisions": [{ "start": 2, "length": 3 }] }) } else { json!({}) })
                .collect::<Vec<_>>(),
        },
    })
}

fn entered() -> View {
    let mut view = View::default();
    view.enter(serde_json::from_value(scene()).unwrap(), &Maps::default()).unwrap();
    view
}

impl View {
    fn hears(&mut self, route: &str, body: &Value) -> Vec<Anomaly> {
        self.hears_at(0, route, body)
    }

    fn hears_at(&mut self, now_ms: u64, route: &str, body: &Value) -> Vec<Anomaly> {
        self.push(route, body.to_string().as_bytes(), now_ms)
    }

    /// What can be heard without an anomaly.
    fn well(&mut self, route: &str, body: &Value) {
        assert_eq!(self.hears(route, body), [], "{route} {body}");
    }
}

fn unknown(route: &str, entity: EntityId) -> Vec<Anomaly> {
    vec![Anomaly::UnknownEntity { route: route.to_owned(), entity }]
}

#[test]
fn the_scene_is_where_a_view_begins() {
    let view = entered();
    let own = view.own().unwrap();
    assert_eq!((own.name.as_str(), own.hp, own.area, own.slots), ("ann", 220, 1, 3));
    assert_eq!(own.bag[&2], hero::Thing { id: 5, sort: hero::Sort::Item });
    assert_eq!((own.worn.at(Place::Weapon), own.worn.at(Place::Armor)), (Some(1004), None));
    let task = &own.tasks[&TaskId(31)];
    assert_eq!((task.done.mob_killed, task.condition[&202], task.is_complete), (1, 3, false));
    assert_eq!(view.position(0), Point::new(400.0, 300.0));
    assert_eq!(view.entities().count(), 3);
    assert_eq!(view.player("p3").map(|player| player.hp), Some(100));
    assert_eq!(view.nearest(0, Entity::is_alive).map(|entity| entity.id), Some(3));
    let grid = view.map().unwrap().grid();
    assert!(!grid.is_walkable(Point::new(110.0, 50.0)) && grid.is_walkable(Point::new(110.0, 100.0)));
}

#[test]
fn a_scene_that_no_client_could_show_is_refused() {
    type Change = fn(&mut Value);
    let wrong: [(&str, Change); 6] = [
        ("type of curPlayer", |scene| scene["curPlayer"]["type"] = json!("mob")),
        ("fightSkills is empty", |scene| scene["curPlayer"]["fightSkills"] = json!([])),
        ("entity 100 is there twice", |scene| scene["entities"]["player"][0]["entityId"] = json!(ME)),
        ("entity 2 is there twice", |scene| scene["entities"]["mob"][0]["entityId"] = json!(2)),
        ("tiles of the map", |scene| drop(scene["map"]["weightMap"].as_array_mut().unwrap().pop())),
        ("curTasks", |scene| scene["curPlayer"]["curTasks"][0]["taskData"] = json!("")),
    ];
    for (what, change) in wrong {
        let mut scene = scene();
        change(&mut scene);
        let refused = View::default().enter(serde_json::from_value(scene).unwrap(), &Maps::default());
        let text = refused.unwrap_err().to_string();
        assert!(text.contains(what), "{text}");
    }
}

#[test]
fn things_come_into_sight_walk_and_go_once_each() {
    let mut view = entered();
    view.well("onAddEntities", &json!({ "mob": [mob(8)], "route": "onAddEntities" }));
    let path = json!([{ "x": 500, "y": 300 }, { "x": 500, "y": 400 }]);
    assert_eq!(
        view.hears_at(1000, "onMove", &json!({ "entityId": 8, "path": path, "speed": 100 })),
        [],
        "it is known now"
    );
    assert_eq!(view.entity(8).unwrap().position(1500), Point::new(500.0, 350.0));
    assert!(view.entity(8).unwrap().is_walking(1500) && !view.entity(8).unwrap().is_walking(2000));
    let twice = Anomaly::AddedTwice { route: "onAddEntities".to_owned(), entity: 8 };
    assert_eq!(view.hears("onAddEntities", &json!({ "mob": [mob(8)] })), [twice]);
    view.well("onRemoveEntities", &json!({ "entities": [8, 1] }));
    assert_eq!(view.hears("onRemoveEntities", &json!({ "entities": [8] })), unknown("onRemoveEntities", 8));
    let moved = json!({ "entityId": 8, "path": path, "speed": 100 });
    assert_eq!(view.hears("onMove", &moved), unknown("onMove", 8));
    let own = |route: &str| vec![Anomaly::Own { route: route.to_owned(), entity: ME }];
    assert_eq!(view.hears("onRemoveEntities", &json!({ "entities": [ME] })), own("onRemoveEntities"));
    assert_eq!(view.hears("onAddEntities", &json!({ "player": [other(ME)] })), own("onAddEntities"));
}

#[test]
fn a_killed_monster_is_gone_and_what_fell_can_be_picked_up() {
    let mut view = entered();
    let hit = |result: u32, damage: u32| json!({ "attacker": ME, "target": 1, "result": { "result": result, "damage": damage, "mpUse": 4 }, "skillId": 1 });
    view.well("onAttack", &hit(1, 25));
    assert_eq!((view.entity(1).unwrap().hp, view.own().unwrap().mp), (35, 16));
    let mut kill = hit(2, 35);
    let fallen = |id: u32, sort: &str| json!({ "entityId": id, "kindId": id + 1, "x": 1, "y": 2, "playerId": 7, "type": sort });
    kill["result"]["items"] = json!([fallen(40, "item"), fallen(41, "equipment")]);
    kill["exp"] = json!(14);
    view.well("onAttack", &kill);
    assert!(view.entity(1).is_none());
    assert_eq!(view.own().unwrap().experience, 14);
    let fell: Vec<_> = [40, 41].map(|id| view.entity(id).map(|thing| (thing.sort, thing.owner))).into();
    assert_eq!(fell, [Some((Sort::Item, PlayerId(7))), Some((Sort::Equipment, PlayerId(7)))]);
    assert_eq!(view.hears("onRemoveEntities", &json!({ "entities": [1] })), unknown("onRemoveEntities", 1));

    view.well("onPickItem", &json!({ "player": ME, "item": 41, "index": 1 }));
    assert_eq!(view.own().unwrap().bag[&1], hero::Thing { id: 42, sort: hero::Sort::Equipment });
    view.well("onPickItem", &json!({ "player": 3, "item": 40, "index": 9 }));
    assert_eq!(view.entities().count(), 2);
    assert_eq!(
        view.hears("onPickItem", &json!({ "player": 3, "item": 40, "index": 9 })),
        unknown("onPickItem", 40)
    );
}

#[test]
fn a_slot_that_is_taken_or_none_takes_nothing() {
    for slot in [2, 0, 4] {
        let mut view = entered();
        let thing = json!({ "entityId": 40, "kindId": 1, "x": 1, "y": 2, "playerId": 0 });
        view.well("onAddEntities", &json!({ "item": [thing] }));
        let wrong = view.hears("onPickItem", &json!({ "player": ME, "item": 40, "index": slot }));
        assert_eq!(wrong, [Anomaly::Slot { route: "onPickItem".to_owned(), slot }]);
    }
}

#[test]
fn players_die_and_come_back() {
    let mut view = entered();
    let kill = |target: u32, time: Option<u32>| json!({ "attacker": 1, "target": target, "result": { "result": 2, "damage": 500 }, "skillId": 1, "reviveTime": time });
    view.walk(vec![Point::new(400.0, 300.0), Point::new(600.0, 300.0)], 0);
    assert_eq!(view.hears_at(500, "onAttack", &kill(ME, Some(5000))), []);
    let own = view.own().unwrap();
    assert!(own.is_dead && own.hp == 0);
    assert_eq!(view.position(9000), Point::new(500.0, 300.0), "the dead do not walk on");
    let dead = Anomaly::Life { route: "onAttack".to_owned(), entity: ME, is_dead: true };
    assert_eq!(view.hears("onAttack", &kill(ME, Some(5000))), [dead]);
    view.well("onRevive", &json!({ "entityId": ME, "x": 50, "y": 60, "hp": 110 }));
    let own = view.own().unwrap();
    assert!(!own.is_dead && own.hp == 110);
    assert_eq!(view.position(0), Point::new(50.0, 60.0));
    let alive = Anomaly::Life { route: "onRevive".to_owned(), entity: ME, is_dead: false };
    assert_eq!(view.hears("onRevive", &json!({ "entityId": ME, "x": 50, "y": 60, "hp": 110 })), [alive]);

    view.well("onAttack", &kill(3, Some(5000)));
    assert!(view.entity(3).unwrap().is_dead, "dead players stay");
    let moved = json!({ "entityId": 3, "path": [{ "x": 1, "y": 1 }], "speed": 1 });
    let dead = Anomaly::Life { route: "onMove".to_owned(), entity: 3, is_dead: true };
    assert_eq!(view.hears("onMove", &moved), [dead]);
    view.well("onRevive", &json!({ "entityId": 3, "x": 50, "y": 60, "hp": 110 }));
    assert!(view.entity(3).unwrap().is_alive());
    assert_eq!(
        view.hears("onRevive", &json!({ "entityId": 9, "x": 5, "y": 6, "hp": 1 })),
        unknown("onRevive", 9)
    );
}

#[test]
fn who_sees_the_attacker_need_not_see_the_target() {
    let mut view = entered();
    let attack = |attacker: u32, target: u32| json!({ "attacker": attacker, "target": target, "result": { "result": 1, "damage": 5 }, "skillId": 1 });
    view.well("onAttack", &attack(3, 77));
    assert_eq!(view.hears("onAttack", &attack(77, 3)), unknown("onAttack", 77));
    assert_eq!(view.entity(3).unwrap().hp, 95);
}

#[test]
fn the_own_place_is_corrected_only_if_it_is_far_off() {
    let mut view = entered();
    let at = |x: u32, entity: u32| json!({ "entityId": entity, "position": { "x": x, "y": 300 } });
    view.well("onPathCheckout", &at(480, ME));
    assert_eq!(view.position(0), Point::new(400.0, 300.0));
    view.well("onPathCheckout", &at(520, ME));
    assert_eq!((view.position(0), view.checkout), (Point::new(520.0, 300.0), Some(Point::new(520.0, 300.0))));
    let other = Anomaly::NotOwn { route: "onPathCheckout".to_owned(), entity: 3 };
    assert_eq!(view.hears("onPathCheckout", &at(1, 3)), [other]);
}

#[test]
fn who_was_not_let_go_stands_where_the_server_says_however_near_that_is() {
    let mut view = entered();
    let at = |x: u32| json!({ "entityId": ME, "position": { "x": x, "y": 300 } });
    view.astray(Point::new(400.0, 300.0));
    // A word on the way comes first, then the one that follows the refusal.
    view.well("onPathCheckout", &at(470));
    view.well("onPathCheckout", &at(430));
    assert_eq!(view.position(0), Point::new(430.0, 300.0));
    view.walk(vec![Point::new(430.0, 300.0), Point::new(400.0, 300.0)], 0);
    view.well("onPathCheckout", &at(460));
    assert_eq!(view.position(0), Point::new(430.0, 300.0), "it walks again, and keeps what is nearly right");
}

#[test]
fn a_rise_changes_the_figures_but_not_bag_place_and_team() {
    let mut view = entered();
    view.well("onUpdateTeam", &json!({ "7": member(5, 1), "8": member(5, 0) }));
    let mut risen = figures();
    for (key, value) in [("level", 2), ("maxHp", 286), ("x", 1), ("nextLevelExp", 77)] {
        risen[key] = json!(value);
    }
    risen.as_object_mut().unwrap().retain(|key, _| key != "teamId" && key != "isCaptain");
    view.well("onUpgrade", &risen);
    let own = view.own().unwrap();
    assert_eq!((own.level, own.max_hp, own.next_level_exp, own.team, own.is_captain), (2, 286, 77, 5, true));
    assert_eq!(own.bag.len(), 1);
    assert_eq!(view.position(0), Point::new(400.0, 300.0));
}

#[test]
fn equipment_goes_from_the_bag_to_its_place_and_back() {
    let mut view = entered();
    let sword = json!({ "entityId": 40, "kindId": 1010, "x": 1, "y": 2, "playerId": 0 });
    view.well("onAddEntities", &json!({ "equipment": [sword] }));
    view.well("onPickItem", &json!({ "player": ME, "item": 40, "index": 1 }));
    view.equipped(1, Place::Weapon, Some(1)).unwrap();
    let own = view.own().unwrap();
    assert_eq!(own.worn.at(Place::Weapon), Some(1010));
    assert_eq!(own.bag[&1], hero::Thing { id: 1004, sort: hero::Sort::Equipment });
    view.unequipped(Place::Weapon, Some(3)).unwrap();
    assert!(view.own().unwrap().is_bag_full());
    view.equipped(3, Place::Weapon, Some(3)).expect_err("nothing was worn there");
    view.used(2, 1000, 0);
    assert_eq!((view.own().unwrap().hp, view.own().unwrap().bag.len()), (220, 1));
    assert_eq!(view.dropped(1).map(|thing| thing.id), Some(1004));
}

#[test]
fn tasks_come_further_are_done_and_handed_over() {
    let mut view = entered();
    view.well("onUpdateTaskData", &json!({ "31": { "mobKilled": 3, "playerKilled": 0 } }));
    view.well("onTaskCompleted", &json!({ "taskId": 31 }));
    let task = &view.own().unwrap().tasks[&TaskId(31)];
    assert!(task.is_complete && task.done.mob_killed == 3);
    view.handed_over(&[TaskId(31)]);
    assert_eq!((view.own().unwrap().experience, view.own().unwrap().tasks.len()), (8, 0));
    let unknown = Anomaly::UnknownTask { route: "onTaskCompleted".to_owned(), task: TaskId(31) };
    assert_eq!(view.hears("onTaskCompleted", &json!({ "taskId": 31 })), [unknown]);
}

#[test]
fn teams_come_and_go() {
    let mut view = entered();
    let status =
        |player: u32| json!({ "playerId": player, "teamId": 5, "isCaptain": 1, "teamName": "Dune Riders" });
    view.well("onTeamCaptainStatusChange", &status(1003));
    assert!(view.player("p3").unwrap().player.as_ref().is_some_and(|who| who.team == 5 && who.is_captain));
    let unknown =
        Anomaly::UnknownPlayer { route: "onTeamMemberStatusChange".to_owned(), player: PlayerId(55) };
    assert_eq!(view.hears("onTeamMemberStatusChange", &status(55)), [unknown]);
    view.well("onInviteJoinTeam", &json!({ "id": 1003, "name": "p3", "level": 2, "teamId": 5 }));
    assert_eq!(view.invitations.len(), 1);
    view.well("onUpdateTeam", &json!({ "7": member(5, 0), "1003": member(5, 1) }));
    view.well("onTeammateLeaveTeam", &json!({ "playerId": 1003 }));
    assert_eq!(view.team.keys().copied().collect::<Vec<_>>(), [PlayerId(7)]);
    view.well("onDisbandTeam", &json!([7, 1003]));
    assert!(view.team.is_empty() && view.own().unwrap().team == 0);
}

#[test]
fn an_npc_talks_and_players_leave_the_game() {
    let mut view = entered();
    let talk =
        json!({ "npc": 2, "npcword": "Hi", "myword": "", "action": "changeArea", "params": { "target": 2 } });
    view.well("onNPCTalk", &talk);
    assert_eq!(view.talk.as_ref().and_then(|talk| talk.travel), Some(2));
    let silent = json!({ "npc": 3, "npcword": "", "myword": "" });
    assert_eq!(view.hears("onNPCTalk", &silent).len(), 2, "a player is no NPC, and has nothing to say");
    view.well("onUserLeave", &json!({ "route": "onUserLeave", "code": 200, "playerId": 4444 }));
    view.well("onUserLeave", &json!({ "route": "onUserLeave", "code": 200, "playerId": 1003 }));
    assert!(view.entity(3).is_none());
}

#[test]
fn what_lacks_a_field_comes_too_early_or_is_nothing_of_the_game_is_an_anomaly() {
    let error = |wrong: Vec<Anomaly>| wrong.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
    let mut view = View::default();
    let early = view.hears("onAddEntities", &json!({ "mob": [mob(1)] }));
    assert_eq!(error(early), "onAddEntities before the scene was entered");
    view.well(
        "onChat",
        &json!({
            "playerId": 3, "uid": 1, "content": "hello", "scope": "D41313", "kind": 0, "from": "bob",
        }),
    );
    assert_eq!(view.chat[0].content, "hello");
    let mut view = entered();
    assert_eq!(error(view.hears("onHello", &json!({}))), "push onHello is none of the game");
    let lacking = error(view.hears("onMove", &json!({ "entityId": 1, "path": [] })));
    assert!(lacking.starts_with("onMove: missing field `speed`"), "{lacking}");
    let lacking = error(
        view.hears("onAddEntities", &json!({ "mob": [{ "entityId": 9, "kindId": 1, "x": 1, "y": 1 }] })),
    );
    assert!(lacking.starts_with("onAddEntities: missing field `level`"), "{lacking}");
    assert!(view.entity(9).is_none());
}

fn member(team: u32, captain: u32) -> Value {
    json!({
        "name": "x", "kindId": 210, "hp": 1, "mp": 1, "maxHp": 1, "maxMp": 1, "level": 1, "teamId": team,
        "isCaptain": captain, "instanceId": "",
    })
}
