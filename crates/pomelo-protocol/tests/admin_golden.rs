//! The admin protocol against recorded conversations of the original: every packet decodes, and encodes to the same bytes.

#![expect(clippy::unwrap_used, reason = "a recorded file that can't be read fails the test")]

use std::{fs, path::PathBuf};

use bytes::{Bytes, BytesMut};
use pomelo_protocol::{
    admin::{AdminMessage, Envelope, Register},
    mqtt::Packet,
};
use serde_json::Value;

/// File, line and bytes of each recorded packet.
fn recorded() -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/wire");
    let mut packets = Vec::new();
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for path in files {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let is_admin = ["admin-", "cli-", "pomelo-"].iter().any(|prefix| name.starts_with(prefix));
        if !is_admin || !name.ends_with(".jsonl") {
            continue;
        }
        for (line, text) in fs::read_to_string(&path).unwrap().lines().enumerate() {
            let unit: Value = serde_json::from_str(text).unwrap();
            packets.push((format!("{name}:{}", line + 1), unhex(unit["hex"].as_str().unwrap())));
        }
    }
    assert!(packets.len() > 200, "only {} packets found", packets.len());
    packets
}

fn unhex(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

fn decoded(place: &str, bytes: &[u8]) -> Packet {
    let mut buffer = BytesMut::from(bytes);
    let packet = Packet::decode(&mut buffer, 1 << 20).unwrap_or_else(|e| panic!("{place}: {e}"));
    assert!(buffer.is_empty(), "{place}: bytes left over");
    packet.unwrap_or_else(|| panic!("{place}: not whole"))
}

#[test]
fn every_recorded_packet_encodes_to_the_same_bytes() {
    for (place, bytes) in recorded() {
        let mut again = BytesMut::new();
        decoded(&place, &bytes).encode(&mut again).unwrap();
        assert_eq!(again, bytes, "{place}");
    }
}

#[test]
fn every_recorded_publish_is_an_admin_message_and_encodes_to_the_same_bytes() {
    let (mut registers, mut requests, mut responses, mut notifies, mut commands) = (0, 0, 0, 0, 0);
    for (place, bytes) in recorded() {
        let Packet::Publish { topic, payload } = decoded(&place, &bytes) else { continue };
        let message = AdminMessage::decode(&topic, &payload).unwrap_or_else(|e| panic!("{place}: {e}"));
        assert_eq!(message.encode().unwrap(), Bytes::from(bytes), "{place}");
        match message {
            AdminMessage::Register(_) | AdminMessage::Reconnect(_) => registers += 1,
            AdminMessage::Registered(_) | AdminMessage::Reconnected(_) => {}
            AdminMessage::Monitor(envelope) | AdminMessage::Client(envelope) => match envelope {
                Envelope::Request { .. } => requests += 1,
                Envelope::Response(_) => responses += 1,
                Envelope::Notify { .. } => notifies += 1,
                Envelope::Command { .. } => commands += 1,
            },
        }
    }
    assert_eq!((registers, notifies, commands), (12, 4, 2));
    assert!(requests > 60 && responses > 60, "{requests} requests, {responses} responses");
}

#[test]
fn every_recorded_monitor_registration_has_a_server_record() {
    let mut servers = Vec::new();
    for (place, bytes) in recorded() {
        let Packet::Publish { topic, payload } = decoded(&place, &bytes) else { continue };
        let monitor = match AdminMessage::decode(&topic, &payload).unwrap() {
            AdminMessage::Register(Register::Monitor(monitor)) | AdminMessage::Reconnect(monitor) => monitor,
            _ => continue,
        };
        let server = monitor.server().unwrap_or_else(|e| panic!("{place}: {e}"));
        assert_eq!(server.server_type.as_str(), monitor.server_type, "{place}");
        assert!(server.pid.is_some(), "{place}: no pid");
        servers.push(server.id.to_string());
    }
    assert_eq!(servers, ["chat-server-1", "connector-server-1", "connector-server-1", "gate-server-1"]);
}
