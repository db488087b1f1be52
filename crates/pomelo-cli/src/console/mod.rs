//! `pomelo-cli`: one line in, a request to the master out, an answer as table or JSON.
//!
//! Not here: what a line means, see [`command`].

pub mod command;

use std::time::Duration;

use anyhow::{Result, bail};
use pomelo_cluster::coordinator::MasterAddr;
use serde_json::{Map, Value, json};

use crate::{
    commands::{self, ANSWER_TIMEOUT, CONSOLE, RESTART_TIMEOUT, STOP_TIMEOUT},
    connect::{Connection, Conversation},
    crons, masters,
    style::Style,
    table,
};
use command::Command;

/// A conversation with a master.
pub struct Console {
    conversation: Conversation,
    /// The one that answered last.
    master: MasterAddr,
    context: Option<String>,
    known: Vec<String>,
    style: Style,
    json: bool,
}

/// Whether the conversation goes on.
#[derive(Debug, PartialEq, Eq)]
pub enum Then {
    /// Read the next line.
    GoOn,
    /// The user has left.
    Leave,
}

impl Console {
    /// Connects. Answers go to stdout, as JSON where that was asked for.
    pub async fn open(connection: Connection, json: bool) -> Result<Self> {
        let conversation = connection.open().await?;
        let Some(master) = conversation.master().cloned() else { bail!("no master answers") };
        Ok(Self { conversation, master, context: None, known: Vec::new(), style: Style::for_stdout(), json })
    }

    /// The master that answers.
    pub fn master(&self) -> &MasterAddr {
        &self.master
    }

    /// The server that commands are about, `all` for none.
    pub fn context(&self) -> &str {
        self.context.as_deref().unwrap_or("all")
    }

    /// Ids of the servers seen in the last answer, for completion.
    pub fn known_servers(&self) -> &[String] {
        &self.known
    }

    /// Does what a line says.
    pub async fn run(&mut self, line: &str) -> Result<Then> {
        match Command::parse(line)? {
            Command::Nothing => {}
            Command::Help(about) => print!("{}", command::help(about.as_deref(), self.style)?),
            Command::Use(server) => self.switch(server).await?,
            Command::ShowServers => self.show_servers().await?,
            Command::ShowMasters => self.show_masters().await?,
            Command::ShowConnections => {
                self.show_clients("connections", &table::CONNECTIONS, |row| vec![row]).await?;
            }
            Command::ShowLogins => self.show_clients("logins", &table::LOGINS, table::logins).await?,
            Command::ShowCrons => {
                crons::print(&self.ask(CONSOLE, json!({ "signal": "crons" })).await?, self.json)?;
            }
            Command::AddCron(job) => self.cron("addCron", job).await?,
            Command::RemoveCron(job) => self.cron("removeCron", job).await?,
            Command::Stop(ids) => self.stop(ids).await?,
            Command::Restart(ids) => self.restart(ids).await?,
            Command::Blacklist(addresses) => self.blacklist(&addresses).await?,
            Command::Handover(to) => self.handover(to.as_deref()).await?,
            Command::Quit => return Ok(Then::Leave),
        }
        Ok(Then::GoOn)
    }

    async fn switch(&mut self, server: Option<String>) -> Result<()> {
        if let Some(id) = &server {
            let servers = self.servers().await?;
            if !servers.contains_key(id) {
                bail!("there is no server {id:?}; there are: {}", self.known.join(", "));
            }
        }
        self.context = server;
        Ok(())
    }

    async fn show_servers(&mut self) -> Result<()> {
        let mut servers = self.servers().await?;
        if let Some(context) = &self.context {
            servers.retain(|id, _| id == context);
        }
        let rows = table::rows(&servers);
        if self.json {
            println!("{}", serde_json::to_string_pretty(&rows)?);
        } else {
            print!("{}", table::render(&table::SERVERS, &rows, self.style));
        }
        Ok(())
    }

    async fn show_masters(&mut self) -> Result<()> {
        let masters = masters::read(self.ask(CONSOLE, json!({ "signal": "masters" })).await?)?;
        if self.json {
            println!("{}", serde_json::to_string_pretty(&masters)?);
        } else {
            print!("{}", masters::render(&masters, masters::since_1970(), self.style));
        }
        Ok(())
    }

