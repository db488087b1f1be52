//! Files of `config/` that are wrong, and names that are in none of them.

use std::{fs, path::Path};

use anyhow::{Result, ensure};
use pomelo_testkit::{
    command::{program, run},
    game::GameDir,
};

use super::{does_not_start, fails, has, one_line};

const START: [&str; 3] = ["start", "-e", "production"];

const FILES: [&str; 6] =
    ["master.json", "masterha.json", "servers.json", "adminServer.json", "adminUser.json", "dictionary.json"];

/// Puts a text in place of a file while `broken` lives.
struct Broken {
    file: std::path::PathBuf,
    good: String,
}

impl Broken {
    fn new(game: &GameDir, name: &str, text: &str) -> Result<Self> {
        let file = game.path().join("config").join(name);
        let good = fs::read_to_string(&file)?;
        fs::write(&file, text)?;
        Ok(Self { file, good })
    }
}

impl Drop for Broken {
    fn drop(&mut self) {
        let _ = fs::write(&self.file, &self.good);
    }
}

#[tokio::test]
async fn malformed_json_is_told_with_file_place_and_what_was_expected() -> Result<()> {
    let game = GameDir::chat(None)?;
    let whole_cluster = |file: &str| fs::read_to_string(game.path().join("config").join(file));
    for name in FILES {
        let broken = Broken::new(&game, name, "{\n  \"production\": [\n    1,\n    oops\n  ]\n}\n")?;
        let place = format!("config/{name}:4:5: not valid JSON: expected a value");
        one_line(&does_not_start(&game, &START).await?, &[&place])?;
        one_line(&does_not_start(&game, &["masterha", "-e", "production"]).await?, &[&place])?;
        // A server that is started by hand says the same.
        has(&fails(&game, "chat", &["id=gate-server-1", "env=production"]).await?.err, &[&place])?;
        drop(broken);

        let good = whole_cluster(name)?;
        let cut = &good.trim_end()[..good.trim_end().len() - 1];
        let _broken = Broken::new(&game, name, cut)?;
        let words = [&format!("config/{name}:"), "not valid JSON: expected", "the end of the file"];
        one_line(&does_not_start(&game, &START).await?, &words)?;
    }
    ensure!(!game.path().join("logs").exists(), "something was started");
    Ok(())
}

