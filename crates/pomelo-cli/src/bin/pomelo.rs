//! The command `pomelo`: starts a cluster, adds standby masters, lists, stops and kills.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Result, bail};
use clap::{Args, Parser, Subcommand};
use pomelo_cli::{
    commands,
    connect::Connection,
    crons::Cron,
    drill::Drill,
    exit_with,
    game::{DEVELOPMENT, Game},
    masters,
    messages::{self, Asked},
    robots::{self, Robots},
    supervisor::{self, Plan, daemon},
};

/// Start, watch and stop a cluster of game servers.
#[derive(Parser)]
#[command(
    version,
    after_help = "\
Examples:
  pomelo start -e production       a master and all of config/servers.json
  pomelo masterha -e production    the standby masters of config/masterha.json
  pomelo list                      every process of the cluster
  pomelo stop chat-server-1        one server
  pomelo restart chat-server-1     the same, and start it again
  pomelo master status             who leads, who would next, the last changes
  pomelo stop -P 3007              everything, asked of the master at this port

`pomelo help COMMAND` tells more of each."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start the master and the servers of config/servers.json, and stay with them.
    #[command(after_help = "\
Examples:
  pomelo start                     development: builds the game, output is here
  pomelo start -e production -D    in the background; output is in logs/
  pomelo start -t master           the master alone
  pomelo start -t chat             every chat server; a master runs elsewhere
  pomelo start -i chat-server-2    one server")]
    Start {
        #[command(flatten)]
        launch: Launch,
        /// Only servers of this type (`master`: only the master).
        #[arg(short = 't', long = "type", value_name = "TYPE")]
        server_type: Option<String>,
        /// Only the server with this id.
        #[arg(short = 'i', long, value_name = "ID", conflicts_with = "server_type")]
        id: Option<String>,
    },
    /// Start the standby masters of config/masterha.json, and stay with them.
    #[command(after_help = "\
Examples:
  pomelo masterha                             in development
  pomelo masterha -e production -D            in the background
  pomelo masterha /config/masterha.json -e production       as in the original")]
    Masterha {
        /// The list of standbys; a path that starts with / is looked for in the game's directory too, as the original does.
        #[arg(default_value = "config/masterha.json")]
        file: PathBuf,
        #[command(flatten)]
        launch: Launch,
    },
    /// List every process of the cluster.
    #[command(
        disable_help_flag = true,
        after_help = "\
Examples:
  pomelo list
  pomelo list -h 10.0.0.5 -P 3007    asked of a master on another machine
  pomelo list --json | jq '.[].pid'"
    )]
    List {
        #[command(flatten)]
        connection: Connection,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Stop servers, or without an id the whole cluster with its masters.
    #[command(
        disable_help_flag = true,
        after_help = "\
Examples:
  pomelo stop chat-server-1    one server; `pomelo start -i` brings it back
  pomelo stop                  the whole cluster
  pomelo stop --wait 60        the same, though no master leads at the moment"
    )]
    Stop {
        /// Ids of the servers to stop.
        ids: Vec<String>,
        #[command(flatten)]
        connection: Connection,
        /// Print the answer as JSON.
        #[arg(long)]
        json: bool,
    },
    /// End servers and start them again, or without an id every one of them.
    #[command(
        disable_help_flag = true,
        after_help = "\
Examples:
  pomelo restart chat-server-1        one server, by the supervisor that runs it
  pomelo restart -t chat              every chat server
  pomelo restart                      every server; the masters go on"
    )]
    Restart {
        /// Ids of the servers to start again.
        ids: Vec<String>,
        /// Only servers of this type.
        #[arg(short = 't', long = "type", value_name = "TYPE", conflicts_with = "ids")]
        server_type: Option<String>,
        #[command(flatten)]
        connection: Connection,
        /// Print the answer as JSON.
        #[arg(long)]
        json: bool,
    },
    /// Ask about the masters, or let another one lead.
    #[command(subcommand)]
    Master(Master),
    /// List, add and remove jobs of running servers, which they do at certain times.
    #[command(subcommand)]
    Cron(Cron),
    /// Kill, freeze or hand over the active master of a staging cluster again and again, and see what is lost.
    #[command(after_help = "\
Examples:
  pomelo drill --kill -e staging --times 20 --plot drill.svg
  pomelo drill --freeze -e staging --pause-ms 3000
  pomelo drill --handover -e staging --times 100 --pause-ms 0 --json

To be killed again and again, masters must be started again: \"auto-restart\".")]
    Drill(Box<Drill>),
    /// Play a game with thousands of scripted clients, and measure what they see.
    #[command(after_help = robots::EXAMPLES)]
    Robot(Box<Robots>),
    /// List what the game's clients and servers can say: routes, remotes, pushes.
    #[command(after_help = "\
