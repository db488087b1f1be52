//! A number for each point of a lattice over the map; where it is above 0 there is ground of some kind, and the borders of
//! that ground are rings.

use std::collections::BTreeMap;

use super::shape::{Ring, area, holds, rounded, soft};
use crate::Point;

/// How far a ring may be from the true border, in pixels.
const TOLERANCE: f64 = 2.0;

/// Values on a lattice that covers the map, with a rim outside it where they are below 0.
#[derive(Debug, Clone)]
pub(super) struct Field {
    width: f64,
    height: f64,
    step: f64,
    columns: usize,
    values: Vec<f64>,
}

/// Ground between an outer ring, the first, and its holes.
pub(super) type Patch = Vec<Ring>;

impl Field {
    /// The values of `f` over a map of this size, `step` pixels apart.
    pub(super) fn new(width: f64, height: f64, step: f64, f: impl Fn(Point) -> f64) -> Self {
        let count = |size: f64| (size / step).ceil() as usize + 3;
        let (columns, rows) = (count(width), count(height));
        let rim = |n: usize, count: usize| n == 0 || n == count - 1;
        let value = |n: usize| {
            let (x, y) = (n % columns, n / columns);
            if rim(x, columns) || rim(y, rows) { -1.0 } else { f(Self::node(x, y, step)) }
        };
        Self { width, height, step, columns, values: (0..columns * rows).map(value).collect() }
    }

    fn node(x: usize, y: usize, step: f64) -> Point {
        Point::new((x as f64 - 1.0) * step, (y as f64 - 1.0) * step)
    }

    /// Sinks the field until this share of the map is above 0, where the other field allows it: the lower of both counts.
    pub(super) fn within(mut self, limit: &Self, share: f64) -> Self {
        let mut possible: Vec<f64> = self
            .values
            .iter()
            .zip(&limit.values)
            .filter(|(_, limit)| **limit > 0.0)
            .map(|(value, _)| *value)
            .collect();
        possible.sort_by(|a, b| b.total_cmp(a));
        // Without the rim.
        let inside = (self.columns - 2) * (self.values.len() / self.columns - 2);
        let wanted = (inside as f64 * share) as usize;
        let level = possible.get(wanted).or(possible.last()).copied().unwrap_or(0.0);
        for (value, limit) in self.values.iter_mut().zip(&limit.values) {
            *value = (*value - level).min(*limit);
        }
        self
    }

    /// Lowers the field everywhere.
    pub(super) fn lower(&mut self, by: f64) {
        for value in &mut self.values {
            *value -= by;
        }
    }

    /// Lowers the field where another is above 0 or nearly so.
    pub(super) fn keep_off(&mut self, other: &Self, gap: f64) {
        for (value, other) in self.values.iter_mut().zip(&other.values) {
            *value = value.min(-*other - gap);
        }
    }

    /// The value at a point of the map.
    pub(super) fn at(&self, at: Point) -> f64 {
        let place = |v: f64, size: f64| v.clamp(0.0, size) / self.step + 1.0;
        let (x, y) = (place(at.x, self.width), place(at.y, self.height));
        let (column, row) = (x.floor(), y.floor());
        let (u, v) = (x - column, y - row);
        let value =
            |dx: usize, dy: usize| self.values[(row as usize + dy) * self.columns + column as usize + dx];
        let upper = value(0, 0) * (1.0 - u) + value(1, 0) * u;
        let lower = value(0, 1) * (1.0 - u) + value(1, 1) * u;
        upper * (1.0 - v) + lower * v
    }

    /// The ground above 0. Ground smaller than `least` (pixels in a square) is left out; a hole stays if `wanted` says so.
    pub(super) fn patches(&self, least: f64, wanted: impl Fn(&Ring) -> bool) -> Vec<Patch> {
        let least = (2.0 * least * least) as i64;
        let rings = self.rings().into_iter().filter(|ring| ring.len() > 2);
        let (outer, holes): (Vec<Ring>, Vec<Ring>) = rings.partition(|ring| area(ring) > 0);
        let mut patches: Vec<Patch> =
            outer.into_iter().filter(|ring| area(ring) >= least).map(|ring| vec![ring]).collect();
        for hole in holes.into_iter().filter(wanted) {
            let inside = Point::new(f64::from(hole[0][0]), f64::from(hole[0][1]));
            let around = patches.iter_mut().filter(|patch| holds(&patch[0], inside));
            if let Some(patch) = around.min_by_key(|patch| area(&patch[0])) {
                patch.push(hole);
            }
        }
        patches
    }

    /// The borders, with the ground on one side: outer rings turn one way, holes the other.
    fn rings(&self) -> Vec<Ring> {
        let mut next = self.borders();
        let mut rings = Vec::new();
        while let Some((first, mut here)) = next.pop_first() {
            let mut points = vec![self.crossing(first)];
            while here != first {
                points.push(self.crossing(here));
                let Some(following) = next.remove(&here) else { break };
                here = following;
            }
            rings.push(rounded(&soft(&points), TOLERANCE));
        }
        rings
    }

