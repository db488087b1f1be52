//! Who a process is to the masters.

use pomelo_protocol::{
    ServerInfo,
    admin::{AgentRegister, CandidateRegister, Hello, MonitorRegister, Register},
};

use crate::coordinator::CandidateInfo;

/// Who registers at the masters.
#[derive(Clone, Debug, PartialEq)]
pub enum Identity {
    /// A game server. [`Follower::start`](super::Follower::start) fills in `pid` and `incarnation` if they are missing.
    Server(ServerInfo),
    /// The supervisor of a machine's processes.
    Agent {
        /// Unique among agents.
        id: String,
        /// The machine, as `servers.json` names it.
        host: String,
        /// Its process.
        pid: u32,
    },
    /// Another master. It makes no link to itself.
    Candidate(CandidateInfo),
}

impl Identity {
    /// A server that does not know its process or which life it is gets both here.
    pub(super) fn complete(&mut self) {
        let Self::Server(info) = self else { return };
        info.pid.get_or_insert_with(std::process::id);
        info.incarnation.get_or_insert_with(incarnation);
    }

    /// The registration that says so.
    pub fn register(&self, token: Option<String>, hello: Hello) -> Register {
        match self {
            Self::Server(info) => Register::Monitor(MonitorRegister::of(info, token, hello)),
            Self::Agent { id, host, pid } => Register::Agent(AgentRegister {
                id: id.clone(),
                host: host.clone(),
                pid: *pid,
                token,
                hello: Some(hello),
            }),
            Self::Candidate(me) => Register::Candidate(CandidateRegister {
                id: me.id.clone(),
                host: me.addr.host.clone(),
                port: me.addr.port,
                pid: me.pid,
                token,
                hello: Some(hello),
            }),
        }
    }
}

/// Which life of a server begins now: microseconds since 1970, so that a later one is higher. A clock that was set back
/// makes the masters refuse the new life until the old one is removed, and does no other harm.
fn incarnation() -> u64 {
    let since_1970 = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    u64::try_from(since_1970.as_micros()).unwrap_or(u64::MAX)
}
