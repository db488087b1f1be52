//! TODO path

use pomelo::Server;

/// The path server.
pub(crate) fn server(s: Server) -> Server {
    s
}
