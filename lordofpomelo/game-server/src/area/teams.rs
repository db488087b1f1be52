//! Handlers of teams. The area says whether a player may ask, the manager what comes of it, and the area is told. All of them are notifies:
//! whoever asked for something that is not allowed hears nothing.

use lordofpomelo_world::{
    area::{Membership, TeamAsk},
    ids::{PlayerId, TeamId},
    team::Join,
};
use pomelo::{Channels, Peer, Result, Rpc, State};

use super::{here::Here, host::Host, hosts::Hosts};
use crate::{
    CALL, THE_ONE,
    messages::{
        Nothing,
        pushes::ON_DISBAND_TEAM,
        remotes::{
            Whereabouts,
            team::{self, NewMember, NewTeam},
        },
        team::{Apply, ApplyReply, Invite, InviteReply, KickOut, OfTeam},
    },
    resources::Resources,
};

/// The reply that accepts.
const YES: u32 = 1;

impl Here {
    fn ask(&self, ask: TeamAsk) -> Result<()> {
        Ok(self.host.with(|area, now_ms| area.ask_team(self.player, ask, now_ms))?)
    }
}

/// A new team of the player's own.
pub(super) async fn create(here: Here, resources: State<Resources>, rpc: Rpc, _: Nothing) -> Result<()> {
    here.ask(TeamAsk::Create)?;
    let names: Vec<_> = resources.tables.team.iter().collect();
    let name = fastrand::choice(names).map(|row| row.team_name.clone()).unwrap_or_default();
    let team = NewTeam { name: name.clone(), captain: here.host.member(here.player)? };
    let created = rpc.within(CALL).call(team::CREATE, THE_ONE, &team).await?;
    if let (Join::Joined, Some(id)) = (created.result, created.team) {
        join(&here.host, here.player, Membership { id, is_captain: true, name: name.into() })?;
    }
    Ok(())
}

/// The captain ends the team.
pub(super) async fn disband(here: Here, rpc: Rpc, req: OfTeam) -> Result<()> {
    let team = TeamId(req.team_id.0);
    here.ask(TeamAsk::Disband(team))?;
    rpc.within(CALL).call(team::DISBAND, THE_ONE, &team::OfTeam { team, player: here.player }).await?;
    Ok(())
}

/// The player leaves its team.
pub(super) async fn leave(here: Here, rpc: Rpc, req: OfTeam) -> Result<()> {
    let team = TeamId(req.team_id.0);
    here.ask(TeamAsk::Leave(team))?;
    let of = team::OfTeam { team, player: here.player };
    let was_in_it = rpc.within(CALL).call(team::LEAVE, THE_ONE, &of).await?;
    if !was_in_it {
        // The manager has been started again and could not be told, perhaps. An error says that it has no team here either.
        let _ = here.host.with(|area, _| area.set_team(here.player, None));
    }
    Ok(())
}

/// The captain throws a member out.
pub(super) async fn kick_out(here: Here, rpc: Rpc, req: KickOut) -> Result<()> {
    let (team, kicked) = (TeamId(req.team_id.0), PlayerId(req.kicked_player_id.0));
    here.ask(TeamAsk::Kick(team, kicked))?;
    let kick = team::KickOut { team, captain: here.player, kicked };
    rpc.within(CALL).call(team::KICK_OUT, THE_ONE, &kick).await?;
    Ok(())
}

/// The captain asks somebody of this area in.
pub(super) async fn invite(here: Here, rpc: Rpc, req: Invite) -> Result<()> {
    let (team, invitee) = (TeamId(req.team_id.0), PlayerId(req.invitee_id.0));
    here.ask(TeamAsk::Invite(team, invitee))?;
    let captain = team::OfTeam { team, player: here.player };
    if rpc.within(CALL).call(team::MAY_INVITE, THE_ONE, &captain).await? {
        here.host.with(|area, now_ms| area.invite(here.player, team, invitee, now_ms));
    }
    Ok(())
}

/// Who was asked in answers.
pub(super) async fn invite_reply(here: Here, rpc: Rpc, req: InviteReply) -> Result<()> {
    let (team, captain) = (TeamId(req.team_id.0), PlayerId(req.captain_id.0));
    here.ask(TeamAsk::AnswerInvitation(team, captain))?;
    if req.reply.0 != YES {
        here.host.with(|area, _| area.invitation_failed(captain, None));
        return Ok(());
    }
    let newcomer = NewMember { team, captain, member: here.host.member(here.player)? };
    let joined = rpc.within(CALL).call(team::ACCEPT_INVITATION, THE_ONE, &newcomer).await?;
    match joined.result {
        Join::Joined => {
            let membership = Membership { id: team, is_captain: false, name: joined.name.into() };
            join(&here.host, here.player, membership)
        }
        code => {
            here.host.with(|area, _| area.invitation_failed(captain, Some(code)));
            Ok(())
        }
    }
}

/// The player asks a captain of this area to be taken in.
pub(super) async fn apply(here: Here, rpc: Rpc, req: Apply) -> Result<()> {
    let (team, captain) = (TeamId(req.team_id.0), PlayerId(req.captain_id.0));
    here.ask(TeamAsk::Apply(team, captain))?;
    let applicant = team::OfTeam { team, player: here.player };
    if rpc.within(CALL).call(team::MAY_APPLY, THE_ONE, &applicant).await? {
        here.host.with(|area, now_ms| area.apply(here.player, team, captain, now_ms));
    }
    Ok(())
}

/// The captain answers an applicant.
pub(super) async fn apply_reply(here: Here, rpc: Rpc, req: ApplyReply) -> Result<()> {
    let (team, applicant) = (TeamId(req.team_id.0), PlayerId(req.applicant_id.0));
    here.ask(TeamAsk::AnswerApplication(team, applicant))?;
    if req.reply.0 != YES {
        here.host.with(|area, _| area.application_failed(applicant, None));
        return Ok(());
    }
    let newcomer = NewMember { team, captain: here.player, member: here.host.member(applicant)? };
    let joined = rpc.within(CALL).call(team::ACCEPT_APPLICANT, THE_ONE, &newcomer).await?;
    match joined.result {
        Join::Joined => {
            let membership = Membership { id: team, is_captain: false, name: joined.name.into() };
            join(&here.host, applicant, membership)
        }
        code => {
            here.host.with(|area, _| area.application_failed(applicant, Some(code)));
            Ok(())
        }
    }
}

fn join(host: &Host, player: PlayerId, team: Membership) -> Result<()> {
    Ok(host.with(|area, _| area.set_team(player, Some(team)))?)
}

/// The manager says that a player has no team any more.
pub(super) async fn leave_team(hosts: State<Hosts>, who: Whereabouts) -> Result<()> {
    let host = match &who.instance {
        Some(instance) => hosts.by_key(instance),
        None => hosts.all().into_iter().find(|host| host.read(|area| area.entity_of(who.player).is_some())),
    };
    // Whoever is on its way to another area is told there.
    let Some(host) = host else { return Ok(()) };
    Ok(host.with(|area, _| area.set_team(who.player, None))?)
}

/// The manager is gone, and all teams with it.
pub(super) async fn manager_went(hosts: State<Hosts>, channels: Channels, peer: Peer) -> Result<()> {
    if peer.server_type.as_str() != "manager" {
        return Ok(());
    }
    for host in hosts.all() {
        for person in host.people().values() {
            if host.with(|area, _| area.set_team(person.player, None)).is_ok() {
                let to = [(&person.uid, &person.frontend)];
                channels.push_to_users(to, ON_DISBAND_TEAM, &vec![person.player]).await?;
            }
        }
    }
    Ok(())
}
