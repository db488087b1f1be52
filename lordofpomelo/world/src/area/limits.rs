//! What a player's client cannot do however it lies: leap, race, flood. Not here: the check of a way against the map ([`crate::map`]).

use crate::geometry::Point;
use crate::rate::Rate;

/// Ways a player may begin in a second.
pub const MOVES_PER_S_MAX: usize = 10;

/// Views a player may ask for in a second: each shows it everything anew.
pub const VIEWS_PER_S_MAX: usize = 10;

/// Requests about teams in ten seconds: each may interrupt another player.
pub const TEAM_ASKS_PER_10_S_MAX: usize = 20;

/// Points of a way.
pub const PATH_POINTS_MAX: usize = 200;

/// How long a way may be in all, in pixels: several times across the largest map.
pub const PATH_PX_MAX: f64 = 30_000.0;

/// How far from its place on the server a player's way may begin, in pixels.
pub const LEAP_PX_MAX: f64 = 200.0;

/// That allowance grows back by this share of the walking speed: enough for a shaky connection, too little to be worth cheating for.
const LEAP_REGROWTH: f64 = 0.25;

/// What one player has used up.
#[derive(Debug)]
pub(super) struct Limits {
    moves: Rate<MOVES_PER_S_MAX>,
    views: Rate<VIEWS_PER_S_MAX>,
    team_asks: Rate<TEAM_ASKS_PER_10_S_MAX>,
    /// How far it may still leap, in pixels, as of `leapt_ms`.
    leap_px: f64,
    leapt_ms: u64,
}

impl Limits {
    pub(super) fn new(now_ms: u64) -> Self {
        Self {
            moves: Rate::per(1000),
            views: Rate::per(1000),
            team_asks: Rate::per(10_000),
            leap_px: LEAP_PX_MAX,
            leapt_ms: now_ms,
        }
    }

    /// Whether one more way may begin.
    pub(super) fn may_move(&mut self, now_ms: u64) -> bool {
        self.moves.pass(now_ms)
    }

    /// Whether one more view may be asked for.
    pub(super) fn may_look(&mut self, now_ms: u64) -> bool {
        self.views.pass(now_ms)
    }

    /// Whether one more request about teams may be made.
    pub(super) fn may_ask(&mut self, now_ms: u64) -> bool {
        self.team_asks.pass(now_ms)
    }

    /// Whether a way may begin so many pixels from where the player is. What it leaps it cannot leap again soon: else ten ways a
    /// second, each 200 px ahead, would be a fast way to travel.
    pub(super) fn may_leap(&mut self, distance_px: f64, walk_speed: u32, now_ms: u64) -> bool {
        let passed_s = now_ms.saturating_sub(self.leapt_ms) as f64 / 1000.0;
        self.leap_px = (self.leap_px + passed_s * f64::from(walk_speed) * LEAP_REGROWTH).min(LEAP_PX_MAX);
        self.leapt_ms = now_ms;
        if distance_px > self.leap_px {
            return false;
        }
        self.leap_px -= distance_px;
        true
    }
}

/// Whether a way is short enough to be looked at.
pub(super) fn is_reasonable(path: &[Point]) -> bool {
    path.len() <= PATH_POINTS_MAX
        && path.windows(2).map(|pair| pair[0].distance(pair[1])).sum::<f64>() <= PATH_PX_MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leap_of_200_px_is_allowed_once_and_then_only_after_a_while() {
        let mut limits = Limits::new(0);
        assert!(!limits.may_leap(200.5, 240, 0));
        assert!(limits.may_leap(200.0, 240, 0));
        assert!(!limits.may_leap(1.0, 240, 0));
        assert!(limits.may_leap(59.0, 240, 1000));
        assert!(!limits.may_leap(59.0, 240, 1500));
        assert!(limits.may_leap(200.0, 240, 60_000));
    }

    #[test]
    fn leaping_with_every_move_gains_at_most_a_quarter_of_the_speed() {
        let mut limits = Limits::new(0);
        let leaps = (0..1000).filter(|n| limits.may_leap(40.0, 240, n * 100)).count();
        let gained = 40.0 * leaps as f64;
        assert!(gained <= LEAP_PX_MAX + 0.25 * 240.0 * 100.0, "{gained} px in 100 s");
    }
}
