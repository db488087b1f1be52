//! One environment of a configuration, checked as a whole: ids and ports are unique, every entry is complete.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use pomelo_protocol::{
    ServerId, ServerInfo, ServerType,
    protobuf::{Definitions, Protos},
};

use super::{
    AdminUser, ConfigError, CronEntry, GuardianConfig, MasterEntry, Secret, ServerOptions, ServerTokens,
    crons,
    document::Part,
    entry::{MasterHaFile, RpcFile, ServerEntry, ZooKeeperEntry},
};
use crate::coordinator::{WITHOUT_ETCD, zookeeper::Credentials};

/// The server type of masters; no server of `servers.json` may have it.
const MASTER_TYPE: &str = "master";

/// Everything `config/` says about one environment.
#[derive(Clone, Debug, PartialEq)]
pub struct Environment {
    /// `production`, `development`, or any other section's name.
    pub name: String,
    /// The master that `pomelo start` starts.
    pub master: MasterEntry,
    /// All masters: [`Self::master`] first, then those of `masterha.json` in their order.
    pub candidates: Vec<MasterEntry>,
    /// Who decides which of them leads.
    pub coordinator: CoordinatorConfig,
    /// What the guardians of the masters do.
    pub guardian: GuardianConfig,
    /// All servers, ordered as in the file, `clusterCount` expanded.
    pub servers: Vec<ServerInfo>,
    /// How each server is run.
    pub options: BTreeMap<ServerId, ServerOptions>,
    /// Who may log in at a master; nobody without `adminUser.json`.
    pub admin_users: Vec<AdminUser>,
    /// What servers register with.
    pub server_tokens: ServerTokens,
    /// What servers prove to each other before they talk: `secret` of `rpc.json`. Without it they believe whoever comes.
    pub rpc_secret: Option<Secret>,
    /// What servers of each type do at certain times.
    pub crons: BTreeMap<ServerType, Vec<CronEntry>>,
    /// More routes for the dictionary than the handlers' own.
    pub dictionary: Vec<String>,
    /// The messages that clients and servers write as protobuf, if the connector does.
    pub protos: Protos,
}

/// Where masters queue for leadership.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CoordinatorConfig {
    /// Kernel file locks: one machine, nothing to install.
    #[default]
    Embedded,
    /// As the original's plugin.
    ZooKeeper {
        /// `host:port`, several separated by commas.
        server: String,
        /// The znode that names the leader: `/pomelo/master`.
        path: String,
        /// What to ask ZooKeeper for; it may grant another.
        session_timeout_ms: u64,
        /// Who may write the nodes; everybody without.
        credentials: Option<Credentials>,
    },
    /// In programs with the feature `etcd`.
    Etcd {
        /// `http://host:port`, several separated by commas.
        endpoints: String,
        /// The key that names the leader, and with a slash behind the beginning of all others: `/pomelo/master`.
        prefix: String,
        /// What to ask etcd for; it may grant more.
        lease_seconds: u32,
    },
}

impl Environment {
    /// The server with this id.
    pub fn server(&self, id: &ServerId) -> Result<&ServerInfo, ConfigError> {
        self.servers.iter().find(|info| info.id == *id).ok_or_else(|| ConfigError::UnknownServer {
            id: id.clone(),
            environment: self.name.clone(),
            known: self.servers.iter().map(|info| info.id.to_string()).collect(),
        })
    }

    /// The servers of a type, at least one.
    pub fn servers_of(&self, server_type: &ServerType) -> Result<Vec<&ServerInfo>, ConfigError> {
        let servers: Vec<_> = self.servers.iter().filter(|info| info.server_type == *server_type).collect();
        if servers.is_empty() {
            return Err(ConfigError::UnknownType {
                name: server_type.clone(),
                environment: self.name.clone(),
                known: self.types().iter().map(ToString::to_string).collect(),
            });
        }
        Ok(servers)
    }

    /// Every server type that has a server.
    pub fn types(&self) -> BTreeSet<&ServerType> {
        self.servers.iter().map(|info| &info.server_type).collect()
    }

    /// What an agent or another master registers with: they act for servers of every type, so the token of any will do.
    pub fn peer_token(&self) -> Option<&str> {
        self.types().into_iter().find_map(|server_type| self.server_tokens.token_for(server_type))
    }

