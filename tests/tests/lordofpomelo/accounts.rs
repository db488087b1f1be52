//! Accounts, tokens and heroes: scenarios 1 and 2 of the specification's section 28.

use std::{collections::BTreeSet, rc::Rc};

use anyhow::{Context as _, Result, ensure};
use lordofpomelo_robot::{NewHero, Sort, Web, WebError};
use lordofpomelo_world::Point;
use tests::realm::{Stage, refused, web_server};

/// The code with which the web server says no.
fn no<T>(answer: Result<T, WebError>) -> Result<u32> {
    match answer {
        Err(WebError::Refused { code, .. }) => Ok(code),
        Err(other) => Err(other.into()),
        Ok(_) => anyhow::bail!("it was not refused"),
    }
}

pub(crate) async fn accounts_and_tokens_are_checked(stage: Rc<Stage>) -> Result<()> {
    let (_server, url) = web_server(&stage.cluster.game).await?;
    let web = Web::at(&url)?;
    let registered = web.register("Zoe", "a secret").await?;
    let signed_in = web.login("Zoe", "a secret").await?;
    ensure!(registered.uid == signed_in.uid, "{registered:?} is not {signed_in:?}");
    ensure!(no(web.login("Zoe", "another").await)? == 501, "a wrong password");
    ensure!(no(web.login("Zed", "a secret").await)? == 500, "no such account");
    ensure!(no(web.register("Zoe", "another").await)? == 501, "the name is taken");
    ensure!(no(web.register("", "a secret").await)? == 500, "no name");
    ensure!(no(web.register("Zed", "").await)? == 500, "no password");

    ensure!(refused(stage.game.connector(0).await)? == 500, "nobody asks the gate");
    let player = stage.connect(registered.uid).await?;
    ensure!(refused(player.load_area_resource().await)? == 500, "who has not signed in asks an area");
    let token = |token: &str| {
        let (player, token) = (player.clone(), token.to_owned());
        async move { refused(player.entry(&token).await) }
    };
    ensure!(token("").await? == 500, "no token");
    ensure!(token("nonsense").await? == 1001, "a token that is none");
    let mut forged = registered.token.clone();
    forged.replace_range(..1, if forged.starts_with('A') { "B" } else { "A" });
    ensure!(token(&forged).await? == 1001, "a forged token");
    ensure!(token(&stage.accounts.token(registered.uid, 1_000_000)).await? == 1002, "an expired token");
    let nobody = stage.connect(registered.uid).await?;
    let of_nobody = stage.accounts.token(4_000_000, tests::realm::now_ms());
    ensure!(refused(nobody.entry(&of_nobody).await)? == 1003, "a token of nobody");

    ensure!(nobody.entry(&signed_in.token).await?.is_none(), "Zoe has no hero yet");
    ensure!(refused(nobody.entry(&signed_in.token).await)? == 500, "it signs in once more");
    ensure!(refused(nobody.load_area_resource().await)? == 500, "who has no hero asks an area");
    Ok(())
}

pub(crate) async fn a_hero_is_made_and_sees_its_scene(stage: Rc<Stage>) -> Result<()> {
    let account = stage.accounts.account("Yara").await?;
    // A page that was never here: it is told all tables.
    let player = stage.connect_anew(account.uid).await?;
    ensure!(player.entry(&account.token).await?.is_none(), "Yara has no hero yet");
    stage.account("Taken", |_| {}).await?;
    for name in ["Taken", "", "   ", "<b>Yara</b>", "Yara & Co", "seventeen letters", "Yara\u{1f600}"] {
        ensure!(refused(player.create_player(&NewHero::new(name)).await)? == 500, "{name:?} was allowed");
    }
    let monster = NewHero { name: "Yara".into(), role: 202 };
    ensure!(refused(player.create_player(&monster).await)? == 500, "a monster is played");
    let hero = NewHero { name: "Yara".into(), role: 211 };
    let made = player.create_player(&hero).await?.player.context("no hero in the answer")?;
    let own = serde_json::to_value(&made)?;
    for (field, value) in
        [("level", 1), ("hp", 180), ("maxHp", 180), ("mp", 60), ("areaId", 1), ("kindId", 211)]
    {
        ensure!(own[field] == value, "{field} of {own}");
    }
    ensure!(own["name"] == "Yara" && own["id"].as_u64() > Some(0), "{own}");
    let (x, y) = (own["x"].as_f64().unwrap_or(0.0), own["y"].as_f64().unwrap_or(0.0));
    ensure!((346.0..472.0).contains(&x) && (81.0..210.0).contains(&y), "begins at {x}, {y}");
    ensure!(
        refused(player.create_player(&NewHero::new("Yara 2")).await)? == 500,
        "two heroes of one account"
    );

    let area = player.load_area_resource().await?;
    ensure!(area.map_name == "desert" && area.players.contains(&"211".to_owned()), "{area:?}");
    for mob in ["202", "208", "209"] {
        ensure!(area.mobs.contains(&mob.to_owned()), "zones of the desert make {mob}: {area:?}");
    }
    let tables = player.load_resource().await?.data;
    let animation = tables.animation.context("no animation")?;
    ensure!(
        animation.len() == 11 && animation.values().all(|one| one.len() == 16),
        "{} kinds",
        animation.len()
    );

    player.enter_scene().await?;
    let own = player.own()?;
    ensure!((own.name.as_str(), own.kind, own.area, own.level) == ("Yara", 211, 1, 1), "{own:?}");
    ensure!((own.hp, own.mp, own.attack, own.defence) == (180, 60, 18, 12), "{own:?}");
    ensure!((own.experience, own.next_level_exp, own.skill_points) == (0, 58, 1), "{own:?}");
    ensure!(own.bag.is_empty() && own.slots == 20 && own.skills == [(1, 1)].into(), "{own:?}");

    let map = stage.map(1);
    ensure!(
        player.view(|view| view.map().map(|told| *told.grid() == *map.grid)) == Some(true),
        "another map"
    );
    let here = Point::new(x, y);
    let seen: BTreeSet<u32> =
        map.npcs.iter().filter(|npc| stage.sees(1, here, 2, npc.at)).map(|npc| npc.kind).collect();
    let told: BTreeSet<u32> = player.view(|view| view.of(Sort::Npc).map(|npc| npc.kind).collect());
    ensure!(told == seen && !seen.is_empty(), "NPCs in sight: {told:?}, should be {seen:?}");
    let harpies = |record: &lordofpomelo_robot::Record| {
        let levels: BTreeSet<u32> =
            record.view.of(Sort::Mob).filter(|mob| mob.kind == 202).map(|mob| mob.level).collect();
        levels.is_superset(&[1, 5].into()).then_some(())
    };
    player.eventually("the monsters of both zones in sight", harpies).await?;

    // Who signs in anew has the hero, and needs not make it.
    player.quit().await;
    let again = stage.connect(account.uid).await?;
    let row = again.entry(&account.token).await?.context("the hero is gone")?;
    ensure!((row.name.as_str(), row.area_id, row.level) == ("Yara", 1, 1) && row.id == own.id.0, "{row:?}");
    Ok(())
}
