//! `pomelo robot`: plays a scenario with many clients. Robots that are written in Rust are programs of their own, with the same options:
//! see the crate `pomelo-robot`.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use pomelo_robot::{Failures, Plan, Report, Scenario};

/// Options of `pomelo robot`.
#[derive(Args, Clone, Debug)]
pub struct Robots {
    /// What each robot does, as JSON: see the examples below.
    #[arg(value_name = "SCENARIO.json")]
    scenario: PathBuf,
    #[command(flatten)]
    plan: Plan,
    /// Only check the scenario.
    #[arg(long)]
    check: bool,
}

/// What `--help` ends with. The places have spaces in them, because clap takes an n in braces for the end of a line.
pub const EXAMPLES: &str = r#"Examples:
  pomelo robot chat.json                                  100 robots, a minute
  pomelo robot chat.json -n 5000 --ramp 30 --duration 600
  pomelo robot chat.json --duration 20 --json --fail-on-errors     for scripts
  pomelo robot chat.json --check                          is the file right?
  pomelo robot chat.json --authorities own.pem            wss://, own authority

A scenario:
  {
    "vars": { "me": "robot{{ n }}", "room": "room{{ n / 20 }}" },
    "steps": [
      { "connect": "ws://127.0.0.1:3014" },
      { "request": "gate.gateHandler.queryEntry", "body": { "uid": "{{ me }}" },
        "save": { "host": "host", "port": "port" } },
      { "connect": "ws://{{ host }}:{{ port }}" },
      { "request": "connector.entryHandler.enter",
        "body": { "username": "{{ me }}", "rid": "{{ room }}" } },
      { "repeat": [
          { "sleep": [2, 8] },
          { "request": "chat.chatHandler.send",
            "body": { "content": "hello {{ i }}", "target": "*" } },
          { "wait": "onChat", "where": { "from": "{{ me }}" }, "within": 5 }
      ] }
    ]
  }

Steps: connect, request, notify, wait (for a push), sleep (seconds, or
[from, to]), repeat (with "times", or until the run is over).
{{ n }} is the robot's number, {{ count }} how many there are, {{ i }} the round
of the innermost repeat, {{ random }} a number by chance, and others are from
"vars" and "save". {{ n / 20 }}, {{ n % 2 }} and {{ n + 1 }} calculate.
An answer whose "code" is not 200 is a failure; the robot begins again after a
second. Robots in Rust: see the crate pomelo-robot."#;

impl Robots {
    /// Plays. An error also if anything failed and that was to be one.
    pub async fn run(self) -> Result<()> {
        let scenario = Scenario::load(&self.scenario)?;
        if self.check {
            crate::say(format_args!("{} can be played", self.scenario.display()));
            return Ok(());
        }
        let play = async move |robot| scenario.play(robot).await;
        let report = pomelo_robot::run(&self.plan, play).await.context("the robots can't play")?;
        report.print(self.plan.json);
        ensure!(report.reached_anybody(), "{}", self.reached_nobody(&report));
        ensure!(report.is_clean() || !self.plan.fail_on_errors, "something failed, see above");
        Ok(())
    }

    /// Why, and what to look at.
    fn reached_nobody(&self, report: &Report) -> String {
        let first = report.failures.first();
        let why = first.map(|failure| format!(" ({})", failure.example)).unwrap_or_default();
        if first.is_some_and(Failures::is_tls) {
            return format!(
                "no robot reached the game{why}: does --authorities name who signed its certificate?"
            );
        }
        let scenario = self.scenario.display();
        format!(
            "no robot reached the game{why}: does it run (`pomelo start`), and is the first `connect` of {scenario} its address?"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scenario_of_the_help_can_be_played_and_fits_a_terminal() {
        let (_, behind) = EXAMPLES.split_once("A scenario:").unwrap();
        let (scenario, _) = behind.split_once("Steps:").unwrap();
        Scenario::parse(scenario).unwrap();
        assert!(!EXAMPLES.contains("{n}") && EXAMPLES.lines().all(|line| line.chars().count() <= 80));
    }
}
