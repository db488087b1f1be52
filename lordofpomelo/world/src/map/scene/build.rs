//! A scene while it is made: layers of ground that keep off what must stay free and off each other, then things that keep
//! off all of it. Which of them an area has is said in the area's own file.

use super::facts::Facts;
use super::field::Field;
use super::noise::{hash, unit};
use super::plan::Plan;
use super::shape::distance;
use super::{GroundKind, Patch, Prop, PropKind, Road, Scene, TerrainKind};
use crate::Point;

/// A slope of a [`Field`] that stands for a distance: so many pixels change a value by 1.
pub(super) const SLOPE: f64 = 250.0;

/// Free ground between two things that block, and between such a thing and a road, in pixels.
const GAP: f64 = 14.0;

/// A scene while it is made.
#[derive(Debug)]
pub(super) struct Builder {
    pub(super) facts: &'static Facts,
    pub(super) plan: Plan,
    step: f64,
    /// How far from what stays free, as a field.
    free: Field,
    layers: Vec<(TerrainKind, Field)>,
    terrain: Vec<Patch<TerrainKind>>,
    ground: Vec<Patch<GroundKind>>,
    bridges: Vec<Road>,
    props: Vec<Prop>,
}

/// How terrain is laid.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lay {
    /// How much of the map it covers.
    pub(super) share: f64,
    /// Ground smaller than this squared is left out, in pixels.
    pub(super) least: f64,
    /// How far it stays from what must be free, in pixels.
    pub(super) margin: f64,
    /// How far it stays from terrain laid before, in pixels.
    pub(super) gap: f64,
}

/// How things of one kind are strewn.
#[derive(Debug, Clone, Copy)]
pub(super) struct Strew {
    pub(super) kind: PropKind,
    /// About how far from each other, in pixels.
    pub(super) apart: f64,
    /// In percent, from and to.
    pub(super) size: (i32, i32),
}

impl Builder {
    /// An empty area; `step` is how fine its ground is, in pixels.
    pub(super) fn new(facts: &'static Facts, step: f64) -> Self {
        let plan = Plan::new(facts);
        let (width, height) = (f64::from(facts.width), f64::from(facts.height));
        let free = Field::new(width, height, step, |at| plan.clearance(at) / SLOPE);
        let (layers, terrain, ground, bridges, props) = Default::default();
        Self { facts, plan, step, free, layers, terrain, ground, bridges, props }
    }

    pub(super) fn width(&self) -> f64 {
        f64::from(self.facts.width)
    }

    pub(super) fn height(&self) -> f64 {
        f64::from(self.facts.height)
    }

    pub(super) fn seed(&self, n: u32) -> u32 {
        self.facts.seed.wrapping_mul(31).wrapping_add(n)
    }

    /// A field over the whole area.
    pub(super) fn field(&self, f: impl Fn(Point) -> f64) -> Field {
        Field::new(self.width(), self.height(), self.step, f)
    }

    /// Lays terrain where `value` is highest.
    pub(super) fn terrain(&mut self, kind: TerrainKind, how: Lay, value: impl Fn(Point) -> f64) {
        let mut limit = self.free.clone();
        limit.lower(how.margin / SLOPE);
        for (_, other) in &self.layers {
            limit.keep_off(other, how.gap / SLOPE);
        }
        let field = self.field(value).within(&limit, how.share);
        self.lay(kind, field, how.least);
    }

    /// Makes bridges of the roads through water.
    pub(super) fn bridges(&mut self) {
        let wet = |at: Point| self.depth_in(TerrainKind::Water, at) > 0.0;
        self.bridges = self.plan.roads.iter().flat_map(|way| way.bridges(wet)).collect();
    }

    /// Lays terrain where a field is above 0.
    fn lay(&mut self, kind: TerrainKind, field: Field, least: f64) {
        // A hole that no road leads into could not be reached: it is filled.
        let roads = self.plan.roads.iter().flat_map(|way| &way.line).copied().collect::<Vec<_>>();
        let wanted = |hole: &Vec<[i32; 2]>| roads.iter().any(|at| super::shape::holds(hole, *at));
        for rings in field.patches(least, wanted) {
            self.terrain.push(Patch { kind, rings });
        }
        self.layers.push((kind, field));
    }

    /// Terrain with exactly these rings.
    pub(super) fn ring(&mut self, kind: TerrainKind, rings: Vec<Vec<[i32; 2]>>) {
        self.terrain.push(Patch { kind, rings });
    }

    /// Paints ground that can be walked on where `value` is above 0 and no terrain lies.
    pub(super) fn ground(&mut self, kind: GroundKind, least: f64, value: impl Fn(Point) -> f64) {
        for rings in self.field(value).patches(least, |_| true) {
            self.ground.push(Patch { kind, rings });
        }
    }

    /// How deep a point lies in terrain; below 0 outside.
    pub(super) fn depth(&self, at: Point) -> f64 {
        self.layers.iter().map(|(_, field)| field.at(at)).fold(-1.0, f64::max)
    }

    /// The depth in all terrain laid so far, to be asked while things are put down.
    pub(super) fn depths(&self) -> Depths {
        Depths(self.layers.iter().map(|(_, field)| field.clone()).collect())
    }

    /// The same for one kind of terrain.
    pub(super) fn depths_of(&self, kind: TerrainKind) -> Depths {
        Depths(self.layers.iter().filter(|layer| layer.0 == kind).map(|(_, field)| field.clone()).collect())
    }

