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
#[command(name = "cargo xtask", bin_name = "cargo xtask", after_help = "Start with: cargo xtask demo")]
struct Xtask {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build and start LordOfPomelo with three masters, and say what to try. Ctrl-C stops all of it.
    Demo(demo::Demo),
    /// Run every test; installs what the suites need (Debian's zookeeper, npm packages) and says so.
    Test(test::Test),
    /// Measure, and print ratios: `cargo xtask bench failover`.
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
