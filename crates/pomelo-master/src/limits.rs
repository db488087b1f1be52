//! Every limit of a master, with its default. What happens at each is said here and nowhere else.

use std::time::Duration;

/// Limits of one master.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Open admin links of any kind; one more is closed as soon as it is accepted.
    pub links_max: usize,
    /// Registered admin clients; one more is refused in words.
    pub clients_max: usize,
    /// How long a new link may take to register before it is closed.
    pub register_timeout: Duration,
    /// Longest packet of a peer; a longer one closes its link.
    pub packet_bytes_max: usize,
    /// Events of all links waiting for the master; when full, links stop reading.
    pub events_max: usize,
    /// Silence after which the link of a peer that sends a heartbeat each second is dead.
    pub silence_max: Duration,
    /// Silence after which the link of a peer of the original, whose heartbeat comes each minute, is dead.
    pub silence_max_original: Duration,
    /// A server heard within this time is alive: another process with its id is refused.
    pub fresh: Duration,
    /// How long a member whose link broke, or has not come up since a promotion, is waited for before it is removed without
    /// anybody saying that it died.
    pub missing_max: Duration,
    /// How long a member has to be missing to be shown so.
    pub missing_shown: Duration,
    /// How long a master that has just started waits for the membership of the one that leads before it queues for
    /// leadership. It does so without it then.
    pub warm_timeout: Duration,
    /// How long an administrator's question waits for the servers it was passed on to. Those that have not answered are
    /// answered for from their record.
    pub gather_timeout: Duration,
    /// Questions waiting for servers; one more is refused in words.
    pub gathers_max: usize,
    /// How long `stop` of all waits for the servers to leave before the master ends all the same.
    pub stop_timeout: Duration,
    /// The same for `kill`.
    pub kill_timeout: Duration,
    /// How long ending waits for the other masters, when all are stopped and when one hands over.
    pub handover_timeout: Duration,
    /// How long a server that an agent was told to spawn is not given to another agent.
    pub spawn_claim: Duration,
    /// Ids an agent may ask to start at once, and claims that are remembered; more are not answered this time.
    pub spawn_claims_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            links_max: 16_384,
            clients_max: 256,
            register_timeout: Duration::from_secs(5),
            packet_bytes_max: 1024 * 1024,
            events_max: 1024,
            silence_max: Duration::from_secs(10),
            silence_max_original: Duration::from_secs(180),
            fresh: Duration::from_secs(3),
            missing_max: Duration::from_secs(10),
            missing_shown: Duration::from_secs(3),
            warm_timeout: Duration::from_secs(2),
            gather_timeout: Duration::from_secs(1),
            gathers_max: 256,
            stop_timeout: Duration::from_secs(10),
            kill_timeout: Duration::from_secs(3),
            handover_timeout: Duration::from_secs(2),
            spawn_claim: Duration::from_secs(15),
            spawn_claims_max: 4096,
        }
    }
}
