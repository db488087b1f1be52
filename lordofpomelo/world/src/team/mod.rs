//! Teams of up to three, as the manager server keeps them: a state machine without I/O. Requests go in, results and
//! [`TeamEvent`]s come out. Not here: the checks that need both players in one area ([`crate::area`]), and delivery.
//!
//! A player is in one team at most: who makes or joins another leaves the former, which only those are in whose area server got no answer.
//! Who is gone leaves ([`Teams::user_gone`]), and who signs in begins without a team ([`Teams::leave_any`]). A restart of the manager
//! dissolves all teams. A team is forgotten when it is disbanded or its last member left.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{PlayerId, TeamId};

/// How many may be in a team.
pub const MEMBERS_MAX: usize = 3;

/// Teams at a time; more are refused with [`Join::SystemError`].
pub const TEAMS_MAX: usize = 100_000;

/// How long after a captain entered a team instance the members may follow.
pub const DRAG_MS: u64 = 60_000;

/// What became of a request to join. On the wire its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(into = "i32", try_from = "i32")]
pub enum Join {
    /// 1: in.
    Joined,
    /// -1: the team is full.
    NoRoom,
    /// -2: in this team already.
    AlreadyIn,
    /// -4: no such team, or not the captain's to give.
    SystemError,
}

impl From<Join> for i32 {
    fn from(join: Join) -> Self {
        match join {
            Join::Joined => 1,
            Join::NoRoom => -1,
            Join::AlreadyIn => -2,
            Join::SystemError => -4,
        }
    }
}

impl TryFrom<i32> for Join {
    type Error = &'static str;

    fn try_from(code: i32) -> Result<Self, &'static str> {
        match code {
            1 => Ok(Self::Joined),
            -1 => Ok(Self::NoRoom),
            -2 => Ok(Self::AlreadyIn),
            -4 => Ok(Self::SystemError),
            _ => Err("expected a join code: 1, -1, -2 or -4"),
        }
    }
}

/// What team mates see of a member.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "as in the player's figures; 0 for no team or instance, 1 for captain")]
pub struct MemberData {
    pub name: Arc<str>,
    pub kind_id: u32,
    pub hp: u32,
    pub mp: u32,
    pub max_hp: u32,
    pub max_mp: u32,
    pub level: u32,
    pub team_id: TeamId,
    pub is_captain: u8,
    pub instance_id: String,
}

/// A member and how it is reached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// Who.
    pub player_id: PlayerId,
    /// Its account, for pushes.
    pub user_id: u32,
    /// The frontend it is connected to.
    pub server_id: String,
    /// The area server it is on.
    pub backend_server_id: String,
    /// What mates see.
    pub player_info: MemberData,
}

/// How a member is reached: its account and its frontend.
pub type Address = (u32, String);

/// What follows from a request.
#[derive(Debug, Clone, PartialEq)]
pub enum TeamEvent {
    /// Push this to these, [`MEMBERS_MAX`] at most.
    Push(Vec<Address>, TeamPush),
    /// Tell the area server `server` that `player` has no team any more (`playerRemote.leaveTeam`).
    LeaveOnServer {
        /// The team that it was in.
        team: TeamId,
        /// How it was reached.
        address: Address,
        /// The area server.
        server: String,
        /// Who.
        player: PlayerId,
        /// The instance it is in, or empty.
        instance_id: String,
    },
}

/// A push to a team.
#[derive(Debug, Clone, PartialEq)]
pub enum TeamPush {
    /// `onUpdateTeam`: all members and what is seen of them.
    Update(BTreeMap<PlayerId, MemberData>),
    /// `onTeammateLeaveTeam {playerId}`.
    MateLeft(PlayerId),
    /// `onDisbandTeam`: who was in it.
    Disbanded(Vec<PlayerId>),
    /// `onDragMember2gameCopy {teamId, target}`: the captain went into the team's instance of area `target`.
    Drag(TeamId, u32),
}

#[derive(Debug)]
struct Team {
    name: String,
    captain: PlayerId,
    /// In the order they joined.
    members: Vec<Member>,
    /// The instance area that the captain entered last, and when.
    drag: Option<(u32, u64)>,
}

/// All teams of the game.
#[derive(Debug, Default)]
pub struct Teams {
    teams: HashMap<TeamId, Team>,
    /// Whose team is which: all members of all teams.
    of: HashMap<PlayerId, TeamId>,
    last_id: u32,
}

impl Teams {
    /// None yet; the first will have the number after `last_id`.
    #[must_use]
    pub fn after(last_id: TeamId) -> Self {
        Self { last_id: last_id.0, ..Self::default() }
    }

