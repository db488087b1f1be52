//! Teams: each request changes the [`Teams`], and what follows from it is sent before the next one is begun, so that all who are told of a
//! team are told in the order in which it happened. Nothing of that waits for an answer.

use lordofpomelo_world::{
    ids::TeamId,
    team::{Address, Join, Member, TeamEvent, TeamPush, Teams},
};
use pomelo::{
    Channels, Context, Error, Extract, Leavers, Needs, Peer, Push, Result, Rpc, ServerId, State, UserId,
};
use serde::Serialize;
use tokio::{sync::Mutex, time::Instant};

use super::server_id;
use crate::{
    clock::now_ms,
    messages::{
        pushes::{
            Drag as DragTo, ON_CHAT, ON_DISBAND_TEAM, ON_DRAG_MEMBER, ON_TEAMMATE_LEAVE_TEAM, ON_UPDATE_TEAM,
            Player,
        },
        remotes::{
            LEAVE_TEAM, Whereabouts,
            team::{Chat, Created, Drag, Joined, KickOut, NewMember, NewTeam, OfPlayer, OfTeam, Update},
        },
    },
};

/// Each team has a channel, named by its number: it says whose client is gone.
const CHANNEL: &str = "team_";

/// All teams, and the clock by which members follow their captain.
pub(super) struct Book {
    teams: Mutex<Teams>,
    started: Instant,
}

/// The teams, and the ways to those who are told of them: the argument of whatever changes a team.
pub(super) struct Desk {
    book: State<Book>,
    channels: Channels,
    rpc: Rpc,
}