    /// How a server is run; the default for one that is not in the file.
    pub fn options_of(&self, id: &ServerId) -> ServerOptions {
        self.options.get(id).cloned().unwrap_or_default()
    }
}

/// The parts of the files that belong to one environment.
pub(crate) struct Parts<'a> {
    pub(crate) master: Part<'a>,
    pub(crate) servers: Part<'a>,
    pub(crate) masterha: Option<Part<'a>>,
    pub(crate) admin_server: Option<Part<'a>>,
    pub(crate) admin_user: Option<Part<'a>>,
    pub(crate) dictionary: Option<Part<'a>>,
    pub(crate) crons: Option<Part<'a>>,
    pub(crate) rpc: Option<Part<'a>>,
    pub(crate) client_protos: Option<Part<'a>>,
    pub(crate) server_protos: Option<Part<'a>>,
}

impl Parts<'_> {
    /// Reads and checks them all.
    pub(crate) fn check(self, name: &str) -> Result<Environment, ConfigError> {
        let mut used = Used::default();
        let master: MasterEntry = self.master.read()?;
        used.port(&self.master, "port", &master.host, master.port, format!("{} (master)", master.id))?;

        let file = self.masterha.as_ref().map(masterha).transpose()?.unwrap_or_default();
        let mut candidates = vec![master.clone()];
        for (n, standby) in file.masterha.into_iter().enumerate() {
            if let Some(part) = &self.masterha {
                let path =
                    if part.is_object() { format!("masterha[{n}].port") } else { format!("[{n}].port") };
                used.port(part, &path, &standby.host, standby.port, format!("{} (standby)", standby.id))?;
            }
            candidates.push(standby);
        }
        let credentials = credentials(self.masterha.as_ref(), name, file.zookeeper.as_ref())?;
        let coordinator = match (file.zookeeper, file.etcd) {
            (Some(zk), _) => CoordinatorConfig::ZooKeeper {
                server: zk.server,
                path: zk.path,
                session_timeout_ms: zk.session_timeout_ms,
                credentials,
            },
            (None, Some(etcd)) => CoordinatorConfig::Etcd {
                endpoints: etcd.endpoints,
                prefix: etcd.prefix,
                lease_seconds: etcd.lease_seconds,
            },
            (None, None) => CoordinatorConfig::Embedded,
        };

        let (servers, options) = servers(&self.servers, &candidates, &mut used)?;
        let crons = self.crons.as_ref().map(|part| crons::read(part, &servers)).transpose()?;
        let read_or_empty = |part: &Option<Part<'_>>| part.as_ref().map_or(Ok(Vec::new()), Part::read);
        let protos =
            Protos::new(definitions(self.client_protos.as_ref())?, definitions(self.server_protos.as_ref())?);
        let rpc: Option<RpcFile> = self.rpc.as_ref().map(Part::read).transpose()?;
        let tokens = self.admin_server.as_ref().map(Part::read).transpose()?;
        Ok(Environment {
            name: name.to_owned(),
            master,
            candidates,
            coordinator,
            guardian: file.guardian,
            servers,
            options,
            admin_users: users(self.admin_user.as_ref())?,
            server_tokens: tokens.map_or_else(ServerTokens::default, ServerTokens::new),
            rpc_secret: rpc.map(|rpc| rpc.secret),
            crons: crons.unwrap_or_default(),
            dictionary: read_or_empty(&self.dictionary)?,
            protos,
        })
    }
}

fn masterha(part: &Part<'_>) -> Result<MasterHaFile, ConfigError> {
    if !part.is_object() {
        return Ok(MasterHaFile { masterha: part.read()?, ..MasterHaFile::default() });
    }
    let file: MasterHaFile = part.read()?;
    check_etcd(part, &file, cfg!(feature = "etcd"))?;
    Ok(file)
}

/// Whether masters can meet where the file says; `built` is whether this program knows etcd.
pub(super) fn check_etcd(part: &Part<'_>, file: &MasterHaFile, built: bool) -> Result<(), ConfigError> {
    match (&file.etcd, &file.zookeeper) {
        (Some(_), Some(_)) => Err(part.conflict("etcd", "masters meet in ZooKeeper or in etcd, not in both")),
        (Some(_), None) if !built => Err(part.conflict("etcd", WITHOUT_ETCD)),
        _ => Ok(()),
    }
}

