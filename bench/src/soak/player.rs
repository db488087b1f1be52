//! One client of a soak: by way of the gate into its room, then says something every few seconds and listens to the others.

use std::time::Duration;

use chat::{
    chat::{ON_CHAT, SEND, Say},
    connector::{ENTER, Enter},
    gate::{Entry, QUERY_ENTRY, QueryEntry},
};
use pomelo_robot::{Fault, Link, Robot};
use tokio::sync::watch;

use super::{heard::Number, ledger::Ledger};

/// What all have in common.
#[derive(Clone)]
pub(super) struct Manner {
    /// URL.
    pub(super) gate: String,
    /// Their clients' ports.
    pub(super) connectors: Vec<u16>,
    /// How often each one speaks, on average.
    pub(super) every: Duration,
    /// Nobody speaks any more.
    pub(super) quiet: watch::Receiver<bool>,
}

/// Until the run is over, or the session has ended.
pub(super) async fn play(robot: Robot, manner: &Manner, ledger: &Ledger) -> Result<(), Fault> {
    let me = robot.n();
    let played = async {
        let (link, session) = enter(&robot, manner, ledger).await?;
        let played = tokio::select! {
            ended = listen(&link, me, ledger) => ended,
            ended = speak(&robot, &link, session, manner, ledger) => ended,
        };
        link.close().await;
        played
    };
    let played = played.await;
    match &played {
        Err(Fault::Over) | Ok(()) => {}
        Err(fault) => ledger.fault(me, fault.to_string()),
    }
    played
}

async fn enter(robot: &Robot, manner: &Manner, ledger: &Ledger) -> Result<(Link, u32), Fault> {
    let me = robot.n();
    let username = name(me);
    let gate = robot.connect(&manner.gate).await?;
    let entry = gate.request(QUERY_ENTRY, &QueryEntry { uid: username.clone() }).await;
    gate.close().await;
    let Entry { host: Some(host), port: Some(port), .. } = entry? else {
        return Err(Fault::unexpected("the gate knows no connector"));
    };
    let connector = manner.connectors.iter().position(|known| *known == port);
    let connector = connector.ok_or_else(|| Fault::unexpected("the gate names an unknown connector"))?;
    let link = robot.connect(&format!("ws://{host}:{port}")).await?;
    let chat_id = Some(ledger.chat_server(me).to_owned());
    let who = Enter { username, rid: ledger.room(me), chat_id, quiet: true };
    if let Err(fault) = link.request(ENTER, &who).await {
        // The name is free again once this connection has ended.
        link.close().await;
        return Err(fault);
    }
    let session = ledger.entered(me, connector);
    Ok((link, session))
}

async fn listen(link: &Link, me: usize, ledger: &Ledger) -> Result<(), Fault> {
    loop {
        let said = link.push(ON_CHAT).await?;
        let sender = said.from.trim_start_matches(char::is_alphabetic).parse().ok();
        let number = said.msg.split_once(':').and_then(|(session, message)| {
            Some(Number { session: session.parse().ok()?, message: message.parse().ok()? })
        });
        let (Some(sender), Some(number)) = (sender, number) else {
            return Err(Fault::unexpected("a message that nobody has said"));
        };
        ledger.hears(me, sender, number);
    }
}

async fn speak(
    robot: &Robot,
    link: &Link,
    session: u32,
    manner: &Manner,
    ledger: &Ledger,
) -> Result<(), Fault> {
    let (me, mut quiet) = (robot.n(), manner.quiet.clone());
    // Not all at once.
    let mut pause = manner.every.mul_f64(fastrand::f64());
    for message in 1.. {
        tokio::select! {
            paused = robot.pause(pause) => paused?,
            _ = quiet.wait_for(|quiet| *quiet) => {}
        }
        if ledger.is_hit(me) {
            return Err(Fault::unexpected("left a room whose server was killed"));
        }
        if *quiet.borrow() {
            // And listens on.
            robot.over().await;
            return Err(Fault::Over);
        }
        pause = manner.every.mul_f64(0.5 + fastrand::f64());
        let number = Number { session, message };
        ledger.says(me);
        let content = format!("{session}:{message}");
        link.request(SEND, &Say { content, target: "*".to_owned() }).await?;
        ledger.answered(me, number);
    }
    Ok(())
}

/// Names differ in length, because the gate chooses by it: so a room is on both connectors.
fn name(n: usize) -> String {
    format!("{}{n:06}", if n.is_multiple_of(2) { "u" } else { "uu" })
}
