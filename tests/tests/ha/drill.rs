//! `pomelo drill` as an operator runs it.

use anyhow::{Context as _, Result, ensure};
use pomelo_testkit::{command::run, game::GameDir};
use serde_json::Value;
use tests::cluster::Cluster;

#[tokio::test]
async fn a_drill_kills_freezes_and_hands_over_and_finds_nothing_lost() -> Result<()> {
    let cluster = Cluster::start_with(None, GameDir::restart_masters).await?;
    for fault in ["--kill", "--freeze", "--handover"] {
        let plot = format!("drill{fault}.svg");
        let arguments = ["drill", fault, "-e", "production", "--yes-production", "--yes"];
        let more = ["--times", "2", "--pause-ms", "1500", "--json", "--plot", &plot];
        let out = run(&cluster.game, "pomelo", &[&arguments[..], &more].concat()).await?;
        let said = String::from_utf8_lossy(&out.stderr);
        ensure!(out.status.success(), "{fault}: {said}");
        ensure!(said.contains("this will ") && said.contains("2 times"), "it does not say before: {said}");
        let report: Value = serde_json::from_slice(&out.stdout).context("--json")?;
        ensure!(report["clean"] == true && report["endedEarly"].is_null(), "{report}");
        let rounds = report["rounds"].as_array().context("rounds")?;
        ensure!(rounds.len() == 2, "{report}");
        for round in rounds {
            ensure!(round["outageMs"].as_f64().is_some_and(|ms| ms > 0.0), "{report}");
            ensure!(round["from"] != round["to"] && round["following"] == 5, "{report}");
        }
        ensure!(report["commands"]["answered"] == report["commands"]["sent"], "{report}");
        ensure!(cluster.game.read(&plot).starts_with("<svg "), "{plot} is not a picture");
    }
    let port = cluster.active().await?.port;
    cluster.stop(port).await
}

#[tokio::test]
async fn a_drill_spares_production_and_asks_before() -> Result<()> {
    let cluster = Cluster::start(None).await?;
    let before = cluster.active().await?;
    for (more, why) in [
        (&["-e", "production", "--yes"][..], "a drill is for staging"),
        (&["-e", "production", "--yes-production"], "nobody can be asked here"),
        // Another section with the same masters does not make it another cluster.
        (&["-e", "development", "--yes"], "a drill is for staging"),
    ] {
        let out = run(&cluster.game, "pomelo", &[&["drill", "--kill"][..], more].concat()).await?;
        let said = String::from_utf8_lossy(&out.stderr);
        ensure!(!out.status.success() && said.contains(why), "{more:?}: {said}");
    }
    ensure!(cluster.active().await? == before, "it killed the master all the same");
    Ok(())
}
