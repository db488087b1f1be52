//! What an area knows of teams: who belongs to which, who may ask whom, and what mates are told. Teams themselves are the manager's
//! ([`crate::team`]): the server asks here whether a request is allowed, then the manager, then tells the result back.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::entity::Player;
use super::events::{Push, Short, TeamStatus};
use super::{Area, Refused};
use crate::ids::{EntityId, PlayerId, TeamId};
use crate::team::{Join, MemberData};

/// Mates are told of changed figures at most so often, the last ones always.
const INFO_EVERY_MS: u64 = 200;

/// How long a question may be answered.
const OFFER_MS: u64 = 60_000;

/// Open questions of a player; a new one replaces the oldest.
const OFFERS_MAX: usize = 8;

/// That a player is in a team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "by their names")]
pub struct Membership {
    pub id: TeamId,
    pub is_captain: bool,
    pub name: Arc<str>,
}

/// A question that waits for this player's answer: the captain of `team` invited it, or (to a captain) an applicant asks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Offer {
    /// The captain or the applicant.
    from: PlayerId,
    team: TeamId,
    until_ms: u64,
}

/// What a player wants of its or another's team.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TeamAsk {
    /// To have one.
    Create,
    /// As captain, to end it.
    Disband(TeamId),
    /// To leave it.
    Leave(TeamId),
    /// As captain, to throw somebody out.
    Kick(TeamId, PlayerId),
    /// As captain, to ask somebody in.
    Invite(TeamId, PlayerId),
    /// To answer the captain who asked.
    AnswerInvitation(TeamId, PlayerId),
    /// To be taken in by this captain.
    Apply(TeamId, PlayerId),
    /// As captain, to answer the applicant.
    AnswerApplication(TeamId, PlayerId),
}

/// A member whose figures changed, for `manager.teamRemote.updateMemberInfo`.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "by their names")]
pub struct MemberChange {
    pub player: PlayerId,
    pub team: TeamId,
    pub data: MemberData,
}

impl Area {
    /// Whether a request about teams is allowed as far as this area knows. Questions must have been asked before they are answered; an
    /// answer can be given once.
    ///
    /// # Errors
    /// [`Refused::Team`] or [`Refused::Target`] (the other player is not here), the player may not act or asks too often.
    pub fn ask_team(&mut self, player: PlayerId, ask: TeamAsk, now_ms: u64) -> Result<(), Refused> {
        let id = self.actor(player)?;
        if !self.player_mut(id).is_some_and(|player| player.limits.may_ask(now_ms)) {
            return Err(Refused::TooOften);
        }
        let own = self.membership(player);
        let is_member = |team| own.as_ref().is_some_and(|own| own.id == team);
        let is_captain = |team| own.as_ref().is_some_and(|own| own.id == team && own.is_captain);
        let is_inside = self.is_team_instance();
        let allowed = match ask {
            TeamAsk::Create => own.is_none(),
            TeamAsk::Disband(team) => is_captain(team) && !is_inside,
            TeamAsk::Leave(team) => is_member(team) && !is_inside,
            TeamAsk::Kick(team, kicked) => is_captain(team) && kicked != player && !is_inside,
            TeamAsk::Invite(team, invitee) => is_captain(team) && self.is_here(invitee)?.team.is_none(),
            TeamAsk::Apply(team, captain) => own.is_none() && self.is_here(captain)?.is_captain_of(team),
            TeamAsk::AnswerInvitation(team, captain) => {
                own.is_none()
                    && self.is_here(captain)?.is_captain_of(team)
                    && self.take_offer(id, captain, team, now_ms)
            }
            TeamAsk::AnswerApplication(team, applicant) => {
                is_captain(team)
                    && self.is_here(applicant)?.team.is_none()
                    && self.take_offer(id, applicant, team, now_ms)
            }
        };
        if allowed { Ok(()) } else { Err(Refused::Team) }
    }

    /// After the manager agreed: the captain's invitation reaches the invitee, who may answer for a minute.
    pub fn invite(&mut self, captain: PlayerId, team: TeamId, invitee: PlayerId, now_ms: u64) {
        self.offer(captain, invitee, team, now_ms, Push::InviteJoinTeam);
    }

    /// After the manager agreed: the application reaches the captain, who may answer for a minute.
    pub fn apply(&mut self, applicant: PlayerId, team: TeamId, captain: PlayerId, now_ms: u64) {
        self.offer(applicant, captain, team, now_ms, Push::ApplyJoinTeam);
    }

    /// The invitation was refused (`None`) or came to nothing: the captain is told.
    pub fn invitation_failed(&mut self, captain: PlayerId, code: Option<Join>) {
        if let Some(id) = self.entities.of_player(captain) {
            self.push(id, Push::InviteJoinTeamReply(code.map_or(0, i32::from)));
        }
    }

    /// The application was refused (`None`) or came to nothing: the applicant is told.
    pub fn application_failed(&mut self, applicant: PlayerId, code: Option<Join>) {
        if let Some(id) = self.entities.of_player(applicant) {
            self.push(id, Push::ApplyJoinTeamReply(code.map_or(0, i32::from)));
        }
    }

