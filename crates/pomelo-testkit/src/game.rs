//! A game's directory for one test: the configuration of the chat example or of LordOfPomelo on free ports, and whatever runs in it.
//!
//! Dropping it kills every process that still has the directory as its working directory, so that a failed test leaves
//! nothing behind.

mod process;

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use tempfile::TempDir;

pub use process::{GameProcess, is_gone, signal};

/// Ports are taken below the range from which the kernel gives ports to outgoing connections.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// Ports that a game with all its servers may take.
const PORTS_OF_A_GAME: usize = 32;

/// A game in a directory of its own.
#[derive(Debug)]
pub struct GameDir {
    dir: TempDir,
    /// The program that is its servers.
    pub program: &'static str,
    /// The master of `master.json`, then the standbys of `masterha.json`.
    pub masters: Vec<u16>,
    /// Where the servers are.
    pub host: String,
    /// Client port of the gate.
    pub gate: u16,
    /// Client ports of the connectors.
    pub connectors: Vec<u16>,
}

impl GameDir {
    /// Two connectors, two chat servers, a gate, a master and two standbys, in `production` and `development` alike; on
    /// the embedded coordinator, or on the ZooKeeper at `host:port/chroot`.
    pub fn chat(zookeeper: Option<&str>) -> Result<Self> {
        let ports = free_ports(10)?;
        let (masters, others) = ports.split_at(3);
        let host = "127.0.0.1";
        Self::make(&masters.iter().map(|port| (host, *port)).collect::<Vec<_>>(), host, others, zookeeper)
    }

    /// The same over several machines: a master at each of these hosts, the first in `master.json`, and every server at another
    /// host. They have ports of their own there, so these are the usual ones.
    pub fn chat_on(masters: &[String], servers: &str, zookeeper: &str) -> Result<Self> {
        let masters: Vec<_> = masters.iter().map(|host| (host.as_str(), 3005)).collect();
        Self::make(&masters, servers, &[4050, 3050, 4051, 3051, 6050, 6051, 3014], Some(zookeeper))
    }

