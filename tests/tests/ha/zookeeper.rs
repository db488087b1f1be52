//! ZooKeeper is away for a while, as a whole or its leader: nobody fails over, and commands go on.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use pomelo_testkit::zookeeper::Ensemble;
use tests::{
    cluster::Cluster,
    player::{Player, Transport},
    trial::Trial,
};

/// How long all of it is away: the masters' sessions, of 2 s, would have ended several times.
const AWAY: Duration = Duration::from_secs(10);

#[tokio::test]
async fn nobody_fails_over_when_the_whole_ensemble_is_away_for_a_while() -> Result<()> {
    let Some(mut ensemble) = Ensemble::for_test(3).await else { return Ok(()) };
    let cluster = Cluster::start_at(Some(&ensemble.addr()), |_| Ok(())).await?;
    let player = Player::join(&cluster.game, Transport::WebSocket, "alice").await?;
    let trial = Trial::begin(&cluster.game).await?;
    trial.standbys(2).await;
    ensemble.kill_all();
    tokio::time::sleep(AWAY).await;
    ensemble.start_all().await?;
    trial.commands(50).await;
    player.finish().await?;
    trial.standbys(2).await;
    let outcome = trial.check(&cluster.game, 0).await?;
    println!("{} commands, the slowest took {:?}", outcome.commands, outcome.slowest);
    ensure!(outcome.failed.is_empty(), "commands failed: {:?}", outcome.failed);
    Ok(())
}

#[tokio::test]
async fn nobody_fails_over_when_the_leader_of_the_ensemble_dies() -> Result<()> {
    let Some(mut ensemble) = Ensemble::for_test(3).await else { return Ok(()) };
    let cluster = Cluster::start_at(Some(&ensemble.addr()), |_| Ok(())).await?;
    let player = Player::join(&cluster.game, Transport::Tcp, "robert").await?;
    let trial = Trial::begin(&cluster.game).await?;
    trial.standbys(2).await;
    let leader = ensemble.leader().await.context("the ensemble has a leader")?;
    ensemble.kill(leader);
    trial.commands(100).await;
    ensemble.start_again(leader).await?;
    trial.commands(20).await;
    player.finish().await?;
    trial.standbys(2).await;
    let outcome = trial.check(&cluster.game, 0).await?;
    println!("{} commands, the slowest took {:?}", outcome.commands, outcome.slowest);
    ensure!(outcome.failed.is_empty(), "commands failed: {:?}", outcome.failed);
    Ok(())
}
