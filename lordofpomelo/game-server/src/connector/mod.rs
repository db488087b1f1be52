//! The connector: holds the clients' connections and says who is who. A session signs in ([`entry`]), makes a hero if its account has none
//! ([`role`]), and only then reaches the other servers ([`in_turn`]); when the server that its player is on is gone it is closed
//! ([`stranded`]). Not here: leaving. Area and chat servers learn of it by their channels.

mod entry;
mod role;
mod stranded;

use std::time::Duration;

use lordofpomelo_world::hero::Hero;
use pomelo::{
    Error, Hybrid, Me, Next, Request, Response, Result, Server, Servers, Session,
    filters::{Rate, RateLimit},
};

use crate::{
    clock::now_ms,
    duty::scene,
    messages::{
        OK,
        area::{CHANGE_AREA, ENTER_SCENE, LOAD_AREA_RESOURCE, LOAD_RESOURCE},
        connector::{CREATE_PLAYER, ENTRY, ServerTime, TIME_SYNC, TimeSync},
        gate::QUERY_ENTRY,
    },
    resources::Resources,
    session::{PLACE, PLAYER, Place, SessionPlayer},
    storage::open_store,
};

/// How often client and connector say that they are there.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// Largest package of a client: a way of 200 points has some 10 KiB at most.
const MESSAGE_BYTES_MAX: usize = 32 * 1024;

/// The connector.
pub(crate) fn server(s: Server) -> Server {
    let clients = Hybrid::new().dictionary().protobuf().heartbeat(HEARTBEAT);
    s.connector(clients.message_bytes_max(MESSAGE_BYTES_MAX))
        .state_from(open_store)
        .state_from(Resources::load)
        .state_from(role::Start::load)
        .on_server_removed(stranded::server_removed)
        .handler(ENTRY, entry::entry)
        .handler(CREATE_PLAYER, role::create_player)
        .handler(TIME_SYNC, time_sync)
}

/// How much one session may ask: ten steps a second and a fight take less than half of it. Signing in, coming into an area and travelling
/// reach the database each time; what is loaded before is large.
pub(crate) fn rate_limit() -> RateLimit {
    RateLimit::per_session(Rate::per_second(60).burst(120))
        .route(ENTRY, Rate::per_minute(12).burst(5))
        .route(CREATE_PLAYER, Rate::per_minute(30).burst(10))
        .route(LOAD_RESOURCE, Rate::per_minute(30).burst(10))
        .route(LOAD_AREA_RESOURCE, Rate::per_minute(30).burst(10))
        .route(ENTER_SCENE, Rate::per_minute(30).burst(10))
        .route(CHANGE_AREA, Rate::per_minute(60).burst(10))
}

/// Refuses what a session may not ask yet: before it has signed in nothing but that, and before it has a player nothing but to make one.
/// At the gate nothing but its question is answered.
pub(crate) async fn in_turn(me: Me, request: Request, next: Next) -> Response {
    match may_ask(&me, request.session(), request.route()) {
        Ok(()) => next.run(request).await,
        Err(error) => Response::error(error),
    }
}

/// Why a session may not ask something.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotYet {
    #[error("this is no question for a gate")]
    AtGate,
    #[error("sign in first")]
    SignIn,
    #[error("make a player first")]
    MakePlayer,
    #[error("there is a player already")]
    HasPlayer,
}

fn may_ask(me: &Me, session: &Session, route: &str) -> Result<(), NotYet> {
    if me.server_type.as_str() == "gate" {
        return if route == QUERY_ENTRY.name() { Ok(()) } else { Err(NotYet::AtGate) };
    }
    if route == ENTRY.name() || route == TIME_SYNC.name() {
        return Ok(());
    }
    session.uid().map_err(|_| NotYet::SignIn)?;
    match (session.get(PLAYER).is_some(), route == CREATE_PLAYER.name()) {
        (true, false) | (false, true) => Ok(()),
        (true, true) => Err(NotYet::HasPlayer),
        (false, false) => Err(NotYet::MakePlayer),
    }
}

async fn time_sync(_: TimeSync) -> Result<ServerTime> {
    Ok(ServerTime { code: OK, server_time: now_ms() })
}

/// Where a hero comes in: at the server of its scene.
fn place_of(servers: &Servers, hero: &Hero) -> Result<Place> {
    let area = hero.area_id;
    let server = scene(area, servers);
    let server = server.ok_or_else(|| Error::msg(format!("no server of area {area} is there")))?;
    Ok(Place { server, area, instance: None, team: None })
}

/// The session has a player from here on: its messages reach the other servers.
async fn take_player(session: &Session, hero: &Hero, place: &Place) -> Result<()> {
    session.set(PLACE, place).await?;
    session.set(PLAYER, &SessionPlayer { id: hero.id, name: hero.name.to_string() }).await?;
    Ok(())
}

#[cfg(test)]
mod tests;
