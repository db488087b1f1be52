//! Scripted players of LordOfPomelo: for tests, which do one thing and look what comes of it, and for robots, which play by the thousand.
//!
//! A [`Player`] does what a page does: it goes by the gate to a connector, comes in with a token, makes its hero, enters the scene. From
//! then on it can do all that a player can, and keeps a [`View`] of the game from what it is told, as a client has to; what no client
//! could make sense of is an [`Anomaly`]. It hears everything in order ([`Record`]), so that a test can wait for what should come and be
//! sure of what did not.
//!
//! ```no_run
//! use lordofpomelo_robot::{Direct, Game, Sort};
//!
//! # async fn play(folder: &std::path::Path) -> Result<(), Box<dyn std::error::Error>> {
//! let accounts = Direct::open(folder, "development")?; // or Web::at("http://127.0.0.1:3001")?.register("ann", "secret")
//! let game = Game::at("ws://127.0.0.1:3014");
//! let (ann, bob) = (game.play(&accounts.account("ann").await?).await?, game.play(&accounts.account("bob").await?).await?);
//! let to = ann.eventually("bob in sight", |record| Some(record.view.player("bob")?.position(0))).await?;
//! let mark = bob.mark();
//! ann.go_to(to).await?;
//! bob.hears("onMove", mark, |body| body["speed"] == 240).await?;
//! assert!(ann.heard("onMove", 0).is_empty(), "who walks is not told");
//! let mob = ann.eventually("a monster", |record| record.view.of(Sort::Mob).next().cloned()).await?;
//! ann.attack(mob.id).await?;
//! ann.eventually("its death", |record| record.view.entity(mob.id).is_none().then_some(())).await?;
//! assert_eq!(ann.look(|record| record.anomalies().to_vec()), []);
//! # Ok(())
//! # }
//! ```
//!
//! Not here: the protocol (`pomelo-client`), and how robots are run and measured (`pomelo-robot`).

mod direct;
mod error;
mod game;
mod line;
mod maps;
mod player;
mod record;
mod resources;
pub mod robots;
mod view;
mod web;
mod wire;

pub use direct::{Account, Direct, DirectError};
pub use error::PlayerError;
pub use game::Game;
pub use line::Line;
pub use lordofpomelo::messages;
pub use maps::{Map, Maps};
pub use player::{NewHero, PATIENCE, Player};
pub use record::{ANOMALIES_MAX, HEARD_MAX, Heard, Record};
pub use resources::{Piece, Resources};
pub use view::{Anomaly, CHAT_MAX, DRIFT_PX_MAX, Entity, Own, Sort, Talk, Task, View, Who};
pub use web::{Web, WebError};
