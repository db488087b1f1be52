//! Where to connect, and how: `ws://`, `wss://`, `tcp://`, `tls://`. Nothing is resolved or dialled here.

use rustls::pki_types::ServerName;

use crate::ClientError;

const EXPECTED: &str = "expected ws://host:port, wss://host:port, tcp://host:port or tls://host:port";

/// An address of a server.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    url: String,
    /// Host and port.
    authority: String,
    host_bytes: usize,
    websocket: bool,
    encrypted: bool,
}

impl Address {
    /// From a URL. What follows host and port counts for WebSocket only; their ports are 80 and 443 if none is said.
    pub(crate) fn parse(url: &str) -> Result<Self, ClientError> {
        let wrong = |expected| ClientError::Address { address: url.to_owned(), expected };
        let (scheme, rest) = url.split_once("://").ok_or(wrong(EXPECTED))?;
        let (websocket, encrypted) = match scheme {
            "ws" => (true, false),
            "wss" => (true, true),
            "tcp" => (false, false),
            "tls" => (false, true),
            _ => return Err(wrong(EXPECTED)),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let place = &rest[..end];
        let port = place.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok());
        let host = port.map_or(place, |(host, _)| host);
        if host.is_empty() {
            return Err(wrong("expected a host after ://"));
        }
        let authority = match (port, websocket, encrypted) {
            (Some(_), ..) => place.to_owned(),
            (None, true, false) => format!("{place}:80"),
            (None, true, true) => format!("{place}:443"),
            (None, false, _) => return Err(wrong("expected a port after the host")),
        };
        Ok(Self { url: url.to_owned(), authority, host_bytes: host.len(), websocket, encrypted })
    }

    /// Host and port.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }

    /// The URL to ask a WebSocket of; none if the socket is used as it is.
    pub(crate) fn upgrade(&self) -> Option<&str> {
        self.websocket.then_some(self.url.as_str())
    }

    /// Whose certificate is expected; none without TLS.
    pub(crate) fn server_name(&self) -> Result<Option<ServerName<'static>>, ClientError> {
        if !self.encrypted {
            return Ok(None);
        }
        // An IPv6 address stands in brackets here, and without them in a certificate.
        let host = self.authority[..self.host_bytes].trim_matches(['[', ']']);
        let wrong = |_| ClientError::Address {
            address: self.url.clone(),
            expected: "expected a name or an address that a certificate can be for",
        };
        ServerName::try_from(host.to_owned()).map(Some).map_err(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_host_and_port_whatever_follows() {
        let authority = |url| Address::parse(url).map(|address| address.authority);
        assert_eq!(authority("ws://127.0.0.1:3050").unwrap(), "127.0.0.1:3050");
        assert_eq!(authority("ws://[::1]:3050/a?b=c:1").unwrap(), "[::1]:3050");
        assert_eq!(authority("ws://example").unwrap(), "example:80");
        assert_eq!(authority("wss://example/x").unwrap(), "example:443");
        assert_eq!(authority("tls://example:3050").unwrap(), "example:3050");
        for wrong in ["tcp://example", "127.0.0.1:3050", "ws:///path", "ws://:3050", "http://example"] {
            let error = authority(wrong).unwrap_err().to_string();
            assert!(error.starts_with(&format!("address \"{wrong}\": expected ")), "{error}");
        }
    }

    #[test]
    fn a_certificate_is_asked_for_the_host_and_only_with_tls() {
        let name = |url| Address::parse(url).unwrap().server_name().unwrap();
        assert_eq!(name("ws://localhost:3050"), None);
        assert_eq!(name("wss://localhost:3050"), Some(ServerName::try_from("localhost").unwrap()));
        assert_eq!(name("tls://[::1]:3050"), Some(ServerName::try_from("::1").unwrap()));
        assert!(Address::parse("wss://a b:1").unwrap().server_name().is_err());
    }
}
