//! The program: its options, its first line, and its end.

use std::{
    io::{self, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, Result, anyhow};
use clap::Parser;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tracing_subscriber::{EnvFilter, fmt};

use crate::{
    FilesError, Gate, OpenError, Options, Site, serve,
    site::{TRIES_PER_MINUTE, usual_hashes},
};

/// Where the build of the client ends up, seen from the game's folder.
const BUILT: &str = "../web-client/dist";

/// The web server of LordOfPomelo: accounts, and the page with the game.
#[derive(Debug, Parser)]
#[command(
    name = "lordofpomelo-web",
    version,
    after_help = "\
Examples:
  lordofpomelo-web                                            in the game's folder, for this machine
  lordofpomelo-web --game lordofpomelo/game-server            from the top of the repository
  lordofpomelo-web -e production --listen 0.0.0.0:3001        for everybody
  lordofpomelo-web --gate play.example.org:3014               the gate's address as players reach it
  lordofpomelo-web --gate :3014 --gate :3114                  two gates on the page's host, in turn
  lordofpomelo-web --behind-proxy                             tries are counted by X-Forwarded-For

It reads config/master.json, servers.json, session.json and database.json of the game. Any number of it may run: the database and \
the secret of the tokens are what they share."
)]
pub struct Args {
    /// The folder of the game's servers, which has the folder `config`.
    #[arg(short, long, default_value = ".", value_name = "DIR")]
    game: PathBuf,
    /// Section of the configuration.
    #[arg(short, long, default_value = "development", value_name = "ENVIRONMENT")]
    env: String,
    /// Address and port to listen on.
    #[arg(short, long, default_value = "127.0.0.1:3001", value_name = "HOST:PORT")]
    listen: String,
    /// The built web client, which is read once, at the start [default: ../web-client/dist, seen from the game's folder].
    #[arg(long, value_name = "DIR")]
    client: Option<PathBuf>,
    /// Where players reach the gate, `:PORT` on the host of the page; several are given out in turn [default: those of
    /// config/servers.json].
    #[arg(long, value_name = "HOST:PORT")]
    gate: Vec<Gate>,
    /// A proxy is in front, and says in X-Forwarded-For where requests come from. Without one anybody could say anything.
    #[arg(long)]
    behind_proxy: bool,
    /// How often an address may sign in or up within a minute; 0 is no limit.
    #[arg(long, default_value_t = TRIES_PER_MINUTE, value_name = "N")]
    tries_per_minute: u32,
    /// How many passwords are hashed at the same time; each takes 19 MiB [default: half of the processors].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    hashes: Option<u16>,
    /// What is logged, as in `lordofpomelo_web=debug,info`.
    #[arg(long, default_value = "warn", value_name = "DIRECTIVES")]
    log: EnvFilter,
}

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// What is wrong, and what to do about it.
pub async fn run(args: Args) -> Result<()> {
    fmt().with_env_filter(args.log).with_ansi(io::stderr().is_terminal()).with_writer(io::stderr).init();
    let client = args.client.unwrap_or_else(|| args.game.join(BUILT));
    let options = Options {
        gates: args.gate,
        behind_proxy: args.behind_proxy,
        tries_per_minute: args.tries_per_minute,
        hashes: args.hashes.map_or_else(usual_hashes, usize::from),
        ..Options::new(&args.game, &args.env, &client)
    };
    let site = Site::open(options).map_err(|error| with_advice(error, &args.game))?;
    let listener = TcpListener::bind(&args.listen)
        .await
        .with_context(|| format!("can't listen on {}; --listen names another address", args.listen))?;
    let mut end = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stop = async move {
        tokio::select! {
            _ = end.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let mut out = io::stdout();
    // That nobody reads it is no reason to end.
    let _ = writeln!(
        out,
        "LordOfPomelo is at http://{}/ (environment {}, {} files of {}; Ctrl-C ends it)",
        listener.local_addr()?,
        args.env,
        site.files(),
        client.display()
    );
    serve(listener, Arc::new(site), stop).await;
    let _ = writeln!(out, "LordOfPomelo's web server has ended");
    Ok(())
}

fn with_advice(error: OpenError, game: &Path) -> anyhow::Error {
    match error {
        OpenError::Files(FilesError::NotBuilt { .. }) => anyhow!(
            "{error}; run `npm ci && npm run build` in the client's folder, lordofpomelo/web-client, or name a built one with \
             --client"
        ),
        OpenError::NoGate { .. } => anyhow!("{error}; name one with --gate HOST:PORT"),
        OpenError::Config(_) if !game.join("config").is_dir() => {
            anyhow!(
                "{} has no folder `config`; name the folder of the game's servers with --game",
                game.display()
            )
        }
        other => other.into(),
    }
}
