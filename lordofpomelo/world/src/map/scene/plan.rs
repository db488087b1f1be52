//! The plan of an area before anything is put into it: roads that join all that must be reached, and how far any point is
//! from what must stay free.

use super::facts::Facts;
use super::noise::noise;
use super::shape::{centre, distance, smooth, to_line, to_rect};
use super::{Road, RoadKind};
use crate::{Point, Rect};

/// Roads stay this far from the border of the map, in pixels.
const MARGIN: f64 = 70.0;

/// A road is added where the way along those there are is this many times the straight one ...
const DETOUR: f64 = 2.2;

/// ... and the straight one is not longer than this share of the map's width and height together.
const SHORT: f64 = 0.24;

/// What stays free of an area.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) roads: Vec<Way>,
    rooms: Vec<(Rect, f64)>,
}

/// A road as it is planned.
#[derive(Debug, Clone)]
pub(super) struct Way {
    pub(super) kind: RoadKind,
    pub(super) line: Vec<Point>,
    wide: f64,
}

impl Way {
    /// From its middle, in pixels: the road as drawn is a little narrower than what is kept free for it.
    fn half(&self) -> f64 {
        let half = if self.kind == RoadKind::Road { 62.0 } else { 44.0 };
        half * self.wide
    }

    pub(super) fn drawn(&self) -> Road {
        self.part(self.kind, &self.line)
    }

    /// The stretches with `wet` ground on both sides.
    pub(super) fn bridges(&self, wet: impl Fn(Point) -> bool) -> Vec<Road> {
        let reach = self.half() + 26.0;
        let between = |n: &usize| {
            let (a, b) = (self.line[n - 1], self.line[n + 1]);
            let (length, at) = (distance(a, b).max(1.0), self.line[*n]);
            let (nx, ny) = ((a.y - b.y) / length * reach, (b.x - a.x) / length * reach);
            wet(Point::new(at.x + nx, at.y + ny)) && wet(Point::new(at.x - nx, at.y - ny))
        };
        let points: Vec<usize> = (1..self.line.len() - 1).filter(between).collect();
        let stretches = points.chunk_by(|a, b| a + 1 == *b);
        stretches.map(|s| self.part(RoadKind::Bridge, &self.line[s[0] - 1..=s[s.len() - 1] + 1])).collect()
    }

    fn part(&self, kind: RoadKind, line: &[Point]) -> Road {
        let width = if self.kind == RoadKind::Road { 88.0 } else { 48.0 };
        let whole = |p: &Point| [(p.x + 0.5).floor() as i32, (p.y + 0.5).floor() as i32];
        let mut points: Vec<_> = line.iter().map(whole).collect();
        points.dedup();
        Road { kind, width: (width * self.wide) as u32, points }
    }
}

impl Plan {
    pub(super) fn new(facts: &Facts) -> Self {
        let npcs = facts.npcs.iter().map(|(_, at)| Rect { x: at.x, y: at.y, width: 0.0, height: 0.0 });
        let mut rooms = vec![(facts.birth, facts.yard * 0.8)];
        rooms.extend(facts.free.iter().map(|rect| (*rect, 40.0)));
        rooms.extend(npcs.map(|rect| (rect, facts.yard)));
        // A road ends in each of these; a place of the game is worth a road, a zone of mobs a trail.
        let towns = rooms.len() - facts.free.len();
        rooms.extend(facts.zones.iter().map(|zone| (zone.rect, 25.0)));
        let mut nodes: Vec<Point> = vec![centre(facts.birth)];
        nodes.extend(facts.npcs.iter().map(|(_, at)| Point::new(at.x, at.y + 20.0)));
        nodes.extend(facts.zones.iter().map(|zone| centre(zone.rect)));
        let roads = join(&nodes, towns, f64::from(facts.width + facts.height));
        let way = |(kind, a, b)| Way { kind, line: wind(a, b, facts), wide: facts.wide };
        let roads = roads.into_iter().map(way).collect();
        Self { roads, rooms }
    }

    /// How far a point is from the nearest of what stays free, in pixels; below 0 in it.
    pub(super) fn clearance(&self, at: Point) -> f64 {
        self.rooms_clearance(at).min(self.road_clearance(at))
    }

    /// The same without the roads.
    pub(super) fn rooms_clearance(&self, at: Point) -> f64 {
        self.rooms.iter().map(|(rect, margin)| to_rect(at, *rect) - margin).fold(f64::INFINITY, f64::min)
    }

