//! Times of one case, and the table they are shown in.

use std::time::Duration;

/// One case: every time measured, and what kept it from being shorter.
#[derive(Debug)]
pub(crate) struct Series {
    pub(crate) name: &'static str,
    pub(crate) bounded_by: String,
    times: Vec<Duration>,
}

impl Series {
    pub(crate) fn new(name: &'static str, bounded_by: impl Into<String>) -> Self {
        Self { name, bounded_by: bounded_by.into(), times: Vec::new() }
    }

    pub(crate) fn add(&mut self, time: Duration) {
        let at = self.times.partition_point(|t| *t <= time);
        self.times.insert(at, time);
    }

    /// The smallest time that is not shorter than so many hundredths of all (nearest rank); None of nothing.
    pub(crate) fn percentile(&self, hundredths: usize) -> Option<Duration> {
        let rank = (self.times.len() * hundredths).div_ceil(100).max(1);
        self.times.get(rank - 1).copied()
    }
}

/// The table, and each case's median as a ratio to the last one's.
pub(crate) fn render(series: &[Series]) -> String {
    let mut text = format!(
        "{:<22} {:>5} {:>9} {:>9} {:>9}  {}\n",
        "coordinator", "runs", "p50 ms", "p90 ms", "max ms", "bounded by"
    );
    let ms =
        |time: Option<Duration>| time.map_or("-".to_owned(), |t| format!("{:.1}", t.as_secs_f64() * 1e3));
    for s in series {
        let [p50, p90, max] = [50, 90, 100].map(|p| ms(s.percentile(p)));
        text +=
            &format!("{:<22} {:>5} {p50:>9} {p90:>9} {max:>9}  {}\n", s.name, s.times.len(), s.bounded_by);
    }
    if let Some((last, ours)) = series.split_last()
        && let Some(theirs) = last.percentile(50)
    {
        for s in ours {
            if let Some(median) = s.percentile(50) {
                let ratio = theirs.as_secs_f64() / median.as_secs_f64();
                text += &format!("{} is {ratio:.1} times as fast as {} (medians)\n", s.name, last.name);
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_times_that_were_measured() {
        let mut s = Series::new("x", "");
        assert_eq!(s.percentile(50), None);
        for ms in [5, 1, 4, 2, 3, 10, 9, 8, 7, 6] {
            s.add(Duration::from_millis(ms));
        }
        assert_eq!([50, 90, 100].map(|p| s.percentile(p).unwrap().as_millis()), [5, 9, 10]);
    }
}
