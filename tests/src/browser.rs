//! The example's page in Debian's Chromium, driven by `npm/page.js`.

use std::path::Path;

use anyhow::{Result, bail};
use pomelo_testkit::{
    command::Running,
    game::{GameDir, root},
    require_all,
};
use tokio::process::Command;

/// Where Debian puts it.
pub(crate) const CHROMIUM: &str = "/usr/bin/chromium";

/// Two windows in one room.
pub struct Page(Running);

impl Page {
    /// Opens them and waits until each has seen the other's words; None where there is no browser.
    pub async fn open(game: &GameDir) -> Result<Option<Self>> {
        let driver = root().join("tests/npm");
        if !Path::new(CHROMIUM).is_file() || !driver.join("node_modules/playwright-core").is_dir() {
            if require_all() {
                bail!(
                    "{CHROMIUM} or the npm packages are not installed, and POMELO_REQUIRE_ALL=1 forbids to skip"
                );
            }
            eprintln!(
                "SKIPPED: {CHROMIUM} or the npm packages are not installed; `cargo xtask test` installs them"
            );
            return Ok(None);
        }
        let mut command = Command::new("node");
        command
            .arg(driver.join("page.js"))
            .arg(game.gate.to_string())
            .arg(root().join("target/chat-page.png"));
        let running = Running::start(command)?;
        running.line("chatting").await?;
        Ok(Some(Self(running)))
    }

    /// One says this and the other sees it.
    pub async fn say(&mut self, text: &str) -> Result<()> {
        let before = self.heard();
        self.0.write(text).await?;
        self.0.lines("heard", before + 1).await
    }

    /// Leaves a screenshot in `target/chat-page.png`.
    pub async fn close(mut self) -> Result<()> {
        self.0.write("stop").await?;
        let status = self.0.end().await?;
        if !status.success() {
            bail!("the browser's driver failed: {}", self.0.output().join("\n"));
        }
        Ok(())
    }

    fn heard(&self) -> usize {
        self.0.output().iter().filter(|line| *line == "heard").count()
    }
}
