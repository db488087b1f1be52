//! `pomelo cron`: the jobs of running servers. What is added here lasts until it is removed, whoever leads and whichever servers
//! are started again; what stands in `crons.json` or in the code is listed, and is not this command's to change.
//!
//! Not here: when a job is due and who does one that is done once, which servers and the leader decide.

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::{
    commands::{ANSWER_TIMEOUT, CONSOLE},
    connect::Connection,
    style::Style,
    table,
};

const JOBS: [(&str, &str); 9] = [
    ("serverId", "serverId"),
    ("job", "id"),
    ("action", "action"),
    ("time", "time"),
    ("once", "once"),
    ("added", "added"),
    ("next", "next"),
    ("busy since", "busySince"),
    ("skipped", "skipped"),
];

/// What a server answers that has done as it was told.
const DONE: u64 = 1;

/// What can be asked about jobs.
#[derive(Subcommand)]
pub enum Cron {
    /// List the jobs of every server, when they are due next, and which of them hang.
    #[command(
        disable_help_flag = true,
        after_help = "\
Examples:
  pomelo cron list
  pomelo cron list --json | jq '.[] | select(.busySince)'    jobs at work"
    )]
    List {
        /// Whom to ask.
        #[command(flatten)]
        connection: Connection,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Give servers one job more, which they have until it is removed.
    #[command(
        disable_help_flag = true,
        after_help = "\
Examples:
  every chat server, at 10:30
    pomelo cron add pay '0 30 10 * * *' chatCron.sendMoney -t chat
  one of them each time
    pomelo cron add pay '0 30 10 * * *' chatCron.sendMoney -t chat --once
  this server, every 5 minutes
    pomelo cron add tidy '0 */5 * * * *' chatCron.tidy -s chat-server-1

Months count from 0 (January), as in the original, or have names: JAN."
    )]
    Add {
        /// By what it is removed: no other job of these servers has it.
        id: String,
        /// When: second, minute, hour, day of the month, month, day of the week.
        time: String,
        /// The name by which the game has registered a function.
        action: String,
        /// Whose job it is.
        #[command(flatten)]
        whose: Whose,
        /// One server of the type does it each time, and not every one.
        #[arg(long, conflicts_with = "server")]
        once: bool,
        /// Whom to ask.
        #[command(flatten)]
        connection: Connection,
        /// Print the answer as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Take a job from servers. What has begun goes on.
    #[command(
        disable_help_flag = true,
        after_help = "\
Examples:
  pomelo cron remove pay -t chat
  pomelo cron remove tidy -s chat-server-1"
    )]
    Remove {
        /// The job's id.
        id: String,
        /// Whose job it is.
        #[command(flatten)]
        whose: Whose,
        /// Whom to ask.
        #[command(flatten)]
        connection: Connection,
        /// Print the answer as JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Whose job it is.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub struct Whose {
    /// Every server of this type, also those that come later.
    #[arg(short = 't', long = "type", value_name = "TYPE")]
    server_type: Option<String>,
    /// This server, in each of its lives.
    #[arg(short = 's', long, value_name = "ID")]
    server: Option<String>,
}

impl Cron {
    /// Asks the active master.
    pub async fn run(self) -> Result<()> {
        match self {
            Self::List { connection, json } => list(&connection, json).await,
            Self::Add { id, time, action, whose, once, connection, json } => {
                let mut cron = whose.named(&id);
                (cron["time"], cron["action"], cron["once"]) = (time.into(), action.into(), once.into());
                change(&connection, "addCron", &cron, json).await
            }
            Self::Remove { id, whose, connection, json } => {
                change(&connection, "removeCron", &whose.named(&id), json).await
            }
        }
    }
}

impl Whose {
    /// A job of theirs.
    fn named(&self, id: &str) -> Value {
        let mut job = json!({ "id": id });
        if let Some(server_type) = &self.server_type {
            job["serverType"] = server_type.as_str().into();
        }
        if let Some(server) = &self.server {
            job["serverId"] = server.as_str().into();
        }
        job
    }
}

async fn list(connection: &Connection, json: bool) -> Result<()> {
    print(&connection.open().await?.ask(CONSOLE, json!({ "signal": "crons" })).await?, json)
}

/// The answer to `{"signal":"crons"}`.
pub(crate) fn print(answer: &Value, json: bool) -> Result<()> {
    let jobs = jobs(answer)?;
    if json {
        println!("{}", serde_json::to_string_pretty(&jobs)?);
    } else if jobs.is_empty() {
        println!("no server has a job");
    } else {
        print!("{}", table::render(&JOBS, &jobs.iter().map(shown).collect::<Vec<_>>(), Style::for_stdout()));
    }
    Ok(())
}

