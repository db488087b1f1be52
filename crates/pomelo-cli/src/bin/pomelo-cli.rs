//! The command `pomelo-cli`: asks the active master of a running cluster.

use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use pomelo_cli::{
    connect::Connection,
    console::{Console, Then},
    exit_with, repl,
};

/// Ask the active master of a running cluster.
#[derive(Parser)]
#[command(
    version,
    disable_help_flag = true,
    after_help = "\
Examples:
  pomelo-cli                      the master of ./config, or 127.0.0.1:3005
  pomelo-cli -P 3007              another one; a standby leads to the active one
  pomelo-cli -c \"show servers\"    for scripts: exit code 1 without an answer
  pomelo-cli --json -c \"show servers\" | jq '.[].pid'"
)]
struct Cli {
    #[command(flatten)]
    connection: Connection,
    /// Run these commands (separated by ;) and leave.
    #[arg(short = 'c', long, value_name = "COMMANDS")]
    command: Option<String>,
    /// Print answers as JSON.
    #[arg(long)]
    json: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    exit_with(run(Cli::parse()).await)
}

async fn run(cli: Cli) -> Result<()> {
    let username = cli.connection.username.clone();
    let mut console = Console::open(cli.connection, cli.json).await?;
    let Some(commands) = cli.command else {
        return repl::run(console, &username).await;
    };
    for command in commands.split(';') {
        if console.run(command).await? == Then::Leave {
            break;
        }
    }
    Ok(())
}
