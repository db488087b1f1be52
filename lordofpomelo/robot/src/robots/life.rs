//! The life of a robot: it gets its account, comes in, plays, and comes back when its connection ends, until the run is over.

use std::{future::Future, time::Duration};

use lordofpomelo::messages::{connector, gate::QUERY_ENTRY};
use pomelo_client::{ClientError, ClientOptions, CloseReason};
use pomelo_robot::{Fault, Link, Robot};
use tokio::time::Instant;

use super::{AWAY, COME_IN, Shared};
use crate::{Account, NewHero, Player, PlayerError, game};

/// The first pause before coming back; it doubles each time, up to the last. They differ by a half, so that not all come at once.
const BACK_OFF: [Duration; 2] = [Duration::from_millis(250), Duration::from_secs(5)];

/// How many pushes may wait for a robot that has no processor. In a crowd there are hundreds a second, and a view that lacks one makes no
/// sense any more.
const PUSHES_MAX: usize = 100_000;

/// Until the run is over.
pub(super) async fn live(robot: &Robot, shared: &Shared) -> Result<(), Fault> {
    let name = format!("robot-{}", robot.n());
    let mut account = robot.measure("account", shared.accounts.account(&name)).await?;
    let mut name_of_measure = COME_IN;
    loop {
        let came = robot.measure(name_of_measure, come(robot, shared, &mut account)).await?;
        match play(robot, shared, came).await {
            Err(Fault::Client(ClientError::Closed(_))) => name_of_measure = AWAY,
            other => return other,
        }
    }
}

/// Comes in, however often it takes.
async fn come(
    robot: &Robot,
    shared: &Shared,
    account: &mut Account,
) -> Result<(Player<Link>, impl Future<Output = ()> + use<>), Fault> {
    let mut pause = BACK_OFF[0];
    loop {
        let began = Instant::now();
        let tried = tokio::select! {
            tried = try_to_come(robot, shared, account) => tried,
            () = robot.over() => Err(PlayerError::Over),
        };
        match tried {
            Ok(came) => return Ok(came),
            Err(PlayerError::Over) => return Err(Fault::Over),
            // The rest of a long run is longer than a token lives.
            Err(error) if error.code() == Some(connector::TOKEN_EXPIRED.into()) => {
                *account = shared.accounts.account(&account.name).await?;
            }
            Err(error) => robot.count_fault(&error.into()),
        }
        if began.elapsed() > BACK_OFF[1] {
            pause = BACK_OFF[0];
        }
        robot.pause(pause.mul_f64(0.5 + fastrand::f64())).await?;
        pause = (pause * 2).min(BACK_OFF[1]);
    }
}

async fn try_to_come(
    robot: &Robot,
    shared: &Shared,
    account: &Account,
) -> Result<(Player<Link>, impl Future<Output = ()> + use<>), PlayerError> {
    let gate = &shared.gates[robot.n() % shared.gates.len()];
    let at_gate = robot.connect(gate).await?;
    let entry = at_gate.request(QUERY_ENTRY, &game::query(account.uid)).await;
    at_gate.close().await;
    let options =
        ClientOptions { wants: shared.behaviour.wants(), pushes_max: PUSHES_MAX, ..robot.options() };
    let line = robot.connect_with(&game::connector_url(gate, entry?)?, options).await?;
    let (maps, resources) = (shared.maps.clone(), shared.resources.clone());
    let (player, listening) = Player::on(line, maps, resources);
    let mut listening = Box::pin(listening);
    let coming = async {
        if player.entry(&account.token).await?.is_none() {
            player.create_player(&NewHero::new(&account.name)).await?;
        }
        player.load_area_resource().await?;
        player.load_resource().await?;
        player.enter_scene().await?;
        match shared.manner.view {
            Some((width, height)) => player.change_view(width, height).await,
            None => Ok(()),
        }
    };
    tokio::select! {
        came = coming => came?,
        reason = &mut listening => return Err(ClientError::Closed(reason).into()),
    }
    Ok((player, async move { drop(listening.await) }))
}

async fn play(
    robot: &Robot,
    shared: &Shared,
    (player, listening): (Player<Link>, impl Future<Output = ()>),
) -> Result<(), Fault> {
    let played = tokio::select! {
        () = listening => {
            let reason = player.look(|record| record.ended().cloned()).unwrap_or(CloseReason::Local);
            Err(PlayerError::Client(ClientError::Closed(reason)))
        }
        played = shared.behaviour.play(robot, &player, &shared.manner) => played,
        () = robot.over() => Err(PlayerError::Over),
    };
    // Where pushes were dropped, which is counted, the rest need not make sense.
    let is_whole = player.line().client().pushes_dropped() == 0;
    if shared.behaviour.keeps_the_whole_view() && is_whole {
        let anomalies = player.look(|record| record.anomalies().to_vec());
        anomalies.iter().for_each(|anomaly| robot.count_fault(&Fault::unexpected(anomaly.kind())));
    }
    if matches!(played, Err(PlayerError::Over)) {
        player.quit().await;
    }
    Ok(played?)
}