    /// How deep a point lies in terrain of this kind; below 0 outside.
    pub(super) fn depth_in(&self, kind: TerrainKind, at: Point) -> f64 {
        self.layers.iter().filter(|layer| layer.0 == kind).map(|(_, field)| field.at(at)).fold(-1.0, f64::max)
    }

    /// Strews things over the free ground, the denser the nearer `density` is to 1.
    pub(super) fn strew(&mut self, how: Strew, density: impl Fn(Point) -> f64) {
        for at in self.spots(how, density) {
            let size = self.chance_size(how, at);
            self.put(how.kind, at, size);
        }
    }

    /// Strews things within terrain, `depth` deep or deeper: they block nothing that is not blocked already.
    pub(super) fn fill(
        &mut self,
        how: Strew,
        terrain: TerrainKind,
        depth: f64,
        density: impl Fn(Point) -> f64,
    ) {
        for at in self.spots(how, density) {
            if self.depth_in(terrain, at) > depth {
                let size = self.chance_size(how, at);
                self.push(how.kind, at, size, None);
            }
        }
    }

    /// Puts a thing down, and says whether there was room for it.
    pub(super) fn put(&mut self, kind: PropKind, at: Point, size: i32) -> bool {
        let base = kind.base().map(|(rx, ry)| (rx * size / 100, ry * size / 100));
        let room = match base {
            None => self.depth(at) < -0.02 && self.plan.road_clearance(at) > -10.0,
            Some((rx, _)) => self.has_room(at, f64::from(rx) + GAP),
        };
        if room {
            self.push(kind, at, size, base);
        }
        room
    }

    /// Puts a thing down whatever is there; it blocks nothing.
    pub(super) fn lay_down(&mut self, kind: PropKind, at: Point, size: i32) {
        self.push(kind, at, size, None);
    }

    /// Whether something that blocks can stand here: within the map, off terrain, roads, rooms, and others like it.
    fn has_room(&self, at: Point, radius: f64) -> bool {
        let within = |v: f64, size: f64| v > radius && v < size - radius;
        let blocks = |prop: &Prop| {
            prop.base.is_some_and(|(rx, _)| {
                let reach = f64::from(rx) + radius - GAP * 1.4;
                distance(at, Point::new(f64::from(prop.x), f64::from(prop.y))) < reach
            })
        };
        within(at.x, self.width())
            && within(at.y, self.height())
            && self.depth(at) < -radius * 0.6 / SLOPE
            && self.plan.road_clearance(at) > radius - 30.0 * self.facts.wide
            && self.plan.is_off_rooms(at, radius)
            && !self.props.iter().any(blocks)
    }

    fn push(&mut self, kind: PropKind, at: Point, size: i32, base: Option<(i32, i32)>) {
        let (x, y) = ((at.x + 0.5).floor() as i32, (at.y + 0.5).floor() as i32);
        let variant = (hash(x.into(), y.into(), self.seed(90)) & 0xff) as u8;
        self.props.push(Prop { kind, x, y, size, variant, base });
    }

    fn chance_size(&self, how: Strew, at: Point) -> i32 {
        let (from, to) = how.size;
        from + (f64::from(to - from) * unit(at.x as i64, at.y as i64, self.seed(91))) as i32
    }

    /// One spot in each square of a chessboard, moved by chance, where the dice fall below the density.
    fn spots(&self, how: Strew, density: impl Fn(Point) -> f64) -> Vec<Point> {
        let seed = self.seed(100 + how.kind as u32);
        let count = |size: f64| (size / how.apart).ceil() as i64;
        let squares = (0..count(self.height())).flat_map(|y| (0..count(self.width())).map(move |x| (x, y)));
        let spot = |(x, y): (i64, i64)| {
            let place = |n: i64, chance: f64| (n as f64 + 0.1 + 0.8 * chance) * how.apart;
            Point::new(place(x, unit(x, y, seed)), place(y, unit(x, y, seed + 1)))
        };
        let within = |at: &Point| at.x < self.width() && at.y < self.height();
        squares
            .map(|square| (square, spot(square)))
            .filter(|((x, y), at)| within(at) && unit(*x, *y, seed + 2) < density(*at))
            .map(|(_, at)| at)
            .collect()
    }

    /// The finished scene: things from back to front.
    pub(super) fn finish(mut self) -> Scene {
        self.props.sort_by_key(|prop| (prop.y, prop.x));
        Scene {
            area: self.facts.area,
            name: self.facts.name,
            biome: self.facts.biome,
            seed: self.facts.seed,
            width: self.facts.width,
            height: self.facts.height,
            birth: self.facts.birth,
            zones: self.facts.zones.to_vec(),
            npcs: self.facts.npcs.to_vec(),
            roads: self.plan.roads.iter().map(super::plan::Way::drawn).chain(self.bridges).collect(),
            ground: self.ground,
            terrain: self.terrain,
            props: self.props,
        }
    }
}

/// How deep points lie in terrain.
#[derive(Debug)]
pub(super) struct Depths(Vec<Field>);

impl Depths {
    /// Above 0 in terrain, below 0 outside: a distance from its border in the scale of [`SLOPE`], roughly.
    pub(super) fn at(&self, at: Point) -> f64 {
        self.0.iter().map(|field| field.at(at)).fold(-1.0, f64::max)
    }
}

/// From 0 at `low` to 1 at `high`, for densities.
pub(super) fn rise(value: f64, low: f64, high: f64) -> f64 {
    ((value - low) / (high - low)).clamp(0.0, 1.0)
}
