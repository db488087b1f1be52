//! The files of a game's `config/` folder, typed.
//!
//! [`Config::load`] reads what is there; [`Config::environment`] picks one environment and checks it as a whole. The
//! files are the original's: `master.json` and `servers.json`, and if they are there `masterha.json`, `adminServer.json`,
//! `adminUser.json`, `dictionary.json`, `clientProtos.json`, `serverProtos.json` and `crons.json`; one more is ours, `rpc.json`. Each stands in `config/`, whole or with a section for each environment, or in
//! `config/<environment>/`.
//!
//! Not here: what a file of the original says about things that are configured in code (log4js.json).

mod crons;
mod document;
mod entry;
mod environment;
mod error;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use document::{Document, Part};
use environment::Parts;

pub use crons::CronEntry;
pub use entry::{AdminUser, GuardianConfig, MasterEntry, Secret, ServerOptions, ServerTokens, TlsEntry};
pub use environment::{CoordinatorConfig, Environment};
pub use error::ConfigError;

const MASTER: &str = "master.json";
const SERVERS: &str = "servers.json";
const MASTERHA: &str = "masterha.json";
const ADMIN_SERVER: &str = "adminServer.json";
const ADMIN_USER: &str = "adminUser.json";
const DICTIONARY: &str = "dictionary.json";
const CLIENT_PROTOS: &str = "clientProtos.json";
const SERVER_PROTOS: &str = "serverProtos.json";
const CRONS: &str = "crons.json";
const RPC: &str = "rpc.json";
const FILES: [&str; 10] = [
    MASTER,
    SERVERS,
    MASTERHA,
    ADMIN_SERVER,
    ADMIN_USER,
    DICTIONARY,
    CLIENT_PROTOS,
    SERVER_PROTOS,
    CRONS,
    RPC,
];

/// A game's configuration: the files, known to be JSON.
#[derive(Clone, Debug)]
pub struct Config {
    dir: PathBuf,
    /// In the folder itself.
    common: BTreeMap<&'static str, Document>,
    /// In the folders of environments.
    own: BTreeMap<String, BTreeMap<&'static str, Document>>,
}

impl Config {
    /// Reads the configuration of a folder, usually `config`. Fails on a file that is not JSON; what the files say is
    /// checked by [`Self::environment`].
    pub fn load(dir: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let dir = dir.as_ref().to_owned();
        let common = read_files(&dir)?;
        let mut own = BTreeMap::new();
        let unreadable = |e: std::io::Error| ConfigError::NoConfig { dir: dir.clone(), why: e.to_string() };
        for folder in fs::read_dir(&dir).map_err(unreadable)? {
            let folder = folder.map_err(unreadable)?;
            let Ok(name) = folder.file_name().into_string() else { continue };
            if folder.path().is_dir() {
                let documents = read_files(&folder.path())?;
                if !documents.is_empty() {
                    own.insert(name, documents);
                }
            }
        }
        let found = own.iter().any(|(name, documents)| name != "config" && documents.contains_key(MASTER));
        if common.is_empty() && !found {
            return Err(ConfigError::NoConfig { why: no_config(&dir), dir });
        }
        Ok(Self { dir, common, own })
    }

