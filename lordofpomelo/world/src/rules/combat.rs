//! What a blow does. Not here: whether it can be struck (reach, cooldown, mana), which is [`crate::area`]'s.

/// Hit points a blow takes: at least 1, at most what the victim has left.
///
/// `attack` and `defence` are the totals of both sides with their equipment, `param` the skill's factor
/// ([`skill_factor`]), `luck` uniform in `[0, 1)`.
///
/// ```
/// use lordofpomelo_world::rules::combat::damage;
/// assert_eq!(damage(23, 8, 1.0, 0.5, 1000), 30);
/// ```
#[must_use]
pub fn damage(attack: u32, defence: u32, param: f64, luck: f64, hp_left: u32) -> u32 {
    let (a, d) = (f64::from(attack), f64::from(defence));
    let m = (a - d).abs().sqrt() / 5.0 + 1.0;
    let advantage = if a > d { m } else { 0.8 / m };
    let armour = ((d + 5.0) / 5.0).powf(0.33).recip();
    let plain = (a * armour * advantage * (0.9 + 0.2 * luck)).ceil();
    ((param * plain).ceil() as u32).max(1).min(hp_left)
}

/// The factor of a skill at `level` (from 1): `base` and `growth` are the table's `attackParam` and `upgradeParam`.
#[must_use]
pub fn skill_factor(base: f64, growth: f64, level: u32) -> f64 {
    base + f64::from(level.saturating_sub(1)) * growth
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_has_the_values_of_the_specification() {
        let just_under_1 = 1.0 - f64::EPSILON;
        for (attack, defence, param, expected) in [
            (23, 8, 1.0, [27, 30, 33]),
            (23, 9, 1.0, [26, 29, 32]),
            (15, 9, 1.0, [15, 16, 18]),
            (100, 20, 1.0, [148, 164, 181]),
            (20, 100, 1.0, [2, 3, 3]),
            (23, 8, 1.2, [33, 36, 40]),
        ] {
            let got = [0.0, 0.5, just_under_1].map(|luck| damage(attack, defence, param, luck, 1_000_000));
            assert_eq!(got, expected, "attack {attack}, defence {defence}, param {param}");
        }
    }

    #[test]
    fn a_blow_takes_at_least_one_and_at_most_what_is_left() {
        assert_eq!(damage(1, 100_000, 1.0, 0.0, 50), 1);
        assert_eq!(damage(100_000, 0, 3.0, 0.9, 50), 50);
        assert_eq!(damage(0, 0, 1.0, 0.0, 50), 1);
    }

    #[test]
    fn a_skill_grows_from_its_second_level_on() {
        let factors = [1, 2, 4].map(|level| skill_factor(1.2, 0.1, level));
        for (got, expected) in factors.into_iter().zip([1.2, 1.3, 1.5]) {
            assert!((got - expected).abs() < 1e-9, "{got} is not {expected}");
        }
    }
}
