//! The two files of a scene: the server's map in the form of Tiled, and the client's scene. One object a line, so that a
//! difference of two versions can be read.

use std::fmt::Write;
use std::path::Path;

use serde::Serialize;
use serde_json::{Value, json};

use super::shape::{Ring, ellipse, joined};
use super::{Patch, Prop, Scene, Zone};
use crate::map::{AreaMap, Grid, MapError, TILE, Tile, tiled};
use crate::{Point, Rect};

/// After which time a killed mob comes back, in milliseconds.
const REFRESH_MS: u32 = 5000;

/// The same for the kinds that rule over others.
const RULER_REFRESH_MS: u32 = 20_000;
const RULERS: [u32; 2] = [203, 208];

/// The files of one area.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    /// Their name without folder and ending.
    pub name: &'static str,
    /// For `map/`.
    pub map: String,
    /// For `scene/`.
    pub scene: String,
}

/// The files of a scene.
///
/// # Errors
///
/// That of reading the map that was written, which would be a fault of this module.
pub fn files(scene: &Scene) -> Result<Files, MapError> {
    let mut obstacles: Vec<Value> =
        scene.terrain.iter().map(|patch| polygon(&joined(&patch.rings))).collect();
    obstacles.extend(scene.props.iter().filter_map(footprint));
    let open = tiled_file(scene, &obstacles);
    let open = tiled::read(Path::new(scene.name), &open, scene.width, scene.height)?;
    obstacles.extend(unreachable(&open).into_iter().map(rectangle));
    Ok(Files { name: scene.name, map: tiled_file(scene, &obstacles), scene: scene_file(scene) })
}

/// What cannot be reached from where heroes appear: nobody sees it from near, and nothing must fall there.
fn unreachable(map: &AreaMap) -> Vec<Rect> {
    let grid: &Grid = &map.grid;
    let birth = Point::new(map.birth.x + map.birth.width / 2.0, map.birth.y + map.birth.height / 2.0);
    let reached = grid.tile(birth).map(|tile| grid.connected_to(tile)).unwrap_or_default();
    let lost = |x: u32, y: u32| {
        let tile = Tile { x, y };
        !grid.is_blocked(tile) && !grid.index(tile).is_some_and(|index| reached[index])
    };
    let mut rects: Vec<Rect> = Vec::new();
    for x in 0..grid.columns() {
        for y in (0..grid.rows()).filter(|y| lost(x, *y)) {
            let (left, top) = (f64::from(x) * TILE, f64::from(y) * TILE);
            match rects.last_mut() {
                Some(rect) if rect.x == left && rect.y + rect.height == top => rect.height += TILE,
                _ => rects.push(Rect { x: left, y: top, width: TILE, height: TILE }),
            }
        }
    }
    rects
}

fn tiled_file(scene: &Scene, obstacles: &[Value]) -> String {
    let (width, height) = (scene.width, scene.height);
    let zones: Vec<_> = scene.zones.iter().zip(1..).map(|(zone, n)| mob(zone, n)).collect();
    let npcs: Vec<_> = scene.npcs.iter().zip(1..).map(|((kind, at), n)| npc(*kind, *at, n)).collect();
    let birth = json!({"name": "birth", "type": "", "properties": {}});
    let mut text = String::from("{\n");
    text += "\"width\":1,\"height\":1,\"orientation\":\"orthogonal\",\"version\":1,\"properties\":{},\n";
    let _ = writeln!(text, "\"tilewidth\":{width},\"tileheight\":{height},");
    let _ = writeln!(
        text,
        "\"tilesets\":[{{\"firstgid\":1,\"name\":\"{0}\",\"image\":\"{0}.jpg\",\"imagewidth\":{width},\
         \"imageheight\":{height},\"tilewidth\":{width},\"tileheight\":{height},\"margin\":0,\"spacing\":0,\"properties\":{{}}}}],",
        scene.name
    );
    let layer = "\"x\":0,\"y\":0,\"width\":1,\"height\":1,\"opacity\":1,\"visible\":true";
    let _ =
        writeln!(text, "\"layers\":[\n{{\"name\":\"picture\",\"type\":\"tilelayer\",{layer},\"data\":[1]}},");
    let groups =
        [("collision", obstacles), ("birth", &[placed(scene.birth, birth)]), ("mob", &zones), ("npc", &npcs)];
    for (n, (name, objects)) in groups.iter().enumerate() {
        let _ = write!(text, "{{\"name\":\"{name}\",\"type\":\"objectgroup\",{layer},\"objects\":");
        list(&mut text, objects);
        text += if n + 1 < groups.len() { "},\n" } else { "}\n" };
    }
    text + "]\n}\n"
}