    /// A new team with its captain, who is told of it.
    pub fn create(
        &mut self,
        name: &str,
        mut captain: Member,
        events: &mut Vec<TeamEvent>,
    ) -> Result<TeamId, Join> {
        if self.teams.len() >= TEAMS_MAX {
            return Err(Join::SystemError);
        }
        self.leave_any(captain.player_id, events);
        self.last_id += 1;
        let id = TeamId(self.last_id);
        captain.player_info.team_id = id;
        captain.player_info.is_captain = 1;
        self.of.insert(captain.player_id, id);
        let team =
            Team { name: name.to_owned(), captain: captain.player_id, members: vec![captain], drag: None };
        events.push(team.update());
        self.teams.insert(id, team);
        Ok(id)
    }

    /// Whether `captain` may invite: the team is his and has room.
    #[must_use]
    pub fn may_invite(&self, team: TeamId, captain: PlayerId) -> bool {
        self.teams.get(&team).is_some_and(|team| team.captain == captain && team.has_room())
    }

    /// Whether `applicant` may apply: the team has room and he is no member.
    #[must_use]
    pub fn may_apply(&self, team: TeamId, applicant: PlayerId) -> bool {
        self.teams.get(&team).is_some_and(|team| team.has_room() && !team.has(applicant))
    }

    /// Takes `member` in, by an accepted invitation or application of `captain`'s team. Returns the team's name.
    ///
    /// # Errors
    /// The code that says why not.
    pub fn join(
        &mut self,
        team: TeamId,
        captain: PlayerId,
        mut member: Member,
        events: &mut Vec<TeamEvent>,
    ) -> Result<String, Join> {
        let found = self.teams.get(&team).filter(|team| team.captain == captain).ok_or(Join::SystemError)?;
        if found.has(member.player_id) {
            return Err(Join::AlreadyIn);
        }
        if !found.has_room() {
            return Err(Join::NoRoom);
        }
        self.leave_any(member.player_id, events);
        let found = self.teams.get_mut(&team).ok_or(Join::SystemError)?;
        self.of.insert(member.player_id, team);
        member.player_info.team_id = team;
        member.player_info.is_captain = 0;
        found.members.push(member);
        events.push(found.update());
        Ok(found.name.clone())
    }

    /// `player` leaves; a captain takes the team with him. `false` if he is not in it.
    pub fn leave(&mut self, team: TeamId, player: PlayerId, events: &mut Vec<TeamEvent>) -> bool {
        let Some(found) = self.teams.get_mut(&team).filter(|team| team.has(player)) else { return false };
        let to = found.addresses();
        if found.captain == player {
            events.push(TeamEvent::Push(to, TeamPush::MateLeft(player)));
            return self.disband(team, player, events);
        }
        let left = found.members.iter().position(|member| member.player_id == player);
        let Some(left) = left.map(|place| found.members.remove(place)) else { return false };
        self.of.remove(&player);
        events.push(TeamEvent::Push(to, TeamPush::MateLeft(player)));
        events.push(left.leaves_on_server());
        events.push(found.update());
        true
    }

    /// The captain throws a member out, not himself.
    pub fn kick_out(
        &mut self,
        team: TeamId,
        captain: PlayerId,
        kicked: PlayerId,
        events: &mut Vec<TeamEvent>,
    ) -> bool {
        let own = self.teams.get(&team).is_some_and(|team| team.captain == captain);
        own && captain != kicked && self.leave(team, kicked, events)
    }

    /// The captain ends the team.
    pub fn disband(&mut self, team: TeamId, captain: PlayerId, events: &mut Vec<TeamEvent>) -> bool {
        if self.teams.get(&team).is_none_or(|team| team.captain != captain) {
            return false;
        }
        let Some(team) = self.teams.remove(&team) else { return false };
        for member in &team.members {
            self.of.remove(&member.player_id);
        }
        events.extend(team.members.iter().map(Member::leaves_on_server));
        let ids = team.members.iter().map(|member| member.player_id).collect();
        events.push(TeamEvent::Push(team.addresses(), TeamPush::Disbanded(ids)));
        true
    }

    /// An area server is gone, and with it who was on it: these leave.
    pub fn server_gone(&mut self, server: &str, events: &mut Vec<TeamEvent>) {
        let on_it = |member: &&Member| member.backend_server_id == server;
        let gone = self
            .teams
            .iter()
            .flat_map(|(id, team)| team.members.iter().filter(on_it).map(|member| (*id, member.player_id)));
        let gone: Vec<_> = gone.collect();
        for (team, player) in gone {
            self.leave(team, player, events);
        }
    }

