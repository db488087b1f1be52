//! The language of `pomelo-cli`: one line in, a request to the master out, an answer as table or JSON.
//!
//! The words are the original's. Reading the line is pure and tested here; [`Console`] asks the master.

use std::time::Duration;

use anyhow::{Result, bail};
use pomelo_cluster::coordinator::MasterAddr;
use serde_json::{Map, Value, json};

use crate::{
    commands::{self, ANSWER_TIMEOUT, CONSOLE, RESTART_TIMEOUT},
    connect::{Connection, Conversation},
    masters,
    style::Style,
    table,
};

/// Every command, with what it does: the text of `help`, and what the Tab key offers.
pub const COMMANDS: [(&str, &str); 8] = [
    ("help", "show this list"),
    ("use <server id> | all", "the server that the next commands are about"),
    ("show servers", "every server of the cluster, the active master first among equals"),
    ("show masters", "who leads, who would next, and how the last changes went"),
    ("restart <server id>...", "end servers and start them again; without an id the one in use"),
    ("blacklist <address>...", "let nobody in from these addresses, at every frontend"),
    ("handover [<id> | <host:port> | <port>]", "let another master lead: this one, or who is next"),
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
    /// `show masters`.
    ShowMasters,
    /// `restart`, with the servers, or none for the one in use.
    Restart(Vec<String>),
    /// `blacklist`, with at least one address.
    Blacklist(Vec<String>),
    /// `handover`, with the next master if one was named.
    Handover(Option<String>),
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
            ["show", "masters"] => Ok(Self::ShowMasters),
            ["show", what, ..] => {
                bail!("can't show {what:?}; `show servers` and `show masters` are what can be shown")
            }
            ["show"] => bail!("show what? `show servers` or `show masters`"),
            ["restart", ids @ ..] => Ok(Self::Restart(ids.iter().map(|&id| id.to_owned()).collect())),
            ["blacklist"] => bail!("`blacklist` takes the addresses that are to be kept out, as 10.0.0.7"),
            ["blacklist", addresses @ ..] => {
                Ok(Self::Blacklist(addresses.iter().map(|&address| address.to_owned()).collect()))
            }
            ["handover"] => Ok(Self::Handover(None)),
            ["handover", to] => masters::check_place(to).map(|to| Self::Handover(Some(to))),
            ["handover", ..] => bail!("`handover` takes one master: its id, host:port or port"),
            [word, ..] => bail!("unknown command {word:?}; type `help` for the list"),
        }
    }
}

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
            Command::Help => print!("{}", self.help()),
            Command::Use(server) => self.switch(server).await?,
            Command::ShowServers => self.show_servers().await?,
            Command::ShowMasters => self.show_masters().await?,
            Command::Restart(ids) => self.restart(ids).await?,
            Command::Blacklist(addresses) => self.blacklist(&addresses).await?,
            Command::Handover(to) => self.handover(to.as_deref()).await?,
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

    async fn show_masters(&mut self) -> Result<()> {
        let masters = masters::read(self.ask(CONSOLE, json!({ "signal": "masters" })).await?)?;
        if self.json {
            println!("{}", serde_json::to_string_pretty(&masters)?);
        } else {
            print!("{}", masters::render(&masters, masters::since_1970(), self.style));
        }
        Ok(())
    }

    async fn restart(&mut self, mut ids: Vec<String>) -> Result<()> {
        if ids.is_empty() {
            match &self.context {
                Some(id) => ids.push(id.clone()),
                None => bail!("restart which server? `restart chat-server-1`, or `use` one first"),
            }
        }
        let body = json!({ "signal": "restart", "ids": ids });
        let answer = self.mutate(body, RESTART_TIMEOUT).await?;
        self.print(&answer, commands::restarted);
        commands::remained(&answer)
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
        assert_eq!(Command::parse("restart a b").unwrap(), Command::Restart(vec!["a".into(), "b".into()]));
        assert_eq!(Command::parse("handover").unwrap(), Command::Handover(None));
        assert_eq!(Command::parse("handover 3007").unwrap(), Command::Handover(Some("3007".into())));
    }

    #[test]
    fn a_line_that_is_not_understood_is_answered_with_what_would_be() {
        for (line, says) in [
            ("nonsense", "unknown command \"nonsense\"; type `help`"),
            ("show", "`show servers`"),
            ("show fish", "can't show \"fish\""),
            ("use", "one server id"),
            ("use a b", "one server id"),
            ("blacklist", "`blacklist` takes"),
            ("handover a b", "one master"),
            ("handover 70000", "host:port or a port"),
        ] {
            let error = Command::parse(line).unwrap_err().to_string();
            assert!(error.contains(says), "{line:?} was answered with {error:?}");
        }
    }
}
