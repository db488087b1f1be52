//! MQTT 3.1.1 framing, as much of it as the admin protocol uses: CONNECT, CONNACK, PUBLISH at QoS 0, PINGREQ, PINGRESP
//! and DISCONNECT. Source: the OASIS standard, and the recorded conversations in `tests/wire`.
//!
//! Not here: what a PUBLISH carries ([`crate::admin`]), and everything of MQTT that Pomelo never sends (subscriptions, QoS 1
//! and 2, wills, user names): a peer that sends it gets an error that names it.

use bytes::{Buf, BufMut, Bytes, BytesMut};

/// The largest remaining length four bytes can say.
const REMAINING_BYTES_MAX: usize = 268_435_455;
const PROTOCOL_NAME: &str = "MQTT";
const PROTOCOL_LEVEL: u8 = 4;
const CLEAN_SESSION: u8 = 0b10;

/// One packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet {
    /// First packet of the end that opened the connection.
    Connect {
        /// Any text; the original sends `MQTT_ADMIN_` and the time in milliseconds.
        client_id: String,
        /// Seconds without a packet after which the acceptor may hang up; 0 is never, and what the original sends.
        keep_alive_s: u16,
    },
    /// Answer to [`Packet::Connect`].
    ConnAck {
        /// 0 is accepted.
        code: u8,
    },
    /// A message at QoS 0.
    Publish {
        /// Not empty, without wildcards.
        topic: String,
        /// Any bytes.
        payload: Bytes,
    },
    /// Asks for a [`Packet::PingResp`].
    PingReq,
    /// Answer to [`Packet::PingReq`].
    PingResp,
    /// The sender leaves on purpose. The original's master sends it too.
    Disconnect,
}

/// Why bytes are not a packet, or a packet can't be bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MqttError {
    /// A type or an option of MQTT that Pomelo does not use, or no MQTT at all.
    #[error("unsupported mqtt {what} (first byte 0x{first_byte:02x})")]
    Unsupported {
        /// What it was.
        what: &'static str,
        /// Type and flags.
        first_byte: u8,
    },
    /// Longer than the receiver takes, or than MQTT can say.
    #[error("mqtt packet of {bytes} bytes, at most {bytes_max} are allowed")]
    TooLarge {
        /// Without the fixed header.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// The bytes contradict the standard.
    #[error("malformed mqtt {packet}: {what}")]
    Malformed {
        /// Name of the packet's type.
        packet: &'static str,
        /// What is wrong with it.
        what: &'static str,
    },
}

impl Packet {
    /// Appends the packet's bytes; appends nothing if it can't.
    pub fn encode(&self, out: &mut BytesMut) -> Result<(), MqttError> {
        let before = out.len();
        self.append(out).inspect_err(|_| out.truncate(before))
    }

    fn append(&self, out: &mut BytesMut) -> Result<(), MqttError> {
        match self {
            Self::Connect { client_id, keep_alive_s } => {
                let bytes = 2 + PROTOCOL_NAME.len() + 4 + 2 + client_id.len();
                put_header(0x10, bytes, out)?;
                put_text("CONNECT", PROTOCOL_NAME, out)?;
                out.put_u8(PROTOCOL_LEVEL);
                out.put_u8(CLEAN_SESSION);
                out.put_u16(*keep_alive_s);
                put_text("CONNECT", client_id, out)
            }
            Self::ConnAck { code } => {
                out.put_slice(&[0x20, 2, 0, *code]);
                Ok(())
            }
            Self::Publish { topic, payload } => {
                put_header(0x30, 2 + topic.len() + payload.len(), out)?;
                put_text("PUBLISH", topic, out)?;
                out.put_slice(payload);
                Ok(())
            }
            Self::PingReq => put_header(0xC0, 0, out),
            Self::PingResp => put_header(0xD0, 0, out),
            Self::Disconnect => put_header(0xE0, 0, out),
        }
    }

