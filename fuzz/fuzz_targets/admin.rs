//! The admin port: any bytes are packets and messages or an error, and a message that was taken can be written and taken again.
#![no_main]

use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;
use pomelo_protocol::{admin::AdminMessage, mqtt::Packet};

const PACKET_BYTES_MAX: usize = 4096;

fuzz_target!(|data: &[u8]| {
    let mut buffer = BytesMut::from(data);
    while let Ok(Some(packet)) = Packet::decode(&mut buffer, PACKET_BYTES_MAX) {
        let Packet::Publish { topic, payload } = packet else { continue };
        if let Ok(message) = AdminMessage::decode(&topic, &payload) {
            let mut again = BytesMut::from(&message.encode().expect("no larger than before")[..]);
            let Ok(Some(Packet::Publish { topic, payload })) = Packet::decode(&mut again, usize::MAX) else {
                panic!("our own packet");
            };
            // Not compared: the last digit of a fraction may differ.
            AdminMessage::decode(&topic, &payload).expect("our own message");
        }
    }
});
