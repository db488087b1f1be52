//! `cargo xtask test`: every suite there is. What a suite needs is installed first; a suite that can't run is counted and
//! named on the last lines, and with `POMELO_REQUIRE_ALL=1` (as in CI) it is a failure.

use std::process::Command;

use anyhow::{Result, bail};
use clap::Args;

use crate::{
    install::{self, Missing},
    shell::{cargo, root, run},
};

/// The client for browsers and Node: npm's package manager runs what it has.
const CLIENT: &str = "clients/typescript";
const CLIENT_SUITES: &str = "TypeScript suites";

/// LordOfPomelo's page, likewise.
const GAME: &str = "lordofpomelo/web-client";
const GAME_SUITES: &str = "web client suites";
const BROWSER_SUITE: &str = "browser suite";

/// Everything is built with every feature, once: features are what is tested here too, and the default alone is what clippy
/// and whoever builds a game see.
const FEATURES: [&str; 2] = ["--features", "etcd,lordofpomelo-store/mysql"];

/// What `--help` ends with.
pub(crate) const EXAMPLES: &str = "\
Examples:
  cargo xtask test
  cargo xtask test handover        tests with this in their name
  cargo xtask test --no-install    nothing is installed, so some are skipped

POMELO_REQUIRE_ALL=1 makes a skipped suite a failure, as in CI.";

/// Options of `cargo xtask test`.
#[derive(Args)]
pub(crate) struct Test {
    /// Only tests whose name contains this.
    filter: Option<String>,
    /// Install nothing; suites whose needs are missing are skipped.
    #[arg(long)]
    no_install: bool,
}

impl Test {
    pub(crate) fn run(self) -> Result<()> {
        let then = if self.no_install { Missing::Report } else { Missing::Install };
        if !self.no_install {
            install::nextest()?;
        }
        let mut skipped = Vec::new();
        for (suite, ready) in [
            ("ZooKeeper suites", install::zookeeper(then)),
            ("etcd suites", install::etcd(then)),
            ("MariaDB suites", install::mariadb(then)),
            ("npm suites", install::npm("tests/npm", then)),
            (BROWSER_SUITE, install::chromium(then)),
            (CLIENT_SUITES, install::npm(CLIENT, then)),
            (GAME_SUITES, install::npm(GAME, then)),
        ] {
            if let Err(e) = ready {
                eprintln!("warning: {suite} can't run: {e:#}");
                skipped.push(suite);
            }
        }

        if !skipped.contains(&CLIENT_SUITES) {
            scripts(CLIENT, if self.filter.is_none() { &["lint", "test"] } else { &["pretest"] })?;
        }
        if self.filter.is_none() && !skipped.contains(&GAME_SUITES) {
            scripts(GAME, &["check", "test"])?;
            scripts(GAME, if skipped.contains(&BROWSER_SUITE) { &["build"] } else { &["test:browser"] })?;
        }
        println!("building every program the suites start");
        run(cargo().args(["build", "--workspace", "--bins", "--locked"]).args(FEATURES))?;
        if self.filter.is_none() {
            println!("running the examples in the documentation");
            run(cargo().args(["test", "--workspace", "--doc", "--locked", "--quiet"]).args(FEATURES))?;
        }
        println!("running the tests");
        let mut nextest = cargo();
        nextest.args(["nextest", "run", "--workspace", "--locked"]).args(FEATURES);
        if let Some(filter) = &self.filter {
            nextest.arg(filter);
        }
        run(&mut nextest)?;

        if skipped.is_empty() {
            println!("all suites ran, none skipped");
            return Ok(());
        }
        println!("{} skipped: {}", skipped.len(), skipped.join(", "));
        if std::env::var_os("POMELO_REQUIRE_ALL").is_some() {
            bail!("a skipped suite is a failure here (POMELO_REQUIRE_ALL is set)");
        }
        Ok(())
    }
}

/// Runs scripts of an npm package. (The suites that start clusters need the TypeScript client built, which its `pretest` does.)
fn scripts(package: &str, scripts: &[&str]) -> Result<()> {
    for script in scripts {
        println!("running npm run {script} in {package}");
        run(Command::new("npm").args(["run", "--silent", script]).current_dir(root().join(package)))?;
    }
    Ok(())
}
