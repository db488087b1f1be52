//! Points and rectangles of a map, in pixels, y downwards. Not here: tiles and towers, which are grids laid over them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A place on a map, in pixels from its upper left corner.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Point {
    /// To the right.
    pub x: f64,
    /// Downwards.
    pub y: f64,
}

impl Point {
    /// The point at `x`, `y`.
    #[must_use]
    pub const fn new(x: f64, y: f64) -> Self {
        Self { x, y }
    }

    /// The straight distance to `other`, in pixels.
    #[must_use]
    pub fn distance(self, other: Self) -> f64 {
        (self.x - other.x).hypot(self.y - other.y)
    }

    /// The whole pixel it lies in, as positions are shown to clients.
    #[must_use]
    pub fn floor(self) -> Self {
        Self { x: self.x.floor(), y: self.y.floor() }
    }
}

/// An upright rectangle: `x` to `x + width`, `y` to `y + height`, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Rect {
    /// The left side.
    pub x: f64,
    /// The upper side.
    pub y: f64,
    /// To the right side.
    pub width: f64,
    /// To the lower side.
    pub height: f64,
}

impl Rect {
    /// Whether `point` lies in it; the right and the lower side are outside.
    #[must_use]
    pub fn contains(self, point: Point) -> bool {
        point.x >= self.x
            && point.x < self.x + self.width
            && point.y >= self.y
            && point.y < self.y + self.height
    }

    /// A point of whole pixels in it.
    pub fn random(self, chance: &mut fastrand::Rng) -> Point {
        Point::new(
            self.x + (chance.f64() * self.width).floor(),
            self.y + (chance.f64() * self.height).floor(),
        )
    }
}
