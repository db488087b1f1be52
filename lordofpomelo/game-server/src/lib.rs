//! LordOfPomelo: a massively multiplayer game as one application of the framework. Start with [`app`]: it names the server types and what
//! each has; every type has a module of its own, [`messages`] has all that goes over the wire.
//!
//! A player comes by a **gate** to a **connector**, which asks **auth** whose token it brings. From then on its session says who it is and
//! on which **area** server it is ([`session`]); there it walks and fights by the rules of `lordofpomelo-world`. **chat** carries what
//! players say, the **manager** keeps teams and knows which instance is where, **path** plans ways for whoever has no map.
//!
//! Not here: the rules (`lordofpomelo-world`), storage (`lordofpomelo-store`), accounts and the page (`lordofpomelo-web`).

pub mod messages;

mod area;
mod auth;
mod chat;
mod clock;
mod connector;
mod duty;
mod gate;
mod manager;
mod path;
mod resources;
pub mod session;
mod storage;
#[cfg(test)]
mod testing;

use std::time::Duration;

use lordofpomelo_world::area::Refused;
use pomelo::{
    App, Config, ServerId, Servers, Session, SingleSession, Target,
    filters::{RequestLog, Shed},
};

/// Everything the game is made of.
pub fn app(config: Config) -> App {
    client_errors(App::new(config))
        .server("gate", gate::server)
        .server("connector", connector::server)
        .server("auth", auth::server)
        .server("area", area::server)
        .server("chat", chat::server)
        .server("path", path::server)
        .server("manager", manager::server)
        .route("area", area_server)
        .route("chat", |_, chats| chats.by_hash(ONE))
        .single_session(SingleSession::KickFormer)
        .each_server(|server_type, s| if server_type == "gate" { s } else { s.filter(Shed::new()) })
        .filter(RequestLog::slower_than(SLOW))
        .filter(connector::rate_limit())
        .filter(connector::in_turn)
        .messages(messages::list)
}

/// What players can cause at will: the rules' refusals, and questions before their time.
fn client_errors(app: App) -> App {
    app.client_error(|_: &Refused| true)
        .client_error(|_: &connector::NotYet| true)
        .client_error(|_: &chat::ChatError| true)
        .client_error(|error| matches!(error, area::TravelError::Here(_)))
        .client_error(|error| matches!(error, area::DoorError::Nobody))
}

/// Requests that take longer are worth a line in the log.
const SLOW: Duration = Duration::from_secs(3);

/// How long a call between servers of the game may take where a player waits for it.
pub(crate) const CALL: Duration = Duration::from_secs(5);

/// A player's messages go to the server it is on.
fn area_server(session: &Session, areas: &Servers) -> Option<ServerId> {
    let place = session.get(session::PLACE)?;
    areas.get(place.server.as_str()).map(|server| server.id.clone())
}

/// Chat and manager keep what everybody shares: of several servers of the type one is used, the same by all.
pub(crate) const THE_ONE: Target<'static> = Target::Key(ONE);
const ONE: &str = "one";
