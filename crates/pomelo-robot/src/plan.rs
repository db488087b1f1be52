//! How many robots play, how fast they come and for how long: the same options for every program of robots.

use std::{num::NonZeroUsize, path::PathBuf, thread::available_parallelism, time::Duration};

use clap::Args;
use pomelo_client::{ClientOptions, Tls, TlsError};

/// Longest time of an option: longer than anybody measures.
const SECONDS_MAX: f64 = 1e7;

/// Settings of a run.
#[derive(Args, Clone, Debug)]
pub struct Plan {
    /// How many robots.
    #[arg(short = 'n', long, value_name = "N", default_value = "100")]
    pub count: NonZeroUsize,
    /// Seconds in which they come, one after the other.
    #[arg(long, value_name = "SECONDS", default_value = "5", value_parser = seconds)]
    pub ramp: Duration,
    /// Seconds to play once all have come. Ctrl-C ends it earlier; the report is printed all the same.
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = seconds)]
    pub duration: Duration,
    /// Seconds of these whose answers and pushes the report leaves out, for figures of robots that have all come.
    #[arg(long, value_name = "SECONDS", default_value = "0", value_parser = seconds)]
    pub warm_up: Duration,
    /// Threads that play them [default: one for each core].
    #[arg(long, value_name = "N")]
    pub workers: Option<NonZeroUsize>,
    /// Number of the first robot, so that those of several machines differ.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub first: usize,
    /// A robot that failed does not come again.
    #[arg(long)]
    pub once: bool,
    /// Seconds that a request may wait for its answer.
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub request_timeout: Duration,
    /// Trust these authorities (PEM) at wss:// and tls:// [default: those of this machine].
    #[arg(long, value_name = "FILE")]
    pub authorities: Option<PathBuf>,
    /// Trust anybody at wss:// and tls://. For tests on one machine.
    #[arg(long, conflicts_with = "authorities")]
    pub dangerous_trust_anybody: bool,
    /// Print the report as JSON; what there is to see meanwhile goes to stderr.
    #[arg(long)]
    pub json: bool,
    /// End with exit code 1 if anything failed.
    #[arg(long)]
    pub fail_on_errors: bool,
}

/// A plan that can't be carried out.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The authorities to trust.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Every connection is an open file.
    #[error(
        "{wanted} open files are needed and {allowed} allowed; raise the limit (ulimit -n) or use less robots"
    )]
    OpenFiles {
        /// How many are needed.
        wanted: u64,
        /// How many there may be.
        allowed: u64,
    },
    /// A thread or what it needs.
    #[error("no thread for the robots: {0}")]
    Thread(#[from] std::io::Error),
}

impl Plan {
    /// Settings of the robots' clients.
    pub fn client_options(&self) -> Result<ClientOptions, TlsError> {
        let tls = match &self.authorities {
            _ if self.dangerous_trust_anybody => Tls::dangerous_trusting_anybody(),
            Some(file) => Tls::authorities(file)?,
            None => Tls::platform(),
        };
        let client = ("rust-robot".to_owned(), env!("CARGO_PKG_VERSION").to_owned());
        let request_timeout = self.request_timeout;
        Ok(ClientOptions { tls, client, request_timeout, ..ClientOptions::default() })
    }

    /// How many threads: never more than robots.
    pub(crate) fn threads(&self) -> usize {
        let cores = || available_parallelism().unwrap_or(NonZeroUsize::MIN);
        self.workers.unwrap_or_else(cores).min(self.count).get()
    }

    /// When the robot comes, counted from the beginning.
    pub(crate) fn comes_after(&self, index: usize) -> Duration {
        #[expect(clippy::cast_precision_loss, reason = "far fewer robots than an f64 can tell apart")]
        let share = index as f64 / self.count.get() as f64;
        self.ramp.mul_f64(share)
    }
}

/// As the command line has it where nothing is said.
impl Default for Plan {
    fn default() -> Self {
        Self {
            count: const { NonZeroUsize::new(100).unwrap() },
            ramp: Duration::from_secs(5),
            duration: Duration::from_secs(60),
            warm_up: Duration::ZERO,
            workers: None,
            first: 0,
            once: false,
            request_timeout: Duration::from_secs(10),
            authorities: None,
            dangerous_trust_anybody: false,
            json: false,
            fail_on_errors: false,
        }
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| (0.0..=SECONDS_MAX).contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or_else(|| "expected seconds, like 2.5".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::{Parser, error::ErrorKind};

    use super::*;

    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        plan: Plan,
    }

    #[test]
    fn the_defaults_of_the_command_line_are_those_of_the_type() {
        let parsed = Program::parse_from(["robots"]).plan;
        assert_eq!(format!("{parsed:?}"), format!("{:?}", Plan::default()));
    }

    #[test]
    fn times_are_seconds_and_nothing_else() {
        let plan = Program::parse_from(["robots", "--ramp", "0", "--duration", "2.5"]).plan;
        assert_eq!((plan.ramp, plan.duration), (Duration::ZERO, Duration::from_millis(2500)));
        for wrong in ["-1", "NaN", "inf", "5s", ""] {
            let error = Program::try_parse_from(["robots".to_owned(), format!("--ramp={wrong}")]);
            let kind = error.unwrap_err().kind();
            assert!(
                matches!(kind, ErrorKind::ValueValidation | ErrorKind::InvalidValue),
                "{wrong:?}: {kind}"
            );
        }
    }

    #[test]
    fn robots_come_evenly_over_the_ramp() {
        let plan = Plan { ramp: Duration::from_secs(10), ..Plan::default() };
        assert_eq!(plan.comes_after(0), Duration::ZERO);
        assert_eq!(plan.comes_after(50), Duration::from_secs(5));
        assert!(plan.comes_after(99) < plan.ramp);
    }
}
