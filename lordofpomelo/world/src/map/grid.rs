//! The tiles of a map and which of them are blocked. Not here: lines and ways across them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Point, Rect};

/// Side of a tile, in pixels.
pub const TILE: f64 = 20.0;

/// From a tile's middle to the four points that are looked at in it, in pixels each way.
const SAMPLE: f64 = 5.0;

/// Column and row of a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tile {
    /// Column, from the left.
    pub x: u32,
    /// Row, from the top.
    pub y: u32,
}

impl Tile {
    /// Its middle, in pixels.
    #[must_use]
    pub fn centre(self) -> Point {
        Point::new((f64::from(self.x) + 0.5) * TILE, (f64::from(self.y) + 0.5) * TILE)
    }
}

/// Blocked tiles below each other in one column, as clients are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// Row of the first.
    pub start: u32,
    /// How many.
    pub length: u32,
}

/// Which tiles of a map are blocked.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    width: u32,
    height: u32,
    columns: u32,
    rows: u32,
    /// Row by row.
    blocked: Vec<bool>,
}

impl Grid {
    /// A grid without obstacles over a map of this size in pixels.
    #[must_use]
    pub fn new(width: u32, height: u32) -> Self {
        let tiles = |size: u32| size.div_ceil(TILE as u32);
        let (columns, rows) = (tiles(width), tiles(height));
        Self { width, height, columns, rows, blocked: vec![false; columns as usize * rows as usize] }
    }

    /// Width of the map, in pixels.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height of the map, in pixels.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.height
    }

    /// How many tiles lie beside each other.
    #[must_use]
    pub fn columns(&self) -> u32 {
        self.columns
    }

    /// How many tiles lie below each other.
    #[must_use]
    pub fn rows(&self) -> u32 {
        self.rows
    }

    /// The tile of a point, or none for a point outside the map.
    #[must_use]
    pub fn tile(&self, at: Point) -> Option<Tile> {
        let inside =
            at.x >= 0.0 && at.x < f64::from(self.width) && at.y >= 0.0 && at.y < f64::from(self.height);
        inside.then(|| Tile { x: (at.x / TILE) as u32, y: (at.y / TILE) as u32 })
    }

    /// Whether a tile is blocked, or outside the map.
    #[must_use]
    pub fn is_blocked(&self, tile: Tile) -> bool {
        self.index(tile).is_none_or(|index| self.blocked[index])
    }

    /// Whether one can stand at a point: it lies on the map, on a tile that is not blocked.
    #[must_use]
    pub fn is_walkable(&self, at: Point) -> bool {
        self.tile(at).is_some_and(|tile| !self.is_blocked(tile))
    }

    /// Blocks the tiles that an upright rectangle touches.
    pub fn block_rect(&mut self, rect: Rect) {
        let (columns, rows) = (span(rect.x, rect.x + rect.width), span(rect.y, rect.y + rect.height));
        self.block(columns, rows, |_| true);
    }

    /// Blocks the tiles of which one of four points near the middle is in the polygon or on its edge; inside is what a line to
    /// the outside leaves through an odd number of edges. The last point is connected to the first.
    pub fn block_polygon(&mut self, points: &[Point]) {
        let bounds = |axis: fn(&Point) -> f64| {
            let values = || points.iter().map(axis);
            span(values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max))
        };
        let (columns, rows) = (bounds(|p| p.x), bounds(|p| p.y));
        self.block(columns, rows, |tile| {
            let centre = tile.centre();
            [(-SAMPLE, -SAMPLE), (SAMPLE, -SAMPLE), (-SAMPLE, SAMPLE), (SAMPLE, SAMPLE)]
                .iter()
                .any(|(x, y)| is_inside(Point::new(centre.x + x, centre.y + y), points))
        });
    }

    /// For each column from the left its blocked runs from the top.
    #[must_use]
    pub fn runs(&self) -> Vec<Vec<Run>> {
        (0..self.columns).map(|x| self.runs_of(x)).collect()
    }

    fn runs_of(&self, x: u32) -> Vec<Run> {
        let mut runs: Vec<Run> = Vec::new();
        for y in (0..self.rows).filter(|y| self.is_blocked(Tile { x, y: *y })) {
            match runs.last_mut() {
                Some(run) if run.start + run.length == y => run.length += 1,
                _ => runs.push(Run { start: y, length: 1 }),
            }
        }
        runs
    }

    /// The share of blocked tiles, from 0 to 1.
    #[must_use]
    pub fn blocked_share(&self) -> f64 {
        self.blocked.iter().filter(|blocked| **blocked).count() as f64 / self.blocked.len().max(1) as f64
    }

    /// For each tile, row by row, whether a way over free tiles leads to it from this one.
    pub(super) fn connected_to(&self, from: Tile) -> Vec<bool> {
        let (mut reached, mut open) = (vec![false; self.blocked.len()], vec![from]);
        while let Some(tile) = open.pop() {
            let Some(index) = self.index(tile).filter(|index| !self.blocked[*index]) else { continue };
            if !std::mem::replace(&mut reached[index], true) {
                let Tile { x, y } = tile;
                // One to the left of column 0 is a column that no grid has.
                let beside = [(x + 1, y), (x, y + 1), (x.wrapping_sub(1), y), (x, y.wrapping_sub(1))];
                open.extend(beside.map(|(x, y)| Tile { x, y }));
            }
        }
        reached
    }

    pub(super) fn index(&self, tile: Tile) -> Option<usize> {
        let inside = tile.x < self.columns && tile.y < self.rows;
        inside.then(|| tile.y as usize * self.columns as usize + tile.x as usize)
    }

    /// Whether each tile is blocked, row by row.
    pub(super) fn tiles(&self) -> &[bool] {
        &self.blocked
    }

    fn block(&mut self, columns: (i64, i64), rows: (i64, i64), hit: impl Fn(Tile) -> bool) {
        let clip = |(from, to): (i64, i64), size: u32| {
            from.clamp(0, size.into()) as u32..to.clamp(0, size.into()) as u32
        };
        for y in clip(rows, self.rows) {
            for x in clip(columns, self.columns) {
                let tile = Tile { x, y };
                if let Some(index) = self.index(tile)
                    && !self.blocked[index]
                {
                    self.blocked[index] = hit(tile);
                }
            }
        }
    }
}

