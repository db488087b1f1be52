//! What the servers of the game ask each other.

use lordofpomelo_world::{
    Point,
    ids::{PlayerId, TeamId},
    team::{Join, Member},
};
use pomelo::{Remote, ServerId, UserId};
use serde::{Deserialize, Serialize};

use super::pushes::Said;

/// Whose token it is. Not idempotent on paper only: it writes nothing.
pub const AUTH: Remote<Token, Authenticated> = Remote::new("auth.authRemote.auth").idempotent();
/// A player came into an area: from now on it hears everybody's chat, and that of this area in place of another.
pub const CHAT_ADD: Remote<ChatAdd, ()> = Remote::new("chat.chatRemote.add").idempotent();
/// A user signs in anew: a player of its, wherever it still is, leaves and is stored. Answers whether there was one.
pub const PLAYER_LEAVE: Remote<Leave, bool> = Remote::new("area.playerRemote.playerLeave").idempotent();
/// The manager says that a player has no team any more.
pub const LEAVE_TEAM: Remote<Whereabouts, ()> = Remote::new("area.playerRemote.leaveTeam");
/// An instance is to be made on this server; `false` if it is there already.
pub const CREATE_INSTANCE: Remote<NewInstance, bool> = Remote::new("area.areaRemote.create");
/// An instance is to be closed; `false` if there is none.
pub const CLOSE_INSTANCE: Remote<InstanceId, bool> = Remote::new("area.areaRemote.close");
/// Where an instance is; made if there is none.
pub const INSTANCE: Remote<NewInstance, Instance> = Remote::new("manager.instanceRemote.create");
/// An instance server wants to close an instance: forget it.
pub const REMOVE_INSTANCE: Remote<InstanceId, ()> = Remote::new("manager.instanceRemote.remove");
/// A way in an area, for whoever has no map of it.
pub const FIND_PATH: Remote<PathEnds, Path> = Remote::new("path.pathFindingRemote.findPath").idempotent();

/// Teams, as the manager keeps them.
pub mod team {
    use super::*;

    /// Makes a team.
    pub const CREATE: Remote<NewTeam, Created> = Remote::new("manager.teamRemote.createTeam");
    /// As captain, ends one.
    pub const DISBAND: Remote<OfTeam, bool> = Remote::new("manager.teamRemote.disbandTeamById");
    /// Leaves one.
    pub const LEAVE: Remote<OfTeam, bool> = Remote::new("manager.teamRemote.leaveTeamById");
    /// Signs in, and so is in none.
    pub const LEAVE_ANY: Remote<OfPlayer, ()> = Remote::new("manager.teamRemote.leaveAny");
    /// As captain, throws a member out.
    pub const KICK_OUT: Remote<KickOut, bool> = Remote::new("manager.teamRemote.kickOut");
    /// Whether a player may apply.
    pub const MAY_APPLY: Remote<OfTeam, bool> = Remote::new("manager.teamRemote.applyJoinTeam");
    /// Whether a captain may invite.
    pub const MAY_INVITE: Remote<OfTeam, bool> = Remote::new("manager.teamRemote.inviteJoinTeam");
    /// The captain took an applicant in.
    pub const ACCEPT_APPLICANT: Remote<NewMember, Joined> =
        Remote::new("manager.teamRemote.acceptApplicantJoinTeam");
    /// A player took an invitation.
    pub const ACCEPT_INVITATION: Remote<NewMember, Joined> =
        Remote::new("manager.teamRemote.acceptInviteJoinTeam");
    /// A member's figures or server changed.
    pub const UPDATE_MEMBER: Remote<Update, bool> = Remote::new("manager.teamRemote.updateMemberInfo");
    /// A member says something to the team.
    pub const CHAT: Remote<Chat, bool> = Remote::new("manager.teamRemote.chatInTeam");
    /// The captain went into an instance.
    pub const DRAG: Remote<Drag, ()> = Remote::new("manager.teamRemote.dragMember2gameCopy");
    /// Whether the captain of a player's team went into this area a moment ago.
    pub const IS_DRAGGED: Remote<Drag, bool> = Remote::new("manager.teamRemote.isDragged").idempotent();

