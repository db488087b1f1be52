//! The way from one point of a map to another: straight where nothing stands between, else the cheapest way over the tiles,
//! smoothed. Not here: walking it.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::sync::Arc;

use super::grid::{Grid, Tile};
use super::line::Lines;
use crate::Point;

/// How many ways between two tiles are remembered; the oldest goes first.
pub const REMEMBERED: usize = 1000;

/// How often points are left out that the one before sees past.
const SMOOTHINGS: u32 = 3;

/// A way, start and end included.
#[derive(Debug, Clone, PartialEq)]
pub struct Route {
    /// Two points or more.
    pub points: Vec<Point>,
    /// Its length in pixels.
    pub cost: f64,
}

impl Route {
    fn new(points: Vec<Point>) -> Self {
        let cost = points.windows(2).map(|pair| pair[0].distance(pair[1])).sum();
        Self { points, cost }
    }
}

/// Finds ways on one map. Keeps the memory of a search for the next one.
///
/// ```
/// use std::sync::Arc;
/// use lordofpomelo_world::{Point, Rect, map::{Grid, PathFinder}};
///
/// let mut grid = Grid::new(200, 200);
/// grid.block_rect(Rect { x: 100.0, y: 0.0, width: 20.0, height: 180.0 });
/// let mut finder = PathFinder::new(Arc::new(grid));
/// let way = finder.find(Point::new(33.0, 33.0), Point::new(166.0, 34.0)).expect("there is one below the wall");
/// assert_eq!((way.points[0], way.points.len()), (Point::new(33.0, 33.0), 4));
/// ```
#[derive(Debug)]
pub struct PathFinder {
    grid: Arc<Grid>,
    /// Number of the search that last met a tile: what the other lists say of it is of that search.
    met: Vec<u32>,
    search: u32,
    /// Steps from the start.
    cost: Vec<u32>,
    /// The tile before.
    before: Vec<u32>,
    /// Tiles to look at: the bits of a positive `f32`, which sort like the number, above the complement of the tile's index: of
    /// tiles as near, the last one goes first.
    open: BinaryHeap<Reverse<u64>>,
    known: HashMap<(Tile, Tile), Option<Arc<Route>>>,
    oldest: VecDeque<(Tile, Tile)>,
}

impl PathFinder {
    /// A finder for one map.
    #[must_use]
    pub fn new(grid: Arc<Grid>) -> Self {
        let tiles = grid.tiles().len();
        Self {
            grid,
            met: vec![0; tiles],
            search: 0,
            cost: vec![0; tiles],
            before: vec![0; tiles],
            open: BinaryHeap::new(),
            known: HashMap::new(),
            oldest: VecDeque::new(),
        }
    }

    /// The map on which it finds ways.
    #[must_use]
    pub fn grid(&self) -> &Arc<Grid> {
        &self.grid
    }

    /// The way from exactly `from` to exactly `to`, or none. All its lines are free, those along an axis too.
    pub fn find(&mut self, from: Point, to: Point) -> Option<Route> {
        let (start, end) = (self.grid.tile(from)?, self.grid.tile(to)?);
        if !self.grid.is_walkable(from) || !self.grid.is_walkable(to) {
            return None;
        }
        if let Some(straight) = self.straight(from, to) {
            return Some(straight);
        }
        let mut points = self.search(start, end)?;
        if let [first, .., last] = points.as_mut_slice() {
            (*first, *last) = (from, to);
        }
        self.smooth(&mut points);
        Some(Route::new(points))
    }

    /// The straight way from exactly `from` to exactly `to`, if it is free. Costs what looking at its tiles costs.
    pub fn straight(&self, from: Point, to: Point) -> Option<Route> {
        let is_free = self.grid.is_walkable(from)
            && self.grid.is_walkable(to)
            && self.grid.is_line_free(from, to, Lines::Strict);
        is_free.then(|| Route::new(vec![from, to]))
    }

    /// How many ways were searched for.
    #[cfg(test)]
    pub(crate) fn searches(&self) -> u32 {
        self.search
    }

    /// The way from the middle of one tile to the middle of another, or none. The last [`REMEMBERED`] answers are kept: this is
    /// for who walks the same ways again and again.
    pub fn between(&mut self, from: Tile, to: Tile) -> Option<Arc<Route>> {
        if let Some(known) = self.known.get(&(from, to)) {
            return known.clone();
        }
        let found = self.find(from.centre(), to.centre()).map(Arc::new);
        if self.oldest.len() >= REMEMBERED
            && let Some(oldest) = self.oldest.pop_front()
        {
            self.known.remove(&oldest);
        }
        self.oldest.push_back((from, to));
        self.known.insert((from, to), found.clone());
        found
    }

