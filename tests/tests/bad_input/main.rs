//! Bad input, over real processes: what a person, a file, the network or another process can do wrong is answered in words
//! that say what to do, and nothing else is lost by it.
//!
//! By subject: `config` (files and names in them), `start` (ports and ids that are taken, a coordinator that is away),
//! `commands` (tools that are refused), `clients` and `masters` (what strangers send to open ports).

mod clients;
mod commands;
mod config;
mod masters;
mod start;
mod stranger;

use anyhow::{Context as _, Result, ensure};
use pomelo_testkit::{
    command::{program, run},
    game::GameDir,
};

/// What a failed command has printed.
pub(crate) struct Said {
    /// On stdout.
    pub(crate) out: String,
    /// On stderr.
    pub(crate) err: String,
}

/// Runs a program that must end with exit code 1.
pub(crate) async fn fails(game: &GameDir, name: &str, arguments: &[&str]) -> Result<Said> {
    let command = format!("{name} {}", arguments.join(" "));
    let ended = run(game, name, arguments).await?;
    let said = Said {
        out: String::from_utf8_lossy(&ended.stdout).into_owned(),
        err: String::from_utf8_lossy(&ended.stderr).into_owned(),
    };
    ensure!(
        ended.status.code() == Some(1),
        "`{command}` ended with {}: {}{}",
        ended.status,
        said.out,
        said.err
    );
    Ok(said)
}

/// `pomelo start` or `pomelo masterha` with the chat example, which must fail before it has started anything.
pub(crate) async fn does_not_start(game: &GameDir, arguments: &[&str]) -> Result<Said> {
    let chat = program("chat")?;
    let bin = ["--bin", chat.to_str().context("a path that is text")?];
    let said = fails(game, "pomelo", &[arguments, &bin].concat()).await?;
    nothing_runs(game)?;
    Ok(said)
}

/// Whether no process of the game is left.
pub(crate) fn nothing_runs(game: &GameDir) -> Result<()> {
    let left = game.processes();
    ensure!(left.is_empty(), "still there: {left:?}");
    Ok(())
}

/// A text that has all of these in it.
pub(crate) fn has(text: &str, words: &[&str]) -> Result<()> {
    for word in words {
        ensure!(text.contains(word), "{word:?} is missing in:\n{text}");
    }
    Ok(())
}

/// An error as a person or a script wants it: one line, on stderr, and nothing on stdout that looks like an answer.
pub(crate) fn one_line(said: &Said, words: &[&str]) -> Result<()> {
    ensure!(said.out.is_empty(), "on stdout:\n{}", said.out);
    ensure!(said.err.starts_with("error: ") && said.err.lines().count() == 1, "not one line:\n{}", said.err);
    has(&said.err, words)
}
