//! What the game's program says about its own messages: `pomelo routes` lists them, `pomelo types` writes them down as
//! TypeScript. No cluster is asked and none needs to run.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::{
    game::{DEVELOPMENT, Game},
    say,
};

/// Which game is asked.
#[derive(Debug, Args)]
pub struct Asked {
    /// Section of the configuration. In `development` the game is built first.
    #[arg(short, long, default_value = DEVELOPMENT, value_name = "ENVIRONMENT")]
    env: String,
    /// The game's directory, which has the folder `config`.
    #[arg(short, long, default_value = ".", value_name = "DIR")]
    dir: PathBuf,
    /// The game's program [default: what the package in the game's directory builds].
    #[arg(long, value_name = "FILE")]
    bin: Option<PathBuf>,
}

/// `pomelo routes`.
pub fn routes(asked: &Asked, json: bool) -> Result<()> {
    print!("{}", asked.answer(if json { &["routes", "--json"] } else { &["routes"] })?);
    Ok(())
}

/// `pomelo types`: prints, or writes a file if it is not like that already.
pub fn types(asked: &Asked, out: Option<&Path>) -> Result<()> {
    let text = asked.answer(&["types"])?;
    let Some(out) = out else {
        print!("{text}");
        return Ok(());
    };
    let shown = out.display();
    if fs::read_to_string(out).is_ok_and(|old| old == text) {
        say(format_args!("{shown} is fresh"));
        return Ok(());
    }
    fs::write(out, &text).with_context(|| shown.to_string())?;
    say(format_args!("wrote {shown}"));
    let untyped = text.lines().filter(|line| line.contains(": { req: unknown; res: unknown }")).count();
    if untyped > 0 {
        say(format_args!(
            "{untyped} routes have no types: the application does not list them in `App::messages`"
        ));
    }
    Ok(())
}

impl Asked {
    fn answer(&self, words: &[&str]) -> Result<String> {
        let game = Game::open(&self.dir, &self.env, self.bin.as_deref())?;
        let out = Command::new(&game.program)
            .args(words)
            .arg(format!("env={}", game.environment.name))
            .current_dir(&game.dir)
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("could not run {}", game.program.display()))?;
        if !out.status.success() {
            bail!("{} {} failed: {}, see above", game.program.display(), words.join(" "), out.status);
        }
        Ok(String::from_utf8(out.stdout)?)
    }
}
