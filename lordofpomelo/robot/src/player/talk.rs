//! Chat and teams. Notifies about teams have no answers: what comes of them is pushed.

use lordofpomelo::messages::{
    Code, Nothing, Number,
    chat::{SEND, Say, Scope},
    team::{
        APPLY, APPLY_REPLY, Apply, ApplyReply, CREATE, DISBAND, INVITE, INVITE_REPLY, Invite, InviteReply,
        KICK_OUT, KickOut, LEAVE, OfTeam,
    },
};
use lordofpomelo_world::ids::PlayerId;

use super::Player;
use crate::{Line, PlayerError};

/// Errors of notifies are those of the connection.
impl<L: Line> Player<L> {
    /// Says something to everybody, the area or the team.
    ///
    /// # Errors
    /// Code 500 if there is nothing to say, no team, or too much was said.
    pub async fn say(&self, scope: Scope, content: &str) -> Result<(), PlayerError> {
        let team_id = Number(self.view(|view| view.own().map_or(0, |own| own.team)));
        self.send(&Say { scope, content: content.to_owned(), to_name: String::new(), team_id }).await
    }

    /// Says something to one player.
    ///
    /// # Errors
    /// Code 3004 if it is not there.
    pub async fn whisper(&self, name: &str, content: &str) -> Result<(), PlayerError> {
        let (content, to_name) = (content.to_owned(), name.to_owned());
        self.send(&Say { scope: Scope::Private, content, to_name, team_id: Number(0) }).await
    }

    async fn send(&self, said: &Say) -> Result<(), PlayerError> {
        self.line.request(SEND, said).await.map(|_: Code| ())
    }

    /// Makes a team, with the player as its captain.
    ///
    /// # Errors
    /// As of the connection.
    pub async fn create_team(&self) -> Result<(), PlayerError> {
        self.line.notify(CREATE, &Nothing {}).await
    }

    /// As captain, ends the team.
    ///
    /// # Errors
    /// As of the connection.
    pub async fn disband_team(&self) -> Result<(), PlayerError> {
        self.line.notify(DISBAND, &OfTeam { team_id: self.team()? }).await
    }

    /// Leaves the team.
    ///
    /// # Errors
    /// As of the connection.
    pub async fn leave_team(&self) -> Result<(), PlayerError> {
        self.line.notify(LEAVE, &OfTeam { team_id: self.team()? }).await
    }

    /// As captain, asks a player in.
    ///
    /// # Errors
    /// As of the connection.
    pub async fn invite(&self, player: PlayerId) -> Result<(), PlayerError> {
        self.line.notify(INVITE, &Invite { invitee_id: Number(player.0), team_id: self.team()? }).await
    }

    /// Answers a captain who asked.
    ///
    /// # Errors
    /// As of the connection.
    pub async fn answer_invitation(
        &self,
        team: u32,
        captain: PlayerId,
        accept: bool,
    ) -> Result<(), PlayerError> {
        let (team_id, captain_id) = (Number(team), Number(captain.0));
        self.line
            .notify(INVITE_REPLY, &InviteReply { team_id, captain_id, reply: Number(accept.into()) })
            .await
    }

    /// Asks a captain to be let in.
    ///
    /// # Errors
    /// As of the connection.
    pub async fn apply(&self, team: u32, captain: PlayerId) -> Result<(), PlayerError> {
        self.line.notify(APPLY, &Apply { captain_id: Number(captain.0), team_id: Number(team) }).await
    }

    /// As captain, answers who asked.
    ///
    /// # Errors
    /// As of the connection.
    pub async fn answer_application(&self, applicant: PlayerId, accept: bool) -> Result<(), PlayerError> {
        let (team_id, applicant_id) = (self.team()?, Number(applicant.0));
        self.line
            .notify(APPLY_REPLY, &ApplyReply { team_id, applicant_id, reply: Number(accept.into()) })
            .await
    }

    /// As captain, throws a member out.
    ///
    /// # Errors
    /// As of the connection.
    pub async fn kick_out(&self, member: PlayerId) -> Result<(), PlayerError> {
        let (team_id, kicked_player_id) = (self.team()?, Number(member.0));
        self.line.notify(KICK_OUT, &KickOut { team_id, kicked_player_id }).await
    }

    /// The own team as the player knows it, 0 for none: the server has to notice.
    fn team(&self) -> Result<Number, PlayerError> {
        Ok(Number(self.own()?.team))
    }
}
