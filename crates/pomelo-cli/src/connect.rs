//! Finding the active master: the options that say where, and the conversation they lead to.
//!
//! Not here: how one conversation goes on with the next leader ([`Asker`]).

use std::{future::Future, io::Write as _, path::Path, pin::pin, time::Duration};

use anyhow::{Result, anyhow, bail};
use clap::Args;
use pomelo_cluster::{
    admin::{AdminClient, AdminError, Asker},
    config::{Config, ConfigError, MasterEntry},
    coordinator::MasterAddr,
};
use serde_json::Value;
use tokio::time::sleep;

use crate::{game::DEVELOPMENT, style::Style};

/// Where the original's tools look, when they are told nothing.
const DEFAULT_HOST: &str = "127.0.0.1";
const DEFAULT_PORT: u16 = 3005;

/// Where a game's configuration is, seen from its directory.
const CONFIG: &str = "config";

/// What to do when nobody answers.
const ADVICE: &str = "`pomelo start` starts a cluster, -h and -P name another master";

/// How long to wait for a master's answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// How long something may take before it is looked whether any master leads, how long that look may take, and how often it is
/// made.
const LOOK: Duration = Duration::from_secs(1);

/// Where the master is and who asks.
#[derive(Args, Clone, Debug)]
pub struct Connection {
    /// Host of a master [default: the masters of ./config, else 127.0.0.1].
    #[arg(short = 'h', long, value_name = "HOST")]
    pub host: Option<String>,
    /// Port of a master, active or standby [default: the masters of ./config, else 3005].
    #[arg(short = 'P', long, value_name = "PORT")]
    pub port: Option<u16>,
    /// Name of the administrator, see config/adminUser.json.
    #[arg(short = 'u', long, default_value = "admin", value_name = "NAME")]
    pub username: String,
    /// Password of the administrator.
    #[arg(short = 'p', long, default_value = "admin", value_name = "PASSWORD")]
    pub password: String,
    /// How long to wait for an active master [default: 10 while masters run and none leads, 0 if none runs].
    #[arg(long, value_name = "SECONDS")]
    pub wait: Option<u64>,
    /// Print help.
    // Commands with these options have none of clap's own: `-h` is the host, as in the original.
    #[arg(long, action = clap::ArgAction::Help, display_order = 1000)]
    help: Option<bool>,
}

impl Connection {
    /// Connects to the active master, by way of a standby if need be.
    pub async fn open(&self) -> Result<Conversation> {
        let masters = self.masters()?;
        let asker = Asker::new(masters.iter().cloned(), &self.username, &self.password).timeout(TIMEOUT);
        let asker = match self.wait {
            Some(seconds) => asker.wait(Duration::from_secs(seconds)),
            None => asker,
        };
        let mut conversation = Conversation { connection: self.clone(), asker, masters };
        conversation.connect().await.map_err(with_advice)?;
        // Whoever leads next is found among those of the configuration, too: the one that was named may be dead then.
        let others = configured(Path::new(CONFIG)).unwrap_or_default();
        conversation.asker.also(others.iter().cloned());
        conversation.masters.extend(others);
        Ok(conversation)
    }

    /// The same, without waiting for a master to lead.
    pub async fn open_now(&self) -> Result<Conversation> {
        let now = Self { wait: Some(0), ..self.clone() };
        now.open().await
    }

    /// Connects to a master in any role, the first one that answers; `None` if none does.
    pub async fn open_any(&self) -> Result<Option<AdminClient>> {
        for master in self.masters()? {
            if let Ok(client) =
                AdminClient::connect_in_any_role(&master, &self.username, &self.password, TIMEOUT).await
            {
                return Ok(Some(client));
            }
        }
        Ok(None)
    }

    /// Without `-h` and `-P`, in a game's directory: every master its configuration names, in any environment.
    fn masters(&self) -> Result<Vec<MasterAddr>> {
        let given = MasterAddr {
            host: self.host.clone().unwrap_or_else(|| DEFAULT_HOST.into()),
            port: self.port.unwrap_or(DEFAULT_PORT),
        };
        if self.host.is_some() || self.port.is_some() {
            return Ok(vec![given]);
        }
        match configured(Path::new(CONFIG)) {
            Ok(masters) => Ok(masters),
            // Not a game's directory.
            Err(ConfigError::NoConfig { .. }) => Ok(vec![given]),
            Err(error) => bail!("{error}; -h and -P name a master without the configuration"),
        }
    }
}

/// What a person or a script says to whoever leads, and hears while nobody does.
pub struct Conversation {
    connection: Connection,
    asker: Asker,
    masters: Vec<MasterAddr>,
}

