//! Ways that can't be walked, and how fast one is: scenario 5, and what of cheating is a matter of walking.

use std::rc::Rc;

use anyhow::{Context as _, Result, ensure};
use lordofpomelo_robot::{
    Player,
    messages::Code,
    messages::area::{MOVE, Walk},
};
use lordofpomelo_world::Point;
use tests::realm::{Stage, refused, tough};

const START: Point = Point::new(2600.0, 1000.0);

/// A way as it is, without a look at the map.
async fn send(player: &Player, path: Vec<Point>) -> Result<i64> {
    match player.client().request(MOVE, &Walk { path }).await {
        Ok(Code { code }) => Ok(code.into()),
        Err(error) => lordofpomelo_robot::PlayerError::from(error).code().context("no answer"),
    }
}

fn off(from: Point, x: f64, y: f64) -> Point {
    Point::new(from.x + x, from.y + y)
}

pub(crate) async fn ways_that_no_client_shows_are_refused(stage: Rc<Stage>) -> Result<()> {
    let here = stage.near(1, START)?;
    let player = stage
        .enter("Cheat", |hero| {
            tough(hero);
            hero.position = here;
        })
        .await?;
    let mark = player.mark();
    let grid = &stage.map(1).grid;
    let mut blocked = (1..2000).map(|n| off(here, f64::from(n % 50) * 20.0, f64::from(n / 50) * 20.0));
    let wall = blocked.find(|at| !grid.is_walkable(*at)).context("no wall near")?;
    ensure!(send(&player, vec![here, wall]).await? == 500, "into a wall");
    ensure!(send(&player, vec![here]).await? == 500, "one point");
    ensure!(send(&player, vec![]).await? == 500, "no point");
    ensure!(send(&player, vec![here, Point::new(-50.0, 100.0)]).await? == 500, "off the map");
    ensure!(send(&player, vec![here, Point::new(f64::MAX, f64::MAX)]).await? == 500, "far off the map");
    let crumbs = (0..201).map(|n| off(here, f64::from(n % 2), 0.0)).collect();
    ensure!(send(&player, crumbs).await? == 500, "201 points");
    ensure!(player.heard("onPathCheckout", mark).is_empty(), "it is told where it is without having leapt");

    // A leap: from elsewhere, and the client is put right.
    let elsewhere = stage.near(1, off(here, 700.0, 100.0))?;
    ensure!(send(&player, vec![elsewhere, off(elsewhere, 1.0, 0.0)]).await? == 500, "it leaps 700 px");
    let right = player.hears("onPathCheckout", mark, |_| true).await?["position"].clone();
    ensure!(right["x"] == here.x.floor() && right["y"] == here.y.floor(), "it is at {here:?}, told {right}");

    // A race: each way begins ahead of where the one before has led.
    let step = stage.near(1, off(here, 150.0, 0.0))?;
    let next = stage.near(1, off(step, 150.0, 0.0))?;
    let (first, second) = (send(&player, vec![step, next]).await?, send(&player, vec![next, step]).await?);
    ensure!(first == 200 && second == 500, "150 px ahead {first}, and at once 150 px more {second}");

    // A flood: more than ten ways a second are not taken.
    let mut codes = Vec::new();
    for _ in 0..30 {
        codes.push(send(&player, vec![player.position(), player.position()]).await?);
    }
    ensure!(codes.contains(&500), "30 ways at once were taken: {codes:?}");
    Ok(())
}

pub(crate) async fn a_walker_is_told_where_it_is_every_second(stage: Rc<Stage>) -> Result<()> {
    let here = stage.near(1, off(START, 0.0, 500.0))?;
    let player = stage
        .enter("Hiker", |hero| {
            tough(hero);
            hero.position = here;
        })
        .await?;
    let to = stage.near(1, off(here, 900.0, 300.0))?;
    let mark = player.mark();
    let began_ms = player.now_ms();
    player.go_to(to).await?;
    let told = player.look(|record| {
        record.heard(mark).filter(|heard| heard.route == "onPathCheckout").cloned().collect::<Vec<_>>()
    });
    ensure!(told.len() >= 3, "told {} times on a way of four seconds", told.len());
    for heard in told {
        let at = &heard.json()["position"];
        let at = Point::new(at["x"].as_f64().context("x")?, at["y"].as_f64().context("y")?);
        let most = 240.0 * (heard.at_ms - began_ms) as f64 / 1000.0;
        ensure!(
            here.distance(at) <= most + 1.0,
            "faster than it can be: {at:?} after {} ms",
            heard.at_ms - began_ms
        );
    }
    // Where it is says the server, too; the client may think that it is there some steps before it is.
    let account = stage.accounts.account("Hiker").await?;
    player.quit().await;
    let again = stage.sign_in(&account).await?;
    ensure!(again.position().distance(to) < 80.0, "it went to {to:?} and is at {:?}", again.position());
    ensure!(
        refused(again.walk(&[off(to, -300.0, -100.0), to]).await)? == 500,
        "it leaps right behind its entry"
    );
    Ok(())
}
