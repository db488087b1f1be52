//! The tables and maps of `config`, as the parts of a server share them: read and checked when the server starts, so that no fault shows
//! up when the first player travels at night. Not here: what clients are sent of them (`area::loading`).

use std::{collections::HashMap, sync::Arc};

use lordofpomelo_world::{
    data::{Area, Tables},
    map::AreaMap,
};
use pomelo::{Error, Game, Result};

/// The tables and the maps.
#[derive(Debug)]
pub(crate) struct Resources {
    pub(crate) tables: Arc<Tables>,
    maps: HashMap<u32, Arc<AreaMap>>,
}

impl Resources {
    /// Reads the tables of `config/data` and the maps that the areas name.
    pub(crate) async fn load(game: Game) -> Result<Self> {
        let tables = Tables::load(&game.folder.join("config/data"))?;
        let load = |area: &Area| {
            let file = game.folder.join("config").join(&area.path);
            let map = AreaMap::load(&file, area.width, area.height)?;
            map.check(&file, &tables)?;
            Ok((area.id, Arc::new(map)))
        };
        let maps = tables.area.iter().map(load).collect::<Result<_>>()?;
        Ok(Self { tables: Arc::new(tables), maps })
    }

    /// The row of an area.
    pub(crate) fn area(&self, area: u32) -> Result<&Area> {
        self.tables.area.get(area).ok_or_else(|| no_area(area))
    }

    /// The map of an area.
    pub(crate) fn map(&self, area: u32) -> Result<Arc<AreaMap>> {
        self.maps.get(&area).cloned().ok_or_else(|| no_area(area))
    }
}

fn no_area(area: u32) -> Error {
    Error::msg(format!("there is no area {area}"))
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    /// Copies the files of a folder.
    fn copy(from: &Path, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for file in fs::read_dir(from).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    }

    #[tokio::test]
    async fn a_map_that_can_not_be_used_is_named_when_the_server_starts() {
        let (own, game) = (Path::new(env!("CARGO_MANIFEST_DIR")), tempfile::tempdir().unwrap());
        for folder in ["config/data", "config/map"] {
            copy(&own.join(folder), &game.path().join(folder));
        }
        let cave = game.path().join("config/map/cave.json");
        let load = || {
            let (folder, environment) = (game.path().into(), "development".into());
            Resources::load(Game { folder, environment })
        };
        assert!(load().await.unwrap().map(5).is_ok());
        assert_eq!(load().await.unwrap().map(6).unwrap_err().to_string(), "there is no area 6");
        fs::write(&cave, r#"{"layers": []}"#).unwrap();
        let error = load().await.unwrap_err().to_string();
        assert!(error.contains("cave.json: no object in group birth"), "{error}");
        fs::remove_file(&cave).unwrap();
        assert!(load().await.unwrap_err().to_string().contains("cave.json: No such file"));
    }
}
