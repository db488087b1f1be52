//! The manager: which teams there are ([`teams`]), and which instance of an area is on which server ([`instances`]). It decides nothing
//! itself: the rules are state machines of `lordofpomelo-world`, and here is what drives them. Both are in memory only: a restart dissolves
//! all teams, and instances that still run are found again when they are asked for, since their keys say on which server they are.
//!
//! It never waits for another server while others wait for it: what follows from a change of a team is sent, in order, before the next change,
//! and the making of an instance is a task of its own.

mod instances;
mod teams;

use pomelo::{Server, ServerId};

use crate::messages::remotes::{INSTANCE, REMOVE_INSTANCE, team};

/// The manager server.
pub(crate) fn server(s: Server) -> Server {
    s.state(teams::Book::new())
        .remote(team::CREATE, teams::create)
        .remote(team::DISBAND, teams::disband)
        .remote(team::LEAVE, teams::leave)
        .remote(team::LEAVE_ANY, teams::leave_any)
        .remote(team::KICK_OUT, teams::kick_out)
        .remote(team::MAY_APPLY, teams::may_apply)
        .remote(team::MAY_INVITE, teams::may_invite)
        .remote(team::ACCEPT_APPLICANT, teams::join)
        .remote(team::ACCEPT_INVITATION, teams::join)
        .remote(team::UPDATE_MEMBER, teams::update_member)
        .remote(team::CHAT, teams::chat)
        .remote(team::DRAG, teams::drag)
        .remote(team::IS_DRAGGED, teams::is_dragged)
        .state(instances::Book::new())
        .remote(INSTANCE, instances::find_or_make)
        .remote(REMOVE_INSTANCE, instances::remove)
        .on_server_removed(instances::server_removed)
        .on_server_removed(teams::server_removed)
        .on_members_left(teams::gone)
}

/// The server of this id. The world's rules know ids as text.
fn server_id(text: &str) -> Option<ServerId> {
    ServerId::new(text).inspect_err(|error| tracing::error!(%error, "no id of a server")).ok()
}