Examples:
  pomelo routes
  pomelo routes -d examples/chat -e production     of a program that is built
  pomelo routes --json | jq '.[].name'")]
    Routes {
        #[command(flatten)]
        asked: Asked,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Write the types of the game's messages as TypeScript, for its clients.
    #[command(after_help = "\
Examples:
  pomelo types                                    print them
  pomelo types -o web-client/src/messages.ts      write a file, if it changed")]
    Types {
        #[command(flatten)]
        asked: Asked,
        /// The file to write.
        #[arg(short, long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// End every process of the cluster at once, without letting it finish anything.
    #[command(
        disable_help_flag = true,
        after_help = "\
Examples:
  pomelo kill            what players did since it was stored last is lost
  pomelo kill -P 3007    asked of the master at this port"
    )]
    Kill {
        #[command(flatten)]
        connection: Connection,
        /// Print the answer as JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Subcommand)]
enum Master {
    /// Show who leads and since when, who would lead next, and how the last changes went.
    #[command(
        disable_help_flag = true,
        after_help = "\
Examples:
  pomelo master status
  pomelo master status -P 3007        as another master sees it
  pomelo master status --json | jq '.failovers[-1]'"
    )]
    Status {
        #[command(flatten)]
        connection: Connection,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Let another master lead. No link is closed and no command fails; the former leader stays, as a standby.
    #[command(
        disable_help_flag = true,
        after_help = "\
Examples:
  pomelo master handover              to whoever is next
  pomelo master handover --to 3007    to the standby that listens on port 3007"
    )]
    Handover {
        /// A standby: its id, host:port or port [default: who is next].
        #[arg(long, value_name = "MASTER", value_parser = masters::check_place)]
        to: Option<String>,
        #[command(flatten)]
        connection: Connection,
        /// Print the answer as JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Which game, and how to run it.
#[derive(Args)]
struct Launch {
    /// Section of the configuration. In `development` the game is built first and output comes to this terminal; in any
    /// other it goes to logs/.
    #[arg(short, long, default_value = DEVELOPMENT, value_name = "ENVIRONMENT")]
    env: String,
    /// The game's directory, which has the folder `config`.
    #[arg(short, long, default_value = ".", value_name = "DIR")]
    dir: PathBuf,
    /// Go to the background once everything runs.
    #[arg(short = 'D', long)]
    daemon: bool,
    /// The game's program [default: what the package in the game's directory builds].
    #[arg(long, value_name = "FILE")]
    bin: Option<PathBuf>,
    /// Set by `-D` for the process in the background.
    #[arg(long, hide = true)]
    detached: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    exit_with(run(Cli::parse().command).await)
}

async fn run(command: Command) -> Result<()> {
    match command {
        Command::Start { launch, server_type, id } => {
            let game = launch.open()?;
            let plan = Plan::start(&game.environment, server_type.as_deref(), id.as_deref())?;
            launch.supervise(game, plan, "start").await
        }
        Command::Masterha { file, launch } => {
            let game = launch.open()?;
            check_list(&game, &file)?;
            let plan = Plan::standbys(&game.environment)?;
            launch.supervise(game, plan, "masterha").await
        }
        Command::List { connection, json } => commands::list(&connection, json).await,
        Command::Stop { ids, connection, json } => commands::stop(&connection, &ids, json).await,
        Command::Restart { ids, server_type, connection, json } => {
            commands::restart(&connection, &ids, server_type.as_deref(), json).await
        }
        Command::Kill { connection, json } => commands::kill(&connection, json).await,
        Command::Master(Master::Status { connection, json }) => masters::status(&connection, json).await,
        Command::Master(Master::Handover { to, connection, json }) => {
            masters::handover(&connection, to.as_deref(), json).await
        }
        Command::Cron(cron) => cron.run().await,
        Command::Drill(drill) => drill.run().await,
        Command::Robot(robots) => robots.run().await,
        Command::Routes { asked, json } => messages::routes(&asked, json),
        Command::Types { asked, out } => messages::types(&asked, out.as_deref()),
    }
}

impl Launch {
    fn open(&self) -> Result<Game> {
        Game::open(&self.dir, &self.env, self.bin.as_deref())
    }

    async fn supervise(&self, game: Game, plan: Plan, name: &str) -> Result<()> {
        let log = game.logs().join(format!("pomelo-{name}.log"));
        if self.daemon && !self.detached {
            return daemon::launch(&log).await;
        }
        let detach = self.detached.then(|| daemon::Detach::new(log));
        supervisor::run(game, plan, detach).await
    }
}

/// The standbys are read with the rest of the configuration, by servers and tools too; the argument of the original can
/// only name the file that they read.
fn check_list(game: &Game, named: &Path) -> Result<()> {
    let inside = game.dir.join(named.strip_prefix("/").unwrap_or(named));
    let read = [
        game.dir.join("config/masterha.json"),
        game.dir.join("config").join(&game.environment.name).join("masterha.json"),
    ];
    let same = |a: &Path, b: &Path| a.canonicalize().is_ok_and(|a| b.canonicalize().is_ok_and(|b| a == b));
    if read.iter().any(|file| same(file, &inside) || same(file, named)) {
        return Ok(());
    }
    if !inside.is_file() && !named.is_file() {
        bail!("there is no {}", inside.display());
    }
    bail!(
        "the standbys stand in {}, where servers and tools find them; another list can't be used",
        read[0].display()
    )
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    /// Longest line of an example: what a terminal shows in one.
    const COLUMNS: usize = 80;

    #[test]
    fn help_of_every_command_has_examples_that_fit_a_terminal() {
        fn look(command: &clap::Command, of: &str) {
            let name = format!("{of} {}", command.get_name());
            let examples = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(command.has_subcommands() || examples.contains("Examples:"), "no examples:{name}");
            for line in examples.lines() {
                assert!(line.chars().count() <= COLUMNS, "{line:?} of{name} is too long");
            }
            command.get_subcommands().for_each(|one| look(one, &name));
        }
        look(&Cli::command(), "");
    }
}
