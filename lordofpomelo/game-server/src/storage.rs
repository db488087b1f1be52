//! The database of the game, as servers that need it open it. Not here: what they ask of it.

use lordofpomelo_store::Store;
use pomelo::{Game, Result};

/// As `config/database.json` says.
pub(crate) async fn open_store(game: Game) -> Result<Store> {
    Ok(Store::load(&game.folder, &game.environment)?)
}
