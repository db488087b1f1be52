//! Levels and experience, and what monsters of a level are worth. Not here: who gets it.

use super::rounded;

/// Nobody rises above it.
pub const LEVEL_MAX: u32 = 100;

/// What a character at [`LEVEL_MAX`] would need: more than anyone can have.
pub const NEED_AT_THE_TOP: u64 = 999_999_999;

/// Experience that takes a character from `level` to the next: what stands in the experience table's row `level + 1`.
#[must_use]
pub fn need(level: u32) -> u64 {
    if level >= LEVEL_MAX { NEED_AT_THE_TOP } else { u64::from(level + 1).pow(3) + 50 }
}

/// Experience for a monster whose kind is worth `base`, at monster and player level.
///
/// A stronger victim is worth more, up to five times; a weaker one less, but never nothing.
#[must_use]
pub fn gain(base: u32, player_level: u32, mob_level: u32) -> u64 {
    let lead = f64::from(player_level) - f64::from(mob_level);
    let k = lead.abs().powf(1.5) / 6.0 + 1.0;
    let factor = if lead < 0.0 { k } else { (k * k).recip() }.min(5.0);
    ((f64::from(base) * f64::from(mob_level) * factor).floor() as u64).max(1)
}

/// Hit points, mana, attack or defence of a monster at `level`, from its kind's `base` and `upgradeParam`.
#[must_use]
pub fn mob_value(base: u32, level: u32, upgrade: f64) -> u32 {
    let base = f64::from(base);
    rounded(base + base * f64::from(level.saturating_sub(1)) * upgrade)
}

/// What a player gains of a value with each level, from its kind's `base` and `upgradeParam`.
#[must_use]
pub fn level_step(base: u32, upgrade: f64) -> u32 {
    rounded(f64::from(base) * upgrade)
}

/// Level and experience after experience was added: see [`rise`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Risen {
    /// The level reached.
    pub level: u32,
    /// Experience within that level.
    pub experience: u64,
    /// How many levels were gained.
    pub levels: u32,
}

/// Adds `gained` to the `experience` of a character at `level`, which may lift it several levels. At the top it stays one
/// short of the need.
#[must_use]
pub fn rise(level: u32, experience: u64, gained: u64) -> Risen {
    let mut risen = Risen { level, experience: experience.saturating_add(gained), levels: 0 };
    while risen.level < LEVEL_MAX && risen.experience >= need(risen.level) {
        risen.experience -= need(risen.level);
        risen.level += 1;
        risen.levels += 1;
    }
    if risen.level >= LEVEL_MAX {
        risen.experience = risen.experience.min(NEED_AT_THE_TOP - 1);
    }
    risen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn monsters_have_the_values_of_the_specification() {
        for (base, level, upgrade, expected) in
            [(60, 1, 0.3, 60), (60, 10, 0.3, 222), (1600, 30, 0.24, 12736), (15000, 90, 0.28, 388_800)]
        {
            assert_eq!(mob_value(base, level, upgrade), expected);
        }
    }

    #[test]
    fn a_kill_is_worth_what_the_specification_says() {
        for (base, player, mob, expected) in [
            (10, 1, 1, 10),
            (10, 1, 5, 116),
            (10, 5, 1, 1),
            (10, 10, 1, 1),
            (150, 5, 30, 22_500),
            (2500, 60, 90, 1_125_000),
            (15, 20, 15, 27),
        ] {
            assert_eq!(gain(base, player, mob), expected, "base {base}, player {player}, monster {mob}");
        }
    }

    #[test]
    fn the_need_grows_with_the_level() {
        assert_eq!([1, 2, 9].map(need), [58, 77, 1050]);
        assert_eq!(need(99), 1_000_050);
        assert_eq!(need(100), 999_999_999);
    }

    #[test]
    fn heroes_grow_by_the_steps_of_the_specification() {
        assert_eq!([220, 20, 23, 9].map(|base| level_step(base, 0.3)), [66, 6, 7, 3]);
        assert_eq!([180, 60, 18, 12].map(|base| level_step(base, 0.3)), [54, 18, 5, 4]);
    }

    #[test]
    fn much_experience_lifts_several_levels_and_keeps_the_rest() {
        assert_eq!(rise(1, 50, 7), Risen { level: 1, experience: 57, levels: 0 });
        assert_eq!(rise(1, 50, 8), Risen { level: 2, experience: 0, levels: 1 });
        assert_eq!(rise(1, 0, 58 + 77 + 5), Risen { level: 3, experience: 5, levels: 2 });
    }

    /// D-26: the original read a missing row at 99 to 100 and threw.
    #[test]
    fn the_last_level_is_reached_and_nothing_comes_after_it() {
        assert_eq!(rise(99, 1_000_000, 60), Risen { level: 100, experience: 10, levels: 1 });
        assert_eq!(rise(100, 5, u64::MAX), Risen { level: 100, experience: NEED_AT_THE_TOP - 1, levels: 0 });
    }
}
