//! TODO manager

use pomelo::Server;

/// The manager server.
pub(crate) fn server(s: Server) -> Server {
    s
}
