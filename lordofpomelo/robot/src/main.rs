//! `lordofpomelo-robot`: plays LordOfPomelo with many robots and measures what they see.

use std::process::ExitCode;

use clap::Parser;
use lordofpomelo_robot::robots::Options;

/// Play LordOfPomelo with many robots, and measure what they see.
///
/// Each one has an account of its own, robot-0 and so on, which is made if it is not there, and a hero of the same name.
#[derive(Parser)]
#[command(
    version,
    after_help = "\
Examples:
  lordofpomelo-robot --game lordofpomelo/game-server
                                  100 robots do what players do, a minute
  lordofpomelo-robot --game . -e production -b walk -n 2000 --ramp 60 --duration 120
  lordofpomelo-robot --gate ws://10.0.0.5:3014 --web http://10.0.0.5:3001 -n 20
                                  by the way that players go
  lordofpomelo-robot --game . -b fight --json --fail-on-errors > fight.json

The report has the time to the answers of each route, `come in` (from the gate
into the scene), `away` (from a lost connection back into the scene), pushes by
name and second, and what failed. A robot whose server dies comes back."
)]
struct Program {
    #[command(flatten)]
    options: Options,
}

fn main() -> ExitCode {
    match play(&Program::parse().options) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn play(options: &Options) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let troop = options.troop()?;
    let report = runtime.block_on(troop.run(&options.plan))?;
    report.print(options.plan.json);
    if !report.reached_anybody() {
        return Err("no robot reached the game: does it run, and is this its gate?".into());
    }
    let is_failure = options.plan.fail_on_errors && !report.is_clean();
    Ok(if is_failure { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
