//! The PROXY protocol, versions 1 and 2 (HAProxy, `proxy-protocol.txt`): what a proxy says about a connection before anything
//! else comes over it, in text or in binary.
//!
//! Reading only. Which proxies are believed is up to who reads.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    str::FromStr,
};

/// Longest header of version 1, with its line end.
pub const LINE_BYTES_MAX: usize = 107;
/// Longest header of version 2 that is taken: what comes behind the addresses may name hosts and certificates.
pub const HEADER_BYTES_MAX: usize = 4096;

/// The beginning of version 1.
const WORD: &[u8] = b"PROXY ";
/// The beginning of version 2.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// Signature, command, family and length.
const FIXED_BYTES: usize = 16;

/// Whom a proxy speaks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyHeader {
    /// A client with this address.
    Client(SocketAddr),
    /// Itself, to see whether somebody is here; or it does not know. Then the connection's own address counts.
    Unknown,
}

/// Bytes that are no header.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyError {
    /// They begin as neither version does.
    #[error("expected a PROXY header, version 1 or 2")]
    NoHeader,
    /// The line of version 1 has no end.
    #[error("PROXY line is over {LINE_BYTES_MAX} bytes")]
    LineTooLong,
    /// The line of version 1 is not as it should be.
    #[error("malformed PROXY line: wrong {0}")]
    Line(&'static str),
    /// The header of version 2 says that it is longer than any that is taken.
    #[error("PROXY header of {0} bytes is over the limit of {HEADER_BYTES_MAX}")]
    TooLong(usize),
    /// The header of version 2 is not as it should be.
    #[error("malformed PROXY header: {what} {found:#04x}")]
    Header {
        /// `version and command`, `family`.
        what: &'static str,
        /// What stands there.
        found: u8,
    },
    /// The header of version 2 is too short for its addresses.
    #[error("malformed PROXY header: {0} bytes are too few for its addresses")]
    Short(usize),
}

impl ProxyHeader {
    /// Reads a header from the first bytes of a connection: what it says, and how many bytes it takes. `None` when more bytes
    /// are needed, of which there are never [`HEADER_BYTES_MAX`] already.
    pub fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, ProxyError> {
        if begins(bytes, SIGNATURE) {
            return binary(bytes);
        }
        if begins(bytes, WORD) {
            return text(bytes);
        }
        Err(ProxyError::NoHeader)
    }
}

/// Whether the bytes are a beginning of this one, or go on behind it.
fn begins(bytes: &[u8], with: &[u8]) -> bool {
    let common = bytes.len().min(with.len());
    bytes[..common] == with[..common]
}

/// `PROXY TCP4 SOURCE DESTINATION SOURCE-PORT DESTINATION-PORT\r\n`
fn text(bytes: &[u8]) -> Result<Option<(ProxyHeader, usize)>, ProxyError> {
    let bytes = &bytes[..bytes.len().min(LINE_BYTES_MAX)];
    let Some(line_bytes) = bytes.windows(2).position(|end| end == b"\r\n") else {
        return if bytes.len() < LINE_BYTES_MAX { Ok(None) } else { Err(ProxyError::LineTooLong) };
    };
    let line = std::str::from_utf8(&bytes[WORD.len()..line_bytes]).map_err(|_| ProxyError::Line("text"))?;
    let mut words = line.split(' ');
    let header = match words.next() {
        Some("TCP4") => ProxyHeader::Client(addresses::<Ipv4Addr>(&mut words)?),
        Some("TCP6") => ProxyHeader::Client(addresses::<Ipv6Addr>(&mut words)?),
        // What else stands in such a line is to be left unread.
        Some("UNKNOWN") => return Ok(Some((ProxyHeader::Unknown, line_bytes + 2))),
        _ => return Err(ProxyError::Line("protocol")),
    };
    match words.next() {
        None => Ok(Some((header, line_bytes + 2))),
        Some(_) => Err(ProxyError::Line("end")),
    }
}