impl Book {
    pub(super) fn new() -> Self {
        // Teams are numbered from the time of day in seconds: what an instance server still has of the teams of a former manager is
        // nobody's by mistake.
        let last = TeamId(u32::try_from(now_ms() / 1000).unwrap_or(0));
        Self { teams: Mutex::new(Teams::after(last)), started: Instant::now() }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl<C: Context> Extract<C> for Desk {
    fn extract(context: &C) -> Result<Self, Error> {
        let (book, channels, rpc) =
            (State::extract(context)?, Channels::extract(context)?, Rpc::extract(context)?);
        Ok(Self { book, channels, rpc })
    }

    fn needs(needs: &mut Needs<'_>) {
        <State<Book> as Extract<C>>::needs(needs);
    }
}

/// A player makes a team.
pub(super) async fn create(desk: Desk, new: NewTeam) -> Result<Created> {
    let created = desk.change(|teams, events| {
        let captain = new.captain.clone();
        teams.create(&new.name, captain, events).inspect(|team| desk.watch(*team, &new.captain))
    });
    let created = created.await;
    Ok(match created {
        Ok(team) => Created { result: Join::Joined, team: Some(team) },
        Err(result) => Created { result, team: None },
    })
}

/// The captain ends its team.
pub(super) async fn disband(desk: Desk, of: OfTeam) -> Result<bool> {
    Ok(desk.change(|teams, events| teams.disband(of.team, of.player, events)).await)
}

/// A member leaves.
pub(super) async fn leave(desk: Desk, of: OfTeam) -> Result<bool> {
    Ok(desk.change(|teams, events| teams.leave(of.team, of.player, events)).await)
}

/// Somebody signs in: it has no team, whatever its former session left behind.
pub(super) async fn leave_any(desk: Desk, of: OfPlayer) -> Result<()> {
    desk.change(|teams, events| teams.leave_any(of.player, events)).await;
    Ok(())
}

/// Clients of members are gone, also of those who were between two areas.
pub(super) async fn gone(desk: Desk, leavers: Leavers) -> Result<()> {
    let channel = desk.channels.channel(&leavers.channel);
    let team = leavers.channel.strip_prefix(CHANNEL).and_then(|number| number.parse().ok());
    let Some(team) = team.map(TeamId) else { return Ok(()) };
    // Who is there again, at this connector or another, is not gone.
    let users = leavers.users.iter().filter(|user| channel.frontend_of(user).is_none());
    let users: Vec<u32> = users.filter_map(|user| user.as_str().parse().ok()).collect();
    desk.change(|teams, events| {
        for user in users {
            teams.user_gone(team, user, events);
        }
    })
    .await;
    Ok(())
}

/// The captain throws a member out.
pub(super) async fn kick_out(desk: Desk, kick: KickOut) -> Result<bool> {
    Ok(desk.change(|teams, events| teams.kick_out(kick.team, kick.captain, kick.kicked, events)).await)
}

/// Whether a player may apply.
pub(super) async fn may_apply(book: State<Book>, of: OfTeam) -> Result<bool> {
    Ok(book.teams.lock().await.may_apply(of.team, of.player))
}

/// Whether a captain may invite.
pub(super) async fn may_invite(book: State<Book>, of: OfTeam) -> Result<bool> {
    Ok(book.teams.lock().await.may_invite(of.team, of.player))
}

/// The captain took an applicant in, or a player the captain's invitation.
pub(super) async fn join(desk: Desk, new: NewMember) -> Result<Joined> {
    let joined = desk.change(|teams, events| {
        let member = new.member.clone();
        teams.join(new.team, new.captain, member, events).inspect(|_| desk.watch(new.team, &new.member))
    });
    let joined = joined.await;
    Ok(match joined {
        Ok(name) => Joined { result: Join::Joined, name },
        Err(result) => Joined { result, name: String::new() },
    })
}

/// A member's figures changed, or it is on another area server now. `false` if it is no member any more.
pub(super) async fn update_member(desk: Desk, Update { team, member }: Update) -> Result<bool> {
    let (player, info, backend) = (member.player_id, member.player_info, member.backend_server_id);
    Ok(desk
        .change(|teams, events| teams.update_member(team, player, info, Some(&backend), true, events))
        .await)
}

/// A member says something; `false` if it is none.
pub(super) async fn chat(desk: Desk, Chat { team, said }: Chat) -> Result<bool> {
    let teams = desk.book.teams.lock().await;
    let Some(hearers) = teams.hearers(team, said.player_id) else { return Ok(false) };
    desk.push(hearers, ON_CHAT, &said).await;
    Ok(true)
}

/// The captain went into an instance: the members follow. Of anybody else nothing follows.
pub(super) async fn drag(desk: Desk, Drag { team, player, target }: Drag) -> Result<()> {
    let now_ms = desk.book.now_ms();
    desk.change(|teams, events| teams.drag(team, player, target, now_ms, events)).await;
    Ok(())
}

/// Whether the captain of a player's team went there a moment ago.
pub(super) async fn is_dragged(book: State<Book>, Drag { team, player, target }: Drag) -> Result<bool> {
    let now_ms = book.now_ms();
    Ok(book.teams.lock().await.is_dragged(team, player, target, now_ms))
}

/// An area server is gone, and its players with it.
pub(super) async fn server_removed(desk: Desk, peer: Peer) -> Result<()> {
    desk.change(|teams, events| teams.server_gone(peer.id.as_str(), events)).await;
    Ok(())
}

impl Desk {
    /// Changes something, and tells those concerned. The teams stay locked until that is on its way, which takes no waiting.
    async fn change<T>(&self, change: impl FnOnce(&mut Teams, &mut Vec<TeamEvent>) -> T) -> T {
        let mut events = Vec::new();
        let mut teams = self.book.teams.lock().await;
        let result = change(&mut teams, &mut events);
        for event in events {
            self.carry_out(event).await;
        }
        result
    }

    /// A new member leaves when its client is gone.
    fn watch(&self, team: TeamId, member: &Member) {
        let Some((user, frontend)) = reached((member.user_id, member.server_id.clone())) else { return };
        if let Err(error) = self.channels.channel(&channel_of(team)).add(user, frontend) {
            tracing::warn!(%error, player = %member.player_id, "stays in its team when its client is gone");
        }
    }

    async fn carry_out(&self, event: TeamEvent) {
        match event {
            TeamEvent::Push(to, TeamPush::Update(members)) => self.push(to, ON_UPDATE_TEAM, &members).await,
            TeamEvent::Push(to, TeamPush::MateLeft(player_id)) => {
                self.push(to, ON_TEAMMATE_LEAVE_TEAM, &Player { player_id }).await;
            }
            TeamEvent::Push(to, TeamPush::Disbanded(players)) => {
                self.push(to, ON_DISBAND_TEAM, &players).await;
            }
            TeamEvent::Push(to, TeamPush::Drag(team_id, target)) => {
                self.push(to, ON_DRAG_MEMBER, &DragTo { team_id, target }).await;
            }
            TeamEvent::LeaveOnServer { team, address, server, player, instance_id } => {
                if let Some((user, frontend)) = reached(address) {
                    self.channels.channel(&channel_of(team)).leave(&user, &frontend);
                }
                let Some(server) = server_id(&server) else { return };
                let instance = Some(instance_id).filter(|id| !id.is_empty());
                if let Err(error) = self.rpc.send(LEAVE_TEAM, &server, &Whereabouts { player, instance }) {
                    // The server is gone, and the player with it.
                    tracing::debug!(%error, %player, "its area server is not told that it has no team");
                }
            }
        }
    }

    async fn push<Msg: Serialize>(&self, to: Vec<Address>, push: Push<Msg>, message: &Msg) {
        let to: Vec<_> = to.into_iter().filter_map(reached).collect();
        let to = to.iter().map(|(user, frontend)| (user, frontend));
        if let Err(error) = self.channels.push_to_users(to, push, message).await {
            tracing::error!(%error, push = push.name(), "a team is not told");
        }
    }
}

fn channel_of(team: TeamId) -> String {
    format!("{CHANNEL}{team}")
}

/// The user and its frontend.
fn reached((user, frontend): Address) -> Option<(UserId, ServerId)> {
    Some((UserId::from(user.to_string()), server_id(&frontend)?))
}

#[cfg(test)]
mod tests;
