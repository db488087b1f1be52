//! Rings of points, and distances to lines and rectangles.

use crate::{Point, Rect};

/// A closed line through whole pixels; the last point is connected to the first.
pub(super) type Ring = Vec<[i32; 2]>;

pub(super) fn distance(a: Point, b: Point) -> f64 {
    ((a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y)).sqrt()
}

/// From a point to the nearest point of a piece of a line.
pub(super) fn to_segment(at: Point, a: Point, b: Point) -> f64 {
    let (dx, dy) = (b.x - a.x, b.y - a.y);
    let length = dx * dx + dy * dy;
    let part = if length == 0.0 { 0.0 } else { ((at.x - a.x) * dx + (at.y - a.y) * dy) / length };
    let part = part.clamp(0.0, 1.0);
    distance(at, Point::new(a.x + dx * part, a.y + dy * part))
}

/// From a point to a line of several pieces.
pub(super) fn to_line(at: Point, line: &[Point]) -> f64 {
    line.windows(2).map(|pair| to_segment(at, pair[0], pair[1])).fold(f64::INFINITY, f64::min)
}

/// From a point to a rectangle; 0 inside.
pub(super) fn to_rect(at: Point, rect: Rect) -> f64 {
    let axis = |v: f64, from: f64, size: f64| (from - v).max(v - from - size).max(0.0);
    let (dx, dy) = (axis(at.x, rect.x, rect.width), axis(at.y, rect.y, rect.height));
    (dx * dx + dy * dy).sqrt()
}

pub(super) fn centre(rect: Rect) -> Point {
    Point::new(rect.x + rect.width / 2.0, rect.y + rect.height / 2.0)
}

/// Twice the area; positive or negative by the way the ring turns.
pub(super) fn area(ring: &Ring) -> i64 {
    let next = ring.iter().cycle().skip(1);
    let cross = |(a, b): (&[i32; 2], &[i32; 2])| {
        i64::from(a[0]) * i64::from(b[1]) - i64::from(b[0]) * i64::from(a[1])
    };
    ring.iter().zip(next).map(cross).sum()
}

/// Whether a point is in a ring.
pub(super) fn holds(ring: &Ring, at: Point) -> bool {
    let mut inside = false;
    for (a, b) in ring.iter().zip(ring.iter().cycle().skip(1)) {
        let ((ax, ay), (bx, by)) = ((f64::from(a[0]), f64::from(a[1])), (f64::from(b[0]), f64::from(b[1])));
        if (ay > at.y) != (by > at.y) && at.x < ax + (at.y - ay) * (bx - ax) / (by - ay) {
            inside = !inside;
        }
    }
    inside
}

/// The ring in whole pixels, without points that hardly bend it.
pub(super) fn rounded(points: &[Point], tolerance: f64) -> Ring {
    let Some((last, _)) = points
        .iter()
        .enumerate()
        .max_by(|a, b| distance(*a.1, points[0]).total_cmp(&distance(*b.1, points[0])))
    else {
        return Ring::new();
    };
    let mut kept = vec![false; points.len()];
    (kept[0], kept[last]) = (true, true);
    thin(points, 0, last, tolerance, &mut kept);
    let turned: Vec<Point> = points[last..].iter().chain(&points[..1]).copied().collect();
    let mut kept_turned = vec![false; turned.len()];
    thin(&turned, 0, turned.len() - 1, tolerance, &mut kept_turned);
    for (n, keep) in kept_turned.iter().enumerate().filter(|(n, _)| last + n < points.len()) {
        kept[last + n] |= keep;
    }
    let whole = |point: &Point| [(point.x + 0.5).floor() as i32, (point.y + 0.5).floor() as i32];
    let mut ring: Ring =
        points.iter().zip(kept).filter(|(_, kept)| *kept).map(|(point, _)| whole(point)).collect();
    ring.dedup();
    ring
}

/// Keeps of the points between two that are kept those further than the tolerance from the line between (Douglas, Peucker).
fn thin(points: &[Point], from: usize, to: usize, tolerance: f64, kept: &mut [bool]) {
    let furthest = (from + 1..to)
        .map(|n| (n, to_segment(points[n], points[from], points[to])))
        .max_by(|a, b| a.1.total_cmp(&b.1));
    if let Some((n, far)) = furthest
        && far > tolerance
    {
        kept[n] = true;
        thin(points, from, n, tolerance, kept);
        thin(points, n, to, tolerance, kept);
    }
}

/// Several rings as one, for a file that knows no holes: the holes are joined to the first ring by slits without width.
pub(super) fn joined(rings: &[Ring]) -> Ring {
    let Some((outer, holes)) = rings.split_first() else { return Ring::new() };
    let mut joined = outer.clone();
    for hole in holes {
        let apart = |a: &[i32; 2], b: &[i32; 2]| {
            let (dx, dy) = (i64::from(a[0] - b[0]), i64::from(a[1] - b[1]));
            dx * dx + dy * dy
        };
        let pairs = (0..joined.len()).flat_map(|i| (0..hole.len()).map(move |j| (i, j)));
        let Some((i, j)) = pairs.min_by_key(|(i, j)| apart(&joined[*i], &hole[*j])) else { continue };
        let way = joined[..=i].iter().chain(&hole[j..]).chain(&hole[..=j]).chain(&joined[i..]);
        joined = way.copied().collect();
    }
    joined
}

/// A smooth line through points: corners are cut three times; the ends stay.
pub(super) fn smooth(points: &[Point]) -> Vec<Point> {
    let mut line = points.to_vec();
    for _ in 0..3 {
        let (Some(first), Some(last)) = (line.first().copied(), line.last().copied()) else { return line };
        let quarter = |a: Point, b: Point| Point::new(a.x * 0.75 + b.x * 0.25, a.y * 0.75 + b.y * 0.25);
        let cut = line.windows(2).flat_map(|pair| [quarter(pair[0], pair[1]), quarter(pair[1], pair[0])]);
        line = std::iter::once(first).chain(cut).chain(std::iter::once(last)).collect();
    }
    line
}

/// A closed line with its corners cut.
pub(super) fn soft(points: &[Point]) -> Vec<Point> {
    let mix = |a: Point, b: Point| Point::new(a.x * 0.75 + b.x * 0.25, a.y * 0.75 + b.y * 0.25);
    let next = points.iter().cycle().skip(1);
    points.iter().zip(next).flat_map(|(a, b)| [mix(*a, *b), mix(*b, *a)]).collect()
}

/// An ellipse as a ring of eight points.
pub(super) fn ellipse(x: i32, y: i32, rx: i32, ry: i32) -> Ring {
    let slant = |r: i32| (r * 71 + 50) / 100;
    let (sx, sy) = (slant(rx), slant(ry));
    [(rx, 0), (sx, sy), (0, ry), (-sx, sy), (-rx, 0), (-sx, -sy), (0, -ry), (sx, -sy)]
        .map(|(dx, dy)| [x + dx, y + dy])
        .to_vec()
}
