//! Why a player can't go on.

use std::time::Duration;

use pomelo_client::{ClientError, CloseReason};
use pomelo_robot::Fault;

use crate::Anomaly;

/// What fails for a player.
#[derive(Debug, thiserror::Error)]
pub enum PlayerError {
    /// The connection, or an answer with a code that is not 200.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The run of robots is over.
    #[error("the run is over")]
    Over,
    /// The gate knows no connector.
    #[error("the gate names no connector")]
    NoConnector,
    /// The account has no hero, and none was to be made.
    #[error("the account has no hero")]
    NoHero,
    /// An answer that makes no sense to a client.
    #[error(transparent)]
    Anomaly(#[from] Anomaly),
    /// The player can't go anywhere without being in an area.
    #[error("the player is in no area")]
    NotInArea,
    /// There is no way, or the player stands there.
    #[error("no way leads there")]
    NoWay,
    /// The server did not do it, and does not say why.
    #[error("{what} was refused")]
    Refused {
        /// What was asked.
        what: &'static str,
    },
    /// Something that was waited for did not come.
    #[error("no {what} within {after:?}; heard last: {last}{}", .ended.as_ref().map(|why| format!("; the connection ended: {why}")).unwrap_or_default())]
    Never {
        /// What.
        what: String,
        /// How long.
        after: Duration,
        /// The last pushes, by name.
        last: String,
        /// If the connection has ended.
        ended: Option<CloseReason>,
    },
}

impl PlayerError {
    /// The code of the server's answer, if it is one that says no.
    #[must_use]
    pub fn code(&self) -> Option<i64> {
        match self {
            Self::Client(ClientError::Failed { code, .. }) => Some(*code),
            _ => None,
        }
    }
}

impl From<Fault> for PlayerError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Over => Self::Over,
            Fault::Client(error) => Self::Client(error),
            Fault::Unexpected(_) => Self::Refused { what: "something" },
        }
    }
}

impl From<PlayerError> for Fault {
    fn from(error: PlayerError) -> Self {
        match error {
            PlayerError::Over => Self::Over,
            PlayerError::Client(error) => Self::Client(error),
            other => Self::unexpected(other.to_string()),
        }
    }
}
