//! The active master dies, twice, with players in the game: scenario 17.

use anyhow::{Result, ensure};
use lordofpomelo_world::Point;
use pomelo_testkit::{
    eventually,
    game::{GameDir, signal},
};
use rustix::process::Signal;
use tests::{
    cluster::{Cluster, PATIENCE},
    pastime::Pastime,
    realm::{Realm, tough},
};

#[tokio::test]
async fn players_do_not_notice_that_the_master_is_killed_twice() -> Result<()> {
    let cluster = Cluster::of(GameDir::lordofpomelo(None)?).await?;
    let realm = Realm::on(cluster).await?;
    let pastime = Pastime::begin(&realm).await?;
    pastime.goes_on(2).await;
    for n in 1..=2 {
        let dead = realm.cluster.active().await?;
        signal(dead.pid, Signal::KILL)?;
        newcomer(&realm, &format!("Newcomer {n}")).await?;
        let next = eventually("another master leads", PATIENCE, async || {
            realm.cluster.active().await.ok().filter(|next| next.port != dead.port)
        })
        .await;
        ensure!(next.pid != dead.pid, "{next:?} leads");
        newcomer(&realm, &format!("Newcomer {n} b")).await?;
        pastime.goes_on(2).await;
    }
    pastime.finish().await?;
    let last = realm.cluster.active().await?.port;
    realm.cluster.stop(last).await
}

/// Somebody signs in who never was there, and plays.
async fn newcomer(realm: &Realm, name: &str) -> Result<()> {
    let account = realm
        .account(name, |hero| {
            tough(hero);
            hero.position = Point::new(1800.0, 1000.0);
        })
        .await?;
    let player = realm.game.play(&account).await?;
    let here = player.position();
    player.go_to(realm.near(1, Point::new(here.x + 60.0, here.y))?).await?;
    player.quit().await;
    Ok(())
}
