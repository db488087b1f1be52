//! `main` of a game: arguments, log output, signals, open files.

use std::{pin::pin, process};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
};

use crate::{App, Args, Error, Result, StartError, logging, node::Ending, types};

impl App {
    /// Runs the server that the process's arguments name, until it is stopped: by SIGTERM, SIGINT, or an administrator.
    /// A server ends cleanly then: it leaves the cluster, closes its clients, and lets their hooks run; an active master
    /// hands over to a standby first; one that is still starting gives up. A second signal ends the process at once.
    ///
    /// Without arguments it says how a game is started, and returns. With the word `routes` or `types` it prints what there
    /// is to say to its servers, see [`types`].
    pub async fn run(self) -> Result<()> {
        let args: Vec<String> = std::env::args().collect();
        let (program, args) = args.split_first().map_or(("game", &[][..]), |(first, rest)| (first, rest));
        if args.is_empty() {
            print!("{}", self.usage(program));
            return Ok(());
        }
        if let Some(answer) = types::answer(&self, args) {
            print!("{}", answer?);
            return Ok(());
        }
        let args = Args::parse(args)?;
        logging::init(args.log.as_deref());
        allow_open_files();
        let mut signals = Signals::new()?;
        let (stop, stopping) = watch::channel(false);
        let mut serving = pin!(self.serve(&args, stopping));
        tokio::select! {
            ended = &mut serving => return finish(ended?),
            name = signals.next() => tracing::info!("{name}: stopping"),
        }
        stop.send_replace(true);
        tokio::select! {
            ended = serving => finish(ended?),
            name = signals.next() => {
                tracing::warn!("{name} again: ending at once");
                process::exit(1)
            }
        }
    }

    /// From its start to its end, whichever it is at when it is to stop.
    async fn serve(&self, args: &Args, mut stopping: watch::Receiver<bool>) -> Result<Ending> {
        let mut stopped = pin!(async {
            // The sender outlives this.
            let _ = stopping.wait_for(|&stop| stop).await;
        });
        let mut running = match self.start_until(args, &mut stopped).await {
            Err(early @ StartError::Interrupted { .. }) => {
                tracing::info!("{early}");
                return Ok(Ending::Stopped);
            }
            started => started?,
        };
        tokio::select! {
            ended = running.ended() => return Ok(ended?),
            () = stopped => running.ask_to_stop(),
        }
        Ok(running.ended().await?)
    }

    fn usage(&self, program: &str) -> String {
        let types = self.types().join(", ");
        format!(
            "This is one server of a game; which one, its arguments say. Usually the command `pomelo` starts them all:\n\
             \n    pomelo start                  in the game's folder, where config/ is\n\
             \nBy hand, one at a time:\n\
             \n    {program} serverType=master\
             \n    {program} id=SERVER-ID           an id of config/servers.json\n\
             \nServer types: {types}. Other arguments: env=production, log=debug.\n"
        )
    }
}

/// Lets the process have as many open files as the system allows without asking: shells give it 1,024, which is as many
/// clients.
pub(crate) fn allow_open_files() {
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::debug!(%error, "limit of open files stays as it is");
    }
}

/// A killed server ends as it is, with what is still open.
fn finish(ending: Ending) -> Result<()> {
    match ending {
        Ending::Stopped => Ok(()),
        Ending::Killed => process::exit(1),
        Ending::Replaced { by } => {
            Err(Error::msg(format!("a later process has this server's id, with incarnation {by}")))
        }
    }
}

/// The signals that end a server.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
