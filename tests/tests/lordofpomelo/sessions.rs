//! Two clients of one user: scenario 15; and more of what a client may do with its session.

use std::{rc::Rc, sync::Arc};

use anyhow::{Result, ensure};
use lordofpomelo_robot::Player;
use lordofpomelo_world::{Point, hero::Sort};
use pomelo_client::CloseReason;
use tests::realm::{Stage, thing, tough};

const YARD: Point = Point::new(1500.0, 2000.0);

/// The second client of a user, at this connector.
async fn second(stage: &Stage, token: &str, connector: usize) -> Result<Arc<Player>> {
    let player = stage.connect_at(connector).await?;
    player.play(token, None).await?;
    Ok(player)
}

pub(crate) async fn who_signs_in_again_throws_itself_out(stage: Rc<Stage>) -> Result<()> {
    let watcher = stage
        .enter("Watcher", |hero| {
            tough(hero);
            hero.position = YARD;
        })
        .await?;
    let account = stage
        .account("Twice", |hero| {
            tough(hero);
            hero.position = Point::new(YARD.x + 60.0, YARD.y);
            hero.bag.put(thing(Sort::Item, 1));
            hero.bag.put(thing(Sort::Equipment, 60));
        })
        .await?;
    let mut player = stage.sign_in(&account).await?;
    // The same connector, another one, and back.
    for connector in [0, 1, 1, 0] {
        watcher.eventually("the player in sight", |record| record.view.player("Twice").map(|_| ())).await?;
        let (mark, id) = (watcher.mark(), player.own()?.id);
        let to = stage.near(1, Point::new(player.position().x + 40.0, player.position().y + 20.0))?;
        player.go_to(to).await?;
        if player.own()?.bag.contains_key(&1) {
            player.use_item(1).await?;
        }
        let before = player.own()?;
        let next = second(&stage, &account.token, connector).await?;
        ensure!(matches!(player.ends().await?, CloseReason::Kicked(_)), "{:?}", player.ends().await?);
        let after = next.own()?;
        ensure!(
            (before.id, &before.bag, before.hp) == (after.id, &after.bag, after.hp),
            "{before:?} came back as {after:?}"
        );
        ensure!(next.position().distance(to) < 80.0, "it was at {to:?} and is at {:?}", next.position());
        let left = watcher.hears("onUserLeave", mark, |body| body["playerId"] == id.0).await?;
        ensure!(left["playerId"] == id.0, "{left}");
        let entity = after.entity;
        let shown = |record: &lordofpomelo_robot::Record| {
            record.view.player("Twice").filter(|one| one.id == entity).map(|_| ())
        };
        watcher.eventually("the player in sight again, once", shown).await?;
        let twice = watcher.view(|view| {
            view.of(lordofpomelo_robot::Sort::Player)
                .filter(|one| one.player.as_ref().is_some_and(|who| who.id == id))
                .count()
        });
        ensure!(twice == 1, "it stands there {twice} times");
        ensure!(next.view(|view| view.player("Twice").is_none()), "it sees itself");
        player = next;
    }
    let hp = player.own()?.hp;
    player.quit().await;
    watcher
        .eventually("the player gone", |record| record.view.player("Twice").is_none().then_some(()))
        .await?;
    let again = stage.sign_in(&account).await?;
    ensure!(again.own()?.hp == hp && again.own()?.bag.len() == 1, "{:?}", again.own()?);
    Ok(())
}

pub(crate) async fn of_many_clients_of_a_user_one_stays(stage: Rc<Stage>) -> Result<()> {
    let watcher = stage
        .enter("Guard", |hero| {
            tough(hero);
            hero.position = Point::new(YARD.x, YARD.y + 500.0);
        })
        .await?;
    let account = stage
        .account("Many", |hero| {
            tough(hero);
            hero.position = Point::new(YARD.x + 60.0, YARD.y + 500.0);
        })
        .await?;
    let mut all = tokio::task::JoinSet::new();
    for n in 0..6 {
        let (stage, token) = (Rc::clone(&stage), account.token.clone());
        all.spawn_local(async move {
            let player = stage.connect_at(n % 2).await?;
            let came = player.play(&token, None).await;
            anyhow::Ok((player, came.is_ok()))
        });
    }
    let mut players = Vec::new();
    while let Some(came) = all.join_next().await {
        players.push(came??);
    }
    // Whoever did not come in, or was thrown out, is out; who is in can play.
    let playing = pomelo_testkit::eventually("at most one plays", tests::cluster::PATIENCE, async || {
        let mut open = players.iter().filter(|(player, _)| player.look(|record| record.ended().is_none()));
        let (first, more) = (open.next(), open.next());
        more.is_none().then_some(first)
    })
    .await;
    let player = match playing {
        Some((player, true)) => Arc::clone(player),
        // The last of them was refused because others were coming: it may try again.
        Some((_, false)) | None => second(&stage, &account.token, 0).await?,
    };
    let here = player.position();
    player.go_to(stage.near(1, Point::new(here.x + 50.0, here.y + 30.0))?).await?;
    let once = |record: &lordofpomelo_robot::Record| {
        let figures = record
            .view
            .of(lordofpomelo_robot::Sort::Player)
            .filter(|one| one.player.as_ref().is_some_and(|who| who.name == "Many"));
        (figures.count() == 1).then_some(())
    };
    watcher.eventually("one figure of it", once).await?;
    Ok(())
}
