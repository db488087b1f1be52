//! The commands `pomelo` (start, watch and stop a cluster) and `pomelo-cli` (ask a running one).
//!
//! They speak the admin protocol and start the game's program; they never link the game. The two `main`s are in `bin/`;
//! here is what they are made of: [`game`] finds the program to start, [`supervisor`] keeps its processes, [`connect`] finds
//! the active master, [`commands`], [`masters`] and [`crons`] are what `pomelo` asks of it, [`messages`] what it asks of the game, [`console`] is the language of `pomelo-cli`,
//! [`robots`] plays scenarios,
//! [`table`] and [`style`] are how answers look.

use std::{fmt::Display, io::Write as _};

pub mod commands;
pub mod connect;
pub mod console;
pub mod crons;
pub mod drill;
pub mod game;
pub mod masters;
pub mod messages;
pub mod repl;
pub mod robots;
pub mod style;
pub mod supervisor;
pub mod table;

/// Prints a line on stdout. That nobody reads it any more is no reason to end: a supervisor has more to do than to talk.
pub fn say(line: impl Display) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// Ends a command: prints the error on one line and says failure to the shell.
pub fn exit_with(result: anyhow::Result<()>) -> std::process::ExitCode {
    match result {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(e) => {
            let _ = writeln!(std::io::stderr(), "{} {e:#}", style::Style::for_stderr().red("error:"));
            std::process::ExitCode::FAILURE
        }
    }
}
