//! `cargo xtask`: what this project can do with itself. Each task is one module; what they share is in [`shell`].
//!
//! Few dependencies on purpose: this is the first thing a newcomer builds.

mod bench;
mod demo;
mod install;
mod shell;
mod test;

use clap::{Parser, Subcommand};

/// Tasks of this project.
#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    after_help = "\
Examples:
  cargo xtask demo              the game with three masters, to play and kill
  cargo xtask test              every suite
  cargo xtask bench failover    how long servers are without a master

`cargo xtask help TASK` tells more of each."
)]
struct Xtask {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build and start LordOfPomelo with three masters, and say what to try. Ctrl-C stops all of it.
    #[command(after_help = demo::EXAMPLES)]
    Demo(demo::Demo),
    /// Run every test. What the suites need is installed first: Debian's and npm's packages.
    #[command(after_help = test::EXAMPLES)]
    Test(test::Test),
    /// Build for release, measure, and print ratios.
    #[command(after_help = bench::EXAMPLES)]
    Bench(bench::Bench),
}

fn main() {
    let result = match Xtask::parse().task {
        Task::Demo(demo) => demo.run(),
        Task::Test(test) => test.run(),
        Task::Bench(bench) => bench.run(),
    };
    if let Err(e) = result {
        eprintln!("error: {e:#}");
        std::process::exit(1);
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn help_of_every_task_has_examples_that_fit_a_terminal() {
        let command = Xtask::command();
        for one in std::iter::once(&command).chain(command.get_subcommands()) {
            let examples = one.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(examples.starts_with("Examples:"), "{} has no examples", one.get_name());
            assert!(examples.lines().all(|line| line.chars().count() <= 80), "{examples}");
        }
    }
}
