//! The same definitions and messages given to npm's `pomelo-protobuf`: it must write the same bytes, read the same from
//! ours, and take definitions apart alike. `tests/npm/protobuf.js` is the other side.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
};

use pomelo_protocol::protobuf::{Definitions, Protos, Required};
use pomelo_testkit::require_all;
use serde_json::{Value, json};

use crate::{
    JSON_BYTES_MAX,
    generate::{self, Choices},
};

/// Sets of definitions; each with this many messages for each route.
const SETS: u64 = 400;
const MESSAGES: usize = 8;
/// What definitions and messages are made from, at most.
const CHOICES: usize = 3000;

#[test]
fn thousands_of_messages_are_written_and_read_as_by_npms_pomelo_protobuf() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/npm");
    if !dir.join("node_modules/pomelo-protobuf").is_dir() {
        assert!(!require_all(), "npm packages are not installed, and POMELO_REQUIRE_ALL=1 forbids to skip");
        eprintln!(
            "SKIPPED: the npm packages of {} are not installed; `cargo xtask test` installs them",
            dir.display()
        );
        return;
    }
    let mut node = Command::new("node")
        .arg(dir.join("protobuf.js"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut ask = node.stdin.take().unwrap();
    let mut answers = BufReader::new(node.stdout.take().unwrap()).lines();
    let first = fastrand::u64(..);
    let mut messages = 0;
    for seed in (0..SETS).map(|n| first.wrapping_add(n)) {
        let mut random = fastrand::Rng::with_seed(seed);
        let bytes: Vec<u8> = (0..random.usize(..CHOICES)).map(|_| random.u8(..)).collect();
        let mut choices = Choices::new(&bytes);
        let file = generate::definitions(&mut choices);
        let definitions = Definitions::parse(&file.to_string()).unwrap();
        let version = Protos::new(definitions.clone(), definitions.clone()).version().to_owned();
        let mut cases = Vec::new();
        for route in definitions.routes() {
            let schema = definitions.schema(route).unwrap();
            for _ in 0..MESSAGES {
                let message = generate::message(&mut choices, &file, route);
                let body = schema.encode(message.to_string().as_bytes(), Required::Checked).unwrap();
                let read = String::from_utf8(schema.decode(&body, JSON_BYTES_MAX).unwrap()).unwrap();
                let hex: String = body.iter().map(|byte| format!("{byte:02x}")).collect();
                cases.push(json!({ "route": route, "message": message, "hex": hex, "read": read }));
            }
        }
        messages += cases.len();
        let question = json!({ "definitions": file, "version": version, "cases": cases });
        writeln!(ask, "{question}").unwrap();
        let answer: Value = serde_json::from_str(&answers.next().unwrap().unwrap()).unwrap();
        assert_eq!(answer, json!([]), "seed {seed}, definitions {file}");
    }
    drop(ask);
    assert!(node.wait().unwrap().success());
    assert!(messages > 2000, "{messages} messages");
}