    /// Whether nothing that stays free is nearer to a point than this: rooms themselves, without the ground kept around them.
    /// NPCs have room for those who talk to them.
    pub(super) fn is_off_rooms(&self, at: Point, radius: f64) -> bool {
        let near = |rect: &Rect| if rect.width == 0.0 { 56.0 } else { 0.0 };
        self.rooms.iter().all(|(rect, _)| to_rect(at, *rect) > radius + near(rect))
    }

    /// How far a point is from the nearest edge of a road, in pixels; below 0 on it.
    pub(super) fn road_clearance(&self, at: Point) -> f64 {
        self.roads.iter().map(|way| to_line(at, &way.line) - way.half()).fold(f64::INFINITY, f64::min)
    }
}

/// The shortest roads that join all, and some more where the way would be long. The first `towns` are joined by wide ones.
fn join(nodes: &[Point], towns: usize, size: f64) -> Vec<(RoadKind, Point, Point)> {
    let mut pairs: Vec<(usize, usize)> =
        (0..nodes.len()).flat_map(|a| (a + 1..nodes.len()).map(move |b| (a, b))).collect();
    pairs.sort_by(|a, b| {
        let length = |pair: &(usize, usize)| distance(nodes[pair.0], nodes[pair.1]);
        length(a).total_cmp(&length(b))
    });
    let mut roads: Vec<(usize, usize)> = Vec::new();
    for (a, b) in pairs {
        let straight = distance(nodes[a], nodes[b]);
        let along = along(nodes, &roads, a)[b];
        if along.is_infinite() || (straight < SHORT * size && along > DETOUR * straight) {
            roads.push((a, b));
        }
    }
    let wide = used(nodes, &roads, towns);
    let kind = |n: usize| if wide[n] { RoadKind::Road } else { RoadKind::Trail };
    roads.iter().enumerate().map(|(n, (a, b))| (kind(n), nodes[*a], nodes[*b])).collect()
}

/// The length of the way along the roads from one node to each; infinite where there is none.
fn along(nodes: &[Point], roads: &[(usize, usize)], from: usize) -> Vec<f64> {
    let mut lengths = vec![f64::INFINITY; nodes.len()];
    lengths[from] = 0.0;
    // As often as a way can have roads.
    for _ in nodes {
        for (a, b) in roads {
            let road = distance(nodes[*a], nodes[*b]);
            lengths[*a] = lengths[*a].min(lengths[*b] + road);
            lengths[*b] = lengths[*b].min(lengths[*a] + road);
        }
    }
    lengths
}

/// Which roads lie on a shortest way between two of the first `towns` nodes.
fn used(nodes: &[Point], roads: &[(usize, usize)], towns: usize) -> Vec<bool> {
    let lengths: Vec<_> = (0..towns).map(|town| along(nodes, roads, town)).collect();
    let on_the_way = |(a, b): &(usize, usize)| {
        let road = distance(nodes[*a], nodes[*b]);
        let towns = (0..towns).flat_map(|s| (0..towns).map(move |t| (s, t)));
        towns
            .filter(|(s, t)| s != t)
            .any(|(s, t)| (lengths[s][*a] + road + lengths[t][*b] - lengths[s][t]).abs() < 0.01)
    };
    roads.iter().map(on_the_way).collect()
}

/// A winding line from one point to another.
fn wind(a: Point, b: Point, facts: &Facts) -> Vec<Point> {
    let length = distance(a, b);
    let pieces = (length / facts.stride).floor().max(1.0);
    let (nx, ny) = ((a.y - b.y) / length.max(1.0), (b.x - a.x) / length.max(1.0));
    let point = |n: u32| {
        let part = f64::from(n) / pieces;
        let (x, y) = (a.x + (b.x - a.x) * part, a.y + (b.y - a.y) * part);
        // Most in the middle, nothing at the ends.
        let swing = 4.0 * part * (1.0 - part) * (length * 0.28).min(facts.stride);
        let off = (noise(Point::new(x, y), facts.stride * 1.6, facts.seed + 40) - 0.5) * 2.0 * swing;
        let within = |v: f64, size: u32| v.clamp(MARGIN, f64::from(size) - MARGIN);
        Point::new(within(x + nx * off, facts.width), within(y + ny * off, facts.height))
    };
    let mut line: Vec<_> = (0..=pieces as u32).map(point).collect();
    let last = line.len() - 1;
    (line[0], line[last]) = (a, b);
    smooth(&line)
}
