//! LordOfPomelo with the original's own client: `tests/npm/lordofpomelo.js` plays it with npm's packages, unchanged, against real
//! processes, and looks at everything the game's servers must do for such a client.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use lordofpomelo_robot::Web;
use lordofpomelo_world::{Point, hero::Sort};
use tests::{
    npm,
    realm::{Realm, thing, tough, web_server},
};

const VETERAN: &str = "Veteran";
const PASSWORD: &str = "a secret";

/// Above the harpies of level 1 in the desert.
const FIELD: Point = Point::new(400.0, 600.0);

/// A linen tunic, for heroes of level 1.
const ARMOR: u32 = 13;

/// What the servers must do for a client that knows nothing of them has numbers, from 1 to this.
const ITEMS: u32 = 20;

#[tokio::test]
async fn the_client_of_the_original_plays() -> Result<()> {
    if npm::packages()?.is_none() {
        return Ok(());
    }
    let realm = Realm::start(|_| Ok(())).await?;
    let (_server, url) = web_server(&realm.cluster.game).await?;
    Web::at(&url)?.register(VETERAN, PASSWORD).await?;
    let hero = realm.account(VETERAN, |hero| {
        realm.raise(hero, 6);
        hero.position = FIELD;
        tough(hero);
        // Some five blows for a newcomer, two for a harpy: there is time for a skill.
        hero.stats.attack_value = 30;
        hero.bag.put(thing(Sort::Item, 1));
        hero.bag.put(thing(Sort::Item, 2));
        hero.bag.put(thing(Sort::Equipment, ARMOR));
    });
    hero.await?;
    let gate = realm.cluster.game.gate.to_string();
    let Some(mut played) = npm::script("lordofpomelo.js", &[&gate, &url, VETERAN, PASSWORD])? else {
        return Ok(());
    };
    let claims = played.line("{\"").await?;
    ensure!(played.end().await?.success(), "{}", played.output().join("\n"));
    let claims: BTreeMap<u32, Vec<String>> = serde_json::from_str(&claims).context(claims)?;
    ensure!(claims.keys().copied().eq(1..=ITEMS), "not everything was looked at: {claims:#?}");
    Ok(())
}
