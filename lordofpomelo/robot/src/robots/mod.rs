//! Robots: players by the thousand, that measure what they see. Here: what a program of robots is told, and the life of one. What they do
//! in the game is [`Behaviour`]'s.

mod behave;
mod life;
mod options;

pub use behave::Behaviour;
pub use options::{Options, OptionsError};

use std::sync::Arc;

use pomelo_robot::{Fault, Plan, PlanError, Report, Robot};

use crate::{Account, Direct, Maps, Resources, Web};

/// Under what robots count the time from their first connection to the gate until they are in the scene.
pub const COME_IN: &str = "come in";

/// Under what they count how long they were away when they come back after their connection ended.
pub const AWAY: &str = "away";

/// What all robots of a run share.
#[derive(Clone, Debug)]
pub struct Troop(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    gates: Vec<String>,
    accounts: Accounts,
    behaviour: Behaviour,
    manner: Manner,
    maps: Maps,
    resources: Resources,
}

/// How robots do what they do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Manner {
    /// Longest walk in each axis, in pixels.
    pub reach_px: f64,
    /// The page they pretend to have, in pixels; none: they say nothing of it.
    pub view: Option<(u32, u32)>,
}

/// Where accounts come from.
#[derive(Debug, Clone)]
pub enum Accounts {
    /// The game's database and secret.
    Direct(Direct),
    /// The web server; all have this password.
    Web(Web, String),
}

impl Troop {
    /// Robots that come by these gates, one after the other, at least one.
    #[must_use]
    pub fn new(gates: Vec<String>, accounts: Accounts, behaviour: Behaviour, manner: Manner) -> Self {
        let (maps, resources) = (Maps::default(), Resources::default());
        Self(Arc::new(Shared { gates, accounts, behaviour, manner, maps, resources }))
    }

    /// Plays a plan.
    ///
    /// # Errors
    /// The plan can't be carried out.
    pub async fn run(&self, plan: &Plan) -> Result<Report, PlanError> {
        let troop = self.clone();
        pomelo_robot::run(plan, async move |robot: Robot| life::live(&robot, &troop.0).await).await
    }
}

impl Accounts {
    async fn account(&self, name: &str) -> Result<Account, Fault> {
        let failed = |error: String| Fault::unexpected(format!("no account: {error}"));
        match self {
            Self::Direct(direct) => direct.account(name).await.map_err(|error| failed(error.to_string())),
            Self::Web(web, password) => {
                web.account(name, password).await.map_err(|error| failed(error.to_string()))
            }
        }
    }
}
