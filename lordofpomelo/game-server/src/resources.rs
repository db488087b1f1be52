//! The tables and maps of `config`, as the parts of a server share them. Not here: what clients are sent of them (`area::loading`).

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use lordofpomelo_world::{
    data::{Area, Tables},
    map::AreaMap,
};
use pomelo::{Error, Game, Result};

/// The tables, and maps as they are asked for.
#[derive(Debug)]
pub(crate) struct Resources {
    pub(crate) tables: Arc<Tables>,
    maps: Mutex<HashMap<u32, Arc<AreaMap>>>,
    game: Game,
}

impl Resources {
    /// Reads the tables of `config/data`.
    pub(crate) async fn load(game: Game) -> Result<Self> {
        let tables = Tables::load(&game.folder.join("config/data"))?;
        Ok(Self { tables: Arc::new(tables), maps: Mutex::default(), game })
    }

    /// The row of an area.
    pub(crate) fn area(&self, area: u32) -> Result<&Area> {
        self.tables.area.get(area).ok_or_else(|| Error::msg(format!("there is no area {area}")))
    }

    /// The map of an area; read once.
    pub(crate) fn map(&self, area: u32) -> Result<Arc<AreaMap>> {
        let mut maps = self.maps.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(map) = maps.get(&area) {
            return Ok(Arc::clone(map));
        }
        let row = self.area(area)?;
        let file = self.game.folder.join("config").join(&row.path);
        let map = Arc::new(AreaMap::load(&file, row.width, row.height)?);
        maps.insert(area, Arc::clone(&map));
        Ok(map)
    }
}