    /// A player joined a team or (`None`) has none any more: those who see it are told.
    ///
    /// # Errors
    /// [`Refused::Absent`], or [`Refused::Team`] if it should leave and is in none.
    pub fn set_team(&mut self, player: PlayerId, team: Option<Membership>) -> Result<(), Refused> {
        let id = self.entities.of_player(player).ok_or(Refused::Absent)?;
        let Some(entity) = self.entities.get_mut(id) else { return Err(Refused::Absent) };
        let at = entity.position;
        let Some(found) = entity.player_mut() else { return Err(Refused::Absent) };
        if team.is_none() && found.team.is_none() {
            return Err(Refused::Team);
        }
        let was_captain = found.team.as_ref().is_some_and(|team| team.is_captain);
        let status = TeamStatus {
            player_id: player,
            team_id: team.as_ref().map_or(TeamId(0), |team| team.id),
            is_captain: team.as_ref().is_some_and(|team| team.is_captain).into(),
            team_name: team.as_ref().map_or_else(String::new, |team| team.name.to_string()),
        };
        let push = if was_captain || status.is_captain == 1 {
            Push::TeamCaptainStatusChange(status)
        } else {
            Push::TeamMemberStatusChange(status)
        };
        found.team = team;
        self.push_by_sight(at, push);
        Ok(())
    }

    /// The team of a player here.
    #[must_use]
    pub fn membership(&self, player: PlayerId) -> Option<Membership> {
        self.entities.player(player)?.1.team.clone()
    }

    /// What team mates see of a player.
    #[must_use]
    pub fn member_data(&self, player: PlayerId) -> Option<MemberData> {
        let (_, player) = self.entities.player(player)?;
        let (hero, team) = (&player.hero, player.team.as_ref());
        Some(MemberData {
            name: hero.name.clone(),
            kind_id: hero.kind_id,
            hp: hero.stats.hp,
            mp: hero.stats.mp,
            max_hp: hero.stats.max_hp,
            max_mp: hero.stats.max_mp,
            level: hero.stats.level,
            team_id: team.map_or(TeamId(0), |team| team.id),
            is_captain: team.is_some_and(|team| team.is_captain).into(),
            instance_id: self.instance_id.clone().unwrap_or_default(),
        })
    }

    /// Members whose figures changed and whose mates may be told again; to be asked after each tick.
    pub fn take_member_changes(&mut self, now_ms: u64) -> Vec<MemberChange> {
        let mut changes = Vec::new();
        let mut due = std::mem::take(&mut self.team_info_due);
        due.retain(|id| {
            let Some(player) = self.player_mut(*id) else { return false };
            if player.team_info_sent_ms.is_some_and(|sent| now_ms < sent + INFO_EVERY_MS) {
                return true;
            }
            player.team_info_due = false;
            player.team_info_sent_ms = Some(now_ms);
            let (player, team) = (player.hero.id, player.team.as_ref().map(|team| team.id));
            changes.extend(team.zip(self.member_data(player)).map(|(team, data)| MemberChange {
                player,
                team,
                data,
            }));
            false
        });
        self.team_info_due = due;
        changes
    }

    /// Figures that mates see have changed.
    pub(super) fn team_info_changed(&mut self, id: EntityId) {
        let Some(player) = self.player_mut(id) else { return };
        if player.team.is_some() && !player.team_info_due {
            player.team_info_due = true;
            self.team_info_due.push(id);
        }
    }

    fn is_here(&self, player: PlayerId) -> Result<&Player, Refused> {
        self.entities.player(player).map(|(_, player)| player).ok_or(Refused::Target)
    }

    fn offer(
        &mut self,
        from: PlayerId,
        to: PlayerId,
        team: TeamId,
        now_ms: u64,
        push: impl FnOnce(Short) -> Push,
    ) {
        let Some(short) = self.entities.player(from).map(|(_, player)| player.short()) else { return };
        let Some(id) = self.entities.of_player(to) else { return };
        let Some(player) = self.player_mut(id) else { return };
        player.offers.retain(|offer| offer.from != from && offer.until_ms > now_ms);
        if player.offers.len() >= OFFERS_MAX {
            player.offers.remove(0);
        }
        player.offers.push(Offer { from, team, until_ms: now_ms + OFFER_MS });
        self.push(id, push(short));
    }

    /// Whether this question was asked and is still open; it is answered now.
    fn take_offer(&mut self, id: EntityId, from: PlayerId, team: TeamId, now_ms: u64) -> bool {
        let Some(player) = self.player_mut(id) else { return false };
        let is_it = |offer: &Offer| offer.from == from && offer.team == team && now_ms < offer.until_ms;
        let place = player.offers.iter().position(is_it);
        place.map(|place| player.offers.remove(place)).is_some()
    }
}

impl Player {
    fn is_captain_of(&self, team: TeamId) -> bool {
        self.team.as_ref().is_some_and(|own| own.id == team && own.is_captain)
    }

    fn short(&self) -> Short {
        Short {
            id: self.hero.id,
            name: self.hero.name.clone(),
            level: self.hero.stats.level,
            team_id: self.team.as_ref().map_or(TeamId(0), |team| team.id),
        }
    }
}
