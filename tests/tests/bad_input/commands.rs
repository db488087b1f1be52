//! Tools that are refused, that find nobody, or somebody else: one line on stderr that says why, and exit code 1.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use pomelo_testkit::{
    command::run,
    game::{GameDir, free_ports},
};
use tests::cluster::{Cluster, SERVERS, ids_of};
use tokio::{io::AsyncWriteExt as _, net::TcpListener};

use super::{fails, has, one_line};

/// Every command that asks a master.
const ASKING: [(&str, &[&str]); 5] = [
    ("pomelo", &["list"]),
    ("pomelo", &["stop"]),
    ("pomelo", &["stop", "chat-server-1"]),
    ("pomelo", &["kill"]),
    ("pomelo-cli", &["-c", "show servers"]),
];

#[tokio::test]
async fn a_wrong_user_or_password_is_refused_by_name() -> Result<()> {
    let cluster = Cluster::start(None).await?;
    for (name, arguments) in ASKING {
        let wrong = fails(&cluster.game, name, &[arguments, &["-p", "wrong"]].concat()).await?;
        one_line(&wrong, &["refused user \"admin\"", "username or password error"])?;
        let nobody = fails(&cluster.game, name, &[arguments, &["-u", "nobody"]].concat()).await?;
        one_line(
            &nobody,
            &["refused user \"nobody\"", "username or password error", "config/adminUser.json"],
        )?;
    }
    unharmed_then_stopped(cluster).await
}

#[tokio::test]
async fn a_user_of_level_2_may_look_and_not_stop() -> Result<()> {
    let cluster = Cluster::start(None).await?;
    let monitor = ["-u", "monitor", "-p", "monitor"];
    for (name, arguments) in ASKING {
        let arguments = [arguments, &monitor].concat();
        if arguments[0] == "list" || name == "pomelo-cli" {
            let looked = run(&cluster.game, name, &arguments).await?;
            ensure!(looked.status.success(), "{name}: {}", String::from_utf8_lossy(&looked.stderr));
            has(&String::from_utf8_lossy(&looked.stdout), &SERVERS)?;
            continue;
        }
        let denied = fails(&cluster.game, name, &arguments).await?;
        ensure!(denied.err.lines().count() == 1, "not one line:\n{}", denied.err);
        has(&denied.err, &["user \"monitor\" may only look", "permission denied"])?;
    }
    unharmed_then_stopped(cluster).await
}

#[tokio::test]
async fn where_no_master_answers_each_address_is_named_once_with_the_reason() -> Result<()> {
    let game = GameDir::chat(None)?;
    let all = game.masters.iter().map(|port| format!("127.0.0.1:{port}")).collect::<Vec<_>>();
    let port = free_ports(1)?[0].to_string();
    for (name, arguments) in ASKING {
        let nobody = fails(&game, name, arguments).await?;
        one_line(
            &nobody,
            &["no active master", "Connection refused", "`pomelo start`", &all[0], &all[1], &all[2]],
        )?;
        ensure!(nobody.err.matches("refused").count() == 1, "said again and again: {}", nobody.err);
        let named = fails(&game, name, &[arguments, &["-P", &port]].concat()).await?;
        one_line(&named, &[&format!("can't connect to master 127.0.0.1:{port}"), "Connection refused"])?;
        let nowhere = fails(&game, name, &[arguments, &["-h", "nowhere.invalid"]].concat()).await?;
        one_line(&nowhere, &["can't connect to master nowhere.invalid:3005"])?;
    }
    Ok(())
}