impl Conversation {
    /// The master that answered last.
    pub fn master(&self) -> Option<&MasterAddr> {
        self.asker.master()
    }

    /// Asks something that changes nothing.
    pub async fn ask(&mut self, module_id: &str, body: Value) -> Result<Value, AdminError> {
        let watch = Watch::new(&self.connection, &self.masters);
        watch.beside(self.asker.ask(module_id, body)).await
    }

    /// Has something changed, once, whoever leads until it is done.
    pub async fn mutate(
        &mut self,
        module_id: &str,
        body: Value,
        within: Duration,
    ) -> Result<Value, AdminError> {
        let watch = Watch::new(&self.connection, &self.masters);
        watch.beside(self.asker.mutate(module_id, body, within)).await
    }

    /// Asks for something that must not be asked for twice, and has no number by which a master would know it again.
    pub async fn once(
        &mut self,
        module_id: &str,
        body: Value,
        within: Duration,
    ) -> Result<Value, AdminError> {
        self.connect().await?;
        let client = self.asker.connect().await?;
        match client.request_within(module_id, body.clone(), within).await {
            // That one has done nothing but say who leads.
            Err(AdminError::Moved { leader, .. }) => {
                let leader = MasterAddr { host: leader.host, port: leader.port };
                let Connection { username, password, .. } = &self.connection;
                let client = AdminClient::connect(&leader, username, password, TIMEOUT).await?;
                client.request_within(module_id, body, within).await
            }
            answer => answer,
        }
    }

    async fn connect(&mut self) -> Result<(), AdminError> {
        let watch = Watch::new(&self.connection, &self.masters);
        watch.beside(self.asker.connect()).await.map(drop)
    }
}

/// Says what is waited for.
struct Watch<'a> {
    connection: &'a Connection,
    masters: &'a [MasterAddr],
}

impl<'a> Watch<'a> {
    fn new(connection: &'a Connection, masters: &'a [MasterAddr]) -> Self {
        Self { connection, masters }
    }

    /// Waits for `asked`, and if that takes long because no master leads, says so on stderr, once.
    async fn beside<T>(&self, asked: impl Future<Output = T>) -> T {
        let mut asked = pin!(asked);
        tokio::select! {
            answer = &mut asked => return answer,
            why = self.nobody_leads(), if self.connection.wait != Some(0) => {
                let text = Style::for_stderr().dim(format!("waiting: {why}"));
                let _ = writeln!(std::io::stderr(), "{text}");
            }
        }
        asked.await
    }

    async fn nobody_leads(&self) -> AdminError {
        let Connection { username, password, .. } = self.connection;
        loop {
            sleep(LOOK).await;
            let looked = AdminClient::connect_any(self.masters, username, password, LOOK).await;
            if let Err(error) = looked
                && may_pass(&error)
            {
                return error;
            }
        }
    }
}

fn with_advice(error: AdminError) -> anyhow::Error {
    match error {
        // The text has the system's reason in it, so the source is not shown again.
        AdminError::Connect { .. } => anyhow!("{error}; {ADVICE}"),
        AdminError::Refused { .. } => {
            anyhow!("{error}; -u and -p say who asks, config/adminUser.json who may")
        }
        AdminError::None { ref tried }
            if tried.iter().all(|one| matches!(one, AdminError::Connect { .. })) =>
        {
            anyhow!("{error}; {ADVICE}")
        }
        other => other.into(),
    }
}

/// Whether there may be an active master soon. A wrong password stays wrong, and a web server does not become a master.
fn may_pass(error: &AdminError) -> bool {
    match error {
        AdminError::Connect { .. }
        | AdminError::Closed { .. }
        | AdminError::Moved { .. }
        | AdminError::NoActive { .. } => true,
        AdminError::None { tried } => tried.iter().any(may_pass),
        _ => false,
    }
}

fn configured(dir: &Path) -> Result<Vec<MasterAddr>, ConfigError> {
    let config = Config::load(dir)?;
    let mut names = config.environments()?;
    if names.is_empty() {
        // The files are the same for every environment.
        names.insert(DEVELOPMENT.to_owned());
    }
    let (mut masters, mut fault) = (Vec::new(), None);
    for name in names {
        match config.environment(&name) {
            Ok(environment) => masters.extend(environment.candidates.iter().map(MasterEntry::addr)),
            Err(error) => fault = Some(error),
        }
    }
    masters.sort();
    masters.dedup();
    // A mistake in one environment is no reason not to look after another.
    match fault {
        Some(error) if masters.is_empty() => Err(error),
        _ => Ok(masters),
    }
}
