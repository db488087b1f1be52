//! What the tests need beside Rust: Debian's `zookeeper` (with a Java to run it), `etcd-server`, `mariadb-server` and
//! `chromium`, Node with the original's npm packages, and cargo-nextest. Installed where that can be done without asking, and said
//! aloud either way.

use std::{path::Path, process::Command};

use anyhow::{Result, bail};

use crate::shell::{cargo, exists, root, run};

/// Jar whose presence means that Debian's package is installed.
const ZOOKEEPER_JAR: &str = "/usr/share/java/zookeeper.jar";

/// What may be done about something that is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Missing {
    /// Install it.
    Install,
    /// Say that it is missing.
    Report,
}

/// Makes sure that real ZooKeeper servers can be started.
pub(crate) fn zookeeper(then: Missing) -> Result<()> {
    let mut missing = Vec::new();
    if !Path::new(ZOOKEEPER_JAR).exists() {
        missing.push("zookeeper");
    }
    if !exists("java") {
        missing.push("default-jre-headless");
    }
    if missing.is_empty() {
        return Ok(());
    }
    apt_install(&missing, then)
}

/// Makes sure that real etcd servers can be started, and looked into.
pub(crate) fn etcd(then: Missing) -> Result<()> {
    let needed = [("etcd", "etcd-server"), ("etcdctl", "etcd-client")];
    let missing: Vec<_> =
        needed.into_iter().filter(|(program, _)| !exists(program)).map(|(_, package)| package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    apt_install(&missing, then)?;
    if missing.contains(&"etcd-server") { end_service("etcd") } else { Ok(()) }
}

/// Makes sure that real MariaDB servers can be started. Debian puts the program where only root looks for programs.
pub(crate) fn mariadb(then: Missing) -> Result<()> {
    if Path::new("/usr/sbin/mariadbd").exists() {
        return Ok(());
    }
    apt_install(&["mariadb-server"], then)?;
    end_service("mariadb")
}

/// Ends the service that a package has set up on its usual port: nobody asked for it.
fn end_service(name: &str) -> Result<()> {
    if !Path::new("/run/systemd/system").exists() {
        return Ok(());
    }
    println!("ending the service {name}, which the package has started");
    run(Command::new("systemctl").args(["disable", "--now", name]))
}

/// Makes sure that there is a browser to open the example's page in.
pub(crate) fn chromium(then: Missing) -> Result<()> {
    if Path::new("/usr/bin/chromium").exists() { Ok(()) } else { apt_install(&["chromium"], then) }
}

/// Makes sure that the npm packages named in `dir/package.json` are there.
pub(crate) fn npm(dir: &str, then: Missing) -> Result<()> {
    let dir = root().join(dir);
    if !exists("npm") {
        apt_install(&["nodejs", "npm"], then)?;
    }
    let lock = dir.join("package-lock.json");
    let installed = dir.join("node_modules/.package-lock.json");
    let newer = |a: &Path, b: &Path| -> Option<bool> {
        Some(a.metadata().ok()?.modified().ok()? >= b.metadata().ok()?.modified().ok()?)
    };
    if newer(&installed, &lock) == Some(true) {
        return Ok(());
    }
    if then == Missing::Report {
        bail!("the npm packages of {} are not installed", dir.display());
    }
    println!("installing npm packages of {}", dir.display());
    run(Command::new("npm")
        .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error"])
        .current_dir(&dir))
}

/// Makes sure that cargo-nextest is there.
pub(crate) fn nextest() -> Result<()> {
    if exists("cargo-nextest") {
        return Ok(());
    }
    println!("installing cargo-nextest (a few minutes, once)");
    run(cargo().args(["install", "--locked", "cargo-nextest"]))
}

fn apt_install(packages: &[&str], then: Missing) -> Result<()> {
    let list = packages.join(" ");
    if then == Missing::Report {
        bail!("not installed: {list}");
    }
    if !exists("apt-get") {
        bail!("please install {list} with your system's package manager, then try again");
    }
    println!("installing Debian packages: {list}");
    run(Command::new("apt-get").args(["update", "-qq"]))?;
    run(Command::new("apt-get")
        .args(["install", "-y", "-qq", "--no-install-recommends"])
        .args(packages)
        .env("DEBIAN_FRONTEND", "noninteractive"))
}
