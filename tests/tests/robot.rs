//! `pomelo robot` as somebody runs it who has a game and no program of robots: the chat example's scenario, on a cluster.

use std::{fs, process::Output};

use anyhow::{Context as _, Result, ensure};
use pomelo_testkit::{
    command::run,
    eventually,
    game::{GameDir, root, signal},
};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustix::process::Signal;
use serde_json::{Value, json};

use tests::cluster::{Cluster, PATIENCE};

const SCENARIO: &str = "robots.json";

/// The chat example with one master, and its scenario on the ports that it has here.
async fn cluster() -> Result<Cluster> {
    let game = GameDir::chat(None)?;
    game.keep_masters(1)?;
    let text = fs::read_to_string(root().join("examples/chat/robots/chat.json"))?;
    fs::write(game.path().join(SCENARIO), text.replace(":3014", &format!(":{}", game.gate)))?;
    let mut cluster = Cluster { game, supervisors: Vec::new() };
    cluster.supervise(&["start", "-e", "production"]).await?;
    // A cluster is ready when its master knows all servers; they hear of each other a moment later. These robots meet both connectors.
    eventually("robots can play", PATIENCE, async || {
        let out =
            robots(&cluster.game, &["-n", "12", "--ramp", "0", "--duration", "0.5", "--fail-on-errors"])
                .await;
        out.ok()?.status.success().then_some(())
    })
    .await;
    Ok(cluster)
}

async fn robots(game: &GameDir, arguments: &[&str]) -> Result<Output> {
    run(game, "pomelo", &[&["robot", SCENARIO], arguments].concat()).await
}

fn report(out: &Output) -> Result<Value> {
    serde_json::from_slice(&out.stdout)
        .with_context(|| format!("no report: {}", String::from_utf8_lossy(&out.stderr)))
}

fn one<'a>(report: &'a Value, list: &str, name: &str) -> Result<&'a Value> {
    let found = report[list].as_array().into_iter().flatten().find(|one| one["name"] == name);
    found.with_context(|| format!("no {name} in {report}"))
}

#[tokio::test]
async fn the_examples_scenario_is_played_and_what_everybody_says_is_heard_by_all() -> Result<()> {
    let cluster = cluster().await?;
    let plan = ["-n", "40", "--ramp", "1", "--duration", "10", "--json", "--fail-on-errors"];
    let out = robots(&cluster.game, &plan).await?;
    let report = report(&out)?;
    ensure!(out.status.success() && report["failures"] == serde_json::json!([]), "{report}");
    ensure!(report["came"] == 40 && one(&report, "requests", "connect")?["answered"] == 80, "{report}");
    let count = |of: &Value, field: &str| of[field].as_u64().context("a number");
    let said = count(one(&report, "requests", "chat.chatHandler.send")?, "answered")?;
    let heard = count(one(&report, "pushes", "onChat")?, "taken")?;
    // The last ones may still be on their way.
    ensure!(said >= 40 && heard > 19 * (said - 40) && heard <= 20 * said, "said {said}, heard {heard}");
    let port = cluster.game.masters[0];
    cluster.stop(port).await
}

#[tokio::test]
async fn what_fails_is_in_the_report_and_in_the_exit_code_if_that_is_wanted() -> Result<()> {
    let cluster = cluster().await?;
    let argument = "id=connector-server-1".to_owned();
    let connector = cluster.game.processes().into_iter().find(|p| p.arguments.contains(&argument));
    let kill = async {
        tokio::time::sleep(std::time::Duration::from_secs(3)).await;
        signal(connector.context("no connector")?.pid, Signal::KILL)
    };
    let plan = ["-n", "40", "--ramp", "1", "--duration", "6", "--json", "--fail-on-errors"];
    let (out, killed) = tokio::join!(robots(&cluster.game, &plan), kill);
    killed?;
    let out = out?;
    let report = report(&out)?;
    ensure!(out.status.code() == Some(1), "{report}");
    let lost = report["failures"].as_array().into_iter().flatten().find(|one| one["what"] == "connection");
    ensure!(lost.is_some_and(|lost| lost["times"].as_u64() > Some(0)), "{report}");
    let port = cluster.game.masters[0];
    cluster.stop(port).await
}