fn credentials(
    part: Option<&Part<'_>>,
    environment: &str,
    zookeeper: Option<&ZooKeeperEntry>,
) -> Result<Option<Credentials>, ConfigError> {
    let (Some(part), Some(zookeeper)) = (part, zookeeper) else { return Ok(None) };
    match (&zookeeper.user, &zookeeper.password) {
        (None, None) => Ok(None),
        (Some(user), Some(Secret(password))) => {
            let credentials = Credentials::new(user, password);
            match credentials.check(environment) {
                Ok(()) => Ok(Some(credentials)),
                Err(error) => Err(part.conflict("zookeeper.password", error.to_string())),
            }
        }
        _ => Err(part.conflict("zookeeper", "user and password belong together")),
    }
}

fn definitions(part: Option<&Part<'_>>) -> Result<Definitions, ConfigError> {
    let Some(part) = part else { return Ok(Definitions::none()) };
    let defined = Definitions::parse(part.text());
    defined.map_err(|source| ConfigError::Definitions { file: part.file().to_owned(), source })
}

type Servers = (Vec<ServerInfo>, BTreeMap<ServerId, ServerOptions>);

fn servers(part: &Part<'_>, masters: &[MasterEntry], used: &mut Used) -> Result<Servers, ConfigError> {
    let mut ids: BTreeMap<ServerId, String> =
        masters.iter().map(|master| (master.id.clone(), "a master".to_owned())).collect();
    let mut all = Vec::new();
    let mut all_options = BTreeMap::new();
    for (type_name, section) in part.members()? {
        if type_name == MASTER_TYPE {
            return Err(part.conflict(&type_name, "masters belong into master.json and masterha.json"));
        }
        let server_type = ServerType::new(type_name.as_str())
            .map_err(|e| part.conflict(&type_name, format!("not a server type: {e}")))?;
        let entries: Vec<ServerEntry> = section.read()?;
        let options: Vec<ServerOptions> = section.read()?;
        let mut sequence = 0;
        for (n, (entry, options)) in entries.iter().zip(options).enumerate() {
            let path = format!("[{n}]");
            let expanded =
                entry.expand(&server_type, &mut sequence).map_err(|why| section.conflict(&path, why))?;
            for info in expanded {
                match ids.entry(info.id.clone()) {
                    Entry::Vacant(vacant) => vacant.insert(section.path(&path)),
                    Entry::Occupied(other) => {
                        let what = format!("the id {:?} is used twice, also by {}", info.id, other.get());
                        return Err(section.conflict(&format!("{path}.id"), what));
                    }
                };
                let ports = [("port", info.port), ("clientPort", info.client_port)];
                for (field, port) in ports.into_iter().filter_map(|(field, port)| Some((field, port?))) {
                    let who = format!("{} ({field})", info.id);
                    used.port(&section, &format!("{path}.{field}"), &info.host, port, who)?;
                }
                all_options.insert(info.id.clone(), options.clone());
                all.push(info);
            }
        }
    }
    Ok((all, all_options))
}

fn users(part: Option<&Part<'_>>) -> Result<Vec<AdminUser>, ConfigError> {
    let Some(part) = part else { return Ok(Vec::new()) };
    let users: Vec<AdminUser> = part.read()?;
    for (n, user) in users.iter().enumerate() {
        if users[..n].iter().any(|other| other.username == user.username) {
            let what = format!("the user name {:?} is there twice", user.username);
            return Err(part.conflict(&format!("[{n}].username"), what));
        }
    }
    Ok(users)
}

/// Which ports are taken, and by whom.
#[derive(Default)]
struct Used(BTreeMap<(String, u16), String>);

impl Used {
    fn port(
        &mut self,
        part: &Part<'_>,
        path: &str,
        host: &str,
        port: u16,
        who: String,
    ) -> Result<(), ConfigError> {
        // Port 0 is any free port, and never taken.
        if port == 0 {
            return Ok(());
        }
        let machine = if host == "localhost" { "127.0.0.1" } else { host };
        match self.0.entry((machine.to_owned(), port)) {
            Entry::Vacant(vacant) => {
                vacant.insert(who);
                Ok(())
            }
            Entry::Occupied(other) => {
                let what = format!("port {port} on {host} is used twice: by {} and by {who}", other.get());
                Err(part.conflict(path, what))
            }
        }
    }
}