    /// Takes the next whole packet from the front of `buffer`, `None` if there is none yet. `packet_bytes_max` limits what
    /// follows the fixed header, and is checked before the bytes have arrived. After an error the stream can't be used.
    pub fn decode(buffer: &mut BytesMut, packet_bytes_max: usize) -> Result<Option<Self>, MqttError> {
        let Some(&first_byte) = buffer.first() else { return Ok(None) };
        check_first_byte(first_byte)?;
        let Some((bytes, header_bytes)) = remaining_length(&buffer[1..])? else { return Ok(None) };
        if bytes > packet_bytes_max {
            return Err(MqttError::TooLarge { bytes, bytes_max: packet_bytes_max });
        }
        if buffer.len() < 1 + header_bytes + bytes {
            return Ok(None);
        }
        buffer.advance(1 + header_bytes);
        parse(first_byte, buffer.split_to(bytes).freeze()).map(Some)
    }
}

fn check_first_byte(first_byte: u8) -> Result<(), MqttError> {
    let what = match (first_byte >> 4, first_byte & 0x0F) {
        // A PUBLISH that is to be retained (1) or not is the same without a broker.
        (1 | 2 | 12 | 13 | 14, 0) | (3, 0 | 1) => return Ok(()),
        (3, _) => "publish with qos above 0",
        (4..=7, _) => "acknowledgement",
        (8..=11, _) => "subscription",
        (1 | 2 | 12 | 13 | 14, _) => "flags",
        _ => "packet type",
    };
    Err(MqttError::Unsupported { what, first_byte })
}

/// The length and how many bytes said it.
fn remaining_length(bytes: &[u8]) -> Result<Option<(usize, usize)>, MqttError> {
    let mut length = 0;
    for (at, &byte) in bytes.iter().enumerate().take(4) {
        length |= usize::from(byte & 0x7F) << (7 * at);
        if byte & 0x80 == 0 {
            return Ok(Some((length, at + 1)));
        }
    }
    if bytes.len() < 4 {
        return Ok(None);
    }
    Err(MqttError::Malformed { packet: "packet", what: "length of more than four bytes" })
}

fn parse(first_byte: u8, mut body: Bytes) -> Result<Packet, MqttError> {
    let (name, packet) = match first_byte >> 4 {
        1 => ("CONNECT", parse_connect(first_byte, &mut body)?),
        2 => ("CONNACK", parse_connack(&mut body)?),
        3 => {
            let topic = take_text("PUBLISH", &mut body)?;
            if topic.is_empty() || topic.contains(['+', '#', '\0']) {
                return Err(MqttError::Malformed {
                    packet: "PUBLISH",
                    what: "topic is empty or has wildcards",
                });
            }
            return Ok(Packet::Publish { topic, payload: body });
        }
        12 => ("PINGREQ", Packet::PingReq),
        13 => ("PINGRESP", Packet::PingResp),
        _ => ("DISCONNECT", Packet::Disconnect),
    };
    if body.is_empty() {
        Ok(packet)
    } else {
        Err(MqttError::Malformed { packet: name, what: "bytes left over" })
    }
}

fn parse_connect(first_byte: u8, body: &mut Bytes) -> Result<Packet, MqttError> {
    let malformed = |what| MqttError::Malformed { packet: "CONNECT", what };
    if take_text("CONNECT", body)? != PROTOCOL_NAME {
        return Err(malformed("protocol name is not MQTT"));
    }
    if body.len() < 4 {
        return Err(malformed("too short"));
    }
    if body.get_u8() != PROTOCOL_LEVEL {
        return Err(MqttError::Unsupported { what: "version, expected 3.1.1", first_byte });
    }
    if body.get_u8() & !CLEAN_SESSION != 0 {
        return Err(MqttError::Unsupported {
            what: "connect flags (will, user name or password)",
            first_byte,
        });
    }
    let keep_alive_s = body.get_u16();
    Ok(Packet::Connect { client_id: take_text("CONNECT", body)?, keep_alive_s })
}

fn parse_connack(body: &mut Bytes) -> Result<Packet, MqttError> {
    if body.len() < 2 {
        return Err(MqttError::Malformed { packet: "CONNACK", what: "too short" });
    }
    // A kept session means nothing here: there are no subscriptions.
    body.advance(1);
    Ok(Packet::ConnAck { code: body.get_u8() })
}

fn take_text(packet: &'static str, body: &mut Bytes) -> Result<String, MqttError> {
    let malformed = |what| MqttError::Malformed { packet, what };
    let bytes = if body.len() < 2 { usize::MAX } else { usize::from(body.get_u16()) };
    if body.len() < bytes {
        return Err(malformed("text ends early"));
    }
    String::from_utf8(body.split_to(bytes).into()).map_err(|_| malformed("text is not utf-8"))
}