#[tokio::test]
async fn who_reaches_nobody_is_told_what_may_be_wrong() -> Result<()> {
    let game = GameDir::chat(None)?;
    let steps = format!(r#"{{"steps": [{{"connect": "ws://127.0.0.1:{}"}}]}}"#, game.gate);
    fs::write(game.path().join(SCENARIO), steps)?;
    let out = robots(&game, &["-n", "1", "--ramp", "0", "--duration", "0.1"]).await?;
    let said = String::from_utf8_lossy(&out.stderr);
    let why = format!(
        "error: no robot reached the game (could not connect to 127.0.0.1:{}: Connection refused",
        game.gate
    );
    let advice = "): does it run (`pomelo start`), and is the first `connect` of robots.json its address?";
    ensure!(out.status.code() == Some(1) && said.contains(&why) && said.contains(advice), "{said}");
    Ok(())
}

#[tokio::test]
async fn a_game_behind_tls_is_played_by_who_trusts_its_authority_and_by_nobody_else() -> Result<()> {
    let game = GameDir::chat(None)?;
    game.keep_masters(1)?;
    certify(&game)?;
    game.configure("servers.json", |file| {
        for kind in ["gate", "connector"] {
            for server in file["production"][kind].as_array_mut().into_iter().flatten() {
                server["tls"] = json!({ "cert": "cert.pem", "key": "key.pem" });
            }
        }
    })?;
    let text = fs::read_to_string(root().join("examples/chat/robots/chat.json"))?;
    let text = text.replace(":3014", &format!(":{}", game.gate)).replace("ws://", "wss://");
    fs::write(game.path().join(SCENARIO), text)?;
    let mut cluster = Cluster { game, supervisors: Vec::new() };
    cluster.supervise(&["start", "-e", "production"]).await?;
    let play = async |trust: &[&str]| {
        let plan = ["-n", "12", "--ramp", "0", "--duration", "0.5", "--json", "--fail-on-errors"];
        robots(&cluster.game, &[&plan, trust].concat()).await
    };
    let authorities = ["--authorities", "authority.pem"];
    eventually("robots can play", PATIENCE, async || {
        play(&authorities).await.ok()?.status.success().then_some(())
    })
    .await;
    let out = play(&authorities).await?;
    let (report, said) = (report(&out)?, String::from_utf8_lossy(&out.stderr));
    ensure!(one(&report, "requests", "connect")?["answered"] == 24, "{report} {said}");

    for strangers in [&[][..], &["--authorities", "another.pem"]] {
        let out = play(strangers).await?;
        let said = String::from_utf8_lossy(&out.stderr);
        let why = format!(
            "no robot reached the game (no TLS with 127.0.0.1:{}: invalid peer certificate",
            cluster.game.gate
        );
        ensure!(out.status.code() == Some(1) && said.contains(&why), "{strangers:?}: {said}");
        ensure!(said.contains("does --authorities name who signed its certificate?"), "{said}");
    }
    for (file, why) in [
        ("nowhere.pem", "nowhere.pem: expected certificates in PEM, I/O error: No such file or directory"),
        ("config/servers.json", "config/servers.json: expected certificates in PEM, found none"),
    ] {
        let out = play(&["--authorities", file]).await?;
        let said = String::from_utf8_lossy(&out.stderr);
        ensure!(out.status.code() == Some(1) && said.contains(why), "{file}: {said}");
    }
    let port = cluster.game.masters[0];
    cluster.stop(port).await
}

/// An authority, another one, and a certificate of the first for 127.0.0.1, as files of the game.
fn certify(game: &GameDir) -> Result<()> {
    let write = |file: &str, text: String| fs::write(game.path().join(file), text);
    let authority = |name: &str| -> Result<_> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate()?;
        write(&format!("{name}.pem"), params.self_signed(&key)?.pem())?;
        Ok(Issuer::new(params, key))
    };
    authority("another")?;
    let (authority, key) = (authority("authority")?, KeyPair::generate()?);
    let cert = CertificateParams::new(["127.0.0.1".to_owned()])?.signed_by(&key, &authority)?;
    write("cert.pem", cert.pem())?;
    write("key.pem", key.serialize_pem())?;
    Ok(())
}

#[tokio::test]
async fn a_file_that_is_no_scenario_is_refused_in_words() -> Result<()> {
    let game = GameDir::chat(None)?;
    for (text, expected) in [
        (None, "error: robots.json: No such file or directory (os error 2)"),
        (Some("{"), "error: robots.json: the scenario: EOF while parsing an object at line 1 column 1"),
        (
            Some(r#"{"steps": [{"connect": "ws://{{host}}:1"}]}"#),
            "error: robots.json: steps[0].connect: {{host}} is not known here, there are: count, i, n, random",
        ),
    ] {
        if let Some(text) = text {
            fs::write(game.path().join(SCENARIO), text)?;
        }
        let out = robots(&game, &["--check"]).await?;
        let said = String::from_utf8_lossy(&out.stderr);
        ensure!(out.status.code() == Some(1) && said.trim_end() == expected, "{said}");
    }
    Ok(())
}
