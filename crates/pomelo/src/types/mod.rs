//! What clients and servers say to each other in this application, for people and for compilers: the list behind
//! `pomelo routes`, and the TypeScript behind `pomelo types`.
//!
//! The names come from the handlers and remotes that are registered. What the bodies look like says `App::messages`, for
//! those that are listed there; all others are `unknown` in TypeScript. Both are answered by the game's own program, started
//! with the word `routes` or `types`, so that they are what it does.
//!
//! A generated file is kept beside the client that uses it, and a test keeps it fresh:
//!
//! ```no_run
//! # use pomelo::{App, Config};
//! # fn app(config: Config) -> App { App::new(config) }
//! #[test]
//! fn the_clients_types_are_those_of_the_routes() {
//!     let app = app(Config::load("config").unwrap());
//!     pomelo::types::check(&app, "client/messages.ts").unwrap(); // an error says which command writes it again
//! }
//! ```

mod list;
#[cfg(feature = "types")]
mod messages;
mod schemas;
mod table;
#[cfg(all(test, feature = "types"))]
mod tests;
mod typescript;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use pomelo_cluster::config::ConfigError;

use crate::{App, Args, ArgsError};

#[cfg(feature = "types")]
pub use messages::Messages;

pub(crate) use schemas::Listed;
pub(crate) use table::Signature;
use table::Table;

/// Asks for the list.
const ROUTES: &str = "routes";
/// Asks for TypeScript.
const TYPES: &str = "types";
/// Asks for the list as JSON.
const JSON: &str = "--json";

/// Why there are no types, or not the right ones.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TypesError {
    /// The configuration, which names pushes.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The arguments.
    #[error(transparent)]
    Args(#[from] ArgsError),
    /// The file can't be read.
    #[error("{}: {source}; write it with `pomelo types -d {} -o {}`", .path.display(), .game.display(), .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The game's folder.
        game: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not what would be written.
    #[error(
        "{} is stale at line {line}; write it again with `pomelo types -d {} -o {}`",
        .path.display(), .game.display(), .path.display()
    )]
    Stale {
        /// The file.
        path: PathBuf,
        /// The game's folder.
        game: PathBuf,
        /// The first line that differs, from 1.
        line: usize,
    },
}

/// The types of the application's messages as TypeScript, for a client: interfaces of the bodies, and of the names.
pub fn typescript(app: &App) -> Result<String, TypesError> {
    Ok(typescript::write(&Table::of(app, &Args::default())?))
}

/// Whether the file at `path` is what [`typescript`] writes. The error names the command that makes it so, to be run in the
/// working directory of the caller.
pub fn check(app: &App, path: impl AsRef<Path>) -> Result<(), TypesError> {
    let path = path.as_ref().to_owned();
    let fresh = typescript(app)?;
    let (_, game) = app.config(&Args::default())?;
    match fs::read_to_string(&path) {
        Ok(text) if text == fresh => Ok(()),
        Ok(text) => {
            let same = text.lines().zip(fresh.lines()).take_while(|(old, new)| old == new).count();
            Err(TypesError::Stale { path, game, line: same + 1 })
        }
        Err(source) => Err(TypesError::Read { path, game, source }),
    }
}

/// What the program prints in place of being a server, if the first of its arguments asks for it: `routes`, `routes --json`,
/// `types`; then arguments of servers may follow, `env=production`.
pub(crate) fn answer(app: &App, args: &[String]) -> Option<Result<String, TypesError>> {
    let (word, rest) = args.split_first()?;
    let json = rest.iter().any(|arg| arg == JSON);
    let table = || Table::of(app, &Args::parse(rest.iter().filter(|arg| *arg != JSON))?);
    match word.as_str() {
        ROUTES if json => Some(table().map(|table| list::json(&table))),
        ROUTES => Some(table().map(|table| list::text(&table))),
        TYPES => Some(table().map(|table| typescript::write(&table))),
        _ => None,
    }
}
