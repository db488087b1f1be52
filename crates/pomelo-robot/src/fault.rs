//! Why a robot could not go on.

use pomelo_client::{ClientError, CloseReason};

/// How the kind of such failures begins.
pub(crate) const NO_TLS: &str = "no TLS";

/// What ends a robot, or one thing that it does.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The run is over: no fault at all.
    #[error("the run is over")]
    Over,
    /// The client or the server failed. It is counted by the [`Link`](crate::Link) that it happened to.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// Something that the robot does not expect: a wrong answer, a push that does not come.
    #[error("{0}")]
    Unexpected(String),
}

impl Fault {
    /// Something that the robot does not expect. Faults are counted by their text: numbers that differ each time do not belong into it.
    pub fn unexpected(text: impl Into<String>) -> Self {
        Self::Unexpected(text.into())
    }

    /// What is counted together: without routes and addresses, which are told beside it, and what differs each time.
    pub(crate) fn kind(&self) -> String {
        match self {
            Self::Over | Self::Unexpected(_) => self.to_string(),
            Self::Client(error) => kind_of(error),
        }
    }
}

fn kind_of(error: &ClientError) -> String {
    match error {
        ClientError::Address { .. } => "not an address".to_owned(),
        ClientError::Connect { source, .. } => format!("could not connect: {}", source.kind()),
        ClientError::Tls { source, .. } => format!("{NO_TLS}: {source}"),
        ClientError::Trust(error) => error.to_string(),
        ClientError::Upgrade { .. } => "refused the websocket".to_owned(),
        ClientError::Handshake { .. } => "handshake failed".to_owned(),
        ClientError::Refused { code, .. } => format!("refused the handshake: code {code}"),
        ClientError::ConnectTimeout { after, .. } => format!("no connection within {after:?}"),
        ClientError::Timeout { after, .. } => format!("no answer within {after:?}"),
        ClientError::Busy { .. } => "too many requests wait for an answer".to_owned(),
        ClientError::Closed(reason) => closed(reason),
        ClientError::Failed { code, .. } => format!("code {code}"),
        ClientError::Encode { .. } | ClientError::Message { .. } => "could not be sent".to_owned(),
        ClientError::Decode { source, .. } => format!("answer: {source}"),
        ClientError::Unfit(_) => "does not fit its definition".to_owned(),
    }
}

pub(crate) fn closed(reason: &CloseReason) -> String {
    match reason {
        CloseReason::Lost(_) => "connection lost".to_owned(),
        CloseReason::Silent(_) => "nothing heard from the server".to_owned(),
        reason => reason.to_string(),
    }
}
