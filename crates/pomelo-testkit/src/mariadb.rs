//! A real MariaDB for tests: Debian's package, started as a plain process on a free port, with its data in memory where the machine
//! allows, and ended with its owner. It has one empty database and one user besides root.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use anyhow::{Context, Result, bail};
use rustix::process::geteuid;
use tempfile::TempDir;
use tokio::{io::AsyncReadExt, net::TcpStream};

use crate::{
    game::free_ports,
    server::{self, Server},
};

/// Where Debian's package `mariadb-server` and what it depends on puts them.
const PROGRAM: &str = "/usr/sbin/mariadbd";
const INSTALL: &str = "/usr/bin/mariadb-install-db";
const CLIENT: &str = "/usr/bin/mariadb";

/// Who may use the database.
pub const USER: &str = "lordofpomelo";

/// The user's password.
pub const PASSWORD: &str = "pass:word/of@user";

/// The same in an address.
const PASSWORD_IN_URL: &str = "pass%3Aword%2Fof%40user";

const DATABASE: &str = "game";

/// One running server.
#[derive(Debug)]
pub struct MariaDb {
    server: Server,
    port: u16,
    dir: TempDir,
}

impl MariaDb {
    /// Starts a server and waits until it serves.
    pub async fn start() -> Result<Self> {
        server::start(missing(), async || {
            let mut mariadb = Self::prepare()?;
            mariadb.start_again().await?;
            Ok(mariadb)
        })
        .await
    }

    /// For tests that need it: nothing, with the reason printed, where MariaDB is not installed.
    ///
    /// # Panics
    ///
    /// If it is installed and does not start; and, with `POMELO_REQUIRE_ALL=1` in the environment, if it is not
    /// installed.
    pub async fn for_test() -> Option<Self> {
        if !crate::can_run(missing()) {
            return None;
        }
        Some(Self::start().await.expect("mariadb is installed and must start"))
    }

    /// `host:port`.
    pub fn addr(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The database, with [`USER`] and [`PASSWORD`].
    pub fn url(&self) -> String {
        format!("mysql://{USER}:{PASSWORD_IN_URL}@{}/{DATABASE}", self.addr())
    }

    /// The database, with [`USER`] alone.
    pub fn url_without_password(&self) -> String {
        format!("mysql://{USER}@{}/{DATABASE}", self.addr())
    }

    /// Runs statements as root, in the database, and returns what MariaDB's own client prints: a line for each row, without names.
    pub fn sql(&self, statements: &str) -> Result<String> {
        let mut client = Command::new(CLIENT);
        client.args(["--no-defaults", "--user=root", "--batch", "--skip-column-names"]);
        client.arg("--socket").arg(self.socket()).args(["--execute", statements, DATABASE]);
        Ok(String::from_utf8_lossy(&done(&mut client)?.stdout).trim_end().to_owned())
    }

    /// Stops the process where it is. Connections stay open and nobody answers.
    pub fn pause(&self) -> Result<()> {
        self.server.pause()
    }

    /// Ends [`MariaDb::pause`].
    pub fn resume(&self) -> Result<()> {
        self.server.resume()
    }

    /// Kills the server. Its data stays for [`MariaDb::start_again`].
    pub fn kill(&mut self) {
        self.server.kill();
    }

    /// Starts a killed server again, on the same port with the same data, and waits until it serves.
    pub async fn start_again(&mut self) -> Result<()> {
        let mut program = Command::new(PROGRAM);
        program.args(["--no-defaults", "--bind-address=127.0.0.1", "--skip-name-resolve", "--skip-log-bin"]);
        program.args([
            "--innodb-log-file-size=8M",
            "--innodb-buffer-pool-size=16M",
            "--performance-schema=OFF",
        ]);
        // Whoever asks whether it serves leaves without a greeting.
        program.args(["--max-connect-errors=1000000", "--port", &self.port.to_string()]);
        program.arg("--tmpdir").arg(self.dir.path());
        program.arg("--datadir").arg(self.data()).arg("--socket").arg(self.socket());
        program.arg("--pid-file").arg(self.dir.path().join("pid"));
        program.arg("--init-file").arg(self.dir.path().join("init.sql"));
        self.server.run(as_root(&mut program))?;
        let addr = self.addr();
        self.server.serves(async || greets(&addr).await).await
    }

    fn prepare() -> Result<Self> {
        let dir = Server::folder("mariadb")?;
        let [port] = free_ports(1)?[..] else { bail!("no free port") };
        let server = Server::new(format!("mariadb-{port}"), dir.path().join("log"));
        let mariadb = Self { server, port, dir };
        let mut install = Command::new(INSTALL);
        install.args(["--no-defaults", "--skip-test-db", "--auth-root-authentication-method=normal"]);
        // A script, which wants the value behind the sign. In a folder they share, two of them take each other's tables away.
        install.arg("--innodb-log-file-size=8M").arg(format!("--tmpdir={}", mariadb.dir.path().display()));
        install.arg(format!("--datadir={}", mariadb.data().display()));
        done(as_root(&mut install))?;
        let init = format!(
            "CREATE DATABASE IF NOT EXISTS {DATABASE};\n\
            CREATE USER IF NOT EXISTS {USER}@'%' IDENTIFIED BY '{PASSWORD}';\n\
            GRANT ALL ON {DATABASE}.* TO {USER}@'%';\n"
        );
        fs::write(mariadb.dir.path().join("init.sql"), init)?;
        Ok(mariadb)
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("socket")
    }
}

/// A server that serves speaks first.
async fn greets(addr: &str) -> Result<()> {
    TcpStream::connect(addr).await?.read_u32().await?;
    Ok(())
}

/// MariaDB refuses to run as root until it is told so.
fn as_root(command: &mut Command) -> &mut Command {
    if geteuid().is_root() { command.arg("--user=root") } else { command }
}

fn done(command: &mut Command) -> Result<Output> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("{command:?}"))?;
    if !output.status.success() {
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        bail!("{command:?} ended with {}: {out}{err}", output.status);
    }
    Ok(output)
}

/// What is missing on this machine, if anything.
pub fn missing() -> Option<String> {
    let programs = [PROGRAM, INSTALL, CLIENT];
    let missing = programs.into_iter().find(|program| !Path::new(program).exists())?;
    let advice = "install it with: apt-get install -y --no-install-recommends mariadb-server";
    Some(format!("mariadb is not installed ({missing} is missing); {advice}"))
}
