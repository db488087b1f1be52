//! What can go wrong with a call.

use pomelo_protocol::ServerId;
use pomelo_rpc::RpcError;

/// Why a call did not bring an answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// Nobody of that type is known, or the route function chose nobody.
    #[error("no server of type {server_type} for this call")]
    NoServer {
        /// The type.
        server_type: String,
    },
    /// The route function chose a server that is not in the cluster.
    #[error("no server {server} of type {server_type} in the cluster")]
    NotThere {
        /// The type.
        server_type: String,
        /// The choice.
        server: ServerId,
    },
    /// Whoever waits for the function that calls does not wait any more, so nothing was sent.
    #[error("no time is left for a call to a server of type {server_type}")]
    Late {
        /// The type.
        server_type: String,
    },
    /// The request has no encoded form.
    #[error("request can't be encoded")]
    Encode(#[from] rmp_serde::encode::Error),
    /// The answer is not of the expected type.
    #[error("answer can't be decoded")]
    Decode(#[from] rmp_serde::decode::Error),
    /// The called server failed, or the way to it did; the error tells which and whether calling again is safe.
    #[error(transparent)]
    Link(#[from] RpcError),
}
