//! The language of `pomelo-cli`: which commands there are, how a line is read, what `help` says. The words and the forms of
//! arguments are the original's. Pure; [`super::Console`] asks the master.
//!
//! Not here, though the original has them: `exec`, `run`, `set`, `enable`, `disable` and `dump`, which reach into a server's JavaScript,
//! and `kill` and `stop` of everything, which `pomelo kill` and `pomelo stop` do where nobody types them by mistake.

use anyhow::{Result, bail, ensure};
use serde_json::{Map, Value};

use crate::{masters, style::Style};

/// A command as `help` tells of it.
pub struct Entry {
    /// How it is typed.
    pub usage: &'static str,
    /// What it does, in one line.
    pub does: &'static str,
    /// What more there is to say, if anything.
    pub more: &'static str,
    /// Some of these commands.
    pub examples: &'static [&'static str],
}

/// Every command: the text of `help`, and what the Tab key offers.
pub const COMMANDS: [Entry; 14] = [
    Entry {
        usage: "help [<command>]",
        does: "this list, or more about one command",
        more: "",
        examples: &["help addCron"],
    },
    Entry {
        usage: "use <server id> | all",
        does: "the server that the next commands are about",
        more: "",
        examples: &["use chat-server-1", "use all"],
    },
    Entry {
        usage: "show servers",
        does: "every server, and the active master",
        more: "",
        examples: &["show servers"],
    },
    Entry {
        usage: "show masters",
        does: "who leads, who would next, and the last changes",
        more: "",
        examples: &["show masters"],
    },
    Entry {
        usage: "show connections",
        does: "how many clients each frontend has",
        more: "",
        examples: &["show connections"],
    },
    Entry {
        usage: "show logins",
        does: "which users are connected where",
        more: "With a server in use, those of this one.",
        examples: &["show logins"],
    },
    Entry {
        usage: "show crons",
        does: "the jobs of every server, and when they are due",
        more: "",
        examples: &["show crons"],
    },
    Entry {
        usage: "addCron <key=value>...",
        does: "give servers one job more",
        more: "\
Keys are those of crons.json: id, time, action, and serverType or serverId; it
is the server in use without either. With once=true one server of the type does
it each time, and not every one. A time has blanks in it, so quotes are around
it: second, minute, hour, day of the month, month (from 0, or JAN), day of the
week. The job lasts until it is removed.",
        examples: &[
            "addCron id=8 serverId=chat-server-1 'time=0 30 10 * * *' action=chatCron.send",
            "addCron id=8 serverType=chat 'time=0 30 10 * * *' action=chatCron.send once=true",
        ],
    },
    Entry {
        usage: "removeCron <key=value>...",
        does: "take a job from servers",
        more: "Keys: id, and serverType or serverId. What has begun goes on.",
        examples: &["removeCron id=8 serverId=chat-server-1", "removeCron id=8 serverType=chat"],
    },
    Entry {
        usage: "stop <server id>...",
        does: "end servers",
        more: "\
Without an id the one in use. It stays down until `pomelo start -i` of it.
`pomelo stop`, outside of this console, ends everything.",
        examples: &["stop chat-server-1"],
    },
    Entry {
        usage: "restart <server id>...",
        does: "end servers and start them again",
        more: "Without an id the one in use.",
        examples: &["restart chat-server-1", "restart chat-server-1 chat-server-2"],
    },
    Entry {
        usage: "blacklist <address>...",
        does: "let nobody in from there, at every frontend",
        more: "",
        examples: &["blacklist 192.168.10.120 192.168.18.60", "blacklist 10.0.0.0/8"],
    },
    Entry {
        usage: "handover [<master>]",
        does: "let another master lead: this one, or who is next",
        more: "A master is named by its id, host:port or port.",
        examples: &["handover", "handover 3007"],
    },
    Entry { usage: "quit", does: "leave (so does Ctrl-D)", more: "", examples: &["quit"] },
];

/// What `show` shows.
pub const SHOWN: [&str; 5] = ["servers", "masters", "connections", "logins", "crons"];

/// Keys of the arguments of `addCron`.
const JOB: [&str; 6] = ["id", "time", "action", "serverType", "serverId", "once"];

