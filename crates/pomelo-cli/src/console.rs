//! The language of `pomelo-cli`: one line in, a request to the master out, an answer as table or JSON.
//!
//! The words are the original's. Reading the line is pure and tested here; [`Console`] asks the master.

use anyhow::{Result, bail};
use pomelo_cluster::{
    admin::{AdminClient, AdminError},
    coordinator::MasterAddr,
};
use serde_json::{Map, Value, json};

use crate::{connect::Connection, style::Style, table};

/// Every command, with what it does: the text of `help`, and what the Tab key offers.
pub const COMMANDS: [(&str, &str); 4] = [
    ("help", "show this list"),
    ("use <server id> | all", "the server that the next commands are about"),
    ("show servers", "every server of the cluster, the active master first among equals"),
    ("quit", "leave (so does Ctrl-D)"),
];

/// A line, understood.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// An empty line.
    Nothing,
    /// `help`.
    Help,
    /// `use`, with the server or None for `all`.
    Use(Option<String>),
    /// `show servers`.
    ShowServers,
    /// `quit`, `exit`.
    Quit,
}

impl Command {
    /// Reads one line; the error says what would have been understood.
    pub fn parse(line: &str) -> Result<Self> {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [] => Ok(Self::Nothing),
            ["help"] => Ok(Self::Help),
            ["quit" | "exit"] => Ok(Self::Quit),
            ["use", "all"] => Ok(Self::Use(None)),
            ["use", id] => Ok(Self::Use(Some((*id).to_owned()))),
            ["use", ..] => bail!("`use` takes one server id, or `all`"),
            ["show", "servers"] => Ok(Self::ShowServers),
            ["show", what, ..] => bail!("can't show {what:?}; `show servers` is what can be shown"),
            ["show"] => bail!("show what? `show servers`"),
            [word, ..] => bail!("unknown command {word:?}; type `help` for the list"),
        }
    }
}

/// A conversation with a master.
pub struct Console {
    connection: Connection,
    client: AdminClient,
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
        let client = connection.open().await?;
        Ok(Self { connection, client, context: None, known: Vec::new(), style: Style::for_stdout(), json })
    }

    /// The master that answers.
    pub fn master(&self) -> &MasterAddr {
        self.client.master()
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
            Command::Help => print!("{}", self.help()),
            Command::Use(server) => self.switch(server).await?,
            Command::ShowServers => self.show_servers().await?,
            Command::Quit => return Ok(Then::Leave),
        }
        Ok(Then::GoOn)
    }

    fn help(&self) -> String {
        let width = COMMANDS.iter().map(|(command, _)| command.len()).max().unwrap_or(0);
        COMMANDS
            .iter()
            .map(|(command, does)| format!("  {}  {does}\n", self.style.bold(format!("{command:<width$}"))))
            .collect()
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

    /// Asks, and if the master has gone meanwhile, asks the one that leads now. For questions only: nothing here changes
    /// anything, so asking twice does no harm.
    async fn ask(&mut self, module_id: &str, body: Value) -> Result<Value> {
        match self.client.request(module_id, body.clone()).await {
            Err(AdminError::Closed { .. } | AdminError::Moved { .. }) => {
                self.client = self.connection.open_again().await?;
                eprintln!(
                    "{}",
                    self.style.dim(format!("asking the active master {} now", self.client.master()))
                );
                Ok(self.client.request(module_id, body).await?)
            }
            answer => Ok(answer?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_the_original_reads_them() {
        assert_eq!(Command::parse("  ").unwrap(), Command::Nothing);
        assert_eq!(Command::parse(" show   servers ").unwrap(), Command::ShowServers);
        assert_eq!(Command::parse("use chat-server-1").unwrap(), Command::Use(Some("chat-server-1".into())));
        assert_eq!(Command::parse("use all").unwrap(), Command::Use(None));
        assert_eq!(Command::parse("exit").unwrap(), Command::Quit);
    }

    #[test]
    fn a_line_that_is_not_understood_is_answered_with_what_would_be() {
        for (line, says) in [
            ("nonsense", "unknown command \"nonsense\"; type `help`"),
            ("show", "`show servers`"),
            ("show fish", "can't show \"fish\""),
            ("use", "one server id"),
            ("use a b", "one server id"),
        ] {
            let error = Command::parse(line).unwrap_err().to_string();
            assert!(error.contains(says), "{line:?} was answered with {error:?}");
        }
    }
}