    /// The middles of the tiles of a cheapest way, in steps to the four neighbours; start and end are two different tiles that
    /// are not blocked. A* with the straight distance as what is left at least.
    fn search(&mut self, start: Tile, end: Tile) -> Option<Vec<Point>> {
        self.search = self.search.wrapping_add(1);
        if self.search == 0 {
            self.met.fill(0);
            self.search = 1;
        }
        self.open.clear();
        let (columns, rows) = (self.grid.columns(), self.grid.rows());
        let index = |tile: Tile| tile.y * columns + tile.x;
        let (start, goal) = (index(start), index(end));
        self.reach(start, start, 0, end);
        while let Some(Reverse(next)) = self.open.pop() {
            let here = !(next as u32);
            if here == goal {
                return Some(self.points_to(goal, start));
            }
            let (x, y, cost) = (here % columns, here / columns, self.cost[here as usize] + 1);
            if x > 0 {
                self.reach(here - 1, here, cost, end);
            }
            if x + 1 < columns {
                self.reach(here + 1, here, cost, end);
            }
            if y > 0 {
                self.reach(here - columns, here, cost, end);
            }
            if y + 1 < rows {
                self.reach(here + columns, here, cost, end);
            }
        }
        None
    }

    /// Notes a way to a tile, if the tile is free and no way as short was known.
    fn reach(&mut self, index: u32, before: u32, cost: u32, end: Tile) {
        let at = index as usize;
        let known = self.met[at] == self.search && self.cost[at] <= cost;
        if known || self.grid.tiles()[at] {
            return;
        }
        (self.met[at], self.cost[at], self.before[at]) = (self.search, cost, before);
        let (x, y) = (index % self.grid.columns(), index / self.grid.columns());
        let (dx, dy) = (x.abs_diff(end.x) as f32, y.abs_diff(end.y) as f32);
        let guess = cost as f32 + (dx * dx + dy * dy).sqrt();
        self.open.push(Reverse(u64::from(guess.to_bits()) << 32 | u64::from(!index)));
    }

    fn points_to(&self, goal: u32, start: u32) -> Vec<Point> {
        let columns = self.grid.columns();
        let centre = |index: u32| Tile { x: index % columns, y: index / columns }.centre();
        let mut points = vec![centre(goal)];
        let mut here = goal;
        while here != start {
            here = self.before[here as usize];
            points.push(centre(here));
        }
        points.reverse();
        points
    }

    /// Leaves out points without which the way is the same, and points that the one before sees past.
    fn smooth(&self, points: &mut Vec<Point>) {
        straighten(points, |_, _| true);
        for _ in 0..SMOOTHINGS {
            self.cut_corners(points);
        }
        // A slanting line that passes a tile's corner may be free in pieces and not as a whole: it is looked at in steps from its start.
        straighten(points, |from, to| self.grid.is_line_free(from, to, Lines::Strict));
    }

    /// Where a point sees the one after the next, the next is left out.
    fn cut_corners(&self, points: &mut Vec<Point>) {
        let (mut kept, mut n) = (0, 0);
        while n < points.len() {
            let here = points[n];
            points[kept] = here;
            kept += 1;
            let sees = |next: &Point| self.grid.is_line_free(here, *next, Lines::Strict);
            n += if points.get(n + 2).is_some_and(sees) { 2 } else { 1 };
        }
        points.truncate(kept);
    }
}