/// A line, understood.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// An empty line.
    Nothing,
    /// `help`, `?`: about everything, or one command.
    Help(Option<String>),
    /// `use`, with the server or None for `all`.
    Use(Option<String>),
    /// `show servers`.
    ShowServers,
    /// `show masters`.
    ShowMasters,
    /// `show connections`.
    ShowConnections,
    /// `show logins`.
    ShowLogins,
    /// `show crons`.
    ShowCrons,
    /// `addCron`: the job, with its holder unless it is the server in use.
    AddCron(Map<String, Value>),
    /// `removeCron`: its id, with its holder unless it is the server in use.
    RemoveCron(Map<String, Value>),
    /// `stop`, with the servers, or none for the one in use.
    Stop(Vec<String>),
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
        let Some(words) = shlex::split(line) else { bail!("a quote is not closed in: {}", line.trim()) };
        let Some((word, arguments)) = words.split_first() else { return Ok(Self::Nothing) };
        let all = || arguments.to_vec();
        match (word.as_str(), arguments) {
            ("help" | "?", []) => Ok(Self::Help(None)),
            ("help" | "?", [command, ..]) => Ok(Self::Help(Some(command.clone()))),
            ("quit" | "exit", _) => Ok(Self::Quit),
            ("use", [id]) => Ok(Self::Use((id != "all").then(|| id.clone()))),
            ("use", _) => bail!("`use` takes one server id, or `all`"),
            ("show", [what, ..]) => Self::show(what),
            ("show", []) => bail!("show what? {}", shows()),
            ("addCron", _) => {
                let job = pairs("addCron", arguments, &JOB)?;
                needs("addCron", &job, &JOB[..3])?;
                Ok(Self::AddCron(job))
            }
            ("removeCron", _) => {
                let job = pairs("removeCron", arguments, &["id", "serverType", "serverId"])?;
                needs("removeCron", &job, &JOB[..1])?;
                Ok(Self::RemoveCron(job))
            }
            ("stop", _) => Ok(Self::Stop(all())),
            ("restart", _) => Ok(Self::Restart(all())),
            ("blacklist", []) => {
                bail!("`blacklist` takes the addresses that are to be kept out, as 10.0.0.7")
            }
            ("blacklist", _) => Ok(Self::Blacklist(all())),
            ("handover", []) => Ok(Self::Handover(None)),
            ("handover", [to]) => masters::check_place(to).map(|to| Self::Handover(Some(to))),
            ("handover", _) => bail!("`handover` takes one master: its id, host:port or port"),
            ("kill", _) => {
                bail!("`pomelo kill`, outside of this console, ends every process; `stop` ends one server")
            }
            ("add", _) => bail!("`pomelo start -i <server id>`, on the server's machine, adds one"),
            (word, _) => bail!("unknown command {word:?}; type `help` for the list"),
        }
    }

    fn show(what: &str) -> Result<Self> {
        match what {
            "servers" => Ok(Self::ShowServers),
            "masters" => Ok(Self::ShowMasters),
            "connections" => Ok(Self::ShowConnections),
            "logins" => Ok(Self::ShowLogins),
            "crons" => Ok(Self::ShowCrons),
            _ => bail!("can't show {what:?}; there are {}", shows()),
        }
    }
}

fn shows() -> String {
    SHOWN.map(|what| format!("`show {what}`")).join(", ")
}

/// `key=value` each, as the original's console takes them.
fn pairs(command: &str, words: &[String], keys: &[&str]) -> Result<Map<String, Value>> {
    let mut fields = Map::new();
    for word in words {
        let Some((key, value)) = word.split_once('=') else {
            bail!(
                "`{command}` takes key=value, and found {word:?}; quotes go around a time: 'time=0 30 10 * * *'"
            );
        };
        ensure!(keys.contains(&key), "`{command}` has no {key:?}; there are {}", keys.join(", "));
        let value = match (key, value) {
            ("once", "true" | "false") => (value == "true").into(),
            ("once", _) => bail!("once: expected true or false, found {value:?}"),
            _ => value.into(),
        };
        ensure!(fields.insert(key.to_owned(), value).is_none(), "{key} is there twice");
    }
    let both = fields.contains_key("serverId") && fields.contains_key("serverType");
    ensure!(!both, "serverType is for every server of a type, serverId for one: which of them?");
    Ok(fields)
}

fn needs(command: &str, fields: &Map<String, Value>, keys: &[&str]) -> Result<()> {
    let missing: Vec<&str> = keys.iter().copied().filter(|key| !fields.contains_key(*key)).collect();
    ensure!(missing.is_empty(), "`{command}` needs {}; see `help {command}`", missing.join(", "));
    Ok(())
}

