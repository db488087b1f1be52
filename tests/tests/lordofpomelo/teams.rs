//! Teams: scenario 13.

use std::{rc::Rc, sync::Arc};

use anyhow::{Result, ensure};
use lordofpomelo_robot::{Player, messages::chat::Scope};
use lordofpomelo_world::{
    Point,
    hero::{Hero, Sort},
};
use tests::realm::{Stage, thing, tough};

use crate::travel::team_up;

/// Near the NPC that takes one to the oasis.
const CAMP: Point = Point::new(1500.0, 760.0);

fn camper(x: f64) -> impl FnOnce(&mut Hero) {
    move |hero| {
        tough(hero);
        hero.position = Point::new(CAMP.x + x, CAMP.y);
        hero.bag.put(thing(Sort::Item, 1));
    }
}

/// Waits until a player knows of so many members, 0 for no team.
async fn counts(player: &Player, members: usize) -> Result<()> {
    let what = format!("a team of {members}");
    let is_so = |record: &lordofpomelo_robot::Record| {
        let own = record.view.own()?;
        (record.view.team.len() == members && (own.team > 0) == (members > 0)).then_some(())
    };
    Ok(player.eventually(&what, is_so).await?)
}

/// What is asked of the server after this is done after what this player asked before.
async fn in_order(player: &Player) -> Result<()> {
    player.time_sync().await?;
    player.new_task().await?;
    Ok(())
}

pub(crate) async fn players_join_by_invitation_and_application(stage: Rc<Stage>) -> Result<()> {
    let captain = stage.enter("Ada", camper(0.0)).await?;
    let bob = stage.enter("Bea", camper(30.0)).await?;
    let cleo = stage.enter("Cleo", camper(60.0)).await?;
    let dora = stage.enter("Dora", camper(90.0)).await?;
    let marks = [&captain, &bob, &cleo, &dora].map(|player| player.mark());
    captain.create_team().await?;
    counts(&captain, 1).await?;
    let (team, leader) = (captain.own()?.team, captain.own()?.id);
    ensure!(captain.own()?.is_captain, "{:?}", captain.own()?);
    let status =
        bob.hears("onTeamCaptainStatusChange", marks[1], |body| body["playerId"] == leader.0).await?;
    ensure!(
        status["teamId"] == team && status["isCaptain"] == 1 && status["teamName"].is_string(),
        "{status}"
    );

    // Refused, both ways.
    captain.invite(bob.own()?.id).await?;
    let asked = bob.hears("onInviteJoinTeam", marks[1], |_| true).await?;
    ensure!(asked["id"] == leader.0 && asked["name"] == "Ada" && asked["teamId"] == team, "{asked}");
    bob.answer_invitation(team, leader, false).await?;
    let reply = captain.hears("onInviteJoinTeamReply", marks[0], |_| true).await?;
    ensure!(reply["reply"] == 0, "{reply}");
    cleo.apply(team, leader).await?;
    let asked = captain.hears("onApplyJoinTeam", marks[0], |_| true).await?;
    ensure!(asked["id"] == cleo.own()?.id.0 && asked["name"] == "Cleo", "{asked}");
    captain.answer_application(cleo.own()?.id, false).await?;
    let reply = cleo.hears("onApplyJoinTeamReply", marks[2], |_| true).await?;
    ensure!(reply["reply"] == 0, "{reply}");

    // An answer to what nobody asked is none.
    dora.answer_invitation(team, leader, true).await?;
    captain.answer_application(dora.own()?.id, true).await?;
    in_order(&dora).await?;
    in_order(&captain).await?;
    counts(&captain, 1).await?;

    // Accepted, both ways.
    let mark = bob.mark();
    captain.invite(bob.own()?.id).await?;
    bob.hears("onInviteJoinTeam", mark, |_| true).await?;
    bob.answer_invitation(team, leader, true).await?;
    counts(&bob, 2).await?;
    let status = dora.hears("onTeamMemberStatusChange", marks[3], |body| body["teamId"] == team).await?;
    ensure!(status["playerId"] == bob.own()?.id.0 && status["isCaptain"] == 0, "{status}");
    let mark = captain.mark();
    cleo.apply(team, leader).await?;
    captain.hears("onApplyJoinTeam", mark, |_| true).await?;
    captain.answer_application(cleo.own()?.id, true).await?;
    for player in [&captain, &bob, &cleo] {
        counts(player, 3).await?;
    }

    // There is no room for a fourth.
    let (captains, doras) = (captain.mark(), dora.mark());
    dora.apply(team, leader).await?;
    captain.invite(dora.own()?.id).await?;
    in_order(&dora).await?;
    in_order(&captain).await?;
    captain.say(Scope::Team, "full").await?;
    captain.hears("onChat", captains, |body| body["content"] == "full").await?;
    ensure!(captain.heard("onApplyJoinTeam", captains).is_empty(), "one applies to a full team");
    ensure!(dora.heard("onInviteJoinTeam", doras).is_empty(), "one is asked into a full team");
    ensure!(dora.heard("onChat", doras).iter().all(|body| body["content"] != "full"), "others hear the team");

    // Mates see each other's figures, and strike nobody of them.
    let mark = captain.mark();
    bob.use_item(1).await?;
    let fed = |body: &serde_json::Value| {
        body[bob.own().map(|own| own.id.to_string()).unwrap_or_default()]["name"] == "Bea"
    };
    captain.hears("onUpdateTeam", mark, fed).await?;
    bob.attack(captain.own()?.entity).await?;
    in_order(&bob).await?;
    ensure!(captain.own()?.hp == 1_000_000, "a mate strikes");

    // A member is thrown out, by the captain alone.
    let mark = bob.mark();
    cleo.kick_out(bob.own()?.id).await?;
    cleo.disband_team().await?;
    in_order(&cleo).await?;
    captain.kick_out(cleo.own()?.id).await?;
    bob.hears("onTeammateLeaveTeam", mark, |body| {
        body["playerId"] == cleo.own().map(|own| own.id.0).unwrap_or_default()
    })
    .await?;
    counts(&cleo, 0).await?;
    counts(&bob, 2).await?;
    ensure!(bob.heard("onDisbandTeam", mark).is_empty(), "a member ended the team");

    // The captain leaves, and takes the team along.
    captain.leave_team().await?;
    for player in [&captain, &bob] {
        counts(player, 0).await?;
    }
    Ok(())
}

