//! To another area: a scene, or an instance that belongs to the player or its team. The player leaves here and is stored; its session says
//! where it is next, and the client enters there. Not here: who may travel (`world::area::travel`, and the manager for those who follow
//! their captain).

use lordofpomelo_world::{
    area::{Membership, Refused},
    data::AreaKind,
    ids::PlayerId,
    instances::instance_id,
};
use pomelo::{Error, Result, Rpc, Servers, Session, State};

use super::{coming::Exit, here::Here};
use crate::{
    CALL, THE_ONE,
    duty::scene,
    messages::{
        area::{AreaChanged, ChangeArea},
        remotes::{INSTANCE, NewInstance, team},
    },
    resources::Resources,
    session::{LOST, PLACE, Place},
};

/// Why a player stays where it is.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TravelError {
    #[error("the session does not say where its player is")]
    NoPlace,
    #[error("it is in area {0} already")]
    Here(u32),
    #[error("no server has area {0}")]
    NoServer(u32),
}

/// The player leaves for another area.
pub(super) async fn change_area(
    here: Here,
    session: Session,
    servers: Servers,
    resources: State<Resources>,
    exit: Exit,
    rpc: Rpc,
    wanted: ChangeArea,
) -> Result<AreaChanged> {
    let target = wanted.target.0;
    let from = session.get(PLACE).ok_or(TravelError::NoPlace)?;
    let rpc = rpc.within(CALL);
    let gone = async {
        if target == from.area {
            return Err(TravelError::Here(target).into());
        }
        let team = here.host.read(|area| area.membership(here.player));
        let kind = may_travel(&here, team.as_ref(), target, &resources, &rpc).await?;
        let place = destination(kind, target, here.player, team, &servers, &rpc).await?;
        // What its client does not hear of in time must not happen. While nothing can be stored nobody even sets out.
        exit.ready().await?;
        // It may have died while it waited.
        here.host.read(|area| area.admit(here.player))?;
        if let Err(error) = leave(&here, &session, &exit, &place).await {
            // It is nowhere, or somewhere else than its client believes. The client may be gone itself.
            let _ = session.kick(LOST).await;
            return Err(error);
        }
        if let Some(team) = place.team.filter(|team| team.is_captain && kind == AreaKind::TeamInstance) {
            let drag = team::Drag { team: team.id, player: here.player, target };
            if let Err(error) = rpc.send(team::DRAG, THE_ONE, &drag) {
                tracing::warn!(%error, team = %team.id, target, "nobody follows the captain: the manager can't be told");
            }
        }
        Ok::<_, Error>(())
    };
    match gone.await {
        Ok(()) => Ok(AreaChanged { area_id: Some(from.area), target: Some(target), success: true }),
        Err(error) => {
            tracing::info!(%error, player = %here.player, target, "does not travel");
            Ok(AreaChanged { area_id: None, target: None, success: false })
        }
    }
}

/// Out of this area, stored, and on its way: from here on its messages go to the other.
async fn leave(here: &Here, session: &Session, exit: &Exit, place: &Place) -> Result<()> {
    exit.travel(&here.host, here.player, place).await.inspect_err(
        |error| tracing::warn!(%error, player = %here.player, area = place.area, "can't be stored, so it can't travel"),
    )?;
    Ok(session.set(PLACE, place).await?)
}

/// An NPC near the player takes it there, or its captain has just gone into that instance. Answers what kind of area it is.
async fn may_travel(
    here: &Here,
    team: Option<&Membership>,
    target: u32,
    resources: &Resources,
    rpc: &Rpc,
) -> Result<AreaKind> {
    let kind = resources.area(target)?.kind;
    let allowed = here.host.read(|area| area.may_travel(here.player, target));
    match (allowed, team) {
        (Err(Refused::Unreachable), Some(team)) if kind == AreaKind::TeamInstance => {
            let drag = team::Drag { team: team.id, player: here.player, target };
            let is_dragged = rpc.call(team::IS_DRAGGED, THE_ONE, &drag).await?;
            if is_dragged { Ok(kind) } else { Err(Refused::Unreachable.into()) }
        }
        (allowed, _) => Ok(allowed.map(|()| kind)?),
    }
}

/// The server that has the area; instances are made where there is none.
async fn destination(
    kind: AreaKind,
    target: u32,
    player: PlayerId,
    team: Option<Membership>,
    servers: &Servers,
    rpc: &Rpc,
) -> Result<Place> {
    let instance = match (kind, &team) {
        (AreaKind::Scene, _) => None,
        (AreaKind::TeamInstance, Some(team)) => Some(format!("{target}_team{}", team.id)),
        (AreaKind::SingleInstance | AreaKind::TeamInstance, _) => Some(instance_id(target, player.0)),
    };
    let server = match instance.clone() {
        Some(instance) => rpc.call(INSTANCE, THE_ONE, &NewInstance { area: target, instance }).await?.server,
        None => scene(target, servers).ok_or(TravelError::NoServer(target))?,
    };
    Ok(Place { server, area: target, instance, team })
}
