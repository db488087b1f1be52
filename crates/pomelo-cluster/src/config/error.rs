//! What can be wrong with a configuration. Every message says where, what was found and what was expected.

use std::path::PathBuf;

use pomelo_protocol::{ServerId, ServerType, protobuf::DefinitionError};

/// Why a configuration can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The folder itself.
    #[error("no configuration in {}: {why}", dir.display())]
    NoConfig {
        /// Where was looked.
        dir: PathBuf,
        /// What is missing, and what to do.
        why: String,
    },
    /// A file that is there could not be read.
    #[error("{}: cannot be read: {why}", file.display())]
    Unreadable {
        /// Which file.
        file: PathBuf,
        /// What the system said.
        why: String,
    },
    /// A file that must be there is not.
    #[error("{}: file not found; expected it there or as {}", file.display(), instead.display())]
    Missing {
        /// The place looked at first.
        file: PathBuf,
        /// The other place where it may be.
        instead: PathBuf,
    },
    /// Not JSON.
    #[error("{}:{line}:{column}: not valid JSON: {what}", file.display())]
    Syntax {
        /// Which file.
        file: PathBuf,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// What the parser says.
        what: String,
    },
    /// JSON, but not what belongs there.
    #[error("{}:{line}:{column}: {path}: {what}", file.display())]
    Wrong {
        /// Which file.
        file: PathBuf,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
        /// Where in the document: `production.connector[0].port`.
        path: String,
        /// What was found and what was expected.
        what: String,
    },
    /// Values that are right each for itself, and not together.
    #[error("{}: {path}: {what}", file.display())]
    Conflict {
        /// Which file.
        file: PathBuf,
        /// Where in the document.
        path: String,
        /// What is wrong.
        what: String,
    },
    /// Protobuf messages that can't be.
    #[error("{}: {source}", file.display())]
    Definitions {
        /// Which file.
        file: PathBuf,
        /// What is wrong, and where.
        source: DefinitionError,
    },
    /// No file knows the environment.
    #[error("unknown environment {name:?} in {}; known: {}", dir.display(), list(known))]
    UnknownEnvironment {
        /// What was asked for.
        name: String,
        /// The configuration's folder.
        dir: PathBuf,
        /// What there is.
        known: Vec<String>,
    },
    /// One file knows the environment, another does not.
    #[error("{}: no section {name:?}; it has: {}", file.display(), list(known))]
    NoSection {
        /// Which file.
        file: PathBuf,
        /// The environment.
        name: String,
        /// Its sections.
        known: Vec<String>,
    },
    /// No server has the type.
    #[error("unknown server type {name:?}; servers.json has for {environment:?}: {}", list(known))]
    UnknownType {
        /// What was asked for.
        name: ServerType,
        /// In which environment.
        environment: String,
        /// What there is.
        known: Vec<String>,
    },
    /// No server has the id.
    #[error("unknown server {id:?}; servers.json has for {environment:?}: {}", list(known))]
    UnknownServer {
        /// What was asked for.
        id: ServerId,
        /// In which environment.
        environment: String,
        /// What there is.
        known: Vec<String>,
    },
}

fn list(names: &[String]) -> String {
    /// Enough to recognise a typing error by.
    const NAMES_MAX: usize = 20;
    match names.len() {
        0 => "none".to_owned(),
        n if n > NAMES_MAX => format!("{} and {} more", names[..NAMES_MAX].join(", "), n - NAMES_MAX),
        _ => names.join(", "),
    }
}
