//! Set pieces: things that belong together, around a place of the game. Each takes what room there is.

use super::PropKind;
use super::build::Builder;
use super::noise::{Dice, around};
use crate::Point;

/// Things in a circle around a place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Circle {
    pub(super) kind: PropKind,
    pub(super) radius: f64,
    /// How many places on the circle are tried.
    pub(super) places: u32,
    /// In percent, from and to.
    pub(super) size: (f64, f64),
    /// Of the places, how many get something at most.
    pub(super) most: usize,
}

impl Builder {
    /// The circle as seen from above at a slant, a little lower than wide.
    pub(super) fn circle(&mut self, at: Point, circle: Circle) {
        let mut dice =
            Dice::new(self.seed(200) ^ (at.x as u32) ^ ((at.y as u32) << 8) ^ ((circle.kind as u32) << 20));
        let turn = dice.unit();
        let mut put = 0;
        for n in 0..circle.places {
            let (x, y) = around(turn + f64::from(n) / f64::from(circle.places));
            let radius = circle.radius * dice.between(0.93, 1.07);
            let size = dice.between(circle.size.0, circle.size.1) as i32;
            let spot = |part: f64| Point::new(at.x + x * radius * part, at.y + y * radius * part * 0.8);
            if put < circle.most
                && [1.0, 1.15, 0.88].iter().any(|part| self.put(circle.kind, spot(*part), size))
            {
                put += 1;
            }
        }
    }

    /// Circles around one place: what, how far out as a share of the radius, how many places are tried, how many get one.
    fn circles(&mut self, at: Point, radius: f64, size: (f64, f64), circles: &[(PropKind, f64, u32, usize)]) {
        for (kind, part, places, most) in circles.iter().copied() {
            self.circle(at, Circle { kind, radius: radius * part, places, size, most });
        }
    }

    /// Tents around a fire, with what travellers leave lying.
    pub(super) fn camp(&mut self, at: Point, radius: f64, tents: usize) {
        self.circles(
            at,
            radius,
            (85.0, 115.0),
            &[
                (PropKind::Tent, 1.0, 13, tents),
                (PropKind::Crates, 0.8, 11, 2),
                (PropKind::Cart, 1.15, 9, 1),
                (PropKind::Campfire, 0.45, 5, 1),
                (PropKind::Banner, 1.1, 7, 2),
            ],
        );
    }

    /// Huts around a place.
    pub(super) fn village(&mut self, at: Point, radius: f64, huts: usize) {
        self.circles(
            at,
            radius,
            (85.0, 110.0),
            &[
                (PropKind::Hut, 1.0, 11, huts),
                (PropKind::Hut, 1.7, 17, huts),
                (PropKind::Crates, 0.75, 9, 2),
                (PropKind::Well, 1.25, 9, 1),
                (PropKind::Campfire, 0.5, 5, 1),
            ],
        );
    }

    /// What is left of a round hall: columns, walls further out.
    pub(super) fn ruin(&mut self, at: Point, radius: f64) {
        self.circles(
            at,
            radius,
            (80.0, 120.0),
            &[
                (PropKind::Column, 1.0, 9, 6),
                (PropKind::BrokenColumn, 1.05, 14, 6),
                (PropKind::RuinWall, 1.5, 9, 5),
                (PropKind::Rock, 1.7, 12, 5),
            ],
        );
    }

    /// A signpost beside a place, on the side where there is room.
    pub(super) fn signpost(&mut self, at: Point) {
        self.circles(at, 70.0, (100.0, 100.0), &[(PropKind::Signpost, 1.0, 5, 1)]);
    }

    /// Where something large lives.
    pub(super) fn lair(&mut self, at: Point, radius: f64) {
        self.circles(
            at,
            radius,
            (80.0, 140.0),
            &[(PropKind::Bones, 0.8, 9, 7), (PropKind::Skull, 0.55, 5, 3), (PropKind::Bones, 0.3, 4, 3)],
        );
    }

    /// Things in a full circle.
    pub(super) fn ring_of(&mut self, kind: PropKind, at: Point, radius: f64, places: u32) {
        self.circle(at, Circle { kind, radius, places, size: (80.0, 150.0), most: usize::MAX });
    }

    /// A way into terrain: where the line from one point to another first meets it.
    pub(super) fn mouth(&mut self, kind: PropKind, from: Point, to: Point) {
        let point = |n: i32| {
            let part = f64::from(n) / 100.0;
            Point::new(from.x + (to.x - from.x) * part, from.y + (to.y - from.y) * part)
        };
        if let Some(at) = (0..100).map(point).find(|at| self.depth(*at) > 0.01) {
            self.lay_down(kind, at, 100);
        }
    }
}
