//! What has happened at a connector, counted; said in one line when it ends.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::{admission::Refusal, client::CloseReason, fault::Fault};

/// Numbers since the connector was bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ConnectorCounts {
    /// Connections accepted and not refused at once.
    pub(super) accepted: u64,
    /// Connections refused because there were as many as allowed.
    pub(super) refused_full: u64,
    /// Connections refused because of where they came from.
    pub(super) refused_blocked: u64,
    /// Connections refused because there were as many from their address as allowed.
    pub(super) refused_address: u64,
    /// Connections refused because too many had come from their address within a second.
    pub(super) refused_rate: u64,
    /// Connections closed because they were in the clear or had TLS where the other is expected, or no TLS both sides know.
    pub(super) refused_tls: u64,
    /// Handshakes answered with 500 or 501.
    pub(super) refused_handshakes: u64,
    /// Connections closed because of what the client sent: garbage, oversize, out of order.
    pub(super) faults: u64,
    /// Connections closed because the client was silent.
    pub(super) timeouts: u64,
    /// Connections closed because the client did not read.
    pub(super) slow_readers: u64,
    /// Clients sent away because they sent too much.
    pub(super) floods: u64,
    /// Clients sent away by the server.
    pub(super) kicked: u64,
}

#[derive(Default)]
pub(super) struct Counts {
    accepted: AtomicU64,
    refused_full: AtomicU64,
    refused_blocked: AtomicU64,
    refused_address: AtomicU64,
    refused_rate: AtomicU64,
    refused_tls: AtomicU64,
    refused_handshakes: AtomicU64,
    faults: AtomicU64,
    timeouts: AtomicU64,
    slow_readers: AtomicU64,
    floods: AtomicU64,
    kicked: AtomicU64,
}

impl Counts {
    pub(super) fn accepted(&self) {
        self.accepted.fetch_add(1, Relaxed);
    }

    pub(super) fn refused(&self, why: Refusal) {
        let count = match why {
            Refusal::Blocked => &self.refused_blocked,
            Refusal::Full { .. } => &self.refused_full,
            Refusal::AddressFull { .. } => &self.refused_address,
            Refusal::TooFast { .. } => &self.refused_rate,
        };
        count.fetch_add(1, Relaxed);
    }

    /// A connection ended.
    pub(super) fn add(&self, why: &CloseReason) {
        let count = match why {
            CloseReason::NotAdmitted(refusal) => return self.refused(*refusal),
            CloseReason::Refused { .. } => &self.refused_handshakes,
            CloseReason::Protocol(
                Fault::NotEncrypted { .. } | Fault::Encrypted | Fault::Tls(_) | Fault::TlsTooLong { .. },
            ) => &self.refused_tls,
            CloseReason::Protocol(_) => &self.faults,
            CloseReason::HandshakeTimeout | CloseReason::HeartbeatTimeout | CloseReason::MessageTimeout => {
                &self.timeouts
            }
            CloseReason::SlowReader { .. } => &self.slow_readers,
            CloseReason::Flood => &self.floods,
            CloseReason::Kicked { .. } => &self.kicked,
            CloseReason::Left
            | CloseReason::Closed
            | CloseReason::Shutdown
            | CloseReason::Lost(_)
            | CloseReason::Http { .. } => return,
        };
        count.fetch_add(1, Relaxed);
    }

    pub(super) fn read(&self) -> ConnectorCounts {
        ConnectorCounts {
            accepted: self.accepted.load(Relaxed),
            refused_full: self.refused_full.load(Relaxed),
            refused_blocked: self.refused_blocked.load(Relaxed),
            refused_address: self.refused_address.load(Relaxed),
            refused_rate: self.refused_rate.load(Relaxed),
            refused_tls: self.refused_tls.load(Relaxed),
            refused_handshakes: self.refused_handshakes.load(Relaxed),
            faults: self.faults.load(Relaxed),
            timeouts: self.timeouts.load(Relaxed),
            slow_readers: self.slow_readers.load(Relaxed),
            floods: self.floods.load(Relaxed),
            kicked: self.kicked.load(Relaxed),
        }
    }
}

impl ConnectorCounts {
    pub(super) fn log(&self) {
        let Self {
            accepted,
            refused_full,
            refused_blocked,
            refused_address,
            refused_rate,
            refused_tls,
            refused_handshakes,
            faults,
            timeouts,
            slow_readers,
            floods,
            kicked,
        } = self;
        tracing::info!(
            accepted,
            refused_full,
            refused_blocked,
            refused_address,
            refused_rate,
            refused_tls,
            refused_handshakes,
            faults,
            timeouts,
            slow_readers,
            floods,
            kicked,
            "connector has ended"
        );
    }
}
