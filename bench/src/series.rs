//! Every time measured of one case and what kept it from being shorter. Tables are made in [`crate::table`], pictures in
//! [`crate::plot`].

use std::time::Duration;

use pomelo_cluster::status::Failover;
use serde_json::{Value, json};

/// Parts of a failover, as the new master tells them.
pub(crate) const PARTS: [&str; 4] = ["detect", "elect", "publish", "follow"];

/// One case.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) bounded_by: String,
    /// Whether nothing broke: not to be compared with cases where something did.
    pub(crate) planned: bool,
    /// The whole of it.
    pub(crate) times: Times,
    /// From the fault until the new master had its epoch, as its log says.
    pub(crate) to_epoch: Times,
    /// One for each of [`PARTS`].
    pub(crate) parts: [Times; 4],
}

impl Series {
    pub(crate) fn new(name: impl Into<String>, bounded_by: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            bounded_by: bounded_by.into(),
            planned: false,
            times: Times::default(),
            to_epoch: Times::default(),
            parts: Default::default(),
        }
    }

    /// Where the time of one of them went.
    pub(crate) fn add_parts(&mut self, told: &Failover) {
        let parts = [told.detect_ms, Some(told.elect_ms), Some(told.publish_ms), Some(told.follow_ms)];
        for (of, ms) in self.parts.iter_mut().zip(parts) {
            if let Some(ms) = ms.filter(|ms| ms.is_finite() && *ms >= 0.0) {
                of.add(Duration::from_secs_f64(ms / 1e3));
            }
        }
    }

    /// Every time, in ms, in the order in which they were measured.
    pub(crate) fn to_json(&self) -> Value {
        let parts: serde_json::Map<_, _> = PARTS
            .iter()
            .zip(&self.parts)
            .map(|(part, times)| ((*part).to_owned(), times.to_json()))
            .collect();
        json!({
            "case": self.name, "boundedBy": self.bounded_by, "ms": self.times.to_json(),
            "toEpochMs": self.to_epoch.to_json(), "partsMs": parts,
        })
    }
}

/// Times in the order in which they were measured.
#[derive(Debug, Default)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn add(&mut self, time: Duration) {
        self.0.push(time);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Duration> {
        self.0.iter().copied()
    }

    /// The smallest time that is not shorter than so many hundredths of all (nearest rank); None of nothing.
    pub(crate) fn percentile(&self, hundredths: usize) -> Option<Duration> {
        let mut sorted = self.0.clone();
        sorted.sort();
        let rank = (sorted.len() * hundredths).div_ceil(100).max(1);
        sorted.get(rank - 1).copied()
    }

    fn to_json(&self) -> Value {
        // Microseconds are enough to read, and more than a log line has.
        self.iter().map(|time| (time.as_secs_f64() * 1e6).round() / 1e3).collect()
    }
}

/// As it is written everywhere: `12.3`, or `-` of nothing.
pub(crate) fn ms(time: Option<Duration>) -> String {
    time.map_or("-".to_owned(), |time| format!("{:.1}", time.as_secs_f64() * 1e3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let mut times = Times::default();
        assert_eq!(times.percentile(50), None);
        for ms in [5, 1, 4, 2, 3, 10, 9, 8, 7, 6] {
            times.add(Duration::from_millis(ms));
        }
        assert_eq!([50, 90, 99, 100].map(|p| times.percentile(p).unwrap().as_millis()), [5, 9, 10, 10]);
        assert_eq!(times.iter().next(), Some(Duration::from_millis(5)), "the order is kept");
    }

    #[test]
    fn the_document_has_every_time_in_order() {
        let mut series = Series::new("x", "y");
        series.times.add(Duration::from_micros(12_345));
        series.times.add(Duration::from_millis(3));
        assert_eq!(series.to_json()["ms"], json!([12.345, 3.0]));
        assert_eq!(series.to_json()["partsMs"]["detect"], json!([]));
    }
}
