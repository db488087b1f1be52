//! Travel and instances: scenario 11.

use std::{rc::Rc, sync::Arc, time::Duration};

use anyhow::{Context as _, Result, ensure};
use lordofpomelo_robot::{Player, Sort, messages::chat::Scope};
use lordofpomelo_world::{Point, hero::Hero, ids::EntityId};
use tests::realm::{Stage, refused, tough};

/// Who goes far.
fn runner(at: Point) -> impl FnOnce(&mut Hero) {
    move |hero| {
        tough(hero);
        hero.position = at;
        hero.stats.walk_speed = 800;
    }
}

/// Where an NPC of this kind stands in an area.
fn npc(stage: &Stage, area: u32, kind: u32) -> Result<Point> {
    let npc = stage.map(area).npcs.iter().find(|npc| npc.kind == kind);
    stage.near(area, npc.with_context(|| format!("no NPC {kind} in area {area}"))?.at)
}

/// Goes there and talks; answers where the NPC takes one.
async fn talks(stage: &Stage, player: &Player, area: u32, kind: u32) -> Result<u32> {
    let at = npc(stage, area, kind)?;
    if player.position().distance(at) > 50.0 {
        player.go_to(at).await?;
    }
    let id: EntityId = player
        .eventually("the NPC", |record| {
            record.view.of(Sort::Npc).find(|npc| npc.kind == kind).map(|npc| npc.id)
        })
        .await?;
    let mark = player.mark();
    player.npc_talk(id).await?;
    let said = player.hears("onNPCTalk", mark, |body| body["npc"] == id).await?;
    ensure!(said["npcword"].as_str().is_some_and(|words| !words.is_empty()), "{said}");
    player
        .view(|view| view.talk.as_ref().and_then(|talk| talk.travel))
        .with_context(|| format!("it says {said}"))
}

async fn travels(stage: &Stage, player: &Player, from: u32, kind: u32, to: u32) -> Result<()> {
    let target = talks(stage, player, from, kind).await?;
    ensure!(target == to, "NPC {kind} takes one to {target}");
    player.change_area(to).await.with_context(|| format!("from area {from} to {to}"))?;
    let row = stage.tables.area.get(to).context("no such area")?;
    let map = player.view(|view| view.map().map(|map| map.name().to_owned()));
    ensure!(map.as_deref() == Some(row.name.as_str()), "it came to {map:?} in place of {}", row.name);
    ensure!(stage.map(to).birth.contains(player.position()), "it came to {:?}", player.position());
    Ok(())
}

pub(crate) async fn one_travels_through_all_scenes_and_back(stage: Rc<Stage>) -> Result<()> {
    let player = stage.enter("Marco", runner(Point::new(420.0, 150.0))).await?;
    let stays = stage
        .enter("Stays", |hero| {
            tough(hero);
            hero.position = npc(&stage, 1, 301).unwrap_or_default();
        })
        .await?;
    for target in [1, 2, 3, 4, 5, 6, 99] {
        ensure!(refused(player.change_area(target).await)? >= 0, "area {target} is reached from anywhere");
    }
    let mark = stays.mark();
    let (me, id) = (player.own()?.entity, player.own()?.id);
    travels(&stage, &player, 1, 301, 2).await?;
    stays
        .hears("onRemoveEntities", mark, |body| {
            body["entities"].as_array().is_some_and(|all| all.contains(&me.into()))
        })
        .await?;
    let left = stays.heard("onUserLeave", mark);
    ensure!(left.iter().all(|body| body["playerId"] != id.0), "who travels is said to have left the game");
    ensure!(player.own()?.area == 2, "{:?}", player.own()?);
    ensure!(refused(player.change_area(3).await)? >= 0, "the ice is reached from the other end of the oasis");
    travels(&stage, &player, 2, 306, 3).await?;
    travels(&stage, &player, 3, 309, 2).await?;
    travels(&stage, &player, 2, 305, 1).await?;
    ensure!(player.own()?.area == 1 && player.own()?.id == id, "{:?}", player.own()?);
    // It lives where it went last.
    let account = stage.accounts.account("Marco").await?;
    player.quit().await;
    let again = stage.sign_in(&account).await?;
    ensure!(again.own()?.area == 1, "{:?}", again.own()?);
    Ok(())
}

