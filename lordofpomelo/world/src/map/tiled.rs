//! The map file: JSON of the Tiled editor, of which the object groups `collision`, `birth`, `mob` and `npc` count. Read here
//! into an [`AreaMap`](super::AreaMap).

use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{AreaMap, Grid, MobZone, NpcSpot};
use crate::{Point, Rect};

/// How many mobs live in a zone that does not say.
const MOB_NUMBER: u32 = 10;

/// After which time a killed mob comes back in a zone that does not say, in milliseconds.
const REFRESH_MS: u64 = 5000;

/// Why a map cannot be used.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "file, group, number of the object in the group (from 1), and property")]
pub enum MapError {
    /// The file cannot be read.
    #[error("{file}: {source}")]
    Read { file: PathBuf, source: std::io::Error },
    /// It is not a map of Tiled.
    #[error("{file}: not a map: {source}")]
    Form { file: PathBuf, source: serde_json::Error },
    /// A group that is needed is missing or empty.
    #[error("{file}: no object in group {group}")]
    Missing { file: PathBuf, group: &'static str },
    /// A property is missing or not a number.
    #[error(
        "{file}: group {group}, object {object}: property {property} is needed, as text of a whole number"
    )]
    Property { file: PathBuf, group: &'static str, object: usize, property: &'static str },
    /// The tables do not know a monster or an NPC.
    #[error("{file}: group {group}, object {object}: no table has {group} {kind}")]
    Kind { file: PathBuf, group: &'static str, object: usize, kind: u32 },
    /// A polygon has fewer than three points.
    #[error("{file}: group collision, object {object}: a polygon has at least 3 points")]
    Polygon { file: PathBuf, object: usize },
}

/// A map file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct File {
    pub(super) layers: Vec<Layer>,
}

/// A layer; those without objects (the picture) do not count.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Layer {
    pub(super) name: String,
    #[serde(default)]
    pub(super) objects: Vec<Object>,
}

/// An object of a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Object {
    pub(super) x: f64,
    pub(super) y: f64,
    #[serde(default)]
    pub(super) width: f64,
    #[serde(default)]
    pub(super) height: f64,
    /// Relative to `x`, `y`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) polygon: Option<Vec<Point>>,
    #[serde(default)]
    pub(super) properties: Map<String, Value>,
}

impl Object {
    fn rect(&self) -> Rect {
        Rect { x: self.x, y: self.y, width: self.width, height: self.height }
    }

    /// The property as a number; `Some(None)` if it is there and none.
    fn number<T: FromStr>(&self, name: &str) -> Option<Option<T>> {
        self.properties.get(name).map(|value| match value {
            Value::String(text) => text.trim().parse().ok(),
            other => other.to_string().parse().ok(),
        })
    }
}

pub(super) fn load(file: &Path, width: u32, height: u32) -> Result<AreaMap, MapError> {
    let text =
        std::fs::read_to_string(file).map_err(|source| MapError::Read { file: file.to_owned(), source })?;
    read(file, &text, width, height)
}

pub(super) fn read(file: &Path, text: &str, width: u32, height: u32) -> Result<AreaMap, MapError> {
    let map: File =
        serde_json::from_str(text).map_err(|source| MapError::Form { file: file.to_owned(), source })?;
    let group = |name: &'static str| {
        let layers = map.layers.iter().filter(move |layer| layer.name == name);
        layers.flat_map(|layer| &layer.objects).enumerate().map(|(n, object)| (n + 1, object))
    };
    let mut grid = Grid::new(width, height);
    for (n, object) in group("collision") {
        match &object.polygon {
            None => grid.block_rect(object.rect()),
            Some(points) if points.len() < 3 => {
                return Err(MapError::Polygon { file: file.to_owned(), object: n });
            }
            Some(points) => {
                let moved = points.iter().map(|p| Point::new(p.x + object.x, p.y + object.y));
                grid.block_polygon(&moved.collect::<Vec<_>>());
            }
        }
    }
    let missing = || MapError::Missing { file: file.to_owned(), group: "birth" };
    let (_, birth) = group("birth").next().ok_or_else(missing)?;
    let zones = group("mob").map(|(n, object)| zone(file, n, object)).collect::<Result<_, _>>()?;
    let npcs = group("npc").map(|(n, object)| npc(file, n, object)).collect::<Result<_, _>>()?;
    Ok(AreaMap { grid: grid.into(), birth: birth.rect(), zones, npcs })
}

