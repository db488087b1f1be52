//! Servers that die while players are in the game: scenario 16. Not here: masters ([`crate::masters`]).

use std::{rc::Rc, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use lordofpomelo_robot::{Account, Player};
use lordofpomelo_world::{Point, hero::Sort};
use pomelo_testkit::{eventually, game::signal};
use rustix::process::Signal;
use tests::{
    cluster::PATIENCE,
    realm::{Realm, Stage, thing, tough},
    scenarios,
};
use tokio::{sync::watch, task::JoinHandle};

/// What changes a hero is stored within a minute; some seconds more for a busy machine.
const STORED: Duration = Duration::from_secs(75);

#[tokio::test]
async fn players_outlive_servers() -> Result<()> {
    let realm = Realm::start(|game| {
        game.configure("servers.json", |file| {
            let areas = file["production"]["area"].as_array_mut();
            areas.into_iter().flatten().for_each(|area| area["auto-restart"] = "true".into());
        })
    })
    .await?;
    realm
        .play(scenarios![
            players_of_a_server_that_is_killed_come_back_as_they_were_stored,
            players_of_a_connector_that_is_killed_leave_and_come_in_at_the_other,
        ])
        .await
}

/// The process of a server is gone from one moment to the other.
fn kill(stage: &Stage, id: &str) -> Result<()> {
    let words = format!("id={id}");
    let processes = stage.cluster.game.processes();
    let server = processes.iter().find(|process| process.arguments.contains(&words));
    signal(server.with_context(|| format!("{id} does not run"))?.pid, Signal::KILL)
}

/// A player at this connector.
async fn at(stage: &Stage, connector: usize, account: &Account) -> Result<Arc<Player>> {
    let player = stage.connect_at(connector).await?;
    player.play(&account.token, None).await?;
    Ok(player)
}

/// Somebody who walks to and fro, and is denied nothing.
struct Walker {
    player: Arc<Player>,
    stop: watch::Sender<bool>,
    walking: JoinHandle<Result<usize>>,
}

impl Walker {
    async fn start(stage: &Stage, connector: usize, name: &str, area: u32, at_: Point) -> Result<Self> {
        let account = stage
            .account(name, |hero| {
                tough(hero);
                (hero.area_id, hero.position) = (area, at_);
            })
            .await?;
        let player = at(stage, connector, &account).await?;
        let here = player.position();
        let there = stage.near(area, Point::new(here.x + 120.0, here.y))?;
        let (stop, stopped) = watch::channel(false);
        let walker = Arc::clone(&player);
        let walking = tokio::task::spawn_local(async move {
            let mut walks = 0;
            while !*stopped.borrow() {
                walker.go_to(if walks % 2 == 0 { there } else { here }).await?;
                walks += 1;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Ok(walks)
        });
        Ok(Self { player, stop, walking })
    }

    async fn finish(self) -> Result<()> {
        self.stop.send_replace(true);
        let walks = self.walking.await?.context("a walk was refused")?;
        let ended = self.player.look(|record| record.ended().cloned());
        ensure!(walks > 0 && ended.is_none(), "{walks} walks; {ended:?}");
        Ok(())
    }
}

async fn players_of_a_server_that_is_killed_come_back_as_they_were_stored(stage: Rc<Stage>) -> Result<()> {
    let account = stage
        .account("Victim", |hero| {
            stage.raise(hero, 5);
            tough(hero);
            hero.position = Point::new(2000.0, 900.0);
            for _ in 0..3 {
                hero.bag.put(thing(Sort::Item, 1));
            }
        })
        .await?;
    let elsewhere = Walker::start(&stage, 0, "Elsewhere", 2, Point::new(1400.0, 3100.0)).await?;
    let player = at(&stage, 0, &account).await?;

    // Within a minute, what was eaten is gone for good; a skill at once.
    player.drop_item(1).await?;
    let dropped = async || stage.stored(&account).await.ok()?.bag.get(1).is_none().then_some(());
    eventually("the hero is stored", STORED, dropped).await;
    player.drop_item(2).await?;
    player.learn_skill(2).await?;

    kill(&stage, "area-server-1")?;
    let gone = player.within(Duration::from_secs(30), "being told that the area is gone", |record| {
        record.ended().cloned()
    });
    let why = gone.await?;
    let again = eventually("it comes in again", PATIENCE, async || at(&stage, 0, &account).await.ok()).await;
    let own = again.own()?;
    ensure!(own.skills.contains_key(&2), "a skill was lost: {own:?} ({why})");
    ensure!(!own.bag.contains_key(&1), "what was stored is there again: {own:?}");
    let here = again.position();
    ensure!(here.distance(Point::new(2000.0, 900.0)) < 100.0, "it came back at {here:?}");
    again.go_to(stage.near(1, Point::new(here.x + 60.0, here.y + 40.0))?).await?;
    again
        .eventually("monsters", |record| record.view.of(lordofpomelo_robot::Sort::Npc).next().map(|_| ()))
        .await?;
    elsewhere.finish().await
}

async fn players_of_a_connector_that_is_killed_leave_and_come_in_at_the_other(
    stage: Rc<Stage>,
) -> Result<()> {
    let yard = stage.near(3, Point::new(5700.0, 400.0))?;
    let witness = Walker::start(&stage, 0, "Witness", 3, yard).await?;
    let account = stage
        .account("Stranded", |hero| {
            tough(hero);
            (hero.area_id, hero.position) = (3, yard);
            hero.bag.put(thing(Sort::Item, 1));
        })
        .await?;
    let player = at(&stage, 1, &account).await?;
    player.drop_item(1).await?;
    let id = player.own()?.id;
    witness.player.eventually("the other", |record| record.view.player("Stranded").map(drop)).await?;
    let mark = witness.player.mark();

    kill(&stage, "connector-server-2")?;
    player.ends().await?;
    // By way of the gate, which sends nobody to the dead.
    let again = eventually("it comes in at the other connector", PATIENCE, async || {
        stage.sign_in(&account).await.ok()
    })
    .await;
    ensure!(again.own()?.bag.is_empty(), "it came in as it was before: {:?}", again.own()?);
    let left = |record: &lordofpomelo_robot::Record| {
        record
            .heard(mark)
            .any(|heard| heard.route == "onUserLeave" && heard.json()["playerId"] == id.0)
            .then_some(())
    };
    witness.player.within(Duration::from_secs(30), "its departure", left).await?;
    let once = |record: &lordofpomelo_robot::Record| record.view.player("Stranded").map(drop);
    witness.player.eventually("it again", once).await?;

    // And who does not come back is gone all the same: nobody stands about without a client.
    let ghost = |record: &lordofpomelo_robot::Record| {
        let figures = record.view.of(lordofpomelo_robot::Sort::Player);
        (figures.filter(|one| one.player.as_ref().is_some_and(|who| who.id == id)).count() == 1).then_some(())
    };
    witness.player.eventually("one figure of it", ghost).await?;
    witness.finish().await
}
