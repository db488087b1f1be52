//! The folder that the demo's cluster runs in: a copy of a game's configuration, with a secret of its own.

use std::{
    fmt::Write as _,
    fs::{self, File},
    io::{self, Read as _},
    net::{Ipv4Addr, TcpListener},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::{Game, WEB_PORT};
use crate::shell::{root, target_dir};

/// The environment that is run.
pub(super) const ENVIRONMENT: &str = "production";

/// More ports in use say nothing new.
const SHOWN_MAX: usize = 5;

/// Where a cluster of the demo has its configuration, logs and data.
pub(super) struct Folder {
    pub(super) path: PathBuf,
}

impl Folder {
    /// Copies the configuration of a game and makes it meet where it is told to. Its data stay where they are. While another demo of the
    /// game runs, its folder is left alone: that is an error.
    pub(super) fn prepare(game: &Game, zookeeper: Option<&str>) -> Result<Self> {
        let original = root().join(game.folder);
        Self { path: original.clone() }.check_free(game.web.map(|program| (WEB_PORT, program)))?;
        let path = target_dir()?.join("demo").join(game.program);
        let _ = fs::remove_dir_all(&path);
        copy(&original.join("config"), &path.join("config"))?;
        let folder = Self { path };
        if game.web.is_some() {
            fs::create_dir_all(original.join("run"))?;
            symlink(original.join("run"), folder.path.join("run"))?;
        }
        folder.write("rpc.json", &json!({ "secret": secret()? }))?;
        if let Some(server) = zookeeper {
            let mut masterha = folder.config("masterha.json")?;
            masterha["zookeeper"] = json!({ "server": server, "path": "/pomelo/master" });
            folder.write("masterha.json", &masterha)?;
        }
        Ok(folder)
    }

    /// Every port of the configuration must be free, or the demo would meet another cluster. `more` is one that is not in it.
    fn check_free(&self, more: Option<(u16, &str)>) -> Result<()> {
        let mut ports: Vec<_> = more.map(|(port, name)| (port, name.to_owned())).into_iter().collect();
        for server in self.masters()?.into_iter().chain(self.servers()?) {
            for port in ["port", "clientPort"].iter().filter_map(|field| server[field].as_u64()) {
                ports.push((u16::try_from(port)?, server["id"].as_str().unwrap_or_default().to_owned()));
            }
        }
        ports.retain(|(port, _)| TcpListener::bind((Ipv4Addr::UNSPECIFIED, *port)).is_err());
        if ports.is_empty() {
            return Ok(());
        }
        let taken: Vec<_> =
            ports.iter().take(SHOWN_MAX).map(|(port, name)| format!("{port} ({name})")).collect();
        let more = ports.len() - taken.len();
        bail!(
            "ports in use: {}{}. If it is another demo, end it with Ctrl-C where it runs, or with `pomelo stop`; \
             `ss -ltnp` shows who has them",
            taken.join(", "),
            if more == 0 { String::new() } else { format!(" and {more} more") }
        )
    }

    /// All servers of the configuration.
    pub(super) fn servers(&self) -> Result<Vec<Value>> {
        let types = self.config("servers.json")?[ENVIRONMENT].take();
        let lists = types.as_object().into_iter().flat_map(|types| types.values());
        Ok(lists.filter_map(Value::as_array).flatten().cloned().collect())
    }

    /// The master of the configuration, then the standbys.
    pub(super) fn masters(&self) -> Result<Vec<Value>> {
        let mut masters = vec![self.config("master.json")?[ENVIRONMENT].take()];
        masters.extend(self.config("masterha.json")?["masterha"].as_array().into_iter().flatten().cloned());
        Ok(masters)
    }

    /// As it is shown to people who are in the root of the project.
    pub(super) fn shown(&self) -> String {
        self.path.strip_prefix(root()).unwrap_or(&self.path).display().to_string()
    }

    fn config(&self, file: &str) -> Result<Value> {
        let path = self.path.join("config").join(file);
        serde_json::from_str(&fs::read_to_string(&path)?).with_context(|| path.display().to_string())
    }

    fn write(&self, file: &str, json: &Value) -> Result<()> {
        Ok(fs::write(self.path.join("config").join(file), serde_json::to_string_pretty(json)?)?)
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
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

/// What the servers prove to each other, new for each demo.
fn secret() -> io::Result<String> {
    let mut bytes = [0; 32];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    }))
}