    /// For each crossing of a lattice line the one that follows it, cell by cell (marching squares).
    fn borders(&self) -> BTreeMap<Crossing, Crossing> {
        let mut next = BTreeMap::new();
        let above = |node: usize| self.values[node] > 0.0;
        for node in 0..self.values.len() - self.columns - 1 {
            if node % self.columns == self.columns - 1 {
                continue;
            }
            let corners = [node, node + 1, node + self.columns + 1, node + self.columns];
            let [top, right] = [Crossing { node, down: false }, Crossing { node: node + 1, down: true }];
            let [bottom, left] = [Crossing { node: corners[3], down: false }, Crossing { node, down: true }];
            let middle = corners.iter().map(|corner| self.values[*corner]).sum::<f64>() > 0.0;
            let pattern = corners.map(above);
            let lines: &[(Crossing, Crossing)] = match (pattern, middle) {
                ([false, false, false, false] | [true, true, true, true], _) => &[],
                ([true, false, false, false], _) => &[(top, left)],
                ([false, true, false, false], _) => &[(right, top)],
                ([false, false, true, false], _) => &[(bottom, right)],
                ([false, false, false, true], _) => &[(left, bottom)],
                ([true, true, false, false], _) => &[(right, left)],
                ([false, true, true, false], _) => &[(bottom, top)],
                ([false, false, true, true], _) => &[(left, right)],
                ([true, false, false, true], _) => &[(top, bottom)],
                ([false, true, true, true], _) => &[(left, top)],
                ([true, false, true, true], _) => &[(top, right)],
                ([true, true, false, true], _) => &[(right, bottom)],
                ([true, true, true, false], _) => &[(bottom, left)],
                ([true, false, true, false], true) => &[(top, right), (bottom, left)],
                ([true, false, true, false], false) => &[(top, left), (bottom, right)],
                ([false, true, false, true], true) => &[(left, top), (right, bottom)],
                ([false, true, false, true], false) => &[(right, top), (left, bottom)],
            };
            next.extend(lines.iter().copied());
        }
        next
    }

    /// Where the value is 0 between two nodes, within the map.
    fn crossing(&self, at: Crossing) -> Point {
        let other = if at.down { at.node + self.columns } else { at.node + 1 };
        let (from, to) = (self.values[at.node], self.values[other]);
        let part = from / (from - to);
        let a = Self::node(at.node % self.columns, at.node / self.columns, self.step);
        let b = Self::node(other % self.columns, other / self.columns, self.step);
        let (x, y) = (a.x + (b.x - a.x) * part, a.y + (b.y - a.y) * part);
        Point::new(x.clamp(0.0, self.width), y.clamp(0.0, self.height))
    }
}

/// A crossing between a node and the one to the right of it or below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Crossing {
    node: usize,
    down: bool,
}

#[cfg(test)]
mod tests {
    use super::super::shape::distance;
    use super::*;

    fn disc(x: f64, y: f64, radius: f64) -> impl Fn(Point) -> f64 {
        move |at| (radius - distance(at, Point::new(x, y))) / 100.0
    }

    #[test]
    fn ground_has_its_area_and_its_holes() {
        let ring = |at| disc(500.0, 500.0, 300.0)(at).min(-disc(500.0, 500.0, 150.0)(at));
        let patches = Field::new(1000.0, 1000.0, 40.0, ring).patches(40.0, |_| true);
        assert_eq!((patches.len(), patches[0].len()), (1, 2));
        let size = patches[0].iter().map(area).sum::<i64>() as f64 / 2.0;
        let expected = std::f64::consts::PI * (300.0 * 300.0 - 150.0 * 150.0);
        assert!((size / expected - 1.0).abs() < 0.05, "{size} {expected}");
        let filled = Field::new(1000.0, 1000.0, 40.0, ring).patches(40.0, |_| false);
        assert_eq!(filled[0].len(), 1);
    }

    #[test]
    fn ground_ends_at_the_border_of_the_map() {
        let patches = Field::new(410.0, 330.0, 40.0, |_| 1.0).patches(40.0, |_| true);
        let (x, y): (Vec<_>, Vec<_>) = patches[0][0].iter().map(|point| (point[0], point[1])).unzip();
        assert_eq!((x.iter().min(), x.iter().max()), (Some(&0), Some(&410)));
        assert_eq!((y.iter().min(), y.iter().max()), (Some(&0), Some(&330)));
    }

    #[test]
    fn a_field_sinks_to_the_share_asked_for() {
        let limit = Field::new(1000.0, 1000.0, 20.0, |at| at.x - 300.0);
        let field = Field::new(1000.0, 1000.0, 20.0, |at| at.y + at.x / 99.0).within(&limit, 0.2);
        let above =
            field.values.iter().filter(|value| **value > 0.0).count() as f64 / field.values.len() as f64;
        assert!((above - 0.2).abs() < 0.02, "{above}");
        assert!(field.at(Point::new(100.0, 900.0)) < 0.0 && field.at(Point::new(900.0, 980.0)) > 0.0);
    }
}
