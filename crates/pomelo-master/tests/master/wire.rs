//! The recorded conversations of the original's servers and tools, replayed against a master over sockets.
//!
//! What they sent is sent byte for byte; what the master answers is compared with what the original's master answered.
//! Numbers of requests are each master's own; `epoch`, `rev` and `incarnation` are extra fields that the original ignores.

use std::collections::HashMap;

use crate::support::{Masters, Wire};
use pomelo_protocol::{
    admin::{AdminMessage, Envelope, ReqId, Response},
    mqtt::Packet,
};
use serde_json::{Map, Value};

/// A recorded packet.
struct Line {
    /// Whether the end that opened the connection sent it.
    from_client: bool,
    bytes: Vec<u8>,
}

fn recording(name: &str) -> Vec<Line> {
    let path = format!("{}/../pomelo-protocol/tests/wire/{name}.jsonl", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"));
    let line = |line: &str| {
        let line: Value = serde_json::from_str(line).unwrap();
        let hex = line["hex"].as_str().unwrap();
        let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        Line { from_client: line["dir"] == "c2s", bytes: (0..hex.len()).step_by(2).map(byte).collect() }
    };
    text.lines().map(line).collect()
}

impl Line {
    fn packet(&self) -> Packet {
        Packet::decode(&mut self.bytes.as_slice().into(), 1 << 20).unwrap().unwrap()
    }

    fn message(&self) -> Option<AdminMessage> {
        match self.packet() {
            Packet::Publish { topic, payload } => Some(AdminMessage::decode(&topic, &payload).unwrap()),
            _ => None,
        }
    }
}

/// Sends the recorded beginning of a monitor's conversation, up to and including `record`, and expects the recorded
/// answers, byte for byte.
async fn begin(wire: &mut Wire, lines: &[Line], others_registered: bool) {
    for line in lines.iter().take(7) {
        let pushed = matches!(line.message(), Some(AdminMessage::Monitor(Envelope::Request { .. })));
        match (line.from_client, line.message()) {
            (true, _) => wire.write(&line.bytes).await,
            (false, _) if pushed => return,
            (false, None) => assert_eq!(wire.packet().await, Some(line.packet())),
            (false, Some(recorded)) => {
                let got = wire.message().await;
                // The list holds whoever came before.
                let is_list = matches!(recorded, AdminMessage::Monitor(_));
                if !(is_list && others_registered) {
                    assert_eq!(got.encode().unwrap(), line.bytes, "{got:?}");
                }
            }
        }
    }
}

/// The body of the next request of the master, which is answered with 1.
async fn asked(wire: &mut Wire) -> Value {
    let AdminMessage::Monitor(Envelope::Request { req_id, body, .. }) = wire.message().await else {
        panic!("not a request")
    };
    wire.say(&AdminMessage::Monitor(Envelope::Response(Response::in_error(req_id, 1.into())))).await;
    body
}

/// Without the fields that the original does not have.
fn plain(mut body: Value) -> Value {
    if let Some(fields) = body.as_object_mut() {
        fields.retain(|name, _| !["epoch", "rev", "incarnation"].contains(&name.as_str()));
    }
    body
}

fn recorded_requests(lines: &[Line]) -> Vec<Value> {
    let body = |line: &Line| match line.message() {
        Some(AdminMessage::Monitor(Envelope::Request { body, .. })) if !line.from_client => Some(body),
        _ => None,
    };
    lines.iter().filter_map(body).collect()
}

/// What a monitor answered to what, in the recording.
fn recorded_answers(name: &str) -> HashMap<String, Response> {
    let lines = recording(name);
    let mut asked = HashMap::new();
    let mut answers = HashMap::new();
    for line in &lines {
        match line.message() {
            Some(AdminMessage::Monitor(Envelope::Request { req_id, module_id, body, .. }))
                if !line.from_client =>
            {
                asked.insert(req_id.number().unwrap(), format!("{module_id} {body}"));
            }
            Some(AdminMessage::Monitor(Envelope::Response(response))) if line.from_client => {
                if let Some(question) = asked.remove(&response.resp_id.number().unwrap()) {
                    answers.entry(question).or_insert(response);
                }
            }
            _ => {}
        }
    }
    answers
}

/// Registers the recorded monitor and goes on answering as it did.
async fn answering(masters: &Masters, name: &'static str) -> tokio::task::JoinHandle<()> {
    let mut wire = Wire::connect(&masters.addrs[0]).await;
    begin(&mut wire, &recording(name), true).await;
    let answers = recorded_answers(name);
    tokio::spawn(async move {
        while let Some(packet) = wire.packet().await {
            let Packet::Publish { topic, payload } = packet else { continue };
            let message = AdminMessage::decode(&topic, &payload).unwrap();
            let AdminMessage::Monitor(Envelope::Request { req_id, module_id, body, .. }) = message else {
                continue;
            };
            if let Some(answer) = answers.get(&format!("{module_id} {body}")) {
                let answer = Response { resp_id: req_id, ..answer.clone() };
                wire.say(&AdminMessage::Monitor(Envelope::Response(answer))).await;
            }
        }
    })
}

#[tokio::test]
async fn a_recorded_server_registers_and_is_told_of_the_others_as_the_original_tells() {
    let masters = Masters::start(1).await;
    let (connector, chat, gate) =
        (recording("admin-connector"), recording("admin-chat"), recording("admin-gate"));
    let mut wire = Wire::connect(&masters.addrs[0]).await;
    begin(&mut wire, &connector, false).await;
    let recorded = recorded_requests(&connector);

    let mut second = Wire::connect(&masters.addrs[0]).await;
    begin(&mut second, &chat, true).await;
    assert_eq!(plain(asked(&mut wire).await).to_string(), recorded[0].to_string());

    let mut third = Wire::connect(&masters.addrs[0]).await;
    begin(&mut third, &gate, true).await;
    assert_eq!(plain(asked(&mut wire).await).to_string(), recorded[1].to_string());
    assert_eq!(asked(&mut wire).await.to_string(), recorded[2].to_string(), "the start is over");

    third.write(&[0xE0, 0]).await;
    let left = plain(asked(&mut wire).await);
    assert_eq!(left.to_string(), r#"{"action":"removeServer","id":"gate-server-1"}"#);

    let ping = connector.iter().find(|line| line.packet() == Packet::PingReq).unwrap();
    wire.write(&ping.bytes).await;
    assert_eq!(wire.packet().await, Some(Packet::PingResp));
}

#[tokio::test]
async fn a_recorded_server_that_lost_its_link_comes_back_and_is_told_everybody() {
    let masters = Masters::start(1).await;
    let lines = recording("admin-connector-reconnect");
    let mut wire = Wire::connect(&masters.addrs[0]).await;
    for line in &lines[..4] {
        match line.from_client {
            true => wire.write(&line.bytes).await,
            false => assert_eq!(wire.packet().await, Some(line.packet())),
        }
    }
    let everybody = plain(asked(&mut wire).await);
    assert_eq!(everybody["action"], "replaceServer");
    let recorded = &recorded_requests(&lines)[0]["servers"]["connector-server-1"];
    let mut told = everybody["servers"]["connector-server-1"].clone();
    assert_eq!(told.as_object_mut().unwrap().remove("pid"), Some(10509.into()), "the original forgets it");
    assert_eq!(told.to_string(), recorded.to_string());
}

#[tokio::test]
async fn the_recorded_session_of_pomelo_cli_gets_the_recorded_answers() {
    let masters = Masters::start(1).await;
    let servers = [
        answering(&masters, "admin-connector").await,
        answering(&masters, "admin-chat").await,
        answering(&masters, "admin-gate").await,
    ];
    let lines = recording("cli-admin");
    let answers: HashMap<u64, Response> = lines
        .iter()
        .filter_map(|line| match line.message() {
            Some(AdminMessage::Client(Envelope::Response(response))) => {
                Some((response.resp_id.number().unwrap(), response))
            }
            _ => None,
        })
        .collect();
    let mut wire = Wire::connect(&masters.addrs[0]).await;
    for line in &lines {
        let asked = match line.message() {
            Some(AdminMessage::Client(Envelope::Request { req_id, .. })) => req_id.number().unwrap(),
            Some(AdminMessage::Client(Envelope::Command { req_id: Some(req_id), .. })) => {
                req_id.number().unwrap()
            }
            _ if line.from_client => {
                wire.write(&line.bytes).await;
                continue;
            }
            Some(AdminMessage::Client(_)) => continue,
            _ => {
                assert_eq!(wire.packet().await, Some(line.packet()));
                continue;
            }
        };
        wire.write(&line.bytes).await;
        let AdminMessage::Client(Envelope::Response(got)) = wire.message().await else {
            panic!("no response")
        };
        assert_eq!(got.resp_id, ReqId::Number(asked));
        compare(asked, got, answers.get(&asked));
    }
    servers.iter().for_each(tokio::task::JoinHandle::abort);
}

fn compare(asked: u64, got: Response, recorded: Option<&Response>) {
    match asked {
        // Lists of servers: the master's own row has its own numbers, the others are as the servers sent them.
        1 | 2 | 5 | 6 => {
            let (got, recorded) = (rows(got), rows(recorded.unwrap().clone()));
            let names = |rows: &Map<String, Value>| {
                let mut names: Vec<_> = rows.keys().cloned().collect();
                names.sort();
                names
            };
            assert_eq!(names(&got), names(&recorded), "answer {asked}");
            for (name, row) in &recorded {
                if name == "master-server-1" {
                    let columns = |row: &Value| row.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
                    assert_eq!(columns(&got[name]), columns(row));
                } else if asked != 5 {
                    assert_eq!(got[name].to_string(), row.to_string(), "answer {asked}");
                }
            }
        }
        // Which modules there are is each master's own.
        3 => assert!(rows_of(&got).is_array()),
        // The original swallows a server's error text; here it is an error.
        8 => assert_eq!(got.into_result().unwrap_err().message, "no handler loaded"),
        // The original never answers; here the silence of the server is an error after a second.
        10 => assert_eq!(got.into_result().unwrap_err().message, "server connector-server-1 did not answer"),
        _ => assert_eq!(&got, recorded.unwrap(), "answer {asked}"),
    }
}

fn rows_of(response: &Response) -> &Value {
    &response.body.as_ref().unwrap()["msg"]
}

fn rows(response: Response) -> Map<String, Value> {
    rows_of(&response).as_object().unwrap().clone()
}

#[tokio::test]
async fn the_recorded_wrong_password_is_refused_byte_for_byte() {
    replay_exactly("cli-wrong-password", usize::MAX).await;
}

#[tokio::test]
async fn the_recorded_user_of_level_2_may_not_stop() {
    let masters = Masters::start(1).await;
    let lines = recording("cli-monitor-denied");
    let mut wire = Wire::connect(&masters.addrs[0]).await;
    let mut last = None;
    for line in lines.iter().filter(|line| line.from_client) {
        wire.write(&line.bytes).await;
        last = Some(wire.packet().await);
    }
    let Some(Some(Packet::Publish { topic, payload })) = last else { panic!("no answer") };
    let AdminMessage::Client(Envelope::Response(got)) = AdminMessage::decode(&topic, &payload).unwrap()
    else {
        panic!("no response")
    };
    assert_eq!(got.into_result().unwrap_err().message, "Command permission denied");
}

#[tokio::test]
async fn the_recorded_pomelo_stop_ends_the_master_with_the_recorded_answer() {
    let mut masters = Masters::start(1).await;
    let lines = recording("pomelo-stop-all");
    let mut wire = Wire::connect(&masters.addrs[0]).await;
    for line in &lines {
        match line.from_client {
            true => wire.write(&line.bytes).await,
            false => assert_eq!(wire.packet().await, Some(line.packet())),
        }
    }
    masters.ended(0).await;
}

#[tokio::test]
async fn the_recorded_pomelo_list_gets_the_recorded_columns() {
    let masters = Masters::start(1).await;
    let servers = [answering(&masters, "admin-connector").await, answering(&masters, "admin-chat").await];
    let lines = recording("pomelo-list");
    let mut wire = Wire::connect(&masters.addrs[0]).await;
    let mut last = None;
    for line in lines.iter().filter(|line| line.from_client) {
        wire.write(&line.bytes).await;
        last = wire.packet().await;
    }
    let Some(Packet::Publish { topic, payload }) = last else { panic!("no answer") };
    let AdminMessage::Client(Envelope::Response(got)) = AdminMessage::decode(&topic, &payload).unwrap()
    else {
        panic!("no response")
    };
    let Some(AdminMessage::Client(Envelope::Response(recorded))) = lines.last().unwrap().message() else {
        panic!()
    };
    let (got, recorded) = (rows(got), rows(recorded));
    for name in ["connector-server-1", "chat-server-1"] {
        assert_eq!(got[name].to_string(), recorded[name].to_string());
    }
    let columns = |row: &Value| row.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(columns(&got["master-server-1"]), columns(&recorded["master-server-1"]));
    servers.iter().for_each(tokio::task::JoinHandle::abort);
}

async fn replay_exactly(name: &str, lines_max: usize) {
    let masters = Masters::start(1).await;
    let mut wire = Wire::connect(&masters.addrs[0]).await;
    for line in recording(name).iter().take(lines_max) {
        match line.from_client {
            true => wire.write(&line.bytes).await,
            false => assert_eq!(wire.packet().await, Some(line.packet()), "{name}"),
        }
    }
}
