//! What an area server says in its log of each tick. Pure: text in, figures out.

use std::time::{Duration, SystemTime};

use crate::log;

/// What makes an area server say it, as its argument `log`.
pub(super) const DIRECTIVES: &str = "info,lordofpomelo::ticks=debug";

/// What every such line has in it.
pub(super) const TARGET: &str = "lordofpomelo::ticks";

/// Ticks of one area. Times are sorted.
#[derive(Debug, Default)]
pub(super) struct Ticks {
    /// From its beginning until all that follows from it was told.
    pub(super) took: Vec<Duration>,
    /// Of that the rules alone.
    pub(super) rules: Vec<Duration>,
    /// Of that what the area's server worked: without what it waited for a processor.
    pub(super) work: Vec<Duration>,
    /// How long after its time it began.
    pub(super) late: Vec<Duration>,
    /// Fewest and most players in the area.
    pub(super) players: Option<[usize; 2]>,
}

impl Ticks {
    /// Those that the log has between two times.
    pub(super) fn between(log: &str, from: SystemTime, to: SystemTime) -> Self {
        let mut ticks = Self::default();
        for line in log.lines().filter(|line| line.contains(TARGET)) {
            if log::time_of(line).is_none_or(|at| at < from || at >= to) {
                continue;
            }
            let number = |name: &str| line.split(name).nth(1)?.split_whitespace().next()?.parse::<u64>().ok();
            let us = |name: &str| number(name).map(Duration::from_micros);
            let Some((((took, rules), work), (late, players))) = us(" took_us=")
                .zip(us(" rules_us="))
                .zip(us(" work_us="))
                .zip(us(" late_us=").zip(number(" players=")))
            else {
                continue;
            };
            ticks.took.push(took);
            ticks.rules.push(rules);
            ticks.work.push(work);
            ticks.late.push(late);
            let players = usize::try_from(players).unwrap_or(usize::MAX);
            let [least, most] = ticks.players.unwrap_or([players; 2]);
            ticks.players = Some([least.min(players), most.max(players)]);
        }
        for times in [&mut ticks.took, &mut ticks.rules, &mut ticks.work, &mut ticks.late] {
            times.sort_unstable();
        }
        ticks
    }
}

/// Of sorted times the one that so many hundredths do not exceed, in milliseconds.
pub(super) fn percentile_ms(times: &[Duration], percent: usize) -> Option<f64> {
    let at = (times.len() * percent).div_ceil(100).saturating_sub(1);
    times.get(at).map(|time| time.as_secs_f64() * 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(second: u32, took: u32, players: u32) -> String {
        format!(
            "2026-11-23T00:45:{second:02}.000000Z DEBUG lordofpomelo::ticks: tick area=\"1\" players={players} late_us=7 rules_us=2 \
             work_us=2 took_us={took} events=3\n"
        )
    }

    #[test]
    fn ticks_are_those_of_the_time_asked_for() {
        let other = "2026-11-23T00:45:11.000000Z  INFO lordofpomelo::area: took_us=9\n".to_owned();
        let log = [line(9, 1, 1), line(10, 3000, 8), other, line(11, 1000, 9), line(12, 1, 1)].concat();
        let at = |second| log::time_of(&line(second, 0, 0)).unwrap();
        let ticks = Ticks::between(&log, at(10), at(12));
        assert_eq!(ticks.took, [1, 3].map(Duration::from_millis));
        assert_eq!((ticks.players, ticks.late.len(), ticks.rules.len()), (Some([8, 9]), 2, 2));
    }

    #[test]
    fn hundredths_of_few_and_of_no_times() {
        let times: Vec<_> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!([50, 99, 100].map(|p| percentile_ms(&times, p)), [Some(100.0), Some(198.0), Some(200.0)]);
        assert_eq!(percentile_ms(&times[..1], 99), Some(1.0));
        assert_eq!(percentile_ms(&[], 50), None);
    }
}
