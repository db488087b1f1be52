//! Machines for a test: network namespaces of this one, with a router between them that can lose what one says to another.
//!
//! Every node has an address of its own and a line to the router; so has the test itself, which is never cut off unless it asks
//! for it. The router drops silently, in one direction at a time: neither end is told, as in a real partition. It needs the right
//! to make namespaces (root, or a container that may).
//!
//! Not here: delays and loss of some packets, for which many kernels have no queue.

use std::{
    ffi::OsStr,
    fs,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail, ensure};
use rustix::process::Signal;

use crate::game::signal;

/// Every namespace made here begins with this and the process that made it.
const PREFIX: &str = "pomelo-";

/// Most nodes: each takes four addresses of 256, the test itself too.
const NODES_MAX: usize = 63;

/// The networks are in 198.18.0.0/15, which is set aside for tests of networks. One that is taken is tried again elsewhere.
const TRIES: usize = 10;

/// The test's own place in the network, for [`Net::cut`].
pub const HERE: &str = "here";

/// Namespaces and the router between them. Dropping it kills what runs inside and removes them.
#[derive(Debug)]
pub struct Net {
    /// `pomelo-PID-RANDOM`.
    name: String,
    /// `198.18.7`.
    network: String,
    /// Place 0 is the test's own.
    nodes: Vec<String>,
}

impl Net {
    /// Makes a namespace for each node and connects them all.
    pub fn start(nodes: &[&str]) -> Result<Self> {
        if let Some(reason) = missing() {
            bail!(reason);
        }
        ensure!(nodes.len() <= NODES_MAX, "at most {NODES_MAX} nodes");
        sweep();
        let mut last = None;
        for _ in 0..TRIES {
            let number = fastrand::u32(..);
            let (high, low) = (18 + (number & 1), number >> 8 & 0xff);
            let net = Self {
                name: format!("{PREFIX}{}-{number:x}", std::process::id()),
                network: format!("198.{high}.{low}"),
                nodes: [HERE].iter().chain(nodes).map(|node| (*node).to_owned()).collect(),
            };
            match net.build(&format!("pm{number:x}")) {
                Ok(()) => return Ok(net),
                // Dropping it removes what there is of it.
                Err(error) => last = Some(error),
            }
        }
        Err(last.context("no try was made")?)
    }

    /// For tests that need it: nothing, with the reason printed, where namespaces can't be made.
    ///
    /// # Panics
    ///
    /// If they can and something fails; and, with `POMELO_REQUIRE_ALL=1` in the environment, if they can't.
    pub fn for_test(nodes: &[&str]) -> Option<Self> {
        crate::can_run(missing()).then(|| Self::start(nodes).expect("namespaces can be made here"))
    }

    /// Address of a node.
    ///
    /// # Panics
    ///
    /// If there is no such node; so do the others here.
    pub fn addr(&self, node: &str) -> String {
        format!("{}.{}", self.network, 4 * self.place(node) + 2)
    }

    /// The start of a command line that runs something at a node: `ip netns exec ..`. The program replaces `ip`, so that the
    /// child's process id is the program's.
    pub fn prefix(&self, node: &str) -> Vec<String> {
        assert_ne!(self.place(node), 0, "the test itself is no node");
        ["ip", "netns", "exec"].into_iter().map(str::to_owned).chain([self.namespace(node)]).collect()
    }

    /// A program to be run at a node.
    pub fn command(&self, node: &str, program: impl AsRef<OsStr>) -> tokio::process::Command {
        let prefix = self.prefix(node);
        let mut command = tokio::process::Command::new(&prefix[0]);
        command.args(&prefix[1..]).arg(program);
        command
    }

    /// From now on nothing that `from` sends reaches `to`; the other direction is not touched.
    pub fn cut(&self, from: &str, to: &str) -> Result<()> {
        self.rule("add", from, to)
    }

    /// Ends one [`Net::cut`].
    pub fn heal(&self, from: &str, to: &str) -> Result<()> {
        self.rule("del", from, to)
    }

    /// Cuts both directions.
    pub fn part(&self, one: &str, other: &str) -> Result<()> {
        self.cut(one, other)?;
        self.cut(other, one)
    }

    /// Ends [`Net::part`].
    pub fn join(&self, one: &str, other: &str) -> Result<()> {
        self.heal(one, other)?;
        self.heal(other, one)
    }

    fn rule(&self, verb: &str, from: &str, to: &str) -> Result<()> {
        let (from, to, router) = (self.addr(from), self.addr(to), self.router());
        ip(&["-n", &router, "rule", verb, "from", &from, "to", &to, "blackhole"])
    }