/// The tiles from one coordinate to another, the last excluded.
fn span(from: f64, to: f64) -> (i64, i64) {
    ((from / TILE).floor() as i64, (to / TILE).ceil() as i64)
}

/// Whether a point is in a polygon or exactly on one of its edges.
fn is_inside(at: Point, polygon: &[Point]) -> bool {
    let mut inside = false;
    for (n, a) in polygon.iter().enumerate() {
        let b = &polygon[(n + 1) % polygon.len()];
        let cross = (b.x - a.x) * (at.y - a.y) - (b.y - a.y) * (at.x - a.x);
        let beside = |p: f64, q: f64, v: f64| p.min(q) <= v && v <= p.max(q);
        if cross == 0.0 && beside(a.x, b.x, at.x) && beside(a.y, b.y, at.y) {
            return true;
        }
        // An edge counts for the points from its upper end to above its lower end, so that a corner counts once.
        if (a.y > at.y) != (b.y > at.y) && (cross > 0.0) == (b.y > a.y) {
            inside = !inside;
        }
    }
    inside
}

#[cfg(test)]
pub(super) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The area of the test vectors: a triangle and a rectangle.
    pub(in super::super) fn vector_grid() -> Grid {
        let mut grid = Grid::new(200, 120);
        grid.block_polygon(&[Point::new(40.0, 20.0), Point::new(100.0, 20.0), Point::new(40.0, 80.0)]);
        grid.block_rect(Rect { x: 120.0, y: 65.0, width: 20.0, height: 30.0 });
        grid
    }

    fn drawn(grid: &Grid) -> Vec<String> {
        let row =
            |y| (0..grid.columns()).map(|x| if grid.is_blocked(Tile { x, y }) { '#' } else { '.' }).collect();
        (0..grid.rows()).map(row).collect()
    }

    #[test]
    fn polygons_and_rectangles_block_the_tiles_of_the_vector() {
        let grid = vector_grid();
        assert_eq!(
            drawn(&grid),
            ["..........", "..###.....", "..##......", "..#...#...", "......#...", ".........."]
        );
        let run = |start, length| vec![Run { start, length }];
        let mut runs = vec![vec![]; 10];
        (runs[2], runs[3], runs[4], runs[6]) = (run(1, 3), run(1, 2), run(1, 1), run(3, 2));
        assert_eq!(grid.runs(), runs);
    }

    #[test]
    fn a_column_has_a_run_for_each_piece() {
        let mut grid = Grid::new(20, 130);
        grid.block_rect(Rect { x: 0.0, y: 0.0, width: 5.0, height: 20.0 });
        grid.block_rect(Rect { x: -50.0, y: 65.0, width: 100.0, height: 500.0 });
        assert_eq!(grid.runs(), [vec![Run { start: 0, length: 1 }, Run { start: 3, length: 4 }]]);
    }

    #[test]
    fn outside_the_map_nothing_is_walkable() {
        let grid = Grid::new(50, 30);
        assert_eq!((grid.columns(), grid.rows()), (3, 2));
        assert!(grid.is_walkable(Point::new(49.9, 29.9)));
        for (x, y) in
            [(-0.1, 5.0), (5.0, -0.1), (50.0, 5.0), (5.0, 30.0), (f64::NAN, 5.0), (5.0, f64::INFINITY)]
        {
            assert!(!grid.is_walkable(Point::new(x, y)), "{x},{y}");
        }
    }

    #[test]
    fn a_hole_joined_by_a_slit_stays_free() {
        let outer = [(0.0, 0.0), (200.0, 0.0), (200.0, 200.0), (0.0, 200.0), (0.0, 0.0)];
        let hole = [(60.0, 60.0), (60.0, 140.0), (140.0, 140.0), (140.0, 60.0), (60.0, 60.0)];
        let points: Vec<_> = outer.iter().chain(&hole).map(|(x, y)| Point::new(*x, *y)).collect();
        let mut grid = Grid::new(200, 200);
        grid.block_polygon(&points);
        assert_eq!(grid.blocked.iter().filter(|blocked| !**blocked).count(), 16);
        assert!(grid.is_walkable(Point::new(100.0, 100.0)));
    }

    proptest! {
        #[test]
        fn runs_say_what_is_blocked(
            rects in prop::collection::vec((-50.0..400.0, -50.0..300.0, 0.0..90.0, 0.0..90.0), 0..12)
        ) {
            let mut grid = Grid::new(330, 210);
            for (x, y, width, height) in rects {
                grid.block_rect(Rect { x, y, width, height });
            }
            let runs = grid.runs();
            prop_assert_eq!(runs.len(), grid.columns() as usize);
            for (x, runs) in (0..).zip(&runs) {
                for y in 0..grid.rows() {
                    let told = runs.iter().any(|run| run.start <= y && y < run.start + run.length);
                    prop_assert_eq!(told, grid.is_blocked(Tile { x, y }));
                }
            }
        }

        #[test]
        fn a_polygon_blocks_the_same_wherever_it_begins_and_whichever_way_it_turns(
            points in prop::collection::vec((0..300_i32, 0..300_i32), 3..9),
            first in 0..9_usize,
        ) {
            let points: Vec<_> = points.iter().map(|(x, y)| Point::new(f64::from(*x), f64::from(*y))).collect();
            let mut other = points.clone();
            other.rotate_left(first % points.len());
            other.reverse();
            let (mut a, mut b) = (Grid::new(300, 300), Grid::new(300, 300));
            a.block_polygon(&points);
            b.block_polygon(&other);
            prop_assert_eq!(a, b);
        }
    }
}
