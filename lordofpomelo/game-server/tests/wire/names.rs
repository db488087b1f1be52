//! Routes and pushes by their names: the dictionary, and the client's types.

use std::collections::BTreeSet;

use lordofpomelo::app;
use pomelo::types;
use pomelo_protocol::dictionary::Dictionary;

use crate::{GAME, config};

/// Every route and push that `pomelo types` lists.
fn listed(interface: &str) -> BTreeSet<String> {
    let text = types::typescript(&app(config())).unwrap();
    let (_, rest) = text.split_once(&format!("export interface {interface} {{\n")).unwrap();
    let (body, _) = rest.split_once("\n}\n").unwrap();
    body.lines()
        .filter_map(|line| Some(line.trim().strip_prefix('"')?.split_once('"')?.0.to_owned()))
        .collect()
}

#[test]
fn handlers_have_the_codes_of_the_original_and_pushes_follow() {
    let pushes = config().environment("production").unwrap().dictionary;
    let dictionary = Dictionary::new(listed("Routes"), pushes.clone()).unwrap();
    for (code, route) in [
        (1, "area.equipHandler.equip"),
        (3, "area.fightHandler.attack"),
        (4, "area.fightHandler.useSkill"),
        (5, "area.playerHandler.addItem"),
        (9, "area.playerHandler.enterScene"),
        (11, "area.playerHandler.move"),
        (15, "area.playerHandler.useItem"),
        (17, "area.resourceHandler.loadResource"),
        (18, "area.taskHandler.getHistoryTasks"),
        (22, "area.teamHandler.applyJoinTeam"),
        (29, "area.teamHandler.leaveTeam"),
        (30, "chat.chatHandler.send"),
        (31, "connector.entryHandler.entry"),
        (32, "connector.roleHandler.createPlayer"),
        (33, "connector.timeSyncHandler.timeSync"),
        (34, "gate.gateHandler.queryEntry"),
        (35, "onAttack"),
        (45, "onNPCTalk"),
    ] {
        assert_eq!(dictionary.code(route), Some(code), "{route}");
    }
    assert_eq!(listed("Routes").len(), 34);
    let known = listed("Pushes");
    assert!(pushes.iter().all(|push| known.contains(push)), "{pushes:?} has what is never pushed");
}

#[test]
fn the_types_of_the_web_client_are_those_of_the_routes() {
    let app = app(config());
    if let Err(stale) = types::check(&app, format!("{GAME}/../web-client/src/protocol/messages.ts")) {
        panic!("{stale}");
    }
}
