//! Whose membership ended by itself, as the application hears of it.

use pomelo_protocol::ServerId;

use crate::{Context, Error, Extract, UserId, extract::Parts};

/// Users who have left a channel of this server because they are gone, as an argument of
/// [`on_members_left`](crate::Server::on_members_left).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leavers {
    /// The channel's name.
    pub channel: String,
    /// The frontend they were reached through.
    pub frontend: ServerId,
    /// Who; one at least.
    pub users: Vec<UserId>,
}

/// Users left a channel of this server.
#[derive(Clone)]
pub struct MembersLeft {
    pub(crate) parts: Parts,
    pub(crate) leavers: Leavers,
}

impl Context for MembersLeft {
    fn parts(&self) -> &Parts {
        &self.parts
    }
}

impl Extract<MembersLeft> for Leavers {
    fn extract(left: &MembersLeft) -> Result<Self, Error> {
        Ok(left.leavers.clone())
    }
}