    /// A team to be made, with its captain.
    #[derive(Debug, Clone, Serialize, Deserialize)]
    #[expect(missing_docs, reason = "by their names")]
    pub struct NewTeam {
        pub name: String,
        pub captain: Member,
    }

    /// What came of it.
    #[derive(Debug, Clone, Copy, Serialize, Deserialize)]
    #[expect(missing_docs, reason = "by their names")]
    pub struct Created {
        pub result: Join,
        pub team: Option<TeamId>,
    }

    /// A player and a team.
    #[derive(Debug, Clone, Copy, Serialize, Deserialize)]
    #[expect(missing_docs, reason = "by their names")]
    pub struct OfTeam {
        pub team: TeamId,
        pub player: PlayerId,
    }

    /// A player.
    #[derive(Debug, Clone, Copy, Serialize, Deserialize)]
    #[expect(missing_docs, reason = "by its name")]
    pub struct OfPlayer {
        pub player: PlayerId,
    }

    /// Who goes.
    #[derive(Debug, Clone, Copy, Serialize, Deserialize)]
    #[expect(missing_docs, reason = "by their names")]
    pub struct KickOut {
        pub team: TeamId,
        pub captain: PlayerId,
        pub kicked: PlayerId,
    }

    /// Who joins.
    #[derive(Debug, Clone, Serialize, Deserialize)]
    #[expect(missing_docs, reason = "by their names")]
    pub struct NewMember {
        pub team: TeamId,
        pub captain: PlayerId,
        pub member: Member,
    }

    /// What came of it.
    #[derive(Debug, Clone, Serialize, Deserialize)]
    #[expect(missing_docs, reason = "by their names")]
    pub struct Joined {
        pub result: Join,
        pub name: String,
    }

    /// What is new of a member.
    #[derive(Debug, Clone, Serialize, Deserialize)]
    #[expect(missing_docs, reason = "by their names")]
    pub struct Update {
        pub team: TeamId,
        pub member: Member,
    }

    /// What a member says.
    #[derive(Debug, Clone, Serialize, Deserialize)]
    #[expect(missing_docs, reason = "by their names")]
    pub struct Chat {
        pub team: TeamId,
        pub said: Said,
    }

    /// Where the captain, or a member behind it, goes.
    #[derive(Debug, Clone, Copy, Serialize, Deserialize)]
    #[expect(missing_docs, reason = "by their names")]
    pub struct Drag {
        pub team: TeamId,
        pub player: PlayerId,
        pub target: u32,
    }
}

/// A token of the web server.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "by its name")]
pub struct Token {
    pub token: String,
}

/// Whose it is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Authenticated {
    /// 200, 1001, 1002 or 1003.
    pub code: u16,
    /// With 200: the account.
    pub user: Option<Account>,
}

/// An account, without its password.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "by their names")]
pub struct Account {
    pub id: u32,
    pub name: String,
}

/// Who hears what.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "by their names; the frontend holds the user's connection")]
pub struct ChatAdd {
    pub uid: UserId,
    pub player: PlayerId,
    pub name: String,
    pub frontend: ServerId,
    /// The key of the area: its id, or that of the instance.
    pub area: String,
}

/// Whose player leaves.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "by its name")]
pub struct Leave {
    pub uid: UserId,
}

/// A player, and the instance it is in if it is in one.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "by their names")]
pub struct Whereabouts {
    pub player: PlayerId,
    pub instance: Option<String>,
}

/// An instance by its area and key: `4_17` is that of player 17, `5_team3` that of team 3.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "by their names")]
pub struct NewInstance {
    pub area: u32,
    pub instance: String,
}

/// An instance by its key.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "by its name")]
pub struct InstanceId {
    pub instance: String,
}

/// Where an instance is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "by their names")]
pub struct Instance {
    pub instance: String,
    pub server: ServerId,
}

/// From where to where.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[expect(missing_docs, reason = "by their names")]
pub struct PathEnds {
    pub area: u32,
    pub start: Point,
    pub end: Point,
}

/// A way and its length in pixels.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[expect(missing_docs, reason = "by their names")]
pub struct Path {
    pub path: Vec<Point>,
    pub cost: f64,
}
