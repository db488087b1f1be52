//! Connections through a proxy: before anything else it says by the PROXY protocol whom it speaks for.
//!
//! Proxies are known by their addresses. One of them has to say it; what others say is the client's own.

use pomelo_protocol::proxy::ProxyHeader;
use tokio::time::Instant;

use super::{Registration, client::CloseReason, fault::Fault};

/// Takes what was read behind `header`, what came before. What comes behind the whole header, or nothing if more has to be
/// read; then the connection counts as one of the client.
pub(super) fn unwrap(
    header: &mut Vec<u8>,
    read: &[u8],
    registration: &mut Registration,
) -> Result<Option<Vec<u8>>, CloseReason> {
    header.extend_from_slice(read);
    let Some((said, header_bytes)) =
        ProxyHeader::parse(header).map_err(|error| CloseReason::Protocol(Fault::Proxy(error)))?
    else {
        return Ok(None);
    };
    // A proxy that speaks for itself looks whether somebody is here: that counts for no address.
    if let ProxyHeader::Client(addr) = said {
        registration.comes_from(addr, Instant::now()).map_err(CloseReason::NotAdmitted)?;
    }
    Ok(Some(header.split_off(header_bytes)))
}
