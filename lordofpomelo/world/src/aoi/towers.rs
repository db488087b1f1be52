//! The grid of towers: which tower a point is in, which towers a window holds, and two lists for each tower. Not here: who
//! is told what.

use super::{EntityId, EntityKind, Seen};
use crate::Point;

/// How far anybody can see, in towers each way.
pub const MAX_RANGE: u32 = 5;

/// The range for a view of this size in pixels: enough towers of 300 for half of its longer side each way.
#[must_use]
pub fn range_of_view(width: u32, height: u32) -> u32 {
    width.max(height).div_ceil(600).min(MAX_RANGE)
}

/// Column and row of a tower.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tower {
    x: u32,
    y: u32,
}

/// A block of towers, bounds included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// First and last column.
    pub x: (u32, u32),
    /// First and last row.
    pub y: (u32, u32),
}

impl Window {
    pub(super) fn contains(self, tower: Tower) -> bool {
        let within = |(first, last): (u32, u32), n: u32| first <= n && n <= last;
        within(self.x, tower.x) && within(self.y, tower.y)
    }

    pub(super) fn towers(self) -> impl Iterator<Item = Tower> {
        (self.x.0..=self.x.1).flat_map(move |x| (self.y.0..=self.y.1).map(move |y| Tower { x, y }))
    }
}

#[derive(Debug, Default, Clone)]
struct Content {
    objects: Vec<Seen>,
    players: Vec<EntityId>,
    mobs: Vec<EntityId>,
}

#[derive(Debug)]
pub(super) struct Towers {
    width: f64,
    height: f64,
    /// The last column and row.
    last: Tower,
    content: Vec<Content>,
}

impl Towers {
    pub(super) fn new(width: f64, height: f64, tower_width: f64, tower_height: f64) -> Self {
        let last = |size: f64, tower: f64| (size / tower).ceil().max(1.0) as u32 - 1;
        let last = Tower { x: last(width, tower_width), y: last(height, tower_height) };
        let content = vec![Content::default(); (last.x as usize + 1) * (last.y as usize + 1)];
        Self { width: tower_width, height: tower_height, last, content }
    }

    /// The tower of a point; the nearest one for a point outside the area.
    pub(super) fn of(&self, at: Point) -> Tower {
        let index = |at: f64, size: f64, last: u32| ((at / size).max(0.0) as u32).min(last);
        Tower { x: index(at.x, self.width, self.last.x), y: index(at.y, self.height, self.last.y) }
    }

    /// `range` towers to each side. At the border of the area the block moves inwards rather than shrink.
    pub(super) fn window(&self, tower: Tower, range: u32) -> Window {
        let axis = |at: u32, last: u32| {
            let first = at.saturating_sub(range).min(last.saturating_sub(2 * range));
            (first, (first + 2 * range).min(last))
        };
        Window { x: axis(tower.x, self.last.x), y: axis(tower.y, self.last.y) }
    }

    pub(super) fn put(&mut self, tower: Tower, object: Seen) {
        self.content_mut(tower).objects.push(object);
    }

    pub(super) fn take(&mut self, tower: Tower, id: EntityId) {
        strike(&mut self.content_mut(tower).objects, |object| object.id == id);
    }

    pub(super) fn note(&mut self, tower: Tower, id: EntityId, kind: EntityKind) {
        self.watchers(tower, kind).push(id);
    }

    pub(super) fn forget(&mut self, tower: Tower, id: EntityId, kind: EntityKind) {
        strike(self.watchers(tower, kind), |watcher| *watcher == id);
    }

    pub(super) fn objects(&self, tower: Tower) -> &[Seen] {
        &self.content[self.index(tower)].objects
    }

    pub(super) fn objects_of(&self, window: Window) -> impl Iterator<Item = Seen> {
        window.towers().flat_map(|tower| self.objects(tower).iter().copied())
    }

    pub(super) fn players(&self, tower: Tower) -> &[EntityId] {
        &self.content[self.index(tower)].players
    }

    pub(super) fn mobs(&self, tower: Tower) -> &[EntityId] {
        &self.content[self.index(tower)].mobs
    }

    fn watchers(&mut self, tower: Tower, kind: EntityKind) -> &mut Vec<EntityId> {
        let content = self.content_mut(tower);
        if kind == EntityKind::Mob { &mut content.mobs } else { &mut content.players }
    }

    fn index(&self, tower: Tower) -> usize {
        tower.y as usize * (self.last.x as usize + 1) + tower.x as usize
    }

    fn content_mut(&mut self, tower: Tower) -> &mut Content {
        let index = self.index(tower);
        &mut self.content[index]
    }
}

/// Removes the first that fits; the order of the rest changes.
fn strike<T>(list: &mut Vec<T>, fits: impl Fn(&T) -> bool) {
    if let Some(index) = list.iter().position(fits) {
        list.swap_remove(index);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_keep_their_size_at_the_border() {
        let towers = Towers::new(1600.0, 1100.0, 300.0, 300.0);
        assert_eq!(towers.last, Tower { x: 5, y: 3 });
        let window = |range, x, y| {
            let Window { x, y } = towers.window(towers.of(Point::new(x, y)), range);
            (x, y)
        };
        assert_eq!(window(2, 10.0, 10.0), ((0, 4), (0, 3)));
        assert_eq!(window(2, 800.0, 500.0), ((0, 4), (0, 3)));
        assert_eq!(window(2, 1590.0, 1090.0), ((1, 5), (0, 3)));
        assert_eq!(window(0, 350.0, 350.0), ((1, 1), (1, 1)));
        assert_eq!(window(1, 10.0, 10.0), ((0, 2), (0, 2)));
        assert_eq!(window(5, 10.0, 10.0), ((0, 5), (0, 3)));
    }

    #[test]
    fn a_point_outside_is_in_the_nearest_tower() {
        let towers = Towers::new(1600.0, 1100.0, 300.0, 300.0);
        assert_eq!(towers.of(Point::new(-1.0, 5000.0)), Tower { x: 0, y: 3 });
        assert_eq!(towers.of(Point::new(f64::NAN, 0.0)), Tower { x: 0, y: 0 });
    }

    #[test]
    fn a_larger_view_has_a_larger_range() {
        assert_eq!(
            [(0, 0), (600, 1), (601, 600), (1280, 720), (9000, 9000)].map(|(w, h)| range_of_view(w, h)),
            [0, 1, 2, 3, 5]
        );
    }
}
