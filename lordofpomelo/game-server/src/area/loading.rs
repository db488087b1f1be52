//! What clients load before they show an area: tables, kinds of things, the map. Made once and shared by all answers.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use lordofpomelo_world::data::{Row, Table};
use pomelo::{Result, State};
use serde_json::Value;

use super::here::Door;
use crate::{
    messages::{
        Nothing,
        area::{AreaResource, Column, Frames, LoadResource, Map, Resource, Tables},
    },
    resources::Resources,
};

/// Side of a tile, in pixels.
const TILE_PX: u32 = 20;

/// All tables with their versions, and the maps that were asked for.
pub(super) struct Loading {
    all: Resource,
    maps: Mutex<HashMap<u32, Arc<Map>>>,
}

impl Loading {
    pub(super) async fn new(resources: State<Resources>) -> Result<Self> {
        let tables = &resources.tables;
        let mut animation: BTreeMap<u32, BTreeMap<String, Frames>> = BTreeMap::new();
        for row in tables.animation.iter() {
            let frames = Frames { width: row.width, height: row.height, total_frame: row.total_frame };
            animation.entry(row.kind_id).or_default().insert(row.name.clone(), frames);
        }
        let data = Tables {
            fightskill: Some(by_id(&tables.fightskill, |row| row.id)),
            equipment: Some(by_id(&tables.equipment, |row| row.id)),
            item: Some(by_id(&tables.item, |row| row.id)),
            character: Some(by_id(&tables.character, |row| row.id)),
            npc: Some(by_id(&tables.npc, |row| row.id)),
            animation: Some(Arc::new(animation)),
            effect: Some(Arc::new(
                tables.effect.iter().map(|row| (row.class_name.clone(), row.clone())).collect(),
            )),
        };
        let version = [
            ("fightskill", tables.fightskill.version()),
            ("equipment", tables.equipment.version()),
            ("item", tables.item.version()),
            ("character", tables.character.version()),
            ("npc", tables.npc.version()),
            ("animation", tables.animation.version()),
            ("effect", tables.effect.version()),
        ];
        let version = version.map(|(name, version)| (name.to_owned(), version)).into();
        Ok(Self { all: Resource { data, version }, maps: Mutex::default() })
    }

    /// The map of an area as clients want it.
    pub(super) fn map(&self, area: u32, resources: &Resources) -> Result<Arc<Map>> {
        let mut maps = self.maps.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(map) = maps.get(&area) {
            return Ok(Arc::clone(map));
        }
        let (row, map) = (resources.area(area)?, resources.map(area)?);
        let made = Arc::new(Map {
            name: row.name.clone(),
            width: row.width,
            height: row.height,
            tile_w: TILE_PX,
            tile_h: TILE_PX,
            weight_map: map.grid.runs().into_iter().map(|collisions| Column { collisions }).collect(),
        });
        maps.insert(area, Arc::clone(&made));
        Ok(made)
    }

    /// Without the tables that the client has.
    fn missing(&self, has: &BTreeMap<String, Value>) -> Resource {
        let data = &self.all.data;
        let lacks = |name: &str| match (has.get(name).and_then(Value::as_u64), self.all.version.get(name)) {
            (Some(has), Some(version)) => has != u64::from(*version),
            _ => true,
        };
        Resource {
            data: Tables {
                fightskill: data.fightskill.clone().filter(|_| lacks("fightskill")),
                equipment: data.equipment.clone().filter(|_| lacks("equipment")),
                item: data.item.clone().filter(|_| lacks("item")),
                character: data.character.clone().filter(|_| lacks("character")),
                npc: data.npc.clone().filter(|_| lacks("npc")),
                animation: data.animation.clone().filter(|_| lacks("animation")),
                effect: data.effect.clone().filter(|_| lacks("effect")),
            },
            version: self.all.version.clone(),
        }
    }
}

fn by_id<R: Row + Clone>(table: &Table<R>, id: impl Fn(&R) -> u32) -> Arc<BTreeMap<u32, R>> {
    Arc::new(table.iter().map(|row| (id(row), row.clone())).collect())
}

/// The tables that the client lacks.
pub(super) async fn load_resource(
    _: Door,
    loading: State<Loading>,
    wanted: LoadResource,
) -> Result<Resource> {
    Ok(loading.missing(&wanted.version))
}

/// The kinds of things in the area, so that their pictures are there before them; with the player's own.
pub(super) async fn load_area_resource(
    door: Door,
    resources: State<Resources>,
    _: Nothing,
) -> Result<AreaResource> {
    let (kinds, area) = door.host.read(|area| (area.kinds(), area.id()));
    let text = |kinds: std::collections::BTreeSet<u32>| kinds.iter().map(u32::to_string).collect::<Vec<_>>();
    let mut players = kinds.players;
    // Both heroes: whoever comes next may be the other one.
    players.extend(resources.tables.character.iter().map(|row| row.id).filter(|id| [210, 211].contains(id)));
    Ok(AreaResource {
        players: text(players),
        mobs: text(kinds.mobs),
        npcs: text(kinds.npcs),
        items: text(kinds.items),
        equipments: text(kinds.equipments),
        map_name: resources.area(area)?.name.clone(),
    })
}
