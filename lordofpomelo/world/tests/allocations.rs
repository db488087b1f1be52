//! What the hot paths of an area cost in memory: nothing is allocated for a step, and for a way only the way itself.

use std::sync::Arc;

use allocation_counter::measure;
use lordofpomelo_world::aoi::{Aoi, EntityKind};
use lordofpomelo_world::map::{Grid, PathFinder};
use lordofpomelo_world::{Point, Rect};

/// Fifty players walk out of and into each other's sight.
fn walk_around(aoi: &mut Aoi, told: &mut usize) {
    for step in [0.0, 10.0, 400.0, 1600.0, 0.0] {
        for id in 0..50 {
            let at = Point::new(900.0 + step + f64::from(id), 900.0 + step);
            aoi.walk(id, at, &mut |_| *told += 1);
        }
    }
}

#[test]
fn steps_allocate_nothing_once_the_lists_have_grown() {
    let mut aoi = Aoi::new(3000.0, 3000.0, 300.0, 300.0);
    for id in 0..50 {
        let at = Point::new(900.0 + f64::from(id), 900.0);
        aoi.add(id, EntityKind::Player, at, &mut |_| {});
        aoi.watch(id, EntityKind::Player, at, 2, &mut |_| {});
    }
    let mut told = 0;
    walk_around(&mut aoi, &mut told);
    let before = told;
    let info = measure(|| walk_around(&mut aoi, &mut told));
    assert_eq!(info.count_total, 0);
    assert!(told > before, "nobody was told anything");
}

#[test]
fn a_search_allocates_for_its_way_only() {
    let mut grid = Grid::new(6500, 4800);
    // A wall with a gap at its lower end: most of the map is searched.
    grid.block_rect(Rect { x: 3000.0, y: 0.0, width: 20.0, height: 4700.0 });
    let mut finder = PathFinder::new(Arc::new(grid));
    let (from, to) = (Point::new(2900.0, 100.0), Point::new(3100.0, 100.0));
    assert!(finder.find(from, to).is_some());
    let info = measure(|| drop(finder.find(from, to)));
    // The list of points grows a few times; some ten thousand tiles are looked at.
    assert!(info.count_total < 20, "{} allocations", info.count_total);
}
