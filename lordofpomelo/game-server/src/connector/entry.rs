//! Signing in: whose token it is, that nobody else plays on for this user, and which hero it has.

use std::time::Duration;

use lordofpomelo_store::{Player, Store};
use lordofpomelo_world::data::Tables;
use pomelo::{Result, Rpc, Servers, Session, State, Target, UserId};

use super::{place_of, take_player};
use crate::{
    CALL, THE_ONE,
    messages::{
        FAIL, OK,
        connector::{Entered, Entry, PlayerRow},
        remotes::{AUTH, Leave, PLAYER_LEAVE, Token, team},
    },
    resources::Resources,
};

/// How long a former player of the user may take to leave. A server that takes longer has it read as it was stored last.
const LEAVE: Duration = Duration::from_secs(3);

/// Auth servers that are asked before signing in fails.
const AUTHS_MAX: u32 = 3;

/// What everybody is and was in the original's table.
const COUNTRY: u32 = 1;
const RANK: u32 = 1;

/// A client signs in. A session does so once; if it does not work out it may try again.
pub(super) async fn entry(
    session: Session,
    rpc: Rpc,
    servers: Servers,
    store: State<Store>,
    resources: State<Resources>,
    Entry { token }: Entry,
) -> Result<Entered> {
    if token.is_empty() || session.uid().is_ok() {
        return Ok(Entered { code: FAIL, player: None });
    }
    let auth = rpc.within(CALL).fail_over(AUTHS_MAX);
    let whose = auth.call(AUTH, Target::RoundRobin, &Token { token }).await?;
    let Some(account) = whose.user else { return Ok(Entered { code: whose.code, player: None }) };
    // From here on other sessions of the user are gone, at whichever connector.
    let uid = UserId::from(account.id.to_string());
    session.bind(uid.clone()).await?;
    match come_in(&session, &rpc, &servers, &store, account.id, uid).await {
        Ok(player) => {
            let player = player.map(|player| row(&player, &resources.tables));
            Ok(Entered { code: OK, player })
        }
        Err(error) => {
            // The client may be gone; then there is nothing to take back.
            let _ = session.unbind().await;
            Err(error)
        }
    }
}

/// The player of the user, which nobody plays any more, becomes the session's.
async fn come_in(
    session: &Session,
    rpc: &Rpc,
    servers: &Servers,
    store: &Store,
    user: u32,
    uid: UserId,
) -> Result<Option<Player>> {
    for (server, left) in rpc.within(LEAVE).call_all(PLAYER_LEAVE, &Leave { uid }).await {
        if let Err(error) = left {
            tracing::warn!(%server, %error, user, "a former player may not have been stored");
        }
    }
    let Some(player) = store.player_of(user).await? else { return Ok(None) };
    let of = team::OfPlayer { player: player.hero.id };
    if let Err(error) = rpc.send(team::LEAVE_ANY, THE_ONE, &of) {
        // Without a manager there are no teams.
        tracing::debug!(%error, user, "the manager is not told that its player has no team");
    }
    take_player(session, &player.hero, &place_of(servers, &player.hero)?).await?;
    Ok(Some(player))
}

/// A hero as clients of the original read it from its table.
fn row(player: &Player, tables: &Tables) -> PlayerRow {
    let (hero, stats) = (&player.hero, &player.hero.stats);
    let kind = tables.character.get(hero.kind_id);
    PlayerRow {
        id: hero.id.0,
        user_id: player.user,
        kind_id: hero.kind_id,
        kind_name: kind.map(|kind| kind.english_name.clone()).unwrap_or_default(),
        name: hero.name.to_string(),
        country: COUNTRY,
        rank: RANK,
        level: stats.level,
        experience: hero.experience,
        attack_value: stats.attack_value,
        defence_value: stats.defence_value,
        hit_rate: hero.hit_rate,
        dodge_rate: hero.dodge_rate,
        walk_speed: stats.walk_speed,
        attack_speed: stats.attack_speed,
        hp: stats.hp,
        mp: stats.mp,
        max_hp: stats.max_hp,
        max_mp: stats.max_mp,
        area_id: hero.area_id,
        x: hero.position.x as u32,
        y: hero.position.y as u32,
        skill_point: hero.skill_point,
    }
}

#[cfg(test)]
mod tests;
