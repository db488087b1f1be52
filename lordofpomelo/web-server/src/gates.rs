//! `config.json`: where the game begins for a browser.

use std::{
    net::IpAddr,
    str::FromStr,
    sync::atomic::{AtomicUsize, Ordering},
};

use pomelo_cluster::config::Environment;
use serde::Serialize;

/// The type of the servers that send players to a connector.
const GATE: &str = "gate";

/// Where a gate listens. Read from `host:port`, or `:port` for the host that the page comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gate {
    /// `None` is the host that the page comes from.
    #[serde(rename = "gateHost")]
    pub host: Option<String>,
    /// Its port for clients.
    #[serde(rename = "gatePort")]
    pub port: u16,
}

impl Gate {
    /// The gates of a configuration. One that knows itself as this machine only is where the page is.
    pub(crate) fn configured(environment: &Environment) -> Vec<Self> {
        let gates = environment.servers.iter().filter(|server| server.server_type.as_str() == GATE);
        let of = |host: &str, port| Self { host: elsewhere(host), port };
        gates
            .filter_map(|gate| Some(of(gate.client_host.as_deref().unwrap_or(&gate.host), gate.client_port?)))
            .collect()
    }
}

fn elsewhere(host: &str) -> Option<String> {
    match host.parse::<IpAddr>() {
        Ok(address) if address.is_loopback() || address.is_unspecified() => None,
        Ok(IpAddr::V6(address)) => Some(format!("[{address}]")),
        _ if host.is_empty() || host == "localhost" => None,
        _ => Some(host.to_owned()),
    }
}

impl FromStr for Gate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not HOST:PORT, nor :PORT for the host of the page");
        let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
        let port = port.parse().ok().filter(|port| *port != 0).ok_or_else(wrong)?;
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let odd = |c: char| !(c.is_ascii_alphanumeric() || "-._".contains(c));
        match bare {
            Some(six) if six.parse::<std::net::Ipv6Addr>().is_err() => return Err(wrong()),
            None if host.contains(odd) => return Err(wrong()),
            _ => {}
        }
        Ok(Self { host: (!host.is_empty()).then(|| host.to_owned()), port })
    }
}

/// All gates; each page that is opened is sent to the next one.
#[derive(Debug)]
pub(crate) struct Gates {
    all: Vec<Gate>,
    next: AtomicUsize,
}

impl Gates {
    /// `None` if there is no gate.
    pub(crate) fn new(all: Vec<Gate>) -> Option<Self> {
        (!all.is_empty()).then_some(Self { all, next: AtomicUsize::new(0) })
    }

    pub(crate) fn next(&self) -> &Gate {
        let n = self.next.fetch_add(1, Ordering::Relaxed);
        &self.all[n % self.all.len()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_is_written_as_host_and_port() {
        let gate = |host: Option<&str>, port| Ok(Gate { host: host.map(str::to_owned), port });
        assert_eq!("play.example.org:3014".parse(), gate(Some("play.example.org"), 3014));
        assert_eq!("[2001:db8::1]:80".parse(), gate(Some("[2001:db8::1]"), 80));
        assert_eq!(":3014".parse(), gate(None, 3014));
        for wrong in
            ["", "3014", "host", "host:", "host:0", "host:99999", "a b:1", "a/b:1", "2001:db8::1:80", "[x]:1"]
        {
            assert!(wrong.parse::<Gate>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn this_machine_is_where_the_page_is() {
        for here in ["127.0.0.1", "localhost", "0.0.0.0", "::1", "::", ""] {
            assert_eq!(elsewhere(here), None, "{here}");
        }
        assert_eq!(elsewhere("10.0.0.5").as_deref(), Some("10.0.0.5"));
        assert_eq!(elsewhere("2001:db8::1").as_deref(), Some("[2001:db8::1]"));
    }
}
