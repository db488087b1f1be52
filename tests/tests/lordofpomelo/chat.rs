//! Chat: scenario 14.

use std::rc::Rc;

use anyhow::{Result, ensure};
use lordofpomelo_robot::{Player, messages::chat::Scope};
use lordofpomelo_world::Point;
use serde_json::{Value, json};
use tests::realm::{Stage, refused, tough};

/// Who says what, as a player hears it since a mark.
fn heard(player: &Player, since: usize) -> Vec<String> {
    player
        .heard("onChat", since)
        .iter()
        .filter_map(|body| Some(format!("{}: {}", body["from"].as_str()?, body["content"].as_str()?)))
        .collect()
}

pub(crate) async fn a_line_is_heard_by_those_whom_it_is_for(stage: Rc<Stage>) -> Result<()> {
    let at = |area: u32| {
        move |hero: &mut lordofpomelo_world::hero::Hero| {
            tough(hero);
            (hero.area_id, hero.position) =
                (area, if area == 1 { Point::new(1000.0, 2500.0) } else { Point::new(1400.0, 3100.0) });
        }
    };
    let ann = stage.enter("Loud", at(1)).await?;
    let bob = stage.enter("Neighbour", at(1)).await?;
    let far = stage.enter("Foreigner", at(2)).await?;
    let (a, b, f) = (ann.mark(), bob.mark(), far.mark());
    // The chat is told of newcomers while they are answered.
    for player in [&ann, &bob, &far] {
        pomelo_testkit::eventually("the chat knows everybody", tests::cluster::PATIENCE, async || {
            player.whisper("Loud", "hello").await.ok()
        })
        .await;
    }
    ann.say(Scope::All, "to all").await?;
    ann.say(Scope::Area, "to the area").await?;
    ann.whisper("Foreigner", "to one").await?;
    let said = |text: &'static str| move |body: &Value| body["content"] == text;
    far.hears("onChat", f, said("to one")).await?;
    bob.hears("onChat", b, said("to the area")).await?;
    let whispered = ann.whisper("Nobody at all", "to none").await;
    ensure!(refused(whispered)? == 3004, "whispered to nobody");
    let of_loud = |lines: Vec<String>| {
        lines.into_iter().filter(|line| line.starts_with("Loud: to")).collect::<Vec<_>>()
    };
    ensure!(of_loud(heard(&far, f)) == ["Loud: to all", "Loud: to one"], "{:?}", heard(&far, f));
    ensure!(of_loud(heard(&bob, b)) == ["Loud: to all", "Loud: to the area"], "{:?}", heard(&bob, b));
    ensure!(of_loud(heard(&ann, a)) == ["Loud: to all", "Loud: to the area"], "{:?}", heard(&ann, a));
    ensure!(refused(bob.say(Scope::Team, "to no team").await)? == 500, "there is no team");
    let team = json!({ "scope": Scope::Team, "content": "to a team", "teamId": 1, "from": "x", "areaId": 1, "toName": "" });
    let forged: Result<Value, _> = bob.client().request("chat.chatHandler.send", &team).await;
    ensure!(refused(forged.map_err(Into::into))? == 500, "said to a team of others");
    Ok(())
}

pub(crate) async fn lines_are_harmless_and_few(stage: Rc<Stage>) -> Result<()> {
    let crier = stage
        .enter("Crier", |hero| {
            tough(hero);
            hero.position = Point::new(1100.0, 2300.0);
        })
        .await?;
    let mark = crier.mark();
    pomelo_testkit::eventually("the chat knows the crier", tests::cluster::PATIENCE, async || {
        crier.whisper("Crier", "hi").await.ok()
    })
    .await;
    for empty in ["", "   ", "<br>", "\u{7}"] {
        ensure!(refused(crier.say(Scope::Area, empty).await)? == 500, "{empty:?} is said");
    }
    let line = json!({
        "from": "Admin", "scope": Scope::Area, "content": "<script>alert(1)</script> \"a\" & 'b' < c \u{1f600}",
        "areaId": 2, "toName": "", "playerId": 1, "uid": 1
    });
    let _: Value = crier.client().request("chat.chatHandler.send", &line).await?;
    let body = crier.hears("onChat", mark, |body| body["scope"] == json!(Scope::Area)).await?;
    let content = body["content"].as_str().unwrap_or_default();
    ensure!(content == "alert(1) &quot;a&quot; &amp; &#39;b&#39; &lt; c", "{content}");
    let own = crier.own()?;
    ensure!(body["from"] == "Crier" && body["playerId"] == own.id.0, "{body}");
    crier.say(Scope::Area, &"x".repeat(1000)).await?;
    let long = crier
        .hears("onChat", mark, |body| body["content"].as_str().is_some_and(|text| text.starts_with('x')))
        .await?;
    ensure!(long["content"].as_str().is_some_and(|text| text.len() == 200), "{long}");
    let mut codes = Vec::new();
    for n in 0..20 {
        codes.push(crier.say(Scope::Area, &format!("line {n}")).await.err().and_then(|error| error.code()));
    }
    let passed = codes.iter().filter(|code| code.is_none()).count();
    ensure!(passed <= 10 && codes.contains(&Some(500)), "of twenty lines at once {passed} passed: {codes:?}");
    Ok(())
}