fn zone(file: &Path, object: usize, of: &Object) -> Result<MobZone, MapError> {
    let refuse =
        |property| move || MapError::Property { file: file.to_owned(), group: "mob", object, property };
    Ok(MobZone {
        rect: of.rect(),
        kind: of.number("mobId").flatten().ok_or_else(refuse("mobId"))?,
        number: of.number("mobNum").unwrap_or(Some(MOB_NUMBER)).ok_or_else(refuse("mobNum"))?,
        level: of.number("level").unwrap_or(Some(1)).ok_or_else(refuse("level"))?,
        refresh_ms: of.number("refreshTime").unwrap_or(Some(REFRESH_MS)).ok_or_else(refuse("refreshTime"))?,
    })
}

fn npc(file: &Path, object: usize, of: &Object) -> Result<NpcSpot, MapError> {
    let refuse = || MapError::Property { file: file.to_owned(), group: "npc", object, property: "id" };
    Ok(NpcSpot { kind: of.number("id").flatten().ok_or_else(refuse)?, at: Point::new(of.x, of.y) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_layers(layers: &str) -> Result<AreaMap, String> {
        read(Path::new("m.json"), &format!(r#"{{"layers":[{layers}]}}"#), 800, 600)
            .map_err(|error| error.to_string())
    }

    const BIRTH: &str = r#"{"name":"birth","objects":[{"x":60,"y":60,"width":120,"height":90}]}"#;

    #[test]
    fn groups_of_the_file_become_the_map() {
        let map = read_layers(&format!(
            r#"{{"name":"picture","type":"tilelayer","data":[1]}},
            {{"name":"collision","type":"objectgroup","objects":[{{"name":"","type":"","x":300,"y":200,"width":0,"height":0,
              "properties":{{}},"polygon":[{{"x":0,"y":0}},{{"x":80,"y":-20}},{{"x":95,"y":60}},{{"x":10,"y":70}}]}}]}},
            {BIRTH},
            {{"name":"mob","objects":[{{"x":450,"y":320,"width":200,"height":160,
              "properties":{{"mobId":"202","mobNum":"6","level":"1","refreshTime":"7000"}}}},
              {{"x":1,"y":2,"width":3,"height":4,"properties":{{"mobId":203}}}}]}},
            {{"name":"npc","objects":[{{"x":240,"y":120,"width":60,"height":90,"properties":{{"id":"301"}}}}]}}"#
        ))
        .unwrap();
        assert_eq!(map.birth, Rect { x: 60.0, y: 60.0, width: 120.0, height: 90.0 });
        let rect = Rect { x: 450.0, y: 320.0, width: 200.0, height: 160.0 };
        assert_eq!(map.zones[0], MobZone { rect, kind: 202, number: 6, level: 1, refresh_ms: 7000 });
        let rect = Rect { x: 1.0, y: 2.0, width: 3.0, height: 4.0 };
        assert_eq!(map.zones[1], MobZone { rect, kind: 203, number: 10, level: 1, refresh_ms: 5000 });
        assert_eq!(map.npcs, [NpcSpot { kind: 301, at: Point::new(240.0, 120.0) }]);
        assert!(!map.grid.is_walkable(Point::new(350.0, 230.0)));
        assert!(map.grid.is_walkable(Point::new(350.0, 150.0)));
    }

    #[test]
    fn errors_say_where_the_fault_is() {
        assert_eq!(read_layers("").unwrap_err(), "m.json: no object in group birth");
        let with = |layer: &str| read_layers(&format!("{BIRTH},{layer}")).unwrap_err();
        assert_eq!(
            with(r#"{"name":"mob","objects":[{"x":1,"y":1,"properties":{"mobId":"202"}},{"x":1,"y":1}]}"#),
            "m.json: group mob, object 2: property mobId is needed, as text of a whole number"
        );
        assert_eq!(
            with(r#"{"name":"mob","objects":[{"x":1,"y":1,"properties":{"mobId":"202","mobNum":"many"}}]}"#),
            "m.json: group mob, object 1: property mobNum is needed, as text of a whole number"
        );
        assert_eq!(
            with(r#"{"name":"npc","objects":[{"x":1,"y":1}]}"#),
            "m.json: group npc, object 1: property id is needed, as text of a whole number"
        );
        assert_eq!(
            with(r#"{"name":"collision","objects":[{"x":1,"y":1,"polygon":[{"x":0,"y":0}]}]}"#),
            "m.json: group collision, object 1: a polygon has at least 3 points"
        );
        assert!(with(r#"{"name":7}"#).starts_with("m.json: not a map: "));
    }
}