    fn build(&self, line: &str) -> Result<()> {
        let taken = output(&["route", "show", "root", &format!("{}.0/24", self.network)])?;
        ensure!(taken.trim().is_empty(), "network {}.0/24 is in use", self.network);
        let router = self.router();
        ip(&["netns", "add", &router])?;
        ip(&["-n", &router, "link", "set", "lo", "up"])?;
        // A cut in one direction must not make the router doubt the other.
        for (key, value) in
            [("ip_forward", "1"), ("conf/all/rp_filter", "0"), ("conf/default/rp_filter", "0")]
        {
            let write = format!("echo {value} > /proc/sys/net/ipv4/{key}");
            ip(&["netns", "exec", &router, "sh", "-c", &write])?;
        }
        for (place, node) in self.nodes.iter().enumerate() {
            let (its, ours) = (self.addr(node), format!("{}.{}", self.network, 4 * place + 1));
            let far = format!("line{place}");
            if place == 0 {
                ip(&["link", "add", line, "type", "veth", "peer", "name", &far, "netns", &router])?;
                ip(&["addr", "add", &format!("{its}/30"), "dev", line])?;
                ip(&["link", "set", "dev", line, "up"])?;
                ip(&["route", "add", &format!("{}.0/24", self.network), "via", &ours])?;
            } else {
                let space = self.namespace(node);
                ip(&["netns", "add", &space])?;
                let (near, at) = ("line", ["-n", &space]);
                let veth =
                    ["link", "add", near, "netns", &space, "type", "veth", "peer", "name", &far, "netns"];
                ip(&[&veth[..], &[&router]].concat())?;
                ip(&[&at[..], &["addr", "add", &format!("{its}/30"), "dev", near]].concat())?;
                ip(&[&at[..], &["link", "set", "dev", near, "up"]].concat())?;
                ip(&[&at[..], &["link", "set", "dev", "lo", "up"]].concat())?;
            }
            ip(&["-n", &router, "addr", "add", &format!("{ours}/30"), "dev", &far])?;
            ip(&["-n", &router, "link", "set", "dev", &far, "up"])?;
            if place > 0 {
                ip(&["-n", &self.namespace(node), "route", "add", "default", "via", &ours])?;
            }
        }
        Ok(())
    }

    fn place(&self, node: &str) -> usize {
        let place = self.nodes.iter().position(|name| name == node);
        place.unwrap_or_else(|| panic!("no node {node:?} in this network: {:?}", self.nodes))
    }

    fn namespace(&self, node: &str) -> String {
        format!("{}-{node}", self.name)
    }

    fn router(&self) -> String {
        self.namespace("router")
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for name in namespaces().into_iter().filter(|name| name.starts_with(&format!("{}-", self.name))) {
            remove(&name);
        }
    }
}

/// What is missing on this machine, if anything.
pub fn missing() -> Option<String> {
    let name = format!("{PREFIX}{}-try{:x}", std::process::id(), fastrand::u32(..));
    let made = ip(&["netns", "add", &name]);
    remove(&name);
    let error = made.err()?;
    Some(format!("network namespaces can't be made here ({error:#}); it takes root and the package iproute2"))
}

/// Removes what a test left that was killed.
fn sweep() {
    for name in namespaces() {
        let owner = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next()?.parse::<u32>().ok());
        if owner.is_some_and(|pid| !fs::exists(format!("/proc/{pid}")).unwrap_or(true)) {
            remove(&name);
        }
    }
}

fn namespaces() -> Vec<String> {
    let list = output(&["netns", "list"]).unwrap_or_default();
    list.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

fn remove(namespace: &str) {
    let inside = output(&["netns", "pids", namespace]).unwrap_or_default();
    for pid in inside.lines().filter_map(|line| line.trim().parse().ok()) {
        let _ = signal(pid, Signal::KILL);
    }
    let _ = ip(&["netns", "del", namespace]);
}

fn ip(arguments: &[&str]) -> Result<()> {
    output(arguments).map(drop)
}

fn output(arguments: &[&str]) -> Result<String> {
    let output = Command::new("ip").args(arguments).stdin(Stdio::null()).output();
    let output = output.context("`ip` could not be run")?;
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "`ip {}`: {}", arguments.join(" "), err.trim());
    Ok(out.into_owned())
}

#[cfg(test)]
mod tests {
    use std::{net::UdpSocket, time::Duration};

    use super::*;

    /// A word from a node to the socket, by bash: nothing else is needed there.
    fn say(net: &Net, node: &str, word: &str, to: &UdpSocket) {
        let to = to.local_addr().unwrap();
        let prefix = net.prefix(node);
        let script = format!("echo -n {word} > /dev/udp/{}/{}", to.ip(), to.port());
        let status = Command::new(&prefix[0]).args(&prefix[1..]).args(["bash", "-c", &script]).status();
        assert!(status.unwrap().success());
    }

    fn hear(socket: &UdpSocket) -> String {
        let mut bytes = [0; 64];
        let n = socket.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..n]).into_owned()
    }

    #[test]
    fn a_line_is_cut_in_one_direction_silently_and_healed() {
        let Some(net) = Net::for_test(&["a", "b"]) else { return };
        let socket = UdpSocket::bind((net.addr(HERE), 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        say(&net, "a", "one", &socket);
        assert_eq!(hear(&socket), "one");
        net.cut(HERE, "a").unwrap();
        say(&net, "a", "the other way", &socket);
        assert_eq!(hear(&socket), "the other way");
        net.heal(HERE, "a").unwrap();
        net.cut("a", HERE).unwrap();
        say(&net, "a", "lost", &socket);
        say(&net, "b", "two", &socket);
        assert_eq!(hear(&socket), "two");
        net.heal("a", HERE).unwrap();
        say(&net, "a", "three", &socket);
        assert_eq!(hear(&socket), "three");
    }

    #[test]
    fn nothing_is_left_of_a_network_that_is_dropped() {
        let Some(net) = Net::for_test(&["a"]) else { return };
        let (name, prefix) = (net.name.clone(), net.prefix("a"));
        let mut child = Command::new(&prefix[0]).args(&prefix[1..]).args(["sleep", "1000"]).spawn().unwrap();
        drop(net);
        assert!(!child.wait().unwrap().success());
        assert!(!namespaces().iter().any(|left| left.starts_with(&name)));
    }
}