/// The jobs in the master's answer, by server and id.
fn jobs(answer: &Value) -> Result<Vec<Value>> {
    let Some(servers) = answer["msg"].as_object() else { bail!("the master answered `crons` with {answer}") };
    let mut servers: Vec<_> = servers.iter().collect();
    servers.sort_by_key(|(id, _)| *id);
    let of_server = |(id, server): (&String, &Value)| {
        let crons = server["crons"].as_array().cloned().unwrap_or_default();
        let id = id.clone();
        crons.into_iter().map(move |mut job| {
            job["serverId"] = id.as_str().into();
            job
        })
    };
    Ok(servers.into_iter().flat_map(of_server).collect())
}

/// A job as a row of the table: what is not so has a dash.
fn shown(job: &Value) -> Value {
    let mut row = job.clone();
    for field in ["once", "added"] {
        row[field] = if job[field] == true { "yes".into() } else { Value::Null };
    }
    if job["skipped"] == 0 {
        row["skipped"] = Value::Null;
    }
    row
}

async fn change(connection: &Connection, signal: &str, cron: &Value, json: bool) -> Result<()> {
    let body = json!({ "signal": signal, "cron": cron });
    print_change(signal, &connection.open().await?.mutate(CONSOLE, body, ANSWER_TIMEOUT).await?, json)
}

/// How `addCron` or `removeCron` went. A server that refused is an error.
pub(crate) fn print_change(signal: &str, answer: &Value, json: bool) -> Result<()> {
    let (done, not_done) = outcome(answer);
    if json {
        println!("{}", serde_json::to_string_pretty(&answer)?);
    } else if !done.is_empty() {
        let what = if signal == "addCron" { "added to" } else { "removed from" };
        println!("{what} {}", done.join(", "));
    } else if not_done.is_empty() {
        println!("no such server runs: whichever comes will be told");
    }
    if !not_done.is_empty() {
        bail!("{}", not_done.join("; "));
    }
    Ok(())
}

/// Who has done it, and who has not, with why.
fn outcome(answer: &Value) -> (Vec<String>, Vec<String>) {
    let (mut done, mut not_done) = (Vec::new(), Vec::new());
    for (id, result) in answer["results"].as_object().into_iter().flatten() {
        match result {
            Value::Number(number) if number.as_u64() == Some(DONE) => done.push(id.clone()),
            Value::String(word) if word == "gone" => {}
            other => not_done.push(format!("{id}: {}", other["error"].as_str().unwrap_or("no answer"))),
        }
    }
    (done, not_done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_are_listed_by_server_and_what_hangs_is_seen() {
        let job = |id: &str, busy: Value, skipped: u64| {
            json!({ "id": id, "action": "chatCron.pay", "time": "0 0 0 * * *", "once": true, "added": false,
                "next": "2026-11-24T00:00:00Z", "busySince": busy, "skipped": skipped })
        };
        let answer = json!({ "msg": {
            "chat-2": { "serverId": "chat-2", "crons": [job("pay", "2026-11-23T00:00:00Z".into(), 2)] },
            "chat-1": { "serverId": "chat-1", "crons": [job("pay", Value::Null, 0)] },
            "gate-1": { "serverId": "gate-1", "crons": [] },
        } });
        let rows: Vec<_> = jobs(&answer).unwrap().iter().map(shown).collect();
        assert_eq!(
            table::render(&JOBS, &rows, Style::plain()),
            "serverId job action       time        once added next                 busy since           skipped\n\
             chat-1   pay chatCron.pay 0 0 0 * * * yes  -     2026-11-24T00:00:00Z -                    -\n\
             chat-2   pay chatCron.pay 0 0 0 * * * yes  -     2026-11-24T00:00:00Z 2026-11-23T00:00:00Z 2\n"
        );
    }

    #[test]
    fn whoever_refuses_says_why() {
        let answer = json!({ "status": "ok", "results":
            { "a": 1, "b": { "error": "there is no job \"x\"" }, "c": "gone", "d": "unanswered" } });
        let not_done = ["b: there is no job \"x\"".to_owned(), "d: no answer".to_owned()];
        assert_eq!(outcome(&answer), (vec!["a".to_owned()], not_done.to_vec()));
    }
}