/// Leaves out points in the middle of a straight piece that is free.
fn straighten(points: &mut Vec<Point>, is_free: impl Fn(Point, Point) -> bool) {
    let mut kept = 1;
    for n in 1..points.len() {
        let (a, b) = (points[kept - 1], points[n]);
        let needless = points.get(n + 1).is_some_and(|c| {
            let cross = (b.x - a.x) * (c.y - b.y) - (b.y - a.y) * (c.x - b.x);
            let onwards = (b.x - a.x) * (c.x - b.x) + (b.y - a.y) * (c.y - b.y);
            cross == 0.0 && onwards >= 0.0 && is_free(a, *c)
        });
        if !needless {
            points[kept] = b;
            kept += 1;
        }
    }
    points.truncate(kept);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::grid::tests::vector_grid;
    use super::*;
    use crate::Rect;

    fn finder(grid: Grid) -> PathFinder {
        PathFinder::new(Arc::new(grid))
    }

    fn points(points: &[(f64, f64)]) -> Vec<Point> {
        points.iter().map(|(x, y)| Point::new(*x, *y)).collect()
    }

    #[test]
    fn ways_between_tiles_are_those_of_the_vectors() {
        let mut finder = finder(vector_grid());
        let mut way = |from: (f64, f64), to: (f64, f64)| {
            let tile = |at: (f64, f64)| Tile { x: (at.0 / 20.0) as u32, y: (at.1 / 20.0) as u32 };
            let way = finder.between(tile(from), tile(to)).unwrap();
            (way.points.clone(), (way.cost * 1000.0).round() / 1000.0)
        };
        let expected = (points(&[(10.0, 10.0), (110.0, 10.0), (190.0, 110.0)]), 228.062);
        assert_eq!(way((10.0, 10.0), (190.0, 110.0)), expected);
        let expected = (points(&[(10.0, 110.0), (50.0, 90.0), (110.0, 30.0)]), 129.574);
        assert_eq!(way((10.0, 110.0), (110.0, 30.0)), expected);
        assert_eq!(way((10.0, 10.0), (30.0, 110.0)), (points(&[(10.0, 10.0), (30.0, 110.0)]), 101.980));
    }

    #[test]
    fn a_way_begins_and_ends_exactly_where_asked() {
        let way = finder(vector_grid()).find(Point::new(3.0, 4.0), Point::new(198.5, 119.0)).unwrap();
        assert_eq!(way.points.first(), Some(&Point::new(3.0, 4.0)));
        assert_eq!(way.points.last(), Some(&Point::new(198.5, 119.0)));
    }

    #[test]
    fn there_is_no_way_to_outside_into_a_wall_or_through_one() {
        let mut grid = Grid::new(200, 120);
        grid.block_rect(Rect { x: 100.0, y: 0.0, width: 20.0, height: 120.0 });
        let mut finder = finder(grid);
        for to in [(110.0, 10.0), (150.0, 10.0), (250.0, 10.0), (-1.0, 10.0), (f64::NAN, 10.0)] {
            assert_eq!(finder.find(Point::new(10.0, 10.0), Point::new(to.0, to.1)), None, "{to:?}");
        }
        assert_eq!(finder.between(Tile { x: 0, y: 0 }, Tile { x: 9, y: 0 }), None);
        assert_eq!(finder.between(Tile { x: 0, y: 0 }, Tile { x: 99, y: 0 }), None);
    }

    #[test]
    fn the_oldest_answer_is_forgotten_first() {
        let mut finder = finder(Grid::new(20 * 50, 20 * 50));
        let tile = |n: u32| Tile { x: n % 50, y: n / 50 };
        let first = finder.between(tile(0), tile(1)).unwrap();
        assert!(Arc::ptr_eq(&first, &finder.between(tile(0), tile(1)).unwrap()));
        for n in 2..REMEMBERED as u32 + 2 {
            finder.between(tile(0), tile(n));
        }
        assert_eq!(finder.known.len(), REMEMBERED);
        assert!(!Arc::ptr_eq(&first, &finder.between(tile(0), tile(1)).unwrap()));
    }

    #[test]
    fn ways_across_the_desert_can_be_walked_also_where_they_pass_corners() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../game-server/config/map/desert.json");
        let map = crate::map::AreaMap::load(file.as_ref(), 4200, 2800).unwrap();
        let mut finder = PathFinder::new(Arc::clone(&map.grid));
        let (mut chance, mut here) = (fastrand::Rng::with_seed(7), Point::new(400.0, 150.0));
        for _ in 0..3000 {
            let around = Rect { x: here.x - 800.0, y: here.y - 800.0, width: 1600.0, height: 1600.0 };
            let to = around.random(&mut chance);
            let Some(way) = finder.find(here, to) else { continue };
            if to != here {
                assert!(map.grid.is_path_free(&way.points, Lines::Strict), "{:?}", way.points);
            }
            here = to;
        }
    }

    fn crowded(rects: &[(u32, u32, u32, u32)]) -> Grid {
        let mut grid = Grid::new(600, 400);
        for (x, y, w, h) in rects {
            let px = |n: &u32| f64::from(*n) * 20.0;
            grid.block_rect(Rect { x: px(x), y: px(y), width: px(w), height: px(h) });
        }
        grid
    }

    proptest! {
        #[test]
        fn a_way_is_found_where_there_is_one_and_can_be_walked(
            rects in prop::collection::vec((0..30_u32, 0..20_u32, 1..9_u32, 1..5_u32), 1..30),
            (ax, ay, bx, by) in (0.0..600.0, 0.0..400.0, 0.0..600.0, 0.0..400.0),
        ) {
            let grid = crowded(&rects);
            let (a, b) = (Point::new(ax, ay), Point::new(bx, by));
            let reached = grid.connected_to(grid.tile(a).unwrap());
            let expected = reached[grid.index(grid.tile(b).unwrap()).unwrap()];
            let mut finder = finder(grid.clone());
            let way = finder.find(a, b);
            prop_assert_eq!(way.is_some(), expected);
            if let Some(way) = way {
                prop_assert!(grid.is_path_free(&way.points, Lines::Strict), "{:?}", way.points);
                prop_assert_eq!((way.points[0], way.points[way.points.len() - 1]), (a, b));
                let length: f64 = way.points.windows(2).map(|pair| pair[0].distance(pair[1])).sum();
                prop_assert!((way.cost - length).abs() < 1e-6 && way.cost >= a.distance(b) - 1e-6);
            }
            prop_assert_eq!(finder.find(b, a).is_some(), expected);
        }
    }
}