/// The source. The destination has to be there, too.
fn addresses<'a, Ip>(words: &mut impl Iterator<Item = &'a str>) -> Result<SocketAddr, ProxyError>
where
    Ip: FromStr + Into<IpAddr>,
{
    let mut ip = |what| words.next().and_then(|word| word.parse::<Ip>().ok()).ok_or(ProxyError::Line(what));
    let (source, _destination) = (ip("source address")?, ip("destination address")?);
    let mut port = |what| {
        let digits = words.next().filter(|word| word.bytes().all(|byte| byte.is_ascii_digit()));
        digits.and_then(|word| word.parse::<u16>().ok()).ok_or(ProxyError::Line(what))
    };
    let (source_port, _destination_port) = (port("source port")?, port("destination port")?);
    Ok(SocketAddr::new(source.into(), source_port))
}

/// `[signature][version and command][family and protocol][length u16][source, destination, their ports][anything]`
fn binary(bytes: &[u8]) -> Result<Option<(ProxyHeader, usize)>, ProxyError> {
    let Some((fixed, rest)) = bytes.split_first_chunk::<FIXED_BYTES>() else { return Ok(None) };
    let [.., command, family, high, low] = *fixed;
    if command != 0x20 && command != 0x21 {
        return Err(ProxyError::Header { what: "version and command", found: command });
    }
    let length = usize::from(u16::from_be_bytes([high, low]));
    if FIXED_BYTES + length > HEADER_BYTES_MAX {
        return Err(ProxyError::TooLong(FIXED_BYTES + length));
    }
    let address_bytes = match family >> 4 {
        // Anything, of any protocol.
        0 => 0,
        1 => 2 * 4 + 2 * 2,
        2 => 2 * 16 + 2 * 2,
        // Names of sockets.
        3 => 2 * 108,
        _ => return Err(ProxyError::Header { what: "family", found: family }),
    };
    if family & 0x0f > 2 {
        return Err(ProxyError::Header { what: "family", found: family });
    }
    let is_local = command == 0x20;
    if !is_local && length < address_bytes {
        return Err(ProxyError::Short(length));
    }
    let Some(body) = rest.get(..length) else { return Ok(None) };
    let source = match family >> 4 {
        _ if is_local => None,
        1 => body.first_chunk().map(|ip: &[u8; 4]| (IpAddr::from(*ip), 2 * 4)),
        2 => body.first_chunk().map(|ip: &[u8; 16]| (IpAddr::from(*ip), 2 * 16)),
        _ => None,
    };
    let client = source.and_then(|(ip, behind)| {
        let port = body.get(behind..)?.first_chunk::<2>()?;
        Some(ProxyHeader::Client(SocketAddr::new(ip, u16::from_be_bytes(*port))))
    });
    Ok(Some((client.unwrap_or(ProxyHeader::Unknown), FIXED_BYTES + length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v2(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        [SIGNATURE, &[command, family], &length, body].concat()
    }

    fn client(addr: &str) -> ProxyHeader {
        ProxyHeader::Client(addr.parse().unwrap())
    }

    fn good() -> Vec<(Vec<u8>, ProxyHeader)> {
        let v4 = b"\xc6\x33\x64\x16\xcb\x00\x71\x07\x8b\x3e\x01\xbb";
        let v6 =
            [&[0x20, 1, 0xd, 0xb8][..], &[0; 11], &[1], &[0x20, 1, 0xd, 0xb8], &[0; 11], &[2, 0, 7, 0, 8]]
                .concat();
        let tlv = [&v4[..], b"\x04\x00\x03abc"].concat();
        let text = |line: &str| line.as_bytes().to_vec();
        vec![
            (text("PROXY TCP4 198.51.100.22 203.0.113.7 35646 443\r\n"), client("198.51.100.22:35646")),
            (text("PROXY TCP6 2001:db8::1 2001:db8::2 7 8\r\n"), client("[2001:db8::1]:7")),
            (text("PROXY UNKNOWN\r\n"), ProxyHeader::Unknown),
            (text("PROXY UNKNOWN ffff::1 whatever\r\n"), ProxyHeader::Unknown),
            (v2(0x21, 0x11, v4), client("198.51.100.22:35646")),
            (v2(0x21, 0x11, &tlv), client("198.51.100.22:35646")),
            (v2(0x21, 0x21, &v6), client("[2001:db8::1]:7")),
            (v2(0x21, 0x31, &[b'/'; 216]), ProxyHeader::Unknown),
            (v2(0x21, 0x00, b""), ProxyHeader::Unknown),
            (v2(0x20, 0x00, b""), ProxyHeader::Unknown),
            (v2(0x20, 0x11, v4), ProxyHeader::Unknown),
        ]
    }

    #[test]
    fn a_header_is_read_as_soon_as_it_is_whole_and_what_follows_is_left() {
        for (bytes, header) in good() {
            let words = bytes.escape_ascii().to_string();
            for end in 0..bytes.len() {
                assert_eq!(ProxyHeader::parse(&bytes[..end]), Ok(None), "{end} bytes of {words}");
            }
            let whole = Ok(Some((header, bytes.len())));
            assert_eq!(ProxyHeader::parse(&bytes), whole, "{words}");
            assert_eq!(ProxyHeader::parse(&[&bytes[..], b"\x01\0\0\x02{}"].concat()), whole, "{words}");
        }
    }

    #[test]
    fn what_is_no_header_is_refused_as_early_as_it_can_be() {
        let line = |what| Err(ProxyError::Line(what));
        let long = format!("PROXY UNKNOWN {}", "x".repeat(LINE_BYTES_MAX));
        let cases: Vec<(Vec<u8>, Result<_, ProxyError>)> = vec![
            (b"GET / HTTP/1.1\r\n".to_vec(), Err(ProxyError::NoHeader)),
            (b"P0".to_vec(), Err(ProxyError::NoHeader)),
            (b"\x01".to_vec(), Err(ProxyError::NoHeader)),
            (b"\r\n\r\nx".to_vec(), Err(ProxyError::NoHeader)),
            (long.into_bytes(), Err(ProxyError::LineTooLong)),
            (b"PROXY \r\n".to_vec(), line("protocol")),
            (b"PROXY UDP4 1.2.3.4 1.2.3.4 1 1\r\n".to_vec(), line("protocol")),
            (b"PROXY TCP4 ::1 1.2.3.4 1 1\r\n".to_vec(), line("source address")),
            (b"PROXY TCP4 1.2.3.4\r\n".to_vec(), line("destination address")),
            (b"PROXY TCP4 1.2.3.4 1.2.3.4 65536 1\r\n".to_vec(), line("source port")),
            (b"PROXY TCP4 1.2.3.4 1.2.3.4 1 +1\r\n".to_vec(), line("destination port")),
            (b"PROXY TCP4 1.2.3.4 1.2.3.4 1 1 \r\n".to_vec(), line("end")),
            (b"PROXY TCP4 \xff 1.2.3.4 1 1\r\n".to_vec(), line("text")),
            (v2(0x11, 0x11, &[0; 12]), Err(ProxyError::Header { what: "version and command", found: 0x11 })),
            (v2(0x22, 0x11, &[0; 12]), Err(ProxyError::Header { what: "version and command", found: 0x22 })),
            (v2(0x21, 0x41, &[0; 12]), Err(ProxyError::Header { what: "family", found: 0x41 })),
            (v2(0x21, 0x13, &[0; 12]), Err(ProxyError::Header { what: "family", found: 0x13 })),
            (v2(0x21, 0x11, &[0; 11]), Err(ProxyError::Short(11))),
            (
                v2(0x21, 0x11, &[0; HEADER_BYTES_MAX]),
                Err(ProxyError::TooLong(HEADER_BYTES_MAX + FIXED_BYTES)),
            ),
        ];
        for (bytes, error) in cases {
            assert_eq!(ProxyHeader::parse(&bytes), error, "{}", bytes.escape_ascii());
        }
    }
}
