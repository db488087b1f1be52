//! LordOfPomelo's page in Debian's Chromium: two people who fight and talk, driven by `lordofpomelo/web-client/test/played/two.mjs`, and
//! the web server that serves it. Not here: what happens to the servers meanwhile, which is the suites'.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use pomelo_testkit::{
    command::{Running, program},
    game::{GameDir, root},
    require_all,
};
use tokio::process::Command;

use crate::{browser::CHROMIUM, realm::ENVIRONMENT};

/// The web server with the real page; None where there is no browser or no built page. And where it is.
pub async fn serve(game: &GameDir) -> Result<Option<(Running, String)>> {
    let client = client();
    let needed =
        [Path::new(CHROMIUM), &client.join("node_modules/playwright-core"), &client.join("dist/index.html")];
    if let Some(missing) = needed.iter().find(|path| !path.exists()) {
        if require_all() {
            bail!("{} is not there, and POMELO_REQUIRE_ALL=1 forbids to skip", missing.display());
        }
        eprintln!("SKIPPED: {} is not there; `cargo xtask test` installs and builds it", missing.display());
        return Ok(None);
    }
    let mut command = Command::new(program("lordofpomelo-web")?);
    command.args(["--env", ENVIRONMENT, "--listen", "127.0.0.1:0", "--tries-per-minute", "0"]);
    command.arg("--client").arg(client.join("dist"));
    command.current_dir(game.path());
    let web = Running::start(command)?;
    let line = web.line("http://").await?;
    let url = line.split_whitespace().find(|word| word.starts_with("http://")).context("no address")?;
    Ok(Some((web, url.trim_end_matches('/').to_owned())))
}

/// A script of `test/played`, given the address of the web server and a folder for pictures.
pub fn play(script: &str, url: &str, pictures: &Path) -> Result<Running> {
    fs::create_dir_all(pictures)?;
    let mut command = Command::new("node");
    command.arg(client().join("test/played").join(script)).arg(url).arg(pictures);
    Running::start(command)
}

fn client() -> PathBuf {
    root().join("lordofpomelo/web-client")
}

/// Two people at two pages.
pub struct TwoPlayers {
    web: Running,
    pages: Running,
    /// The client ports of the connectors on which they are.
    pub ports: Vec<u16>,
}

impl TwoPlayers {
    /// Serves the page, opens it twice and waits until both play; None as with [`serve`]. Their pictures go to `target/played/NAME`.
    pub async fn open(game: &GameDir, name: &str) -> Result<Option<Self>> {
        let Some((web, url)) = serve(game).await? else { return Ok(None) };
        let pages = play("two.mjs", &url, &root().join("target/played").join(name))?;
        let playing = pages.line("playing").await?;
        let ports = playing.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        Ok(Some(Self { web, pages, ports }))
    }

    /// Both fight on and hear each other, and neither has noticed anything.
    pub async fn go_on(&mut self) -> Result<()> {
        self.ask("go on").await
    }

    /// Both pages show that another master leads.
    pub async fn see_next_leader(&mut self) -> Result<()> {
        self.ask("next leader").await
    }

    /// Whoever was connected to this port was told that the connection was lost, came back by itself and plays on.
    pub async fn come_back(&mut self, port: u16) -> Result<()> {
        self.ask(&format!("back {port}")).await
    }

    /// The same of both.
    pub async fn come_back_both(&mut self) -> Result<()> {
        self.ask("back").await
    }

    /// Leaves pictures of both.
    pub async fn close(mut self) -> Result<()> {
        self.pages.write("stop").await?;
        let status = self.pages.end().await?;
        if !status.success() {
            bail!("the pages' driver failed: {}", self.pages.output().join("\n"));
        }
        drop(self.web);
        Ok(())
    }

    async fn ask(&mut self, what: &str) -> Result<()> {
        let done = format!("done {what}");
        let before = self.pages.output().iter().filter(|line| **line == done).count();
        self.pages.write(what).await?;
        self.pages.lines(&done, before + 1).await
    }
}
