//! The tables and maps of `config`, as servers share them.

use std::sync::Arc;

use lordofpomelo_world::{data::Tables, map::AreaMap};
use pomelo::{Error, Game, Result};

/// The tables.
#[derive(Debug, Clone)]
pub(crate) struct Resources {
    pub(crate) tables: Arc<Tables>,
    game: Game,
}

impl Resources {
    /// Reads the tables of `config/data`. Maps are read when they are asked for.
    pub(crate) async fn load(game: Game) -> Result<Self> {
        let tables = Tables::load(&game.folder.join("config/data"))?;
        Ok(Self { tables: Arc::new(tables), game })
    }

    /// The map of an area.
    pub(crate) fn map(&self, area: u32) -> Result<Arc<AreaMap>> {
        let row = self.tables.area.get(area).ok_or_else(|| Error::msg(format!("there is no area {area}")))?;
        let file = self.game.folder.join("config").join(&row.path);
        Ok(Arc::new(AreaMap::load(&file, row.width, row.height)?))
    }
}
