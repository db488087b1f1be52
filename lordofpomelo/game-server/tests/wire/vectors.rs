//! Bodies that are known to the byte, from clients of the original and its own definitions. Ours correct these; what the original
//! could say as well is said in the same bytes.

use pomelo_protocol::protobuf::{Definitions, Protos, Required};
use serde_json::{Value, json};

use crate::{GAME, protos};

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().map(|digit| digit.to_digit(16).unwrap() as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// The original's definitions: ours without what was corrected.
fn original() -> Definitions {
    let text = std::fs::read_to_string(format!("{GAME}/config/serverProtos.json")).unwrap();
    let mut all: Value =
        serde_json::from_str(&text.replace("Equipment equipment", "Equipment euipment")).unwrap();
    let scene = "area.playerHandler.enterScene";
    for (path, field) in [
        (&["onAttack", "message AttackResult"][..], "optional uInt32 mpUse"),
        (&["onUpgrade"], "optional uInt32 teamId"),
        (&["onUpgrade"], "optional uInt32 isCaptain"),
        (&["onNPCTalk"], "optional uInt32 player"),
        (&["onNPCTalk"], "optional uInt32 kindId"),
        (&["onAddEntities", "message Item"], "optional string type"),
        (&["onAddEntities", "message Equipment"], "optional string type"),
        (&[scene, "message Entities", "message Item"], "optional string type"),
        (&[scene, "message Entities", "message Equipment"], "optional string type"),
        (&[scene], "optional uInt32 code"),
        (&[scene, "message Player"], "optional string kindName"),
        (&[scene, "message Player", "message CurTask"], "optional uInt32 type"),
    ] {
        let message = path.iter().fold(&mut all, |message, name| &mut message[*name]);
        assert!(message.as_object_mut().unwrap().remove(field).is_some(), "{path:?}: {field}");
    }
    let scene = all[scene].as_object_mut().unwrap();
    let tag = scene.remove("optional Map map").unwrap();
    scene.insert("required Map map".into(), tag);
    let file = all.as_object_mut().unwrap();
    let checkout = file.remove("onPathCheckout").unwrap();
    file.insert("onPathCheckOut".into(), checkout);
    Definitions::parse(&all.to_string()).unwrap()
}

#[track_caller]
fn is_written(route: &str, json: &str, bytes: &str) {
    for (whose, definitions) in [("ours", protos().server().clone()), ("the original's", original())] {
        let schema = definitions.schema(route).unwrap();
        let written = schema.encode(json.as_bytes(), Required::Checked).unwrap();
        assert_eq!(written, hex(bytes), "{route} with {whose} definitions");
    }
}

#[test]
fn pushes_are_written_as_clients_of_the_original_read_them() {
    for (route, json, bytes) in [
        (
            "onMove",
            r#"{"entityId":300,"path":[{"x":100,"y":200},{"x":1500.7,"y":20}],"speed":240}"#,
            "08ac021205086410c801120508dc0b101418f001",
        ),
        (
            "onAttack",
            r#"{"attacker":5,"target":9,"result":{"result":1,"damage":37},"skillId":1}"#,
            "080510091a04080110253001",
        ),
        (
            "onAttack",
            r#"{"attacker":5,"target":9,"result":{"result":2,"damage":12,"items":[{"entityId":77,"kindId":2,"x":301,"y":402,"playerId":6,"type":"item"}]},"skillId":1,"exp":20}"#,
            "080510091a180802100c2212204d080210ad02189203280632046974656d30012014",
        ),
        ("onRemoveEntities", r#"{"entities":[1,300]}"#, "080201ac02"),
        ("onPickItem", r#"{"player":5,"item":77,"index":3}"#, "0805104d1803"),
        ("onRevive", r#"{"entityId":5,"x":500,"y":200,"hp":110}"#, "080510f40318c801206e"),
        (
            "onNPCTalk",
            r#"{"npc":3,"npcword":"Hi","myword":"","action":"changeArea","params":{"target":2}}"#,
            "0803120248691a00220a6368616e6765417265612a020802",
        ),
        (
            "onAddEntities",
            r#"{"npc":[{"entityId":1,"kindId":301,"x":1439,"y":709}]}"#,
            "0a0b080110ad02189f0b20c505",
        ),
        (
            "onAddEntities",
            r#"{"player":[{"entityId":10,"kindId":210,"x":400,"y":100,"level":1,"walkSpeed":240,"hp":220,"maxHp":220,"mp":20,"maxMp":20,"id":1,"name":"bob","teamId":0}]}"#,
            "2a22080a10d2011890032064280130f00138dc0140dc014814501458016203626f626800",
        ),
    ] {
        is_written(route, json, bytes);
    }
}

#[test]
fn the_scene_is_written_as_clients_of_the_original_read_it() {
    let scene = r#"{"entities":{},"curPlayer":{"id":1,"entityId":1,"name":"bob","kindId":210,"type":"player","x":1,"y":2,"hp":220,"mp":20,
        "maxHp":220,"maxMp":20,"level":1,"experience":0,"attackValue":23,"defenceValue":9,"walkSpeed":240,"attackSpeed":1,"areaId":1,
        "hitRate":90,"dodgeRate":13,"nextLevelExp":58,"skillPoint":1,"teamId":0,"bag":{"itemCount":20,"items":[]},
        "equipments":{"weapon":0,"armor":0,"helmet":0,"necklace":0,"ring":0,"belt":0,"shoes":0,"legguard":0,"amulet":0},
        "fightSkills":[{"id":1,"level":1}],"curTasks":[]},
        "map":{"name":"m","width":40,"height":40,"tileW":20,"tileH":20,"weightMap":[{"collisions":[]},{"collisions":[{"start":0,"length":2}]}]}}"#;
    let bytes = "0a00126b580108016203626f6210d201b20106706c617965721801200238dc01481440dc015014280168007017780930f0018101000000000000f03f88010190\
                 015a98010da0013aa80101d80100ba01020814c20112080010001800200028003000380040004800ca0104080110011a150a016d1028182820142814320032060a\
                 0408001002";
    is_written("area.playerHandler.enterScene", scene, &bytes.replace(' ', ""));
}

#[test]
fn what_clients_of_the_original_send_is_read_whatever_type_they_write_in_front() {
    let attack = protos().client().schema("area.fightHandler.attack").unwrap();
    // Theirs have 0x0a in front where 0x08 would be right.
    for (bytes, target) in [("0a09", 9), ("0809", 9), ("08ac02", 300), ("0aac02", 300)] {
        let json: Value = serde_json::from_slice(&attack.decode(&hex(bytes), 1024).unwrap()).unwrap();
        assert_eq!(json, json!({ "targetId": target }), "{bytes}");
    }
}

#[test]
fn the_version_that_clients_remember_changes_with_the_definitions() {
    let ours = protos();
    assert_ne!(ours.version(), Protos::new(ours.client().clone(), original()).version());
}
