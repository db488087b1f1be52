//! TODO gate

use pomelo::Server;

/// The gate server.
pub(crate) fn server(s: Server) -> Server {
    s
}
