//! Rust types on their way to TypeScript, as they come out of schemars.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Listed, Messages,
    list::{json, text},
    table::{Kind, Row, Table},
    typescript::write,
};
use crate::{Push, Route};

/// Who comes in.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Enter {
    /// Name in the room.
    user_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    chat_id: Option<String>,
    #[serde(default)]
    quiet: bool,
    #[serde(rename = "max-items")]
    max_items: u64,
    any: serde_json::Value,
    scores: HashMap<String, f32>,
    place: (u8, String),
    kind: Kind2,
    #[serde(flatten)]
    more: More,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct More {
    items: Vec<Option<Item>>,
}

/// Has a default, so that it is read otherwise than it is written.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Item {
    #[serde(default)]
    n: i64,
    next: Option<Box<Item>>,
}

/// Is the same on both sides, but for what it holds.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Bag {
    items: Vec<Item>,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Kind2 {
    Warrior,
    Mage,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(tag = "what")]
enum Event {
    Moved { x: i32 },
    Found(Item),
    Left,
}

#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Users {
    Names(Vec<String>),
    Number(usize),
}

/// A name that TypeScript has already.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Record(String);

const ENTER: Route<Enter, Users> = Route::new("connector.entryHandler.enter");
const PACK: Route<Bag, Bag> = Route::new("area.bag-handler.pack");
const LEAVE: Route<(), ()> = Route::new("connector.entryHandler.leave");
const ON_EVENT: Push<Vec<Event>> = Push::new("onEvent");
const ON_RECORD: Push<Record> = Push::new("onRecord");

fn row(kind: Kind, name: &str, types: [Option<&str>; 2]) -> Row {
    let [req, res] = types.map(|name| name.map(str::to_owned));
    Row { kind, name: name.to_owned(), req, res }
}

fn table() -> Table {
    let Messages { routes, pushes } =
        Messages::default().route(ENTER).route(PACK).route(LEAVE).push(ON_EVENT).push(ON_RECORD);
    let rows = vec![
        row(Kind::Route, PACK.name(), [Some("Bag"), Some("Bag")]),
        row(Kind::Route, ENTER.name(), [Some("Enter"), Some("Users")]),
        row(Kind::Route, LEAVE.name(), [Some("()"), Some("()")]),
        row(Kind::Route, "connector.entryHandler.secret", [Some("Secret"), Some("()")]),
        row(Kind::Remote, "area.areaRemote.join", [Some("Join"), Some("()")]),
        row(Kind::Push, "onDictionary", [None, None]),
        row(Kind::Push, ON_EVENT.name(), [Some("Vec<Event>"), None]),
        row(Kind::Push, ON_RECORD.name(), [Some("Record"), None]),
    ];
    Table { rows, schemas: Listed { routes, pushes }.schemas() }
}

#[test]
fn rust_types_are_written_as_what_their_json_is() {
    let expected = include_str!("tests/expected.ts");
    let written = write(&table());
    assert_eq!(written, expected, "written:\n{written}");
}

#[test]
fn the_list_shows_every_message_with_its_types_in_rust() {
    let expected = "\
route  area.bag-handler.pack         Bag -> Bag
route  connector.entryHandler.enter  Enter -> Users
route  connector.entryHandler.leave  () -> ()
route  connector.entryHandler.secret Secret -> ()
remote area.areaRemote.join          Join -> ()
push   onDictionary                  ?
push   onEvent                       Vec<Event>
push   onRecord                      Record
";
    assert_eq!(text(&table()), expected);
    let rows: serde_json::Value = serde_json::from_str(&json(&table())).unwrap();
    assert_eq!(
        rows[4],
        serde_json::json!({"kind": "remote", "name": "area.areaRemote.join", "req": "Join", "res": "()"})
    );
    assert_eq!(rows[5], serde_json::json!({"kind": "push", "name": "onDictionary"}));
}

#[test]
fn a_route_that_is_listed_has_a_handler() {
    let Messages { routes, pushes } = Messages::default().route(ENTER).route(LEAVE);
    let listed = Listed { routes, pushes };
    let problems = listed.problems(["connector.entryHandler.leave"].into_iter());
    assert_eq!(
        problems,
        [r#"route "connector.entryHandler.enter" is listed in messages, but has no handler"#]
    );
}
