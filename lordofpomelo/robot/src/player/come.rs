//! Coming into the game: entry, a hero, tables, the scene.

use lordofpomelo::messages::{
    Nothing, Number,
    area::{AreaResource, CHANGE_VIEW, ChangeView, ENTER_SCENE, LOAD_AREA_RESOURCE, Resource},
    connector::{CREATE_PLAYER, CreatePlayer, Created, ENTRY, Entered, Entry, PlayerRow},
};

use super::Player;
use crate::{Line, PlayerError, wire};

/// The view of a usual page, in pixels.
const VIEW: (u32, u32) = (1200, 800);

/// A hero to be made for an account that has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewHero {
    /// 1 to 16 letters, digits, blanks, `_` or `-`.
    pub name: String,
    /// 210 or 211.
    pub role: u32,
}

impl NewHero {
    /// A hero of kind 210.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), role: 210 }
    }
}

impl<L: Line> Player<L> {
    /// Comes in with a token. The hero, if the account has one.
    ///
    /// # Errors
    /// [`PlayerError::code`] is 1001, 1002 or 1003 for what is wrong with the token.
    pub async fn entry(&self, token: &str) -> Result<Option<PlayerRow>, PlayerError> {
        let entered: Entered = self.line.request(ENTRY, &Entry { token: token.to_owned() }).await?;
        Ok(entered.player)
    }

    /// Makes the account's hero.
    ///
    /// # Errors
    /// Code 500 if the name is taken or none, or there is a hero.
    pub async fn create_player(&self, hero: &NewHero) -> Result<Created, PlayerError> {
        let hero = CreatePlayer { name: hero.name.clone(), role_id: Number(hero.role) };
        self.line.request(CREATE_PLAYER, &hero).await
    }

    /// The kinds of things in the area to come.
    ///
    /// # Errors
    /// As of the connection.
    pub async fn load_area_resource(&self) -> Result<AreaResource, PlayerError> {
        self.line.request(LOAD_AREA_RESOURCE, &Nothing {}).await
    }

    /// The tables, as far as no player of this [`Game`](crate::Game) was told of them before.
    ///
    /// # Errors
    /// As of the connection.
    pub async fn load_resource(&self) -> Result<Resource, PlayerError> {
        self.resources.load(&self.line).await
    }

    /// Comes into the area of the session. From then on there is something to see.
    ///
    /// # Errors
    /// Code 500 if it could not; [`PlayerError::Anomaly`] if a client could not show it.
    pub async fn enter_scene(&self) -> Result<(), PlayerError> {
        let _hold = self.hold();
        let scene: wire::Scene = self.line.request(ENTER_SCENE.name(), &Nothing {}).await?;
        self.change(|view, _| view.enter(scene, &self.maps))?;
        Ok(())
    }

    /// Says how large the page is, in pixels.
    ///
    /// # Errors
    /// As of the connection.
    pub async fn change_view(&self, width: u32, height: u32) -> Result<(), PlayerError> {
        self.line.notify(CHANGE_VIEW, &ChangeView { width: Number(width), height: Number(height) }).await
    }

    /// What follows once the session has a hero, and after each travel: resources, the scene, the view of a usual page.
    ///
    /// # Errors
    /// As of its parts.
    pub async fn come_in(&self) -> Result<(), PlayerError> {
        self.load_area_resource().await?;
        self.load_resource().await?;
        self.enter_scene().await?;
        self.change_view(VIEW.0, VIEW.1).await
    }

    /// The whole way from a fresh connection into the scene; an account without a hero gets this one.
    ///
    /// # Errors
    /// As of its parts; [`PlayerError::NoHero`] if there is none to be made.
    pub async fn play(&self, token: &str, hero: Option<&NewHero>) -> Result<(), PlayerError> {
        if self.entry(token).await?.is_none() {
            self.create_player(hero.ok_or(PlayerError::NoHero)?).await?;
        }
        self.come_in().await
    }
}
