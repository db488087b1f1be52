//! Making a hero: one for each account, with a name that nobody else has.

use std::{fmt::Display, sync::Arc};

use lordofpomelo_store::{Store, StoreError};
use lordofpomelo_world::{Point, Rect, area::OwnView, hero::Hero, ids::PlayerId, map::AreaMap, text};
use pomelo::{Error, Result, Servers, Session, State};

use super::{place_of, take_player};
use crate::{
    messages::{
        FAIL, OK,
        connector::{CreatePlayer, Created, User},
        pushes::Upgraded,
    },
    resources::Resources,
};

/// The area in which heroes begin.
const START_AREA: u32 = 1;

/// Where in it.
const START: Rect = Rect { x: 346.0, y: 81.0, width: 126.0, height: 129.0 };

/// The map on which heroes begin.
pub(super) struct Start(Arc<AreaMap>);

impl Start {
    pub(super) async fn load(resources: State<Resources>) -> Result<Self> {
        Ok(Self(resources.map(START_AREA)?))
    }

    /// Where the next one stands.
    fn point(&self) -> Point {
        let mut chance = fastrand::Rng::new();
        self.0.walkable_in(START, &mut chance).unwrap_or_else(|| self.0.birth_point(&mut chance))
    }
}

/// The user of this session, who has no hero, makes one and plays it.
pub(super) async fn create_player(
    session: Session,
    servers: Servers,
    store: State<Store>,
    resources: State<Resources>,
    start: State<Start>,
    wanted: CreatePlayer,
) -> Result<Created> {
    let user = account(&session)?;
    let name = match text::name(&wanted.name) {
        Ok(name) => name,
        Err(why) => return Ok(refused(why)),
    };
    let tables = &resources.tables;
    let hero = Hero::new(tables, PlayerId::default(), &name, wanted.role_id.0, start.point());
    let Some(hero) = hero else { return Ok(refused("nobody can play this character")) };
    // Looked for before the hero is made: whoever is refused for that can try again.
    let place = place_of(&servers, &hero)?;
    let made = match store.create_player(user, hero).await {
        Err(why @ (StoreError::NameTaken | StoreError::HasPlayer)) => return Ok(refused(why)),
        made => made?,
    };
    take_player(&session, &made.hero, &place).await?;
    let player = Upgraded { own: OwnView::of(&made.hero, tables), sort: "player".into() };
    Ok(Created { code: OK, user: Some(User { id: user }), player: Some(player), message: None })
}

/// Users are named by the numbers of their accounts.
fn account(session: &Session) -> Result<u32> {
    let uid = session.uid()?;
    uid.as_str().parse().map_err(|_| Error::msg(format!("{uid} is no number of an account")))
}

fn refused(why: impl Display) -> Created {
    Created { code: FAIL, user: None, player: None, message: Some(why.to_string()) }
}

#[cfg(test)]
mod tests;
