//! The program: its first line, its end, and what it says when it can't start.

use std::{fs, path::Path, process::Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
    process::Command,
    time::timeout,
};

use crate::running::{Answer, Game, PATIENCE};

fn program(game: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lordofpomelo-web"));
    command.arg("--game").arg(game).args(arguments);
    if !arguments.contains(&"--listen") {
        command.args(["--listen", "127.0.0.1:0"]);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// What it says when it does not start.
async fn complaint(game: &Path, arguments: &[&str]) -> String {
    let out = timeout(PATIENCE, program(game, arguments).output()).await.expect("it ends").unwrap();
    assert!(!out.status.success() && out.stdout.is_empty(), "{out:?}");
    String::from_utf8(out.stderr).unwrap()
}

#[tokio::test]
async fn it_says_where_it_is_answers_there_and_ends_when_it_is_told() {
    let game = Game::new();
    let client = game.client().display().to_string();
    let mut child = program(game.dir(), &["-e", "production", "--client", &client]).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    timeout(PATIENCE, out.read_line(&mut line)).await.expect("a line").unwrap();
    assert!(line.contains("environment production, 5 files of "), "{line}");
    let address = line.split("http://").nth(1).unwrap().split('/').next().unwrap();

    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: game\r\nConnection: close\r\n\r\n").await.unwrap();
    assert_eq!(Answer::read(stream).await.body, "this is index.html");

    kill_process(Pid::from_raw(child.id().unwrap() as i32).unwrap(), Signal::TERM).unwrap();
    assert!(timeout(PATIENCE, child.wait()).await.expect("it ends").unwrap().success());
    let mut rest = String::new();
    out.read_to_string(&mut rest).await.unwrap();
    assert_eq!(rest, "LordOfPomelo's web server has ended\n");
}

#[tokio::test]
async fn what_is_missing_is_said_with_what_to_do() {
    let game = Game::new();
    let client = game.client().display().to_string();
    let with_client: &[&str] = &["--client", &client];

    let told = complaint(game.dir(), &[]).await;
    assert!(
        told.contains("not built") && told.contains("npm run build") && told.contains("--client"),
        "{told}"
    );

    let nowhere = tempfile::tempdir().unwrap();
    let told = complaint(nowhere.path(), with_client).await;
    assert!(told.contains("no folder `config`") && told.contains("--game"), "{told}");

    let told = complaint(game.dir(), &["--client", &client, "-e", "staging"]).await;
    assert!(told.contains("staging") && told.contains("development"), "{told}");

    let told = complaint(game.dir(), &["--client", &client, "--listen", "192.0.2.1:80"]).await;
    assert!(told.contains("can't listen on 192.0.2.1:80; --listen"), "{told}");

    game.config(
        "servers",
        &json!({ "chat": [{ "id": "chat-server-1", "host": "127.0.0.1", "port": 6050 }] }),
    );
    let told = complaint(game.dir(), with_client).await;
    assert!(told.contains("no server of type `gate`") && told.contains("--gate"), "{told}");
}

#[tokio::test]
async fn production_does_not_start_with_the_secret_that_everybody_knows() {
    let game = Game::new();
    game.config("session", &json!({ "secret": "pomelo_session_secret" }));
    let client = game.client().display().to_string();
    let told = complaint(game.dir(), &["-e", "production", "--client", &client]).await;
    assert!(told.contains("config/session.json") && told.contains("secretFile"), "{told}");
}

#[tokio::test]
async fn a_database_that_can_not_be_used_is_named() {
    let game = Game::new();
    fs::create_dir(game.dir().join("run")).unwrap();
    fs::write(
        game.dir().join("run/game.db"),
        "this is no database, but a text that is long enough to be one",
    )
    .unwrap();
    let client = game.client().display().to_string();
    let told = complaint(game.dir(), &["--client", &client]).await;
    assert!(told.contains("run/game.db"), "{told}");
}

#[tokio::test]
async fn the_help_has_examples() {
    let out = Command::new(env!("CARGO_BIN_EXE_lordofpomelo-web")).arg("--help").output().await.unwrap();
    let help = String::from_utf8(out.stdout).unwrap();
    assert!(help.contains("Examples:") && help.contains("--behind-proxy"), "{help}");
}
