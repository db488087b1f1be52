//! One admin link of the master, from accepting it to its end: a task that turns what comes into events. What goes out is
//! queued by the master's task at the link's [`LinkSender`].
//!
//! Framing, pings and limits are [`pomelo_cluster::admin`]'s; what a message means is [`crate::control`]'s.

use pomelo_cluster::admin::{Link, LinkConfig, LinkError, LinkSender};
use pomelo_protocol::admin::{AdminMessage, Register};
use tokio::{
    net::TcpStream,
    sync::{OwnedSemaphorePermit, mpsc},
};
use tracing::{debug, warn};

use crate::Limits;

/// Names an admin link within one master process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct LinkId(pub(crate) u64);

/// What happens on a link: one `Register`, messages, one `Closed`. A link that never registers is never heard of.
#[derive(Debug)]
pub(crate) enum LinkEvent {
    Register { link: LinkId, register: Register, sender: LinkSender },
    Message { link: LinkId, message: AdminMessage },
    Closed { link: LinkId, clean: bool },
}

/// What every link needs.
#[derive(Clone, Debug)]
pub(crate) struct Serving {
    config: LinkConfig,
    limits: Limits,
    events: mpsc::Sender<LinkEvent>,
}

impl Serving {
    /// Links that report to `events`.
    pub(crate) fn new(limits: &Limits, events: mpsc::Sender<LinkEvent>) -> Self {
        let config = LinkConfig {
            packet_bytes_max: limits.packet_bytes_max,
            open_timeout: limits.register_timeout,
            ..LinkConfig::default()
        };
        Self { config, limits: limits.clone(), events }
    }

    /// Serves one connection until it ends.
    pub(crate) async fn serve(self, id: LinkId, stream: TcpStream, _permit: OwnedSemaphorePermit) {
        let addr = stream.peer_addr().map_or_else(|_| "unknown address".to_owned(), |addr| addr.to_string());
        let (mut link, register) = match self.open(stream).await {
            Ok(opened) => opened,
            Err(why) => return warn!(target: "pomelo::master", "admin link from {addr} closed: {why}"),
        };
        let who = format!("{} (link {})", register.describe(), id.0);
        debug!(target: "pomelo::master", "admin link of {who} comes from {addr}");
        link.set_silence_max(self.silence_max(&register));
        let sender = link.sender();
        let mut event = LinkEvent::Register { link: id, register, sender };
        // The master's task is gone when the send fails, and so are its links.
        while self.events.send(event).await.is_ok() {
            event = match link.recv().await {
                Ok(message) => LinkEvent::Message { link: id, message },
                Err(why) => {
                    log_end(&who, &addr, &why);
                    let clean = matches!(why, LinkError::Left);
                    let _ = self.events.send(LinkEvent::Closed { link: id, clean }).await;
                    return;
                }
            };
        }
    }

    async fn open(&self, stream: TcpStream) -> Result<(Link, Register), LinkError> {
        let mut link = Link::accept(stream, &self.config).await?;
        let register = link.registration().await?;
        Ok((link, register))
    }

    /// A tool may be silent for ever; servers of the original send a heartbeat each minute, ours each second.
    fn silence_max(&self, register: &Register) -> Option<std::time::Duration> {
        match register {
            Register::Client(_) => None,
            register if register.hello().is_some() => Some(self.limits.silence_max),
            _ => Some(self.limits.silence_max_original),
        }
    }
}

fn log_end(who: &str, addr: &str, why: &LinkError) {
    match why {
        LinkError::Left | LinkError::Ended | LinkError::Closed => {
            debug!(target: "pomelo::master", "admin link of {who} at {addr}: {why}");
        }
        _ => warn!(target: "pomelo::master", "admin link of {who} at {addr} closed: {why}"),
    }
}
