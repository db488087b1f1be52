//! A game's directory: its configuration, and the program that is all of its servers.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};
use pomelo_cluster::config::{Config, Environment};
use serde_json::Value;

/// Environment of `pomelo start` without `-e`; the one in which the program is built before it is started.
pub const DEVELOPMENT: &str = "development";

/// A game to start: where it is, with which configuration, and which program.
#[derive(Debug)]
pub struct Game {
    /// Absolute path of the game's directory; the children run in it.
    pub dir: PathBuf,
    /// The chosen section of its configuration.
    pub environment: Environment,
    /// The program that takes a server's role from its arguments.
    pub program: PathBuf,
}

impl Game {
    /// Reads the configuration and finds (in development: builds) the program.
    pub fn open(dir: &Path, environment: &str, program: Option<&Path>) -> Result<Self> {
        let dir = std::path::absolute(dir)?;
        let config = dir.join("config");
        if !config.is_dir() {
            bail!("{} has no folder `config`; name the game's directory with -d", dir.display());
        }
        let environment = Config::load(&config)?.environment(environment)?;
        let program = match program {
            Some(program) => std::path::absolute(program)?,
            None => find_program(&dir, &environment.name)?,
        };
        if !program.is_file() {
            let what = if program.exists() { "is not a file" } else { "does not exist; build it first" };
            bail!("the game's program {} {what}", program.display());
        }
        Ok(Self { dir, environment, program })
    }

    /// Whether output goes to the terminal (development) or to `logs/` (everything else).
    pub fn is_development(&self) -> bool {
        self.environment.name == DEVELOPMENT
    }

    /// The folder of the log files.
    pub fn logs(&self) -> PathBuf {
        self.dir.join("logs")
    }
}

/// Asks cargo which program the package in `dir` builds, and where.
fn find_program(dir: &Path, environment: &str) -> Result<PathBuf> {
    if !dir.join("Cargo.toml").is_file() {
        bail!("{} has no Cargo.toml; name the game's program with --bin", dir.display());
    }
    let out = Command::new("cargo")
        .args(["metadata", "--format-version=1", "--no-deps"])
        .current_dir(dir)
        .output()
        .context("could not run cargo to find the game's program; name it with --bin")?;
    if !out.status.success() {
        bail!("cargo metadata failed in {}: {}", dir.display(), String::from_utf8_lossy(&out.stderr).trim());
    }
    let metadata: Value = serde_json::from_slice(&out.stdout).context("cargo metadata")?;
    let target = PathBuf::from(metadata["target_directory"].as_str().unwrap_or("target"));
    let name = program_name(&metadata, &dir.join("Cargo.toml"))?;
    if environment == DEVELOPMENT {
        build(dir, &name)?;
        return Ok(target.join("debug").join(name));
    }
    let built = [target.join("release").join(&name), target.join("debug").join(&name)];
    match built.into_iter().find(|p| p.is_file()) {
        Some(program) => Ok(program),
        None => bail!("{name} is not built; run `cargo build --release` in {}", dir.display()),
    }
}

/// The one program of the package, or the one named as the package.
fn program_name(metadata: &Value, manifest: &Path) -> Result<String> {
    let packages = metadata["packages"].as_array().map_or(&[][..], Vec::as_slice);
    let here = |p: &&Value| p["manifest_path"].as_str().is_some_and(|m| Path::new(m) == manifest);
    let package = packages.iter().find(here).with_context(|| {
        format!("{} is not a package; name the game's program with --bin", manifest.display())
    })?;
    let bins: Vec<&str> = package["targets"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|t| t["kind"].as_array().is_some_and(|k| k.iter().any(|k| k == "bin")))
        .filter_map(|t| t["name"].as_str())
        .collect();
    match bins.as_slice() {
        [one] => Ok((*one).to_owned()),
        [] => bail!("the package {} builds no program; name one with --bin", package["name"]),
        many => match many.iter().find(|b| package["default_run"] == **b || package["name"] == **b) {
            Some(name) => Ok((*name).to_owned()),
            None => bail!("the package builds several programs ({}); choose one with --bin", many.join(", ")),
        },
    }
}

fn build(dir: &Path, name: &str) -> Result<()> {
    // Not among what is printed for scripts.
    eprintln!("building {name}");
    let status = Command::new("cargo").args(["build", "--quiet", "--bin", name]).current_dir(dir).status()?;
    if !status.success() {
        bail!("{name} does not build, see above");
    }
    Ok(())
}