pub(crate) async fn everybody_has_an_arena_of_its_own_until_it_is_over(stage: Rc<Stage>) -> Result<()> {
    let door = npc(&stage, 1, 302)?;
    let one = stage.enter("Gladiator", runner(door)).await?;
    let other = stage.enter("Retiarius", runner(door)).await?;
    travels(&stage, &one, 1, 302, 4).await?;
    travels(&stage, &other, 1, 302, 4).await?;
    for player in [&one, &other] {
        ensure!(player.view(|view| view.of(Sort::Player).count()) == 0, "somebody else is in the arena");
        player
            .eventually("flowers", |record| {
                record.view.of(Sort::Mob).any(|mob| mob.kind == 209).then_some(())
            })
            .await?;
    }
    // Numbers of entities count up as long as the instance lives: no new one has so many at once. Who comes in more often is refused.
    for _ in 0..5 {
        one.enter_scene().await?;
    }
    let before = one.own()?.entity;
    one.change_area(1).await?;
    ensure!(stage.map(1).birth.contains(one.position()), "it came to {:?}", one.position());
    one.go_to(door).await?;
    one.change_area(4).await?;
    ensure!(one.own()?.entity > before, "another arena: entity {} after {before}", one.own()?.entity);

    // Who leaves the game inside comes back in the birth zone of its scene.
    let account = stage.accounts.account("Gladiator").await?;
    one.quit().await;
    let one = stage.sign_in(&account).await?;
    ensure!(
        one.own()?.area == 1 && stage.map(1).birth.contains(one.position()),
        "it came to {:?}",
        one.position()
    );

    // An instance that nobody was in for so long is gone: the next one is new.
    one.go_to(door).await?;
    tokio::time::sleep(Duration::from_millis(crate::INSTANCE_LIFE_MS + 3 * crate::INSTANCE_INTERVAL_MS))
        .await;
    one.change_area(4).await?;
    ensure!(one.own()?.entity <= before, "the old arena: entity {} after {before}", one.own()?.entity);
    ensure!(other.view(|view| view.own().is_some()), "the other's goes on");
    other.enter_scene().await?;
    Ok(())
}

/// A team of these, the first its captain.
pub(super) async fn team_up(players: &[&Arc<Player>]) -> Result<u32> {
    let [captain, members @ ..] = players else { anyhow::bail!("nobody to make a team of") };
    captain.create_team().await?;
    let team = captain
        .eventually("a team", |record| record.view.own().map(|own| own.team).filter(|team| *team > 0))
        .await?;
    let leader = captain.own()?.id;
    for (n, member) in members.iter().enumerate() {
        let (id, mark) = (member.own()?.id, member.mark());
        captain.invite(id).await?;
        let asked = member.hears("onInviteJoinTeam", mark, |_| true).await?;
        ensure!(asked["id"] == leader.0 && asked["teamId"] == team, "{asked}");
        member.answer_invitation(team, leader, true).await?;
        for player in &players[..n + 2] {
            player
                .eventually("the new member", |record| (record.view.team.len() == n + 2).then_some(()))
                .await?;
        }
    }
    Ok(team)
}

pub(crate) async fn a_team_goes_into_the_cave_together(stage: Rc<Stage>) -> Result<()> {
    let door = npc(&stage, 1, 303)?;
    let captain = stage.enter("Captain", runner(door)).await?;
    let near = stage.enter("Near", runner(door)).await?;
    let far_away = stage.near(1, Point::new(door.x - 1500.0, door.y + 300.0))?;
    let far = stage.enter("Farther", runner(far_away)).await?;
    let team = team_up(&[&captain, &near, &far]).await?;
    ensure!(refused(far.change_area(5).await)? >= 0, "the cave is reached from far away");
    let (near_mark, far_mark) = (near.mark(), far.mark());
    captain.change_area(5).await.context("the captain goes")?;
    for (member, mark) in [(&near, near_mark), (&far, far_mark)] {
        let drag = member.hears("onDragMember2gameCopy", mark, |_| true).await?;
        ensure!(drag["teamId"] == team && drag["target"] == 5, "{drag}");
        member.change_area(5).await.context("a member follows")?;
    }
    for player in [&captain, &near, &far] {
        let all =
            |record: &lordofpomelo_robot::Record| (record.view.of(Sort::Player).count() == 2).then_some(());
        player.eventually("the other two in the cave", all).await?;
        ensure!(player.own()?.team == team, "{:?}", player.own()?);
    }
    // Inside nobody leaves: what is asked last is answered after all that was asked before.
    let mark = far.mark();
    near.leave_team().await?;
    captain.kick_out(far.own()?.id).await?;
    captain.disband_team().await?;
    captain.say(Scope::Team, "Are you all there?").await?;
    near.say(Scope::Team, "Yes").await?;
    far.hears("onChat", mark, |body| body["content"] == "Yes").await?;
    ensure!(
        far.heard("onDisbandTeam", mark).is_empty() && far.heard("onTeammateLeaveTeam", mark).is_empty(),
        "the team fell apart"
    );
    Ok(())
}
