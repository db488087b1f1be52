//! TODO area

use pomelo::Server;

/// The area server.
pub(crate) fn server(s: Server) -> Server {
    s
}
