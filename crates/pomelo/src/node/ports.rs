//! The port for other servers, and a useful answer where a port is taken.

use std::{
    fmt, fs, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use tokio::net::TcpListener;

use crate::{connector::ConnectorError, listen::listen};

/// How much of the command line of a process that holds a port is told: enough to know it by.
const COMMAND_CHARS_MAX: usize = 200;

/// A port that could not be listened on.
#[derive(Debug, thiserror::Error)]
#[error("{server} can't listen on {addr} ({what}): {source}{holder}")]
pub struct PortError {
    /// The server that needs it.
    pub server: String,
    /// What for: `port for other servers`.
    pub what: &'static str,
    /// Where.
    pub addr: String,
    /// What the system said.
    pub source: io::Error,
    /// Who has it, if it is taken and that can be told.
    pub holder: Holder,
}

/// The process that listens on a port, if known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder(Option<(u32, String)>);

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some((pid, name)) => write!(f, "; process {pid} has it: {name}"),
            None => Ok(()),
        }
    }
}

impl PortError {
    pub(crate) fn new(
        server: impl fmt::Display,
        what: &'static str,
        addr: impl fmt::Display,
        port: u16,
        source: io::Error,
    ) -> Self {
        let taken = source.kind() == io::ErrorKind::AddrInUse;
        let holder = Holder(if taken { holder(port) } else { None });
        Self { server: server.to_string(), what, addr: addr.to_string(), source, holder }
    }

    pub(crate) fn of_connector(server: impl fmt::Display, error: ConnectorError) -> Self {
        let ConnectorError::Bind { addr, source } = error;
        Self::new(server, "port for clients", addr, addr.port(), source)
    }
}

/// Where a server listens that others reach as `host`: on the loopback interface only if that is one of its names, else
/// on all.
pub(crate) fn listen_addr(host: &str, port: u16) -> SocketAddr {
    let ip = match host.parse::<IpAddr>() {
        Ok(ip) if ip.is_loopback() => ip,
        Ok(IpAddr::V6(_)) => Ipv6Addr::UNSPECIFIED.into(),
        Err(_) if host == "localhost" => Ipv4Addr::LOCALHOST.into(),
        Ok(IpAddr::V4(_)) | Err(_) => Ipv4Addr::UNSPECIFIED.into(),
    };
    (ip, port).into()
}

/// Listens; port 0 takes a free one.
pub(crate) fn listen_tcp(
    server: impl fmt::Display,
    what: &'static str,
    addr: SocketAddr,
) -> Result<TcpListener, PortError> {
    listen(addr).map_err(|source| PortError::new(server, what, addr, addr.port(), source))
}

/// The process that listens on this port, as far as `/proc` tells: those of other users stay unknown.
fn holder(port: u16) -> Option<(u32, String)> {
    let inodes: Vec<String> = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|file| fs::read_to_string(file).ok())
        .flat_map(|table| listening(&table, port))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    let processes = fs::read_dir("/proc").ok()?.filter_map(Result::ok);
    let mut pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let has = |pid: &u32| {
        let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().filter_map(Result::ok);
        let mut targets = files.filter_map(|file| fs::read_link(file.path()).ok());
        targets.any(|target| target.to_str().is_some_and(|target| inodes.iter().any(|inode| inode == target)))
    };
    let pid = pids.find(has)?;
    let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let command = String::from_utf8_lossy(&command).replace('\0', " ");
    Some((pid, command.trim_end().chars().take(COMMAND_CHARS_MAX).collect()))
}

/// Inodes of the listening sockets of this port in a table like `/proc/net/tcp`.
fn listening(table: &str, port: u16) -> Vec<String> {
    const LISTEN: &str = "0A";
    let suffix = format!(":{port:04X}");
    let rows = table.lines().skip(1).map(|row| row.split_ascii_whitespace().collect::<Vec<_>>());
    let ours = rows.filter(|row| row.len() > 9 && row[1].ends_with(&suffix) && row[3] == LISTEN);
    ours.map(|row| row[9].to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_taken_port_is_reported_with_the_process_that_has_it() {
        let first = listen_tcp("a", "port for clients", listen_addr("127.0.0.1", 0)).unwrap();
        let addr = first.local_addr().unwrap();
        let text = listen_tcp("chat-server-1", "port for other servers", addr).unwrap_err().to_string();
        assert!(
            text.starts_with(&format!("chat-server-1 can't listen on {addr} (port for other servers): ")),
            "{text}"
        );
        assert!(text.contains(&format!("; process {} has it: ", std::process::id())), "{text}");
    }

    #[test]
    fn only_names_of_the_loopback_interface_keep_others_out() {
        assert_eq!(listen_addr("127.0.0.1", 1).to_string(), "127.0.0.1:1");
        assert_eq!(listen_addr("localhost", 1).to_string(), "127.0.0.1:1");
        assert_eq!(listen_addr("::1", 1).to_string(), "[::1]:1");
        assert_eq!(listen_addr("10.0.0.5", 1).to_string(), "0.0.0.0:1");
        assert_eq!(listen_addr("chat.internal", 1).to_string(), "0.0.0.0:1");
    }
}
