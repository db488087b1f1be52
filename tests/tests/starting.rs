//! A start that is broken off: whatever hangs, everything ends within the supervisor's bound, and nothing is left.

use std::{fs, os::unix::fs::PermissionsExt as _};

use anyhow::{Context as _, Result, ensure};
use pomelo_testkit::{
    command::{Running, program},
    eventually,
    game::{GameDir, signal},
};
use rustix::process::Signal;
use tokio::process::Command;

use tests::cluster::PATIENCE;

/// The file that is the game's program.
const PROGRAM: &str = "hangs.sh";

/// The chat example, but whoever has this argument hangs from its first moment on, and does not listen to what it is told.
fn hanging(argument: &str) -> Result<GameDir> {
    let game = GameDir::chat(None)?;
    let chat = program("chat")?;
    let script = format!(
        "#!/bin/sh\n\
         for word in \"$@\"; do\n  \
           if [ \"$word\" = {argument} ]; then trap '' TERM INT; while :; do sleep 0.2; done; fi\n\
         done\n\
         exec '{}' \"$@\"\n",
        chat.display()
    );
    let file = game.path().join(PROGRAM);
    fs::write(&file, script)?;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755))?;
    Ok(game)
}

/// `pomelo start` of it, until it says what it waits for.
async fn start(game: &GameDir, arguments: &[&str], waits_for: &str) -> Result<Running> {
    let mut command = Command::new(program("pomelo")?);
    command.args(["start", "-e", "production"]).args(arguments);
    command.arg("--bin").arg(PROGRAM).current_dir(game.path());
    let start = Running::start(command)?;
    let waiting = start.line("waiting for").await?;
    ensure!(waiting.contains(waits_for), "{waiting}");
    Ok(start)
}

async fn nothing_left(game: &GameDir) {
    eventually("no process of the game is left", PATIENCE, async || {
        game.processes().is_empty().then_some(())
    })
    .await;
}

fn tell(running: &Running, what: Signal) -> Result<()> {
    signal(running.pid().context("it has ended")?, what)
}

#[tokio::test]
async fn a_start_that_hangs_and_is_told_to_end_kills_who_does_not_end_and_leaves_nobody() -> Result<()> {
    for (argument, label) in [("id=chat-server-2", "chat-server-2"), ("serverType=master", "master-server-1")]
    {
        let game = hanging(argument)?;
        let waits_for = if label == "chat-server-2" { label } else { "master 127.0.0.1" };
        let mut start = start(&game, &[], waits_for).await?;
        tell(&start, Signal::TERM)?;
        start.line("told to end: ending").await?;
        let killed = start.line("does not end; killing it").await?;
        ensure!(killed.starts_with(label), "{killed}");
        ensure!(start.end().await?.success(), "{:?}", start.output());
        let killed = start.output().iter().filter(|line| line.contains("killing it")).count();
        ensure!(killed == 1, "others were killed, too: {:?}", start.output());
        nothing_left(&game).await;
    }
    Ok(())
}

#[tokio::test]
async fn a_second_signal_does_not_wait() -> Result<()> {
    let game = hanging("id=chat-server-2")?;
    let mut start = start(&game, &[], "chat-server-2").await?;
    tell(&start, Signal::TERM)?;
    start.line("told to end: ending").await?;
    tell(&start, Signal::INT)?;
    ensure!(start.end().await?.success(), "{:?}", start.output());
    let waited = start.output().iter().any(|line| line.contains("killing it"));
    ensure!(!waited, "it waited all the same: {:?}", start.output());
    nothing_left(&game).await;
    Ok(())
}

#[tokio::test]
async fn a_start_into_the_background_that_is_broken_off_leaves_nobody_there() -> Result<()> {
    let game = hanging("id=chat-server-2")?;
    let mut start = start(&game, &["-D"], "chat-server-2").await?;
    tell(&start, Signal::INT)?;
    start.line("told to end: ending").await?;
    tell(&start, Signal::INT)?;
    ensure!(start.end().await?.success(), "{:?}", start.output());
    ensure!(!start.output().iter().any(|line| line.contains("in the background")), "{:?}", start.output());
    nothing_left(&game).await;
    Ok(())
}
