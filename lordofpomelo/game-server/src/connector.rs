//! TODO connector

use pomelo::Server;

/// The connector server.
pub(crate) fn server(s: Server) -> Server {
    s
}