#[tokio::test]
async fn a_wrong_type_or_a_missing_field_is_told_with_its_path_and_what_was_expected() -> Result<()> {
    let game = GameDir::chat(None)?;
    let cases: [(&str, &str, &[&str]); 14] = [
        ("master.json", r#"{"production": 7}"#, &["production: expected a master", "found integer `7`"]),
        ("master.json", r#"{"production": {"id": "m", "host": "h"}}"#, &["production: missing field `port`"]),
        (
            "master.json",
            r#"{"production": {"id": "m", "host": "h", "port": "many"}}"#,
            &["production.port: expected a port, 1 to 65535, found \"many\""],
        ),
        (
            "masterha.json",
            r#"{"masterha": [{"id": "m", "host": "h", "port": -1}]}"#,
            &["masterha[0].port: expected a port, 1 to 65535, found -1"],
        ),
        (
            "masterha.json",
            r#"{"masterha": [], "zookeeper": {"server": 7}}"#,
            &["zookeeper.server: expected a string, found integer `7`"],
        ),
        ("servers.json", r#"{"production": {"chat": {"id": "c"}}}"#, &["production.chat: expected a list"]),
        (
            "servers.json",
            r#"{"production": {"chat": [{"id": "c", "port": 1}]}}"#,
            &["production.chat[0]: missing field `host`"],
        ),
        (
            "servers.json",
            r#"{"production": {"chat": [{"id": "c", "host": "h", "port": []}]}}"#,
            &["production.chat[0].port: expected a port", "found []"],
        ),
        (
            "servers.json",
            r#"{"production": {"gate": [{"id": "g", "host": "h", "frontend": true}]}}"#,
            &["production.gate[0]: a frontend needs a clientPort"],
        ),
        (
            "servers.json",
            r#"{"production": {"area": [{"id": "a", "host": "h", "port": 1}]}}"#,
            &["a of type \"area\"", "the application only has: chat, connector, gate"],
        ),
        ("adminServer.json", r#"[{"type": "chat"}]"#, &["[0]: missing field `token`"]),
        (
            "adminUser.json",
            r#"[{"id": "1", "username": "u", "password": "p", "level": "high"}]"#,
            &["[0].level: expected a number, 0 to 255, found string \"high\""],
        ),
        ("adminUser.json", r#"{"production": true}"#, &["production: expected a list"]),
        ("dictionary.json", r#"["onChat", 5]"#, &["[1]: expected a string, found integer `5`"]),
    ];
    for (name, text, words) in cases {
        let _broken = Broken::new(&game, name, text)?;
        let said = does_not_start(&game, &START).await?;
        let all = said.out + &said.err;
        has(&all, words)?;
        has(&all, &[if words[0].contains("area") { "servers.json" } else { name }])?;
    }
    Ok(())
}

#[tokio::test]
async fn two_servers_with_one_id_or_one_port_are_named_with_their_places() -> Result<()> {
    let game = GameDir::chat(None)?;
    let servers = |second: &str| {
        format!(
            r#"{{"production": {{"chat": [{{"id": "one", "host": "127.0.0.1", "port": 4000}}],
                "connector": [{{{second}, "host": "127.0.0.1", "clientPort": 4002, "frontend": true}}]}}}}"#
        )
    };
    let broken = Broken::new(&game, "servers.json", &servers(r#""id": "one", "port": 4001"#))?;
    let words =
        ["servers.json: production.connector[0].id: the id \"one\" is used twice", "production.chat[0]"];
    one_line(&does_not_start(&game, &START).await?, &words)?;
    drop(broken);
    let broken = Broken::new(&game, "servers.json", &servers(r#""id": "two", "port": 4000"#))?;
    let words =
        ["production.connector[0].port: port 4000 on 127.0.0.1 is used twice", "one (port)", "two (port)"];
    one_line(&does_not_start(&game, &START).await?, &words)?;
    drop(broken);
    let master = game.masters[0];
    let taken = format!(r#"{{"masterha": [{{"id": "m", "host": "127.0.0.1", "port": {master}}}]}}"#);
    let _broken = Broken::new(&game, "masterha.json", &taken)?;
    let port = format!("masterha.json: masterha[0].port: port {master} on 127.0.0.1 is used twice");
    one_line(&does_not_start(&game, &START).await?, &[&port, "master-server-1 (master)"])
}

#[tokio::test]
async fn an_unknown_environment_type_or_id_is_answered_with_the_known_ones() -> Result<()> {
    let game = GameDir::chat(None)?;
    let environments = ["unknown environment \"prod\"", "known: development, production"];
    one_line(&does_not_start(&game, &["start", "-e", "prod"]).await?, &environments)?;
    one_line(&does_not_start(&game, &["start", "-e", "prod", "-D"]).await?, &environments)?;
    one_line(&does_not_start(&game, &["masterha", "-e", "prod"]).await?, &environments)?;
    has(&fails(&game, "chat", &["id=gate-server-1", "env=prod"]).await?.err, &environments)?;

    let types = ["unknown server type \"area\"", "chat, connector, gate"];
    one_line(&does_not_start(&game, &[&START[..], &["-t", "area"]].concat()).await?, &types)?;
    let ids = ["unknown server \"chat-server-9\"", "chat-server-1, chat-server-2", "gate-server-1"];
    one_line(&does_not_start(&game, &[&START[..], &["-i", "chat-server-9"]].concat()).await?, &ids)?;
    has(&fails(&game, "chat", &["id=chat-server-9", "env=production"]).await?.err, &ids)?;
    let masters = fails(&game, "chat", &["serverType=master", "port=1", "env=production"]).await?.err;
    has(&masters, &["argument port=1", "no such master", &format!("127.0.0.1:{}", game.masters[2])])
}

#[tokio::test]
async fn what_is_not_there_is_named() -> Result<()> {
    let game = GameDir::chat(None)?;
    let nowhere = ["start", "-d", "/nowhere"];
    one_line(&does_not_start(&game, &nowhere).await?, &["/nowhere has no folder `config`", "-d"])?;
    let inside = ["start", "-d", "config"];
    one_line(&does_not_start(&game, &inside).await?, &["has no folder `config`"])?;
    fs::create_dir_all(game.path().join("empty/config"))?;
    let empty = does_not_start(&game, &["start", "-d", "empty"]).await?;
    one_line(&empty, &["empty/config", "expected master.json and servers.json"])?;
    has(&fails(&game, "chat", &["id=gate-server-1", "base=empty"]).await?.err, &["empty/config"])?;
    let other = does_not_start(&game, &["masterha", "other.json", "-e", "production"]).await?;
    one_line(&other, &["there is no", "other.json"])?;

    let fails_with = async |bin: &str| fails(&game, "pomelo", &[&START[..], &["--bin", bin]].concat()).await;
    one_line(&fails_with("nothing").await?, &["the game's program", "/nothing does not exist"])?;
    one_line(&fails_with("config").await?, &["the game's program", "/config is not a file"])?;
    one_line(
        &fails_with("config/master.json").await?,
        &["could not start", "master.json", "Permission denied"],
    )?;
    one_line(&fails(&game, "pomelo", &START).await?, &["has no Cargo.toml", "--bin"])?;
    Ok(())
}

#[tokio::test]
async fn arguments_that_are_not_understood_say_how_to_ask() -> Result<()> {
    let game = GameDir::chat(None)?;
    for (name, arguments, words) in [
        ("pomelo", &["strat"][..], &["'strat'", "'start'", "--help"][..]),
        ("pomelo", &["start", "--fast"], &["--fast", "Usage: pomelo start"]),
        ("pomelo", &["start", "-t", "chat", "-i", "chat-server-1"], &["cannot be used with"]),
        ("pomelo", &["list", "-P", "99999"], &["99999", "--port"]),
        ("pomelo-cli", &["--fast"], &["--fast", "Usage: pomelo-cli"]),
    ] {
        let ended = run(&game, name, arguments).await?;
        // The code that everything gives for a wrong command line.
        ensure!(ended.status.code() == Some(2), "{name} {arguments:?}: {}", ended.status);
        has(&String::from_utf8_lossy(&ended.stderr), words)?;
    }
    has(&fails(&game, "chat", &["--help"]).await?.err, &["\"--help\" is not key=value"])?;
    has(&fails(&game, "chat", &["id=gate-server-1", "port=x"]).await?.err, &["port=x: expected a port"])?;
    ensure!(Path::new(&program("chat")?).is_file());
    let usage = run(&game, "chat", &[]).await?;
    has(&String::from_utf8_lossy(&usage.stdout), &["pomelo start", "id=SERVER-ID", "chat, connector, gate"])
}
