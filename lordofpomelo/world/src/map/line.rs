//! Whether one can walk straight from one point to another, and whether a client's path is one that can be walked.

use serde::Deserialize;

use super::grid::{Grid, TILE};
use crate::Point;

/// How far apart the points are that are looked at along a line, in pixels: less than a tile, so that none is stepped over.
const STEP: f64 = 10.0;

/// Which lines are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lines {
    /// All but those exactly along an axis: clients of the original plan with this check and send what passes it.
    #[default]
    Lenient,
    /// All.
    Strict,
}

impl Grid {
    /// Whether no blocked tile lies between two points.
    #[must_use]
    pub fn is_line_free(&self, from: Point, to: Point, lines: Lines) -> bool {
        if lines == Lines::Lenient && (from.x == to.x || from.y == to.y) {
            return true;
        }
        let length = from.distance(to);
        if !length.is_finite() || length > f64::from(self.width()) + f64::from(self.height()) {
            return false;
        }
        let (steps, mut here) = ((length / STEP).floor() as u32, from);
        if !self.is_walkable(from) {
            return false;
        }
        for step in 1..=steps + 1 {
            let part = (f64::from(step) * STEP / length).min(1.0);
            let next = if step > steps {
                to
            } else {
                Point::new(from.x + (to.x - from.x) * part, from.y + (to.y - from.y) * part)
            };
            if !self.is_step_free(here, next) {
                return false;
            }
            here = next;
        }
        true
    }

    /// Whether a path is one that can be walked: two points or more, all of them walkable, all lines between them free.
    #[must_use]
    pub fn is_path_free(&self, path: &[Point], lines: Lines) -> bool {
        path.len() >= 2
            && path.iter().all(|point| self.is_walkable(*point))
            && path.windows(2).all(|pair| self.is_line_free(pair[0], pair[1], lines))
    }

    /// One step of a line, from a walkable point. Where it crosses a corner, the tile between counts as well.
    fn is_step_free(&self, from: Point, to: Point) -> bool {
        if !self.is_walkable(to) {
            return false;
        }
        let tile = |point: Point| ((point.x / TILE).floor(), (point.y / TILE).floor());
        let ((from_column, from_row), (to_column, to_row)) = (tile(from), tile(to));
        if from_column == to_column || from_row == to_row {
            return true;
        }
        let (side, level) = (from_column.max(to_column) * TILE, from_row.max(to_row) * TILE);
        let slope = (to.y - from.y) / (to.x - from.x);
        let middle = (from.x + (level - from.y) / slope).midpoint(side);
        self.is_walkable(Point::new(middle, from.y + (middle - from.x) * slope))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::grid::tests::vector_grid;
    use super::*;
    use crate::Rect;

    fn free(from: (f64, f64), to: (f64, f64), lines: Lines) -> bool {
        vector_grid().is_line_free(Point::new(from.0, from.1), Point::new(to.0, to.1), lines)
    }

    #[test]
    fn the_lenient_check_passes_lines_along_an_axis_and_the_strict_one_does_not() {
        assert!(free((10.0, 50.0), (150.0, 50.0), Lines::Lenient));
        assert!(!free((10.0, 50.0), (150.0, 50.0), Lines::Strict));
        assert!(!free((10.0, 30.0), (150.0, 50.0), Lines::Lenient));
        assert!(!free((10.0, 30.0), (150.0, 50.0), Lines::Strict));
        assert!(free((10.0, 10.0), (30.0, 110.0), Lines::Strict));
    }

    #[test]
    fn a_corner_that_is_cut_must_be_free() {
        let mut grid = Grid::new(60, 60);
        grid.block_rect(Rect { x: 20.0, y: 0.0, width: 20.0, height: 20.0 });
        // From tile (0,0) to (1,1), once through (1,0) and once through (0,1).
        assert!(!grid.is_line_free(Point::new(16.0, 15.0), Point::new(24.0, 22.0), Lines::Strict));
        assert!(grid.is_line_free(Point::new(15.0, 16.0), Point::new(22.0, 24.0), Lines::Strict));
    }

    #[test]
    fn a_path_needs_two_walkable_points() {
        let grid = vector_grid();
        let path = |points: &[(f64, f64)]| {
            let points: Vec<_> = points.iter().map(|(x, y)| Point::new(*x, *y)).collect();
            grid.is_path_free(&points, Lines::Lenient)
        };
        assert!(path(&[(10.0, 10.0), (30.0, 110.0), (10.0, 110.0)]));
        assert!(!path(&[(10.0, 10.0)]));
        assert!(!path(&[]));
        assert!(!path(&[(10.0, 50.0), (50.0, 50.0)]));
        assert!(!path(&[(10.0, 10.0), (f64::NAN, 10.0)]));
        assert!(!path(&[(10.0, 10.0), (1e300, 1e299)]));
    }

    proptest! {
        #[test]
        fn a_strictly_free_line_touches_no_blocked_tile(
            rects in prop::collection::vec((0..30_u32, 0..20_u32, 1..5_u32, 1..5_u32), 1..25),
            (ax, ay, bx, by) in (0.0..600.0, 0.0..400.0, 0.0..600.0, 0.0..400.0),
        ) {
            let mut grid = Grid::new(600, 400);
            for (x, y, w, h) in rects {
                let px = |n: u32| f64::from(n) * TILE;
                grid.block_rect(Rect { x: px(x), y: px(y), width: px(w), height: px(h) });
            }
            let (a, b) = (Point::new(ax, ay), Point::new(bx, by));
            let fine = |n: u32| {
                let part = f64::from(n) / 20_000.0;
                grid.is_walkable(Point::new(ax + (bx - ax) * part, ay + (by - ay) * part))
            };
            if grid.is_line_free(a, b, Lines::Strict) {
                prop_assert!((0..=20_000).all(fine));
                prop_assert!(grid.is_line_free(a, b, Lines::Lenient));
            }
        }
    }
}