    /// Takes the standbys from this file instead of `masterha.json`: what `pomelo masterha <file>` names.
    pub fn with_masterha(mut self, file: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let file = file.as_ref();
        let document = Document::read(file)?.ok_or_else(|| ConfigError::Missing {
            file: file.to_owned(),
            instead: self.dir.join(MASTERHA),
        })?;
        for documents in self.own.values_mut() {
            documents.remove(MASTERHA);
        }
        self.common.insert(MASTERHA, document);
        Ok(self)
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The environments that have a section or a folder. Empty if the files have no sections: then any name will do.
    pub fn environments(&self) -> Result<BTreeSet<String>, ConfigError> {
        let mut known: BTreeSet<String> = BTreeSet::new();
        for (name, documents) in &self.own {
            if documents.contains_key(MASTER) || documents.contains_key(SERVERS) {
                known.insert(name.clone());
            }
        }
        for file in [MASTER, SERVERS] {
            if let Some(document) = self.common.get(file)
                && let Form::Sections(sections) = form(file, document)?
            {
                known.extend(sections.into_iter().map(|(name, _)| name));
            }
        }
        Ok(known)
    }

    /// One environment, checked as a whole.
    pub fn environment(&self, name: &str) -> Result<Environment, ConfigError> {
        let known = self.environments()?;
        if !known.is_empty() && !known.contains(name) {
            return Err(ConfigError::UnknownEnvironment {
                name: name.to_owned(),
                dir: self.dir.clone(),
                known: known.into_iter().collect(),
            });
        }
        let needed = |file: &'static str| {
            self.part(name, file)?.ok_or_else(|| ConfigError::Missing {
                file: self.dir.join(file),
                instead: self.dir.join(name).join(file),
            })
        };
        // A file about standbys or routes may leave an environment out; one about who may do what may not.
        let optional = |file: &'static str| match self.part(name, file) {
            Err(ConfigError::NoSection { .. }) => Ok(None),
            other => other,
        };
        let parts = Parts {
            master: needed(MASTER)?,
            servers: needed(SERVERS)?,
            masterha: optional(MASTERHA)?,
            admin_server: self.part(name, ADMIN_SERVER)?,
            admin_user: self.part(name, ADMIN_USER)?,
            dictionary: optional(DICTIONARY)?,
            client_protos: self.part(name, CLIENT_PROTOS)?,
            server_protos: self.part(name, SERVER_PROTOS)?,
            crons: optional(CRONS)?,
            rpc: self.part(name, RPC)?,
        };
        parts.check(name)
    }

    /// The part of a file that belongs to an environment: a file of the folder goes before one of the environment's own
    /// folder, as in the original.
    fn part(&self, name: &str, file: &'static str) -> Result<Option<Part<'_>>, ConfigError> {
        let Some(document) = self.common.get(file) else {
            return Ok(self.own.get(name).and_then(|documents| documents.get(file)).map(Document::root));
        };
        let sections = match form(file, document)? {
            Form::Whole(part) => return Ok(Some(part)),
            Form::Sections(sections) => sections,
        };
        let known = sections.iter().map(|(name, _)| name.clone()).collect();
        match sections.into_iter().find(|(section, _)| section == name) {
            Some((_, part)) => Ok(Some(part)),
            None => {
                Err(ConfigError::NoSection { file: document.file().to_owned(), name: name.to_owned(), known })
            }
        }
    }
}

/// How a file is laid out.
enum Form<'a> {
    /// The same for every environment.
    Whole(Part<'a>),
    /// One section for each.
    Sections(Vec<(String, Part<'a>)>),
}

fn form<'a>(file: &str, document: &'a Document) -> Result<Form<'a>, ConfigError> {
    let root = document.root();
    if !root.is_object() {
        return Ok(Form::Whole(root));
    }
    let members = root.members()?;
    let has = |names: &[&str]| members.iter().any(|(key, _)| names.contains(&key.as_str()));
    let whole = match file {
        MASTER => has(&["id", "host", "port"]),
        RPC => has(&["secret"]),
        MASTERHA => has(&["masterha", "zookeeper", "etcd", "guardian"]) || members.is_empty(),
        SERVERS | CRONS => members.iter().any(|(_, part)| part.is_array()),
        // Their sections are routes.
        CLIENT_PROTOS | SERVER_PROTOS => true,
        _ => false,
    };
    Ok(if whole { Form::Whole(root) } else { Form::Sections(members) })
}

fn read_files(dir: &Path) -> Result<BTreeMap<&'static str, Document>, ConfigError> {
    let mut documents = BTreeMap::new();
    for file in FILES {
        if let Some(document) = Document::read(&dir.join(file))? {
            documents.insert(file, document);
        }
    }
    Ok(documents)
}

fn no_config(dir: &Path) -> String {
    let below = dir.join("config");
    if below.join(MASTER).is_file() {
        format!("{MASTER} is one folder further down, in {}", below.display())
    } else {
        format!("expected {MASTER} and {SERVERS}")
    }
}

#[cfg(test)]
mod tests;
