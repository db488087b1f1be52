//! When a job is due: six fields as the original has them, or an interval. Fields are told by the clock on the wall, which
//! people and programs set; an interval by one that only goes forward.
//!
//! No clock: times in, the next time out. The reading of the fields and the days when clocks change are croner's.

use std::{str::FromStr, time::Duration};

use croner::{
    Cron,
    parser::{CronParser, Seconds, Year},
};
use jiff::{Zoned, civil};
use tokio::time::Instant;

/// The shortest interval.
const INTERVAL_MIN: Duration = Duration::from_millis(10);

/// Which field is the month.
const MONTH: usize = 4;

/// The times of a job.
#[derive(Clone, Debug)]
pub(super) enum Timetable {
    /// Second, minute, hour, day of the month, month, day of the week.
    Cron(Box<Cron>),
    /// Again and again after so long.
    Every(Duration),
}

/// What time it is.
#[derive(Clone, Debug)]
pub(super) struct Now {
    /// By the clock on the wall, which may be set.
    pub(super) wall: Zoned,
    /// By one that only goes forward.
    pub(super) steady: Instant,
}

/// When a job is due, by the clock that its times are told by.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Due {
    Wall(Zoned),
    Steady(Instant),
}

/// A text that says no time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum TimeError {
    #[error("time {time:?}: expected six fields (second minute hour day month weekday), found {found}")]
    Fields { time: String, found: usize },
    #[error(
        "time {time:?}: month {month:?}: months are 0 (January) to 11 as in the original, or names like JAN"
    )]
    Month { time: String, month: String },
    #[error("time {time:?}: {why}")]
    Wrong { time: String, why: String },
    #[error("time {time:?} never comes")]
    Never { time: String },
}

impl FromStr for Timetable {
    type Err = TimeError;

    fn from_str(time: &str) -> Result<Self, TimeError> {
        let mut fields: Vec<String> = time.split_whitespace().map(str::to_owned).collect();
        if fields.len() != 6 {
            return Err(TimeError::Fields { time: time.to_owned(), found: fields.len() });
        }
        fields[MONTH] = months(&fields[MONTH])
            .ok_or_else(|| TimeError::Month { time: time.to_owned(), month: fields[MONTH].clone() })?;
        let parser = CronParser::builder()
            .seconds(Seconds::Required)
            .year(Year::Disallowed)
            // As in the original: a day has to be right in both ways.
            .dom_and_dow(true)
            .build();
        let wrong = |error: croner::errors::CronError| TimeError::Wrong {
            time: time.to_owned(),
            why: error.to_string(),
        };
        let cron = parser.parse(&fields.join(" ")).map_err(wrong)?;
        // The 30th of February is found out when the job is made, not when it would be due.
        let some_day = civil::date(2024, 1, 1).at(0, 0, 0, 0).to_zoned(jiff::tz::TimeZone::UTC);
        if some_day.is_ok_and(|day| cron.find_next_occurrence(&day, true).is_err()) {
            return Err(TimeError::Never { time: time.to_owned() });
        }
        Ok(Self::Cron(Box::new(cron)))
    }
}

impl Timetable {
    /// Every so often, but not faster than every 10 ms.
    pub(super) fn every(interval: Duration) -> Self {
        Self::Every(interval.max(INTERVAL_MIN))
    }

    /// The next time. None at the end of time.
    pub(super) fn next(&self, now: &Now) -> Option<Due> {
        match self {
            Self::Cron(cron) => after(cron, &now.wall).map(Due::Wall),
            Self::Every(interval) => now.steady.checked_add(*interval).map(Due::Steady),
        }
    }

    /// The next time that the clock on the wall shows after this one. None for what does not look at it.
    pub(super) fn next_on_the_wall(&self, time: &Zoned) -> Option<Zoned> {
        match self {
            Self::Cron(cron) => after(cron, time),
            Self::Every(_) => None,
        }
    }
}

impl Due {
    /// How long it is until then; zero from then on.
    pub(super) fn left(&self, now: &Now) -> Duration {
        match self {
            Self::Wall(time) => {
                let left = time.timestamp().duration_since(now.wall.timestamp());
                Duration::try_from(left).unwrap_or_default()
            }
            Self::Steady(time) => time.saturating_duration_since(now.steady),
        }
    }

    /// As the clock on the wall will show it if nobody sets it.
    pub(super) fn on_the_wall(&self, now: &Now) -> Zoned {
        match self {
            Self::Wall(time) => time.clone(),
            Self::Steady(_) => now.wall.saturating_add(self.left(now)),
        }
    }
}

