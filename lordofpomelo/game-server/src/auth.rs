//! TODO auth

use pomelo::Server;

/// The auth server.
pub(crate) fn server(s: Server) -> Server {
    s
}
