//! What a client is told of an error: decided in one place, by the application or as the original does.
//!
//! An error is turned into an answer at the server where it came up, where its type is known; a frontend passes the answer
//! on as it is.

use std::sync::Arc;

use bytes::Bytes;
use pomelo_rpc::Failure;
use serde::{Deserialize, Serialize};

use crate::{Error, Request, Result, codec, wire};

/// What a client is answered where even the answer to an error can't be encoded.
const FAILED: &[u8] = b"{\"code\":500}";

/// A message that no handler can be found for. Clients can cause these at will, so they are logged at DEBUG.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RouteError {
    /// Names no server type, as in `serverType.handler.method`.
    #[error("not a route: {route:?}")]
    NotARoute {
        /// What the client wrote.
        route: String,
    },
    /// The application has no such server type.
    #[error("the application has no servers of type {server_type:?}")]
    NoType {
        /// The first part of the route.
        server_type: String,
    },
    /// Nobody registered this route.
    #[error("no handler for route {route:?}")]
    NoHandler {
        /// The route.
        route: String,
    },
    /// Nobody registered this remote.
    #[error("method {method:?} is unknown")]
    NoRemote {
        /// What the caller wrote.
        method: String,
    },
}

type Tell = Arc<dyn Fn(&Error, &Request) -> Result<Bytes> + Send + Sync>;

/// Turns an error into what the client is answered.
#[derive(Clone, Default)]
pub(crate) struct Answers(Option<Tell>);

impl Answers {
    pub(crate) fn new<T: Serialize>(tell: impl Fn(&Error, &Request) -> T + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(move |error, request| Ok(codec::to_client(&tell(error, request))?))))
    }

    /// The body of the response. An error that another server has told about already is told as that server said.
    pub(crate) fn tell(&self, error: &Error, request: &Request) -> Bytes {
        if let Some(answered) = error.downcast_ref::<Answered>() {
            return answered.body.clone();
        }
        let told = match &self.0 {
            Some(tell) => tell(error, request),
            None => Ok(Bytes::from(format!("{{\"code\":{}}}", error.code()))),
        };
        told.unwrap_or_else(|error| {
            tracing::warn!(route = request.route(), %error, "on_error has no answer that can be sent");
            Bytes::from_static(FAILED)
        })
    }
}

/// The error of a message that was forwarded: the other server has logged it and says what the client is told.
#[derive(Debug, thiserror::Error)]
#[error("answered: {}", String::from_utf8_lossy(body))]
pub(crate) struct Answered {
    body: Bytes,
}

#[derive(Deserialize)]
struct Code {
    code: u16,
}

impl Answered {
    /// Of the answer that came; its code is the error's.
    pub(crate) fn error(body: String) -> Error {
        let code = serde_json::from_str(&body).map_or(Error::FAILED, |Code { code }| code);
        Error::from(Self { body: body.into() }).with_code(code)
    }

    /// The answer as it goes to a frontend: as a failure, so that filters there see one. One that is too long for that goes
    /// as if it were no error.
    pub(crate) fn over_a_link(body: Bytes) -> Result<Bytes, Failure> {
        match String::from_utf8(body.to_vec()) {
            Ok(text) if text.len() <= Failure::MESSAGE_BYTES_MAX => Err(Failure::new(wire::ANSWERED, text)),
            _ => Ok(body),
        }
    }
}