/// The answer to `help`.
pub fn help(about: Option<&str>, style: Style) -> Result<String> {
    let width = COMMANDS.iter().map(|command| command.usage.len()).max().unwrap_or(0);
    let line = |command: &Entry| {
        format!("  {}  {}\n", style.bold(format!("{:<width$}", command.usage)), command.does)
    };
    let Some(word) = about else { return Ok(COMMANDS.iter().map(line).collect()) };
    let about: Vec<&Entry> = COMMANDS.iter().filter(|command| command.word() == word).collect();
    ensure!(!about.is_empty(), "there is no command {word:?}; type `help` for the list");
    let mut text: String = about.iter().map(|command| line(command)).collect();
    for command in about.iter().filter(|command| !command.more.is_empty()) {
        text.push_str(&format!("\n{}\n", command.more));
    }
    text.push_str("\nExamples:\n");
    text.extend(about.iter().flat_map(|command| command.examples).map(|example| format!("  {example}\n")));
    Ok(text)
}

impl Entry {
    /// The first word of it.
    pub fn word(&self) -> &'static str {
        self.usage.split(' ').next().unwrap_or(self.usage)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn understood(line: &str) -> Command {
        Command::parse(line).unwrap_or_else(|error| panic!("{line}: {error}"))
    }

    #[test]
    fn lines_are_read_as_the_original_reads_them() {
        assert_eq!(understood("  "), Command::Nothing);
        assert_eq!(understood("?"), Command::Help(None));
        assert_eq!(understood("help show"), Command::Help(Some("show".into())));
        assert_eq!(understood(" show   servers "), Command::ShowServers);
        assert_eq!(understood("use chat-server-1"), Command::Use(Some("chat-server-1".into())));
        assert_eq!(understood("use all"), Command::Use(None));
        assert_eq!(understood("exit"), Command::Quit);
        assert_eq!(understood("stop a"), Command::Stop(vec!["a".into()]));
        assert_eq!(understood("restart a b"), Command::Restart(vec!["a".into(), "b".into()]));
        assert_eq!(understood("handover"), Command::Handover(None));
        assert_eq!(understood("handover 3007"), Command::Handover(Some("3007".into())));
    }

    #[test]
    fn jobs_are_pairs_of_key_and_value_with_quotes_around_a_time() {
        let job = json!({ "id": "8", "serverId": "chat-server-1", "time": "0 30 10 * * *", "action": "chatCron.send" });
        let job = job.as_object().unwrap();
        for line in [
            "addCron id=8 serverId=chat-server-1 'time=0 30 10 * * *' action=chatCron.send",
            "addCron id=8 serverId=chat-server-1 \"time=0 30 10 * * *\" action=chatCron.send",
            "addCron id=8 serverId=chat-server-1 time='0 30 10 * * *' action=chatCron.send",
        ] {
            assert_eq!(understood(line), Command::AddCron(job.clone()), "{line}");
        }
        let job = json!({ "id": "8", "serverType": "chat" }).as_object().unwrap().clone();
        assert_eq!(understood("removeCron id=8 serverType=chat"), Command::RemoveCron(job));
        let Command::AddCron(job) = understood("addCron id=8 time=x action=a.b once=true") else { panic!() };
        assert_eq!(job["once"], true);
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
            ("addCron", "`addCron` needs id, time, action; see `help addCron`"),
            ("addCron id=8 time=0 30 10 * * * action=a.b", "found \"30\"; quotes go around a time"),
            ("addCron id=8 'time=0 30", "a quote is not closed"),
            ("addCron id=8 tiem=x", "no \"tiem\"; there are id, time, action"),
            ("addCron id=8 id=9", "id is there twice"),
            ("addCron id=8 time=x action=a.b once=maybe", "expected true or false"),
            ("removeCron id=8 serverId=a serverType=b", "which of them?"),
            ("removeCron id=8 action=a.b", "no \"action\""),
            ("kill", "`pomelo kill`"),
            ("add host=127.0.0.1", "`pomelo start -i"),
        ] {
            let error = Command::parse(line).unwrap_err().to_string();
            assert!(error.contains(says), "{line:?} was answered with {error:?}");
        }
    }

    #[test]
    fn help_names_every_command_fits_a_terminal_and_its_examples_are_understood() {
        let list = help(None, Style::plain()).unwrap();
        for command in &COMMANDS {
            let more = help(Some(command.word()), Style::plain()).unwrap();
            assert!(list.contains(command.usage) && more.contains(command.does));
            assert!(list.lines().chain(more.lines()).all(|line| line.chars().count() <= 82), "{list}{more}");
            command.examples.iter().for_each(|line| drop(understood(line)));
        }
        for what in SHOWN {
            assert!(list.contains(&format!("show {what}")) && Command::show(what).is_ok());
        }
        let error = help(Some("dance"), Style::plain()).unwrap_err().to_string();
        assert_eq!(error, "there is no command \"dance\"; type `help` for the list");
    }
}