    /// What the frontends say of their clients; `rows` makes those of the table from what one says.
    async fn show_clients(
        &mut self,
        what: &str,
        columns: &[(&str, &str)],
        rows: impl Fn(Value) -> Vec<Value>,
    ) -> Result<()> {
        let context = self.context().to_owned();
        let answer =
            self.ask("watchServer", json!({ "comd": what, "param": "", "context": context })).await?;
        let Some(frontends) = answer["msg"].as_object() else {
            bail!("the master answered `show {what}` with {answer}");
        };
        if frontends.is_empty() && self.context.is_some() {
            bail!("{context} has no {what}: it is a backend");
        }
        let rows: Vec<Value> = table::rows(frontends).into_iter().flat_map(rows).collect();
        if self.json {
            println!("{}", serde_json::to_string_pretty(&rows)?);
        } else {
            print!("{}", table::render(columns, &rows, self.style));
        }
        Ok(())
    }

    async fn cron(&mut self, signal: &str, mut job: Map<String, Value>) -> Result<()> {
        if !job.contains_key("serverId") && !job.contains_key("serverType") {
            let id = self.in_use("whose job? serverType=chat, serverId=chat-server-1")?;
            job.insert("serverId".to_owned(), id.into());
        }
        let answer = self.mutate(json!({ "signal": signal, "cron": job }), ANSWER_TIMEOUT).await?;
        crons::print_change(signal, &answer, self.json)
    }

    async fn stop(&mut self, mut ids: Vec<String>) -> Result<()> {
        if ids.is_empty() {
            ids.push(self.in_use("stop which server? `stop chat-server-1`")?);
        }
        let answer = self.mutate(json!({ "signal": "stop", "ids": ids }), STOP_TIMEOUT).await?;
        self.print(&answer, |_| format!("told to stop: {}\n", ids.join(", ")));
        commands::remained(&answer)
    }

    async fn restart(&mut self, mut ids: Vec<String>) -> Result<()> {
        if ids.is_empty() {
            ids.push(self.in_use("restart which server? `restart chat-server-1`")?);
        }
        let answer = self.mutate(json!({ "signal": "restart", "ids": ids }), RESTART_TIMEOUT).await?;
        self.print(&answer, commands::restarted);
        commands::remained(&answer)
    }

    fn in_use(&self, which: &str) -> Result<String> {
        let Some(id) = &self.context else { bail!("{which}, or `use` one first") };
        Ok(id.clone())
    }

    async fn blacklist(&mut self, addresses: &[String]) -> Result<()> {
        let body = json!({ "signal": "blacklist", "args": addresses });
        let answer = self.mutate(body, ANSWER_TIMEOUT).await?;
        self.print(&answer, |_| format!("nobody is let in from {}\n", addresses.join(", ")));
        commands::remained(&answer)
    }

    async fn handover(&mut self, to: Option<&str>) -> Result<()> {
        let answer =
            self.conversation.once(CONSOLE, masters::handover_body(to), masters::HANDOVER_TIMEOUT).await?;
        self.print(&answer, |answer| format!("{}\n", masters::handed_over(answer)));
        Ok(())
    }

    fn print(&self, answer: &Value, text: impl FnOnce(&Value) -> String) {
        if self.json {
            println!("{answer:#}");
        } else {
            print!("{}", text(answer));
        }
    }

    async fn servers(&mut self) -> Result<Map<String, Value>> {
        let answer =
            self.ask("watchServer", json!({ "comd": "servers", "param": "", "context": "all" })).await?;
        let Some(servers) = answer["msg"].as_object() else {
            bail!("the master answered `show servers` with {answer}");
        };
        self.known = servers.keys().cloned().collect();
        self.known.sort();
        Ok(servers.clone())
    }

    /// Has something changed, once, whoever leads until it is done.
    async fn mutate(&mut self, body: Value, within: Duration) -> Result<Value> {
        let answer = self.conversation.mutate(CONSOLE, body, within).await?;
        self.met();
        Ok(answer)
    }

    /// Asks whoever leads.
    async fn ask(&mut self, module_id: &str, body: Value) -> Result<Value> {
        let answer = self.conversation.ask(module_id, body).await?;
        self.met();
        Ok(answer)
    }

    /// Says so when it was another master that answered.
    fn met(&mut self) {
        if let Some(master) = self.conversation.master()
            && *master != self.master
        {
            self.master.clone_from(master);
            let text = format!("the active master is {} now", self.master);
            eprintln!("{}", Style::for_stderr().dim(text));
        }
    }
}
