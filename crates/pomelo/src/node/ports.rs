//! The port for other servers, and a useful answer where a port is taken.

use std::{
    fmt, fs, io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use pomelo_protocol::ServerId;
use tokio::net::{TcpListener, lookup_host};

use crate::{
    connector::ConnectorError,
    listen::{anywhere, listen},
};

/// What the port of a frontend is for.
const CLIENTS: &str = "port for clients";

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
        Self::new(server, CLIENTS, addr, addr.port(), source)
    }
}

/// Where a server listens for clients: anywhere, or on the address or name that the configuration says.
pub(super) async fn client_addrs(
    server: &ServerId,
    host: Option<&str>,
    port: u16,
) -> Result<Vec<SocketAddr>, PortError> {
    let Some(host) = host else { return Ok(anywhere(port).into()) };
    let found = lookup_host((host, port)).await.map(Iterator::collect);
    found.map_err(|source| PortError::new(server, CLIENTS, format_args!("{host:?}"), port, source))
}

/// Where a server listens that others reach as `host`: on the loopback interface only if that is one of its names, else
/// on all.
pub(crate) fn listen_addrs(host: &str, port: u16) -> Vec<SocketAddr> {
    match host.parse::<IpAddr>() {
        Ok(ip) if ip.is_loopback() => vec![(ip, port).into()],
        Err(_) if host == "localhost" => vec![(Ipv4Addr::LOCALHOST, port).into()],
        _ => anywhere(port).into(),
    }
}

/// Listens; port 0 takes a free one.
pub(crate) fn listen_tcp(
    server: impl fmt::Display,
    what: &'static str,
    addrs: &[SocketAddr],
) -> Result<TcpListener, PortError> {
    listen(addrs).map_err(|(addr, source)| PortError::new(server, what, addr, addr.port(), source))
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
        let first = listen_tcp("a", CLIENTS, &listen_addrs("127.0.0.1", 0)).unwrap();
        let addr = first.local_addr().unwrap();
        let text = listen_tcp("chat-server-1", "port for other servers", &[addr]).unwrap_err().to_string();
        assert!(
            text.starts_with(&format!("chat-server-1 can't listen on {addr} (port for other servers): ")),
            "{text}"
        );
        assert!(text.contains(&format!("; process {} has it: ", std::process::id())), "{text}");
    }

    #[test]
    fn only_names_of_the_loopback_interface_keep_others_out() {
        let alone = |host: &str| listen_addrs(host, 1).iter().map(SocketAddr::to_string).collect::<Vec<_>>();
        assert_eq!(alone("127.0.0.1"), ["127.0.0.1:1"]);
        assert_eq!(alone("localhost"), ["127.0.0.1:1"]);
        assert_eq!(alone("::1"), ["[::1]:1"]);
        for host in ["10.0.0.5", "2001:db8::1", "chat.internal"] {
            assert_eq!(alone(host), ["[::]:1", "0.0.0.0:1"]);
        }
    }

    #[tokio::test]
    async fn clients_come_from_anywhere_unless_the_configuration_says_where() {
        let server = ServerId::new("gate-server-1").unwrap();
        let addrs = async |host| client_addrs(&server, host, 1).await;
        assert_eq!(addrs(None).await.unwrap(), anywhere(1));
        assert_eq!(addrs(Some("0.0.0.0")).await.unwrap(), ["0.0.0.0:1".parse().unwrap()]);
        assert!(addrs(Some("localhost")).await.unwrap().iter().all(|addr| addr.ip().is_loopback()));
        let text = addrs(Some("no such host")).await.unwrap_err().to_string();
        let begin = "gate-server-1 can't listen on \"no such host\" (port for clients): ";
        assert!(text.starts_with(begin), "{text}");
    }
}