    /// `player` leaves whatever team it is in. `false` if it is in none.
    pub fn leave_any(&mut self, player: PlayerId, events: &mut Vec<TeamEvent>) -> bool {
        self.of.get(&player).copied().is_some_and(|team| self.leave(team, player, events))
    }

    /// The client of this account is gone, wherever its player was just then: it leaves. `false` if it is not in the team.
    pub fn user_gone(&mut self, team: TeamId, user: u32, events: &mut Vec<TeamEvent>) -> bool {
        let found =
            self.teams.get(&team).and_then(|team| team.members.iter().find(|one| one.user_id == user));
        found.map(|member| member.player_id).is_some_and(|player| self.leave(team, player, events))
    }

    /// A member's figures changed, or (with `backend`) it came to another area server. With `tell` all members are
    /// told. `false` if it is not in the team.
    pub fn update_member(
        &mut self,
        team: TeamId,
        player: PlayerId,
        data: MemberData,
        backend: Option<&str>,
        tell: bool,
        events: &mut Vec<TeamEvent>,
    ) -> bool {
        let Some(found) = self.teams.get_mut(&team) else { return false };
        let is_captain = u8::from(found.captain == player);
        let Some(member) = found.members.iter_mut().find(|member| member.player_id == player) else {
            return false;
        };
        member.player_info = MemberData { team_id: team, is_captain, ..data };
        if let Some(backend) = backend {
            backend.clone_into(&mut member.backend_server_id);
        }
        if tell {
            events.push(found.update());
        }
        true
    }

    /// Who hears a chat line of `player`; `None` if he is not in the team.
    #[must_use]
    pub fn hearers(&self, team: TeamId, player: PlayerId) -> Option<Vec<Address>> {
        self.teams.get(&team).filter(|team| team.has(player)).map(Team::addresses)
    }

    /// The captain entered the instance area `target` at `now_ms`: the others may follow for [`DRAG_MS`]. `false` if he is not
    /// the captain.
    pub fn drag(
        &mut self,
        team: TeamId,
        captain: PlayerId,
        target: u32,
        now_ms: u64,
        events: &mut Vec<TeamEvent>,
    ) -> bool {
        let Some(found) = self.teams.get_mut(&team).filter(|team| team.captain == captain) else {
            return false;
        };
        found.drag = Some((target, now_ms));
        events.push(TeamEvent::Push(found.addresses(), TeamPush::Drag(team, target)));
        true
    }

    /// Whether `player` may follow its captain into the instance area `target`.
    #[must_use]
    pub fn is_dragged(&self, team: TeamId, player: PlayerId, target: u32, now_ms: u64) -> bool {
        self.teams.get(&team).filter(|team| team.has(player)).and_then(|team| team.drag).is_some_and(
            |(dragged_to, since)| dragged_to == target && now_ms.saturating_sub(since) <= DRAG_MS,
        )
    }

    /// Whether `player` is captain of the team (`canCreateGameCopy`).
    #[must_use]
    pub fn is_captain(&self, team: TeamId, player: PlayerId) -> bool {
        self.teams.get(&team).is_some_and(|team| team.captain == player)
    }

    /// How many teams there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.teams.len()
    }
}

impl Team {
    fn has(&self, player: PlayerId) -> bool {
        self.members.iter().any(|member| member.player_id == player)
    }

    fn has_room(&self) -> bool {
        self.members.len() < MEMBERS_MAX
    }

    fn addresses(&self) -> Vec<Address> {
        self.members.iter().map(Member::address).collect()
    }

    fn update(&self) -> TeamEvent {
        let members = self.members.iter().map(|member| (member.player_id, member.player_info.clone()));
        TeamEvent::Push(self.addresses(), TeamPush::Update(members.collect()))
    }
}

impl Member {
    fn address(&self) -> Address {
        (self.user_id, self.server_id.clone())
    }