fn put_header(first_byte: u8, bytes: usize, out: &mut BytesMut) -> Result<(), MqttError> {
    if bytes > REMAINING_BYTES_MAX {
        return Err(MqttError::TooLarge { bytes, bytes_max: REMAINING_BYTES_MAX });
    }
    out.reserve(5 + bytes);
    out.put_u8(first_byte);
    let mut rest = bytes;
    while rest > 0x7F {
        out.put_u8((rest & 0x7F) as u8 | 0x80);
        rest >>= 7;
    }
    out.put_u8(rest as u8);
    Ok(())
}

fn put_text(packet: &'static str, text: &str, out: &mut BytesMut) -> Result<(), MqttError> {
    let bytes = u16::try_from(text.len())
        .map_err(|_| MqttError::Malformed { packet, what: "text of more than 65535 bytes" })?;
    out.put_u16(bytes);
    out.put_slice(text.as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(packet: &Packet) -> BytesMut {
        let mut out = BytesMut::new();
        packet.encode(&mut out).unwrap();
        out
    }

    fn all_kinds() -> Vec<Packet> {
        vec![
            Packet::Connect { client_id: "MQTT_ADMIN_1".into(), keep_alive_s: 60 },
            Packet::ConnAck { code: 0 },
            Packet::Publish { topic: "register".into(), payload: Bytes::from_static(b"{}") },
            Packet::Publish { topic: "monitor".into(), payload: Bytes::from(vec![b'x'; 20_000]) },
            Packet::PingReq,
            Packet::PingResp,
            Packet::Disconnect,
        ]
    }

    #[test]
    fn every_packet_comes_back_however_the_bytes_are_cut() {
        let stream: Vec<u8> = all_kinds().iter().flat_map(encoded).collect();
        for step in [1, 2, 3, 7, stream.len()] {
            let (mut buffer, mut got) = (BytesMut::new(), Vec::new());
            for chunk in stream.chunks(step) {
                buffer.extend_from_slice(chunk);
                while let Some(packet) = Packet::decode(&mut buffer, 1 << 20).unwrap() {
                    got.push(packet);
                }
            }
            assert_eq!(got, all_kinds(), "cut every {step} bytes");
            assert!(buffer.is_empty());
        }
    }

    #[test]
    fn an_oversized_packet_is_refused_by_its_header_alone() {
        let mut buffer = BytesMut::from(&[0x30, 0xFF, 0xFF, 0x7F][..]);
        let refused = Packet::decode(&mut buffer, 65_536).unwrap_err();
        assert_eq!(refused, MqttError::TooLarge { bytes: 0x1F_FFFF, bytes_max: 65_536 });
    }

    #[test]
    fn what_pomelo_never_sends_is_refused_by_name() {
        for (bytes, words) in [
            (&b"GET / HTTP/1.1\r\n"[..], "acknowledgement"),
            (b"\x00\x00", "packet type"),
            (b"\xF0\x00", "packet type"),
            (b"\x82\x05\x00\x01\x00\x00\x00", "subscription"),
            (b"\x32\x05\x00\x01a\x00\x01", "qos above 0"),
            (b"\xC1\x00", "flags"),
            (b"\xC0\x01x", "bytes left over"),
            (b"\x30\x03\x00\x09a", "text ends early"),
            (b"\x30\x01\x00", "text ends early"),
            (b"\x30\x03\x00\x01\xFF", "not utf-8"),
            (b"\x30\x03\x00\x01#", "wildcards"),
            (b"\x30\xFF\xFF\xFF\xFF\x01", "more than four bytes"),
            (b"\x10\x0C\x00\x04MQTT\x05\x02\x00\x00\x00\x00", "expected 3.1.1"),
            (b"\x10\x0C\x00\x04MQTT\x04\xC2\x00\x00\x00\x00", "user name"),
            (b"\x10\x07\x00\x04MQTT\x04", "too short"),
            (b"\x20\x01\x00", "too short"),
        ] {
            let refused = Packet::decode(&mut BytesMut::from(bytes), 1 << 20).unwrap_err().to_string();
            assert!(refused.contains(words), "{bytes:?}: {refused}");
        }
    }
}
