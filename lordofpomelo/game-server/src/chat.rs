//! TODO chat

use pomelo::Server;

/// The chat server.
pub(crate) fn server(s: Server) -> Server {
    s
}
