//! The chat server: who hears what players say. Everybody is in the channel [`EVERYBODY`] and in that of its area; a line to one player
//! goes to that player only; who is in a team the manager knows. What a line may look like is decided in `lordofpomelo_world::text`.
//!
//! Area servers say who is where when a player comes in, and again when a chat server starts. Whoever is gone leaves the channels by
//! itself, and then the table of who is there ([`online`]).

mod online;

use pomelo::{Channels, Leavers, Result, Rpc, Server, Session, State};

use lordofpomelo_world::{ids::TeamId, text};

use self::online::Online;
use crate::{
    CALL, THE_ONE,
    messages::{
        Code,
        chat::{SEND, Say, Scope, USER_OFFLINE},
        pushes::{ON_CHAT, Said},
        remotes::{CHAT_ADD, ChatAdd, team},
    },
    session::{PLACE, PLAYER},
};

/// The channel of all who play.
const EVERYBODY: &str = "pomelo";

/// The chat server.
pub(crate) fn server(s: Server) -> Server {
    s.state(Online::new()).handler(SEND, send).remote(CHAT_ADD, add).on_members_left(left)
}

/// Why somebody can say nothing.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ChatError {
    #[error("nobody speaks without a player")]
    NoPlayer,
    #[error("the player has not come into an area yet")]
    NotHere,
}

/// A player came into an area.
async fn add(online: State<Online>, channels: Channels, who: ChatAdd) -> Result<()> {
    let (everybody, area) = (channels.channel(EVERYBODY), channels.channel(&area_channel(&who.area)));
    everybody.add(who.uid.clone(), who.frontend.clone())?;
    area.add(who.uid.clone(), who.frontend.clone())?;
    let former = online.put(&who).inspect_err(|_| {
        everybody.leave(&who.uid, &who.frontend);
        area.leave(&who.uid, &who.frontend);
    })?;
    let Some(former) = former else { return Ok(()) };
    if former.frontend != who.frontend {
        everybody.leave(&who.uid, &former.frontend);
    }
    if (&former.frontend, &former.area) != (&who.frontend, &who.area) {
        channels.channel(&area_channel(&former.area)).leave(&who.uid, &former.frontend);
    }
    Ok(())
}

/// A player says something.
async fn send(
    online: State<Online>,
    channels: Channels,
    rpc: Rpc,
    session: Session,
    say: Say,
) -> Result<Code> {
    let uid = session.uid()?;
    let (player, place) = session.get(PLAYER).zip(session.get(PLACE)).ok_or(ChatError::NoPlayer)?;
    let Some(content) = text::chat_line(&say.content) else { return Ok(Code::FAIL) };
    if !online.may_speak(&uid).ok_or(ChatError::NotHere)? {
        return Ok(Code::FAIL);
    }
    let said = Said {
        player_id: player.id,
        // Users are named by the numbers of their accounts.
        uid: uid.as_str().parse().unwrap_or_default(),
        content,
        scope: say.scope,
        kind: 0,
        from: player.name,
    };
    match say.scope {
        Scope::All => channels.channel(EVERYBODY).push(ON_CHAT, &said).await?,
        Scope::Area => channels.channel(&area_channel(&place.key())).push(ON_CHAT, &said).await?,
        Scope::Private => {
            let Some((to, frontend)) = online.named(say.to_name.trim()) else {
                return Ok(Code { code: USER_OFFLINE });
            };
            channels.push_to_users([(&to, &frontend)], ON_CHAT, &said).await?;
        }
        Scope::Team => {
            let said = team::Chat { team: TeamId(say.team_id.0), said };
            let heard = rpc.within(CALL).call(team::CHAT, THE_ONE, &said).await?;
            return Ok(if heard { Code::OK } else { Code::FAIL });
        }
    }
    Ok(Code::OK)
}

/// Whoever is gone is out of the channels already; who is there again, perhaps at another connector, is not gone.
async fn left(online: State<Online>, channels: Channels, leavers: Leavers) -> Result<()> {
    let everybody = channels.channel(EVERYBODY);
    for uid in leavers.users.iter().filter(|_| leavers.channel == EVERYBODY) {
        if everybody.frontend_of(uid).is_none() {
            online.remove(uid);
        }
    }
    Ok(())
}

fn area_channel(key: &str) -> String {
    format!("area_{key}")
}

#[cfg(test)]
mod tests;
