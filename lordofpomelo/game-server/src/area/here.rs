//! Whose message it is and in which area: what every route of an area needs, as an argument of its handler. A message of somebody who is not
//! where its session says, or dead, gets no further.

use std::sync::Arc;

use lordofpomelo_world::{area::Refused, ids::PlayerId};
use pomelo::{Error, Extract, Needs, Next, Request, Response, ServerId, Session, State, UserId};

use super::{host::Host, hosts::Hosts};
use crate::session::{LOST, PLACE, PLAYER, Place, SessionPlayer};

/// A player in its area, alive.
pub(super) struct Here {
    pub(super) host: Arc<Host>,
    pub(super) player: PlayerId,
}

impl Extract<Request> for Here {
    fn extract(request: &Request) -> Result<Self, Error> {
        let (host, who, _) = find(request.session(), &*State::<Hosts>::extract(request)?)?;
        host.read(|area| area.admit(who.id))?;
        Ok(Self { host, player: who.id })
    }

    fn needs(needs: &mut Needs<'_>) {
        <State<Hosts> as Extract<Request>>::needs(needs);
    }
}

/// A player at the door of its area: not in yet, or in and alive.
pub(super) struct Door {
    pub(super) host: Arc<Host>,
    pub(super) who: SessionPlayer,
    pub(super) place: Place,
    pub(super) uid: UserId,
    pub(super) frontend: ServerId,
}

/// Why there is no way in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DoorError {
    #[error("this session has not signed in")]
    Nobody,
    #[error("there is no area {0} on this server")]
    NoArea(String),
}

/// Who a session plays, and the area it names.
fn find(session: &Session, hosts: &Hosts) -> Result<(Arc<Host>, SessionPlayer, Place), DoorError> {
    let (who, place) = session.get(PLAYER).zip(session.get(PLACE)).ok_or(DoorError::Nobody)?;
    let host = hosts.get(&place).ok_or_else(|| DoorError::NoArea(place.key()))?;
    Ok((host, who, place))
}

impl Door {
    /// The door that a session stands at.
    pub(super) fn of(session: &Session, hosts: &Hosts) -> Result<Self, Error> {
        let (host, who, place) = find(session, hosts)?;
        match host.read(|area| area.admit(who.id)) {
            Ok(()) | Err(Refused::Absent) => {}
            Err(dead) => return Err(dead.into()),
        }
        Ok(Self { host, who, place, uid: session.uid()?, frontend: session.frontend() })
    }
}

/// Whoever is in an area that is not here any more, an instance that ended just then, is sent away, to sign in anew: here it would be
/// refused whatever it asks.
pub(super) async fn send_away_lost(request: Request, next: Next) -> Response {
    let session = request.session().clone();
    let response = next.run(request).await;
    let error = response.err().and_then(|error| error.downcast_ref::<DoorError>());
    if matches!(error, Some(DoorError::NoArea(_))) {
        // An error says that it is gone already.
        let _ = session.kick(LOST).await;
    }
    response
}

impl Extract<Request> for Door {
    fn extract(request: &Request) -> Result<Self, Error> {
        Self::of(request.session(), &*State::<Hosts>::extract(request)?)
    }

    fn needs(needs: &mut Needs<'_>) {
        <State<Hosts> as Extract<Request>>::needs(needs);
    }
}
