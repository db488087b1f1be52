//! What servers and masters of a game say in their logs, with the time at which they said it: the measure that needs no trust in
//! whoever measures.

use std::time::{Duration, SystemTime};

use pomelo_testkit::game::GameDir;

/// The log of the master on this port.
pub(crate) fn of_master(port: u16) -> String {
    format!("logs/master-server-1-{port}.log")
}

/// The epoch that a server follows.
pub(crate) fn epoch(game: &GameDir, server: &str) -> Option<u64> {
    let log = game.read(&format!("logs/{server}.log"));
    let line = log.lines().rfind(|line| line.contains("following master"))?;
    line.split("epoch=").nth(1)?.split_whitespace().next()?.parse().ok()
}

/// When a server said that it follows a master of this epoch.
pub(crate) fn followed_at(game: &GameDir, server: &str, epoch: u64) -> Option<SystemTime> {
    let (log, word) = (game.read(&format!("logs/{server}.log")), format!("epoch={epoch}"));
    let line = log
        .lines()
        .find(|line| line.contains("following master") && line.split_whitespace().any(|w| w == word))?;
    time_of(line)
}

/// When a master said that this epoch is its own, and on which port it listens.
pub(crate) fn active_at(game: &GameDir, ports: &[u16], epoch: u64) -> Option<(u16, SystemTime)> {
    let says = format!("active in epoch {epoch},");
    ports.iter().find_map(|port| {
        let log = game.read(&of_master(*port));
        let line = log.lines().find(|line| line.contains(&says))?;
        Some((*port, time_of(line)?))
    })
}

/// The time at the start of a log line, `2026-11-23T00:45:04.123456Z`.
pub(crate) fn time_of(line: &str) -> Option<SystemTime> {
    let (date, time) = line.split_whitespace().next()?.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.split('-').map(str::parse::<i64>);
    let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    let mut time = time.split(':');
    let (hours, minutes) = (time.next()?.parse::<u64>().ok()?, time.next()?.parse::<u64>().ok()?);
    let seconds: f64 = time.next()?.parse().ok()?;
    // Days since 1970 in the proleptic Gregorian calendar, years counted from March.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719_468;
    let whole = u64::try_from(days).ok()? * 86_400 + hours * 3_600 + minutes * 60;
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(whole) + Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_a_log_line_is_read_to_the_microsecond() {
        let time = time_of("2026-11-23T00:45:04.123456Z  INFO pomelo::follow: following").unwrap();
        assert_eq!(time.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_micros(), 1_795_394_704_123_456);
        assert_eq!(time_of("no time here"), None);
    }
}
