//! What tests of several servers need: the game's own tables and maps, and an empty database.

use std::path::Path;

use lordofpomelo_store::Store;
use pomelo::{Game, State};
use tempfile::TempDir;

use crate::resources::Resources;

/// The tables and maps that the game has.
pub(crate) async fn resources() -> Resources {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).into();
    Resources::load(Game { folder, environment: "development".into() }).await.unwrap()
}

/// A database with nothing in it, and the folder that it is gone with.
pub(crate) fn store() -> (State<Store>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (State::new(Store::open(&folder.path().join("game.db")).unwrap()), folder)
}