fn after(cron: &Cron, time: &Zoned) -> Option<Zoned> {
    cron.find_next_occurrence(time, false).ok()
}

/// A month's field with January as 1, as croner has it; the original counts from 0.
fn months(field: &str) -> Option<String> {
    let one = |number: &str| match number.parse::<u8>() {
        Ok(month) if month <= 11 => Some((month + 1).to_string()),
        Ok(_) => None,
        // A star or a name.
        Err(_) => Some(number.to_owned()),
    };
    let part = |part: &str| {
        let (range, step) = part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
        let ends = range.split('-').map(one).collect::<Option<Vec<_>>>()?.join("-");
        Some(step.map_or_else(|| ends.clone(), |step| format!("{ends}/{step}")))
    };
    Some(field.split(',').map(part).collect::<Option<Vec<_>>>()?.join(","))
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;

    /// Central European time as POSIX says it, whatever this machine knows of zones.
    fn zone() -> TimeZone {
        TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap()
    }

    fn times(time: &str, from: &str, count: usize) -> Vec<String> {
        let table: Timetable = time.parse().unwrap();
        let from: civil::DateTime = from.parse().unwrap();
        let mut at = from.to_zoned(zone()).unwrap();
        let mut all = Vec::new();
        for _ in 0..count {
            at = table.next_on_the_wall(&at).unwrap();
            all.push(at.strftime("%Y-%m-%d %H:%M:%S %z").to_string());
        }
        all
    }

    #[test]
    fn six_fields_are_read_with_seconds() {
        assert_eq!(
            times("0 30 10 * * *", "2026-11-23T10:30:00", 2),
            ["2026-11-24 10:30:00 +0100", "2026-11-25 10:30:00 +0100"]
        );
        assert_eq!(
            times("*/20 * * * * *", "2026-11-23T10:00:01", 3),
            ["2026-11-23 10:00:20 +0100", "2026-11-23 10:00:40 +0100", "2026-11-23 10:01:00 +0100"]
        );
    }

    #[test]
    fn months_count_from_0_and_a_day_has_to_be_right_in_both_ways_as_in_the_original() {
        assert_eq!(times("0 0 0 1 0 *", "2026-11-23T00:00:00", 1), ["2027-01-01 00:00:00 +0100"]);
        assert_eq!(times("0 0 0 1 JAN *", "2026-11-23T00:00:00", 1), ["2027-01-01 00:00:00 +0100"]);
        assert_eq!(
            times("0 0 0 1 5-7/2,11 *", "2026-11-23T00:00:00", 4),
            [
                "2026-12-01 00:00:00 +0100",
                "2027-06-01 00:00:00 +0200",
                "2027-08-01 00:00:00 +0200",
                "2027-12-01 00:00:00 +0100"
            ]
        );
        assert_eq!(times("0 0 0 13 * 5", "2026-11-23T00:00:00", 1), ["2027-08-13 00:00:00 +0200"]);
    }

    #[test]
    fn an_hour_that_is_left_out_or_comes_twice_is_run_once() {
        // 2026-03-29: from 02:00 to 03:00.
        assert_eq!(
            times("0 30 2 * * *", "2026-03-28T12:00:00", 2),
            ["2026-03-29 03:00:00 +0200", "2026-03-30 02:30:00 +0200"]
        );
        // 2026-10-25: from 03:00 back to 02:00.
        assert_eq!(
            times("0 30 2 * * *", "2026-10-24T12:00:00", 2),
            ["2026-10-25 02:30:00 +0200", "2026-10-26 02:30:00 +0100"]
        );
        // What comes every half hour comes in both of them.
        assert_eq!(
            times("0 */30 * * * *", "2026-10-25T01:30:00", 5)[..4],
            [
                "2026-10-25 02:00:00 +0200",
                "2026-10-25 02:30:00 +0200",
                "2026-10-25 02:00:00 +0100",
                "2026-10-25 02:30:00 +0100"
            ]
        );
    }

    #[test]
    fn what_is_no_time_is_refused_in_words() {
        let refused = |time: &str| time.parse::<Timetable>().unwrap_err().to_string();
        assert!(refused("0 30 10 * *").contains("expected six fields (second minute hour"));
        assert!(refused("0 30 10 * 12 *").contains("months are 0 (January) to 11"));
        assert!(refused("0 0 0 30 1 *").contains("never comes"));
        for time in ["60 * * * * *", "0 0 24 * * *", "a b c d e f", "0 0 0 * * 8"] {
            assert!(refused(time).starts_with(&format!("time {time:?}: ")), "{}", refused(time));
        }
    }
}