#[tokio::test]
async fn what_is_no_master_is_called_so() -> Result<()> {
    let cluster = Cluster::start(None).await?;
    let answers = TcpListener::bind("127.0.0.1:0").await?;
    let hangs_up = TcpListener::bind("127.0.0.1:0").await?;
    let ports = [
        answers.local_addr()?.port(),
        hangs_up.local_addr()?.port(),
        cluster.game.gate,
        cluster.game.connectors[0],
    ];
    let web_server = tokio::spawn(async move {
        while let Ok((mut stream, _)) = answers.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let hanging_up = tokio::spawn(async move { while hangs_up.accept().await.is_ok() {} });
    for (name, arguments) in ASKING {
        for port in ports {
            let other = fails(&cluster.game, name, &[arguments, &["-P", &port.to_string()]].concat()).await?;
            one_line(&other, &[&format!("127.0.0.1:{port} does not answer as a pomelo master")])?;
        }
    }
    web_server.abort();
    hanging_up.abort();

    // Something that never says a word is not waited for for ever.
    let silent = TcpListener::bind("127.0.0.1:0").await?;
    let port = silent.local_addr()?.port().to_string();
    let said = fails(&cluster.game, "pomelo", &["list", "-P", &port, "--wait", "0"]).await?;
    one_line(&said, &[&format!("master 127.0.0.1:{port} gave no"), "within"])?;
    unharmed_then_stopped(cluster).await
}

#[tokio::test]
async fn masters_that_none_of_leads_say_what_they_wait_for() -> Result<()> {
    let nobody = format!("127.0.0.1:{}", free_ports(1)?[0]);
    let game = GameDir::chat(Some(&nobody))?;
    let masters = pomelo_testkit::command::Running::pomelo(&game, &["masterha", "-e", "production"])?;
    masters.line("waiting for").await?;
    let away = format!("zookeeper {nobody}/pomelo/master can't be reached");
    let standbys = format!(
        "127.0.0.1:{}, 127.0.0.1:{}",
        game.masters[1].min(game.masters[2]),
        game.masters[1].max(game.masters[2])
    );
    let one = game.masters[1].to_string();
    for (name, arguments) in ASKING {
        let asked = fails(&game, name, &[arguments, &["--wait", "0"]].concat()).await?;
        one_line(&asked, &["no active master", &away, &standbys, "joining"])?;
        let asked = fails(&game, name, &[arguments, &["--wait", "0", "-P", &one]].concat()).await?;
        one_line(&asked, &["no active master", &away, &one])?;
    }
    // Whoever may wait is told at once what for.
    let waited = fails(&game, "pomelo", &["list", "--wait", "3"]).await?;
    let (waiting, error) = waited.err.split_once('\n').context("one line")?;
    has(waiting, &["waiting: no active master", &away])?;
    has(error, &["error: no active master", &away])?;
    Ok(())
}

#[tokio::test]
async fn questions_that_make_no_sense_are_answered_with_those_that_do() -> Result<()> {
    let cluster = Cluster::start(None).await?;
    for (arguments, words) in [
        (&["-c", "show nonsense"][..], &["can't show \"nonsense\"", "`show servers`"][..]),
        (&["-c", "dance"], &["unknown command \"dance\"", "`help`"]),
        (&["-c", "use chat-server-9"], &["no server \"chat-server-9\"", "chat-server-1, chat-server-2"]),
    ] {
        one_line(&fails(&cluster.game, "pomelo-cli", arguments).await?, words)?;
    }
    let unknown = fails(&cluster.game, "pomelo", &["stop", "chat-server-9"]).await?;
    one_line(&unknown, &["no server chat-server-9", "chat-server-1, chat-server-2"])?;
    unharmed_then_stopped(cluster).await
}

#[tokio::test]
async fn a_configuration_broken_under_a_running_cluster_is_named_and_can_be_gone_round() -> Result<()> {
    let cluster = Cluster::start(None).await?;
    let file = cluster.game.path().join("config/servers.json");
    let good = fs::read_to_string(&file)?;
    fs::write(&file, "{\n  \"production\": oops\n}")?;
    for (name, arguments) in ASKING {
        let said = fails(&cluster.game, name, arguments).await?;
        one_line(&said, &["config/servers.json:2:17: not valid JSON", "-P"])?;
    }
    let servers = cluster.show_servers(Some(cluster.game.masters[1])).await?;
    ensure!(ids_of(&servers) == SERVERS, "{servers:?}");
    fs::write(&file, good)?;
    unharmed_then_stopped(cluster).await
}

async fn unharmed_then_stopped(cluster: Cluster) -> Result<()> {
    let servers = cluster.show_servers(None).await?;
    ensure!(ids_of(&servers) == SERVERS, "{servers:?}");
    let active = cluster.active().await?;
    ensure!(active.port == cluster.game.masters[0], "another master leads: {active:?}");
    cluster.stop(active.port).await
}
