//! What a killed monster leaves: how many things, of which sort, of which level. Not here: where they fall.

use fastrand::Rng;

/// How many things fall: 0 or 1 mostly, 2 in one of twenty cases.
pub fn count(chance: &mut Rng) -> usize {
    (2.1 * chance.f64()).floor() as usize
}

/// Whether a thing is an item to use (6 of 10) rather than a piece of equipment.
pub fn is_item(chance: &mut Rng) -> bool {
    chance.f64() < 0.6
}

/// The level of a dropped piece of equipment, at most `level` and most often just that.
#[must_use]
pub fn equipment_level(level: u32, chance: &mut Rng) -> u32 {
    let spread = f64::from(level.saturating_sub(1).min(25));
    let below = (spread * 3_f64.powf(4.0 * chance.f64()) / 81.0).floor() as u32;
    level - below.min(level)
}

/// One of those whose needed level is at most `level`, all with the same chance. `kinds` are pairs of kind and needed level.
pub fn any_up_to(level: u32, kinds: impl Iterator<Item = (u32, u32)>, chance: &mut Rng) -> Option<u32> {
    pick(kinds.filter(|(_, needed)| *needed <= level), chance)
}

/// One of those whose needed level is exactly `level`, or the nearest below that any kind has. `kinds` as in [`any_up_to`].
pub fn nearest_below(
    level: u32,
    kinds: impl Iterator<Item = (u32, u32)> + Clone,
    chance: &mut Rng,
) -> Option<u32> {
    let nearest = kinds.clone().map(|(_, needed)| needed).filter(|needed| *needed <= level).max()?;
    pick(kinds.filter(|(_, needed)| *needed == nearest), chance)
}

/// One of `kinds` in a single pass: the nth replaces the choice with a chance of 1 in n.
fn pick(kinds: impl Iterator<Item = (u32, u32)>, chance: &mut Rng) -> Option<u32> {
    let mut chosen = None;
    for (n, (kind, _)) in kinds.enumerate() {
        if chance.usize(..=n) == 0 {
            chosen = Some(kind);
        }
    }
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    const DRAWS: u32 = 200_000;

    fn share(mut hit: impl FnMut(&mut Rng) -> bool) -> f64 {
        let mut chance = Rng::with_seed(7);
        let hits = (0..DRAWS).filter(|_| hit(&mut chance)).count();
        100.0 * f64::from(u32::try_from(hits).unwrap()) / f64::from(DRAWS)
    }

    #[test]
    fn nothing_falls_as_often_as_one_thing_and_two_fall_rarely() {
        for (count_wanted, percent) in [(0, 47.6), (1, 47.6), (2, 4.8), (3, 0.0)] {
            let got = share(|chance| count(chance) == count_wanted);
            assert!((got - percent).abs() < 0.4, "{count_wanted} things: {got} %");
        }
        let items = share(is_item);
        assert!((items - 60.0).abs() < 0.4, "{items} % items");
    }

    #[test]
    fn levels_of_dropped_equipment_have_the_distribution_of_the_specification() {
        for (level, percent) in [(30, 26.8), (29, 15.8), (28, 9.3), (27, 6.5), (26, 5.1), (25, 4.2), (6, 1.0)]
        {
            let got = share(|chance| equipment_level(30, chance) == level);
            assert!((got - percent).abs() < 0.4, "level {level}: {got} %, not {percent} %");
        }
        assert!(share(|chance| !(5..=30).contains(&equipment_level(30, chance))) == 0.0);
        assert!(share(|chance| equipment_level(1, chance) != 1) == 0.0);
    }

    #[test]
    fn equipment_of_the_level_is_preferred_to_lower_and_higher_never_falls() {
        let kinds = [(1, 4), (2, 11), (3, 11), (4, 20)];
        let mut chance = Rng::with_seed(1);
        let mut seen = [0; 5];
        for _ in 0..1000 {
            seen[nearest_below(19, kinds.into_iter(), &mut chance).unwrap() as usize] += 1;
        }
        assert_eq!((seen[1], seen[4]), (0, 0));
        assert!(seen[2] > 400 && seen[3] > 400, "{seen:?}");
        assert_eq!(nearest_below(10, kinds.into_iter(), &mut chance), Some(1));
        assert_eq!(nearest_below(3, kinds.into_iter(), &mut chance), None);
        assert_eq!(any_up_to(3, kinds.into_iter(), &mut chance), None);
        assert_eq!(any_up_to(10, kinds.into_iter(), &mut chance), Some(1));
    }
}
