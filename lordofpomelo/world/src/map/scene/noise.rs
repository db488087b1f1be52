//! Chance and noise that are the same on every machine: only additions, multiplications, divisions and roots, which are
//! exact to the last bit everywhere; sine, powers and the like are not.

use crate::Point;

/// A number that looks like chance, from a place and a seed.
pub(super) fn hash(x: i64, y: i64, seed: u32) -> u32 {
    let mut h = (x as u32).wrapping_mul(0x9e37_79b1)
        ^ (y as u32).wrapping_mul(0x85eb_ca77)
        ^ seed.wrapping_mul(0xc2b2_ae3d);
    h = (h ^ (h >> 15)).wrapping_mul(0x2c1b_3c6d);
    h = (h ^ (h >> 12)).wrapping_mul(0x297a_2d39);
    h ^ (h >> 15)
}

/// The same, from 0 to below 1.
pub(super) fn unit(x: i64, y: i64, seed: u32) -> f64 {
    f64::from(hash(x, y, seed)) / 4_294_967_296.0
}

/// Smooth noise from 0 to 1, with hills about `size` pixels wide.
pub(super) fn noise(at: Point, size: f64, seed: u32) -> f64 {
    let (x, y) = (at.x / size, at.y / size);
    let (column, row) = (x.floor(), y.floor());
    let ease = |t: f64| t * t * (3.0 - 2.0 * t);
    let (u, v) = (ease(x - column), ease(y - row));
    let corner = |dx: i64, dy: i64| unit(column as i64 + dx, row as i64 + dy, seed);
    let upper = corner(0, 0) + (corner(1, 0) - corner(0, 0)) * u;
    let lower = corner(0, 1) + (corner(1, 1) - corner(0, 1)) * u;
    upper + (lower - upper) * v
}

/// Noise of three sizes, each half of the one before: large shapes with uneven edges.
pub(super) fn rough(at: Point, size: f64, seed: u32) -> f64 {
    let turned = Point::new(at.x * 0.8 - at.y * 0.6, at.x * 0.6 + at.y * 0.8);
    noise(at, size, seed) * 0.57
        + noise(turned, size / 2.0, seed + 1) * 0.29
        + noise(at, size / 4.0, seed + 2) * 0.14
}

/// Noise with crests: 1 along winding lines, falling to 0 beside them.
pub(super) fn crest(at: Point, size: f64, seed: u32) -> f64 {
    let bend = Point::new(
        at.x + 0.35 * size * noise(at, size, seed + 7),
        at.y + 0.35 * size * noise(at, size, seed + 8),
    );
    let side = 2.0 * (0.7 * noise(bend, size, seed) + 0.3 * noise(bend, size / 2.3, seed + 1)) - 1.0;
    1.0 - side.abs() * 2.2
}

/// A stream of chance.
#[derive(Debug)]
pub(super) struct Dice {
    seed: u32,
    thrown: i64,
}

impl Dice {
    pub(super) fn new(seed: u32) -> Self {
        Self { seed, thrown: 0 }
    }

    /// From 0 to below 1.
    pub(super) fn unit(&mut self) -> f64 {
        self.thrown += 1;
        unit(self.thrown, 77, self.seed)
    }

    /// From one number to below another.
    pub(super) fn between(&mut self, from: f64, to: f64) -> f64 {
        from + (to - from) * self.unit()
    }
}

/// The point at a part (0 to 1) of a circle of radius 1, clockwise from the right. A rational form in place of sine and
/// cosine: exactly on the circle, a little unevenly spread.
pub(super) fn around(part: f64) -> (f64, f64) {
    let quarter = (part - part.floor()) * 4.0;
    let t = quarter - quarter.floor();
    let t = t * (0.8284 + 0.1716 * t);
    let (c, s) = ((1.0 - t * t) / (1.0 + t * t), 2.0 * t / (1.0 + t * t));
    match quarter as u32 {
        0 => (c, s),
        1 => (-s, c),
        2 => (-c, -s),
        _ => (s, -c),
    }
}
