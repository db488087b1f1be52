//! `pomelo robot`: plays a scenario with many clients. Robots that are written in Rust are programs of their own, with the same options:
//! see the crate `pomelo-robot`.

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use pomelo_robot::{Plan, Scenario};

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

/// What `--help` ends with.
pub const EXAMPLES: &str = r#"Examples:
  pomelo robot chat.json                                         100 robots for a minute
  pomelo robot chat.json -n 5000 --ramp 30 --duration 600        5,000, who come within half a minute, for ten minutes
  pomelo robot chat.json --duration 20 --json --fail-on-errors   for scripts: exit code 1 if anything failed
  pomelo robot chat.json --check                                 is the file right?

A scenario:
  {
    "vars": { "me": "robot{{n}}" },
    "steps": [
      { "connect": "ws://127.0.0.1:3014" },
      { "request": "gate.gateHandler.queryEntry", "body": { "uid": "{{me}}" },
        "save": { "host": "host", "port": "port" } },
      { "connect": "ws://{{host}}:{{port}}" },
      { "request": "connector.entryHandler.enter",
        "body": { "username": "{{me}}", "rid": "room{{n / 20}}" } },
      { "repeat": [
          { "sleep": [2, 8] },
          { "request": "chat.chatHandler.send", "body": { "content": "hello {{i}}", "target": "*" } },
          { "wait": "onChat", "where": { "from": "{{me}}" }, "within": 5 }
      ] }
    ]
  }
Steps: connect, request, notify, wait (for a push), sleep (seconds, or [from, to]), repeat (with "times", or for ever).
{{n}} is the robot's number, {{count}} how many there are, {{i}} the round of the innermost repeat, {{random}} a number by chance;
{{n / 20}}, {{n % 2}} and {{n + 1}} calculate.

An answer whose "code" is not 200 is a failure; the robot starts over after a second."#;

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
        ensure!(report.is_clean() || !self.plan.fail_on_errors, "something failed, see above");
        Ok(())
    }
}