    fn leaves_on_server(&self) -> TeamEvent {
        TeamEvent::LeaveOnServer {
            team: self.player_info.team_id,
            address: self.address(),
            server: self.backend_server_id.clone(),
            player: self.player_id,
            instance_id: self.player_info.instance_id.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: u32) -> Member {
        Member {
            player_id: PlayerId(id),
            user_id: 1000 + id,
            server_id: format!("connector-{id}"),
            backend_server_id: "area-server-1".into(),
            player_info: MemberData {
                name: format!("p{id}").into(),
                kind_id: 210,
                hp: 10,
                mp: 5,
                max_hp: 10,
                max_mp: 5,
                level: 1,
                team_id: TeamId(0),
                is_captain: 0,
                instance_id: String::new(),
            },
        }
    }

    /// The accounts a push is for, and the push.
    fn push(event: &TeamEvent) -> (Vec<u32>, &TeamPush) {
        let TeamEvent::Push(to, push) = event else { panic!("{event:?}") };
        (to.iter().map(|(user, _)| *user).collect(), push)
    }

    /// A full team: captain 1, members 2 and 3.
    fn trio() -> (Teams, TeamId) {
        let (mut teams, mut events) = (Teams::default(), Vec::new());
        let team = teams.create("Dune Riders", member(1), &mut events).unwrap();
        for id in [2, 3] {
            assert_eq!(teams.join(team, PlayerId(1), member(id), &mut events).unwrap(), "Dune Riders");
        }
        (teams, team)
    }

    #[test]
    fn everybody_is_told_who_is_in_when_somebody_joins() {
        let (mut teams, mut events) = (Teams::default(), Vec::new());
        let team = teams.create("Dune Riders", member(1), &mut events).unwrap();
        assert_eq!(team, TeamId(1));
        teams.join(team, PlayerId(1), member(2), &mut events).unwrap();
        let [first, second] = &events[..] else { panic!("{events:?}") };
        assert_eq!(push(first).0, [1001]);
        let (to, TeamPush::Update(members)) = push(second) else { panic!("{second:?}") };
        assert_eq!(to, [1001, 1002]);
        let flags = members.iter().map(|(id, data)| (id.0, data.team_id.0, data.is_captain));
        assert_eq!(flags.collect::<Vec<_>>(), [(1, 1, 1), (2, 1, 0)]);
    }

    #[test]
    fn who_makes_or_joins_another_team_leaves_the_one_it_was_lost_in() {
        let (mut teams, lost) = trio();
        let mut events = Vec::new();
        let own = teams.create("Five Winds", member(2), &mut events).unwrap();
        assert_eq!(teams.hearers(lost, PlayerId(2)), None);
        assert_eq!(push(&events[0]).1, &TeamPush::MateLeft(PlayerId(2)));
        teams.join(own, PlayerId(2), member(1), &mut events).unwrap();
        assert_eq!(teams.count(), 1, "a captain takes its team along");
        assert!(teams.may_apply(own, PlayerId(3)));
        assert_eq!(teams.of.len(), 2);
    }

    #[test]
    fn a_full_team_takes_nobody_and_a_member_does_not_join_twice() {
        let (mut teams, team) = trio();
        let mut events = Vec::new();
        assert_eq!(teams.join(team, PlayerId(1), member(4), &mut events), Err(Join::NoRoom));
        assert_eq!(teams.join(team, PlayerId(1), member(2), &mut events), Err(Join::AlreadyIn));
        assert_eq!(teams.join(team, PlayerId(2), member(4), &mut events), Err(Join::SystemError));
        assert_eq!(teams.join(TeamId(9), PlayerId(1), member(4), &mut events), Err(Join::SystemError));
        assert!(!teams.may_invite(team, PlayerId(1)) && !teams.may_apply(team, PlayerId(4)));
        assert!(events.is_empty());
        teams.leave(team, PlayerId(3), &mut events);
        assert!(teams.may_invite(team, PlayerId(1)) && teams.may_apply(team, PlayerId(4)));
        assert!(!teams.may_invite(team, PlayerId(2)) && !teams.may_apply(team, PlayerId(2)));
    }

    #[test]
    fn who_leaves_is_told_too_and_his_server_and_the_rest_hears_who_is_left() {
        let (mut teams, team) = trio();
        let mut events = Vec::new();
        assert!(teams.leave(team, PlayerId(2), &mut events));
        let [left, server, update] = &events[..] else { panic!("{events:?}") };
        assert_eq!(push(left), (vec![1001, 1002, 1003], &TeamPush::MateLeft(PlayerId(2))));
        let TeamEvent::LeaveOnServer { server, player, .. } = server else { panic!("{server:?}") };
        assert_eq!((server.as_str(), *player), ("area-server-1", PlayerId(2)));
        assert_eq!(push(update).0, [1001, 1003]);
        assert!(!teams.leave(team, PlayerId(2), &mut events), "he is out");
    }

    #[test]
    fn a_captain_who_leaves_takes_the_team_with_him() {
        let (mut teams, team) = trio();
        let mut events = Vec::new();
        assert!(teams.leave(team, PlayerId(1), &mut events));
        assert_eq!(teams.count(), 0);
        let left = events.iter().filter(|event| matches!(event, TeamEvent::LeaveOnServer { .. }));
        assert_eq!(left.count(), 3);
        let (to, last) = push(events.last().unwrap());
        assert_eq!(to, [1001, 1002, 1003]);
        assert_eq!(*last, TeamPush::Disbanded([1, 2, 3].map(PlayerId).to_vec()));
        assert!(!teams.disband(team, PlayerId(1), &mut events));
    }

    #[test]
    fn only_the_captain_kicks_and_disbands_and_never_himself() {
        let (mut teams, team) = trio();
        let mut events = Vec::new();
        assert!(!teams.kick_out(team, PlayerId(2), PlayerId(3), &mut events));
        assert!(!teams.kick_out(team, PlayerId(1), PlayerId(1), &mut events));
        assert!(!teams.disband(team, PlayerId(2), &mut events));
        assert!(events.is_empty());
        assert!(teams.kick_out(team, PlayerId(1), PlayerId(3), &mut events));
        assert!(teams.hearers(team, PlayerId(3)).is_none());
        assert!(!teams.kick_out(TeamId(77), PlayerId(1), PlayerId(3), &mut events), "a team that is gone");
    }

    #[test]
    fn a_member_cannot_make_itself_captain_by_its_figures() {
        let (mut teams, team) = trio();
        let mut events = Vec::new();
        let data = MemberData { is_captain: 1, hp: 3, team_id: TeamId(9), ..member(2).player_info };
        assert!(teams.update_member(team, PlayerId(2), data, Some("instance-server-1"), true, &mut events));
        let (_, TeamPush::Update(members)) = push(&events[0]) else { panic!("{events:?}") };
        let seen = &members[&PlayerId(2)];
        assert_eq!((seen.is_captain, seen.hp, seen.team_id), (0, 3, team));
        teams.leave(team, PlayerId(2), &mut events);
        let told = events.iter().any(
            |event| matches!(event, TeamEvent::LeaveOnServer { server, .. } if server == "instance-server-1"),
        );
        assert!(told, "the server it is on now");
    }

    #[test]
    fn who_was_on_a_server_that_is_gone_leaves() {
        let (mut teams, team) = trio();
        let mut events = Vec::new();
        let info = member(2).player_info;
        assert!(teams.update_member(team, PlayerId(2), info, Some("area-server-2"), false, &mut events));
        teams.server_gone("area-server-2", &mut events);
        assert_eq!(teams.hearers(team, PlayerId(1)).map(|to| to.len()), Some(2));
        teams.server_gone("area-server-1", &mut events);
        assert_eq!(teams.count(), 0, "a captain takes the team with him");
    }

    #[test]
    fn whose_client_is_gone_leaves_its_team_and_no_other() {
        let (mut teams, team) = trio();
        let mut events = Vec::new();
        assert!(!teams.user_gone(team, 1004, &mut events) && !teams.user_gone(TeamId(9), 1002, &mut events));
        assert!(!teams.leave_any(PlayerId(4), &mut events) && events.is_empty());
        assert!(teams.user_gone(team, 1002, &mut events));
        let left = TeamEvent::LeaveOnServer {
            team,
            address: (1002, "connector-2".into()),
            server: "area-server-1".into(),
            player: PlayerId(2),
            instance_id: String::new(),
        };
        assert!(events.contains(&left), "{events:?}");
        assert!(teams.leave_any(PlayerId(3), &mut events));
        assert_eq!(teams.hearers(team, PlayerId(1)).map(|to| to.len()), Some(1));
        assert!(teams.user_gone(team, 1001, &mut events), "a captain takes the team with him");
        assert_eq!((teams.count(), teams.of.len()), (0, 0));
    }

    #[test]
    fn members_may_follow_their_captain_for_a_minute() {
        let (mut teams, team) = trio();
        let mut events = Vec::new();
        assert!(!teams.drag(team, PlayerId(2), 5, 1000, &mut events));
        assert!(teams.drag(team, PlayerId(1), 5, 1000, &mut events));
        assert!(teams.is_dragged(team, PlayerId(2), 5, 1000 + DRAG_MS));
        assert!(!teams.is_dragged(team, PlayerId(2), 4, 1000));
        assert!(!teams.is_dragged(team, PlayerId(4), 5, 1000));
        assert!(!teams.is_dragged(team, PlayerId(2), 5, 1001 + DRAG_MS));
    }
}