pub(crate) async fn members_travel_and_log_out(stage: Rc<Stage>) -> Result<()> {
    let captain = stage.enter("Eve", camper(-30.0)).await?;
    let fred = stage.enter("Fred", camper(-60.0)).await?;
    let gus = stage.enter("Gus", camper(-90.0)).await?;
    let team = team_up(&[&captain, &fred, &gus]).await?;
    let mark = captain.mark();
    fred.change_area(2).await?;
    ensure!(fred.own()?.team == team && !fred.own()?.is_captain, "{:?}", fred.own()?);
    // Figures of one who is elsewhere are told as well.
    counts(&captain, 3).await?;
    fred.say(Scope::Team, "from the oasis").await?;
    captain.hears("onChat", mark, |body| body["content"] == "from the oasis").await?;
    captain.change_area(2).await?;
    ensure!(captain.own()?.team == team && captain.own()?.is_captain, "{:?}", captain.own()?);
    both_know(&fred, &captain).await?;
    let (mark, id) = (fred.mark(), gus.own()?.id);
    gus.quit().await;
    fred.hears("onTeammateLeaveTeam", mark, |body| body["playerId"] == id.0).await?;
    counts(&fred, 2).await?;
    counts(&captain, 2).await?;
    // A captain that is gone ends the team.
    captain.quit().await;
    counts(&fred, 0).await
}

async fn both_know(fred: &Arc<Player>, captain: &Arc<Player>) -> Result<()> {
    for (player, other) in [(fred, "Eve"), (captain, "Fred")] {
        let marked = |record: &lordofpomelo_robot::Record| {
            record.view.player(other).and_then(|one| one.player.clone()).filter(|who| who.team > 0)
        };
        let who = player.eventually("the mate with its flag", marked).await?;
        ensure!(who.is_captain == (other == "Eve"), "{who:?}");
    }
    Ok(())
}