fn mob(zone: &Zone, n: u32) -> Value {
    let refresh = if RULERS.contains(&zone.kind) { RULER_REFRESH_MS } else { REFRESH_MS };
    let properties = json!({
        "mobId": zone.kind.to_string(),
        "mobNum": zone.number.to_string(),
        "level": zone.level.to_string(),
        "refreshTime": refresh.to_string(),
    });
    placed(zone.rect, json!({"name": format!("mob{n}"), "type": "", "properties": properties}))
}

fn npc(kind: u32, at: Point, n: u32) -> Value {
    let rect = Rect { x: at.x, y: at.y, width: 60.0, height: 90.0 };
    placed(rect, json!({"name": format!("npc{n}"), "type": "", "properties": {"id": kind.to_string()}}))
}

fn rectangle(rect: Rect) -> Value {
    placed(rect, json!({"name": "unreachable", "type": "", "properties": {}}))
}

/// The object with its place, in whole pixels.
fn placed(rect: Rect, object: Value) -> Value {
    let mut placed = json!({"x": rect.x as i64, "y": rect.y as i64, "width": rect.width as i64, "height": rect.height as i64});
    if let (Value::Object(placed), Value::Object(object)) = (&mut placed, object) {
        placed.extend(object);
    }
    placed
}

fn polygon(ring: &Ring) -> Value {
    let [x, y] = ring.first().copied().unwrap_or_default();
    let points: Vec<_> = ring.iter().map(|point| json!({"x": point[0] - x, "y": point[1] - y})).collect();
    let (name, properties) = ("", json!({}));
    json!({"x": x, "y": y, "width": 0, "height": 0, "name": name, "type": "", "properties": properties, "polygon": points})
}

fn footprint(prop: &Prop) -> Option<Value> {
    prop.base.map(|(rx, ry)| polygon(&ellipse(prop.x, prop.y, rx, ry)))
}

fn scene_file(scene: &Scene) -> String {
    let rect = |rect: Rect| json!([rect.x as i64, rect.y as i64, rect.width as i64, rect.height as i64]);
    let zones = scene.zones.iter();
    let zones: Vec<_> =
        zones.map(|zone| json!({"kind": zone.kind, "level": zone.level, "rect": rect(zone.rect)})).collect();
    let npcs = scene.npcs.iter();
    let npcs: Vec<_> =
        npcs.map(|(kind, at)| json!({"kind": kind, "x": at.x as i64, "y": at.y as i64})).collect();
    let props: Vec<_> = scene.props.iter().map(thing).collect();
    let head = json!({
        "version": 1, "area": scene.area, "name": scene.name, "biome": scene.biome, "seed": scene.seed,
        "width": scene.width, "height": scene.height, "birth": rect(scene.birth),
    });
    let mut text = head.to_string();
    text.truncate(text.len() - 1);
    for (name, objects) in [
        ("zones", zones),
        ("npcs", npcs),
        ("roads", values(&scene.roads)),
        ("ground", patches(&scene.ground)),
        ("terrain", patches(&scene.terrain)),
        ("props", props),
    ] {
        let _ = write!(text, ",\n\"{name}\":");
        list(&mut text, &objects);
    }
    text + "\n}\n"
}

fn thing(prop: &Prop) -> Value {
    let Prop { kind, x, y, size, variant, base } = prop;
    match base {
        None => json!([kind, x, y, size, variant]),
        Some((rx, ry)) => json!([kind, x, y, size, variant, rx, ry]),
    }
}

fn patches<K: Serialize>(patches: &[Patch<K>]) -> Vec<Value> {
    values(patches)
}

fn values<T: Serialize>(values: &[T]) -> Vec<Value> {
    values.iter().map(|value| json!(value)).collect()
}

/// A JSON list with one element a line.
fn list(text: &mut String, objects: &[Value]) {
    *text += "[";
    for (n, object) in objects.iter().enumerate() {
        let _ = write!(text, "{}{object}", if n == 0 { "\n" } else { ",\n" });
    }
    *text += "]";
}