    fn make(masters: &[(&str, u16)], host: &str, p: &[u16], zookeeper: Option<&str>) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("pomelo-").tempdir()?;
        let config = dir.path().join("config");
        for folder in ["config", "scripts"] {
            copy(&root().join("examples/chat").join(folder), &dir.path().join(folder))?;
        }
        let connector = |n: usize, port: u16, client: u16| {
            json!({"id": format!("connector-server-{n}"), "host": host, "port": port,
                   "clientHost": host, "clientPort": client, "frontend": true})
        };
        let chat =
            |n: usize, port: u16| json!({"id": format!("chat-server-{n}"), "host": host, "port": port});
        let servers = json!({
            "connector": [connector(1, p[0], p[1]), connector(2, p[2], p[3])],
            "chat": [chat(1, p[4]), chat(2, p[5])],
            "gate": [{"id": "gate-server-1", "host": host, "clientPort": p[6], "frontend": true}],
        });
        let master =
            |(host, port): &(&str, u16)| json!({"id": "master-server-1", "host": host, "port": port});
        let mut masterha = json!({"masterha": masters[1..].iter().map(master).collect::<Vec<_>>()});
        if let Some(server) = zookeeper {
            masterha["zookeeper"] = json!({"server": server, "path": "/pomelo/master"});
        }
        let both = |section: Value| json!({"development": section, "production": section});
        write(&config.join("servers.json"), &both(servers))?;
        write(&config.join("master.json"), &both(master(&masters[0])))?;
        write(&config.join("masterha.json"), &masterha)?;
        Ok(Self {
            dir,
            program: "chat",
            masters: masters.iter().map(|(_, port)| *port).collect(),
            host: host.to_owned(),
            gate: p[6],
            connectors: vec![p[1], p[3]],
        })
    }

    /// LordOfPomelo as its own configuration has it, with tables, maps and scripts: all its servers, a master and two standbys, on free
    /// ports, in `production` and `development` alike; on the embedded coordinator, or on the ZooKeeper at `host:port/chroot`.
    pub fn lordofpomelo(zookeeper: Option<&str>) -> Result<Self> {
        let game = root().join("lordofpomelo/game-server");
        let dir = tempfile::Builder::new().prefix("pomelo-").tempdir()?;
        for folder in ["config", "scripts"] {
            copy(&game.join(folder), &dir.path().join(folder))?;
        }
        let config = dir.path().join("config");
        let json = |file: &str| -> Result<Value> {
            serde_json::from_str(&fs::read_to_string(config.join(file))?).context(file.to_owned())
        };
        let mut servers = json("servers.json")?["production"].clone();
        let mut ports = free_ports(PORTS_OF_A_GAME)?.into_iter();
        let mut next = || ports.next().context("too many servers for the ports of a game");
        for server in servers.as_object_mut().into_iter().flat_map(|types| types.values_mut()) {
            for port in server.as_array_mut().into_iter().flatten().flat_map(|one| {
                let keys = one.as_object_mut().into_iter().flatten();
                keys.filter(|(key, _)| *key == "port" || *key == "clientPort").map(|(_, port)| port)
            }) {
                *port = next()?.into();
            }
        }
        let clients = |kind: &str| -> Vec<u16> {
            let of_type = servers[kind].as_array().into_iter().flatten();
            of_type.filter_map(|one| u16::try_from(one["clientPort"].as_u64()?).ok()).collect()
        };
        let (gates, connectors) = (clients("gate"), clients("connector"));
        let (mut master, mut masterha) = (json("master.json")?["production"].clone(), json("masterha.json")?);
        let mut masters = vec![next()?];
        master["port"] = masters[0].into();
        for standby in masterha["masterha"].as_array_mut().into_iter().flatten() {
            masters.push(next()?);
            standby["port"] = masters[masters.len() - 1].into();
        }
        if let Some(server) = zookeeper {
            masterha["zookeeper"] = json!({"server": server, "path": "/pomelo/master"});
        }
        let both = |section: Value| json!({"development": section, "production": section});
        write(&config.join("servers.json"), &both(servers))?;
        write(&config.join("master.json"), &both(master))?;
        write(&config.join("masterha.json"), &masterha)?;
        let gate = *gates.first().context("no gate")?;
        Ok(Self { dir, program: "lordofpomelo", masters, host: "127.0.0.1".to_owned(), gate, connectors })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// A file in it, as text; empty if there is none.
    pub fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path().join(file)).unwrap_or_default()
    }

    /// Changes a file of its configuration.
    pub fn configure(&self, file: &str, change: impl FnOnce(&mut Value)) -> Result<()> {
        let path = self.path().join("config").join(file);
        let mut json = serde_json::from_str(&fs::read_to_string(&path)?)?;
        change(&mut json);
        write(&path, &json)
    }

    /// From its next start on, masters that died are started again.
    pub fn restart_masters(&self) -> Result<()> {
        let again = |master: &mut Value| master["auto-restart"] = "true".into();
        self.configure("master.json", |file| {
            for section in file.as_object_mut().into_iter().flat_map(|all| all.values_mut()) {
                again(section);
            }
        })?;
        self.configure("masterha.json", |file| {
            file["masterha"].as_array_mut().into_iter().flatten().for_each(again);
        })
    }

    /// An environment for each master, `only-PORT`, in which it is the one of `master.json` and the others stand by: with
    /// `pomelo start -t master -e only-PORT` it can be started by itself, whichever it is.
    pub fn environments_of_masters(&self) -> Result<()> {
        let text = |file: &str| fs::read_to_string(self.path().join("config").join(file));
        let masters: Value = serde_json::from_str(&text("master.json")?)?;
        let masterha: Value = serde_json::from_str(&text("masterha.json")?)?;
        let mut all = vec![masters["production"].clone()];
        all.extend(masterha["masterha"].as_array().into_iter().flatten().cloned());
        let mut sections = json!({"development": masterha, "production": masterha});
        for (n, port) in self.masters.iter().enumerate() {
            let name = format!("only-{port}");
            let mut others = all.clone();
            let own = others.remove(n);
            self.configure("master.json", |file| file[&name] = own)?;
            self.configure("servers.json", |file| file[&name] = file["production"].clone())?;
            sections[&name] = masterha.clone();
            sections[&name]["masterha"] = others.into();
        }
        self.configure("masterha.json", |file| *file = sections)
    }

    /// Leaves so many masters, the one of `master.json` included.
    pub fn keep_masters(&self, count: usize) -> Result<()> {
        self.configure("masterha.json", |file| {
            file["masterha"].as_array_mut().into_iter().for_each(|masters| masters.truncate(count - 1));
        })
    }
}

/// The root of the project.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).map(Path::to_owned).unwrap_or_default()
}

/// Different ports on loopback on which nobody listens now.
pub fn free_ports(count: usize) -> Result<Vec<u16>> {
    let mut held = Vec::new();
    for _ in 0..1000 {
        if held.len() == count {
            break;
        }
        if let Ok(listener) = TcpListener::bind((Ipv4Addr::LOCALHOST, fastrand::u16(PORTS))) {
            held.push(listener);
        }
    }
    if held.len() < count {
        bail!("no {count} free ports between {} and {}", PORTS.start, PORTS.end);
    }
    held.iter().map(|listener| Ok(listener.local_addr()?.port())).collect()
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("no {}", from.display()))? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

fn write(file: &Path, json: &Value) -> Result<()> {
    fs::write(file, serde_json::to_string_pretty(json)?)?;
    Ok(())
}
