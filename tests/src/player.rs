//! A player who speaks 20 times a second and counts what is lost and what comes twice.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use pomelo_client::{Client, ClientError};
use pomelo_testkit::{eventually, game::GameDir};
use serde_json::{Value, json};
use tokio::{sync::watch, task::JoinHandle};

use crate::cluster::PATIENCE;

/// How often a player speaks.
const EVERY: Duration = Duration::from_millis(50);

/// How the player is connected.
#[derive(Clone, Copy, Debug)]
pub enum Transport {
    /// `ws://`.
    WebSocket,
    /// Raw TCP.
    Tcp,
}

/// Numbers in the order in which they came back.
#[derive(Debug, Default)]
struct Heard {
    answered: Vec<u64>,
    pushed: Vec<u64>,
}

/// A player in the room `lobby`.
pub struct Player {
    name: String,
    heard: Arc<Mutex<Heard>>,
    stop: watch::Sender<bool>,
    speaking: JoinHandle<Result<u64>>,
    listening: JoinHandle<()>,
}

impl Player {
    /// Comes in by way of the gate and starts to speak.
    pub async fn join(game: &GameDir, transport: Transport, name: &str) -> Result<Self> {
        let gate = connect(transport, &game.host, game.gate).await?;
        // A cluster is ready when its master knows all servers; the gate hears of the connectors a moment later.
        let at: Value = eventually("the gate knows a connector", PATIENCE, async || {
            match gate.request("gate.gateHandler.queryEntry", &json!({ "uid": name })).await {
                Err(ClientError::Failed { .. }) => None,
                answer => Some(answer),
            }
        })
        .await?;
        gate.close().await;
        let port = at["port"].as_u64().with_context(|| format!("the gate answered {at}"))?;
        let host = at["host"].as_str().with_context(|| format!("the gate answered {at}"))?;
        let port = u16::try_from(port)?;
        // So does the connector of the chat servers. Who could not be brought in is bound already, and comes anew.
        let client = eventually("the connector knows a chat server", PATIENCE, async || {
            let client = match connect(transport, host, port).await {
                Ok(client) => Arc::new(client),
                Err(error) => return Some(Err(error)),
            };
            let body = json!({ "username": name, "rid": "lobby" });
            match client.request::<_, Value>("connector.entryHandler.enter", &body).await {
                Ok(entered) if entered["code"] == 200 => Some(Ok(client)),
                Ok(_) | Err(ClientError::Failed { .. }) => {
                    client.close().await;
                    None
                }
                Err(error) => Some(Err(error.into())),
            }
        })
        .await?;

        let heard = Arc::new(Mutex::new(Heard::default()));
        let (stop, stopped) = watch::channel(false);
        let listening = tokio::spawn(listen(Arc::clone(&client), Arc::clone(&heard), name.to_owned()));
        let speaking = tokio::spawn(speak(client, Arc::clone(&heard), stopped));
        Ok(Self { name: name.to_owned(), heard, stop, speaking, listening })
    }

    /// How many of its messages have come back to it.
    pub fn count(&self) -> usize {
        self.lock().pushed.len()
    }

    /// Waits until so many of its messages have come back, or until it can say no more: [`Player::finish`] tells why.
    pub async fn heard(&self, count: usize) {
        let what = format!("{} hears {count} of its messages", self.name);
        eventually(&what, PATIENCE, async || {
            (self.count() >= count || self.speaking.is_finished()).then_some(())
        })
        .await;
    }

    /// Stops speaking; every message it sent was answered once and came back once, in order.
    pub async fn finish(self) -> Result<()> {
        self.stop.send_replace(true);
        let sent = self.speaking.await??;
        let all: Vec<u64> = (0..sent).collect();
        let what = format!("{} gets all {sent} messages back", self.name);
        eventually(&what, PATIENCE, async || {
            let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
            (heard.pushed.len() as u64 >= sent).then_some(())
        })
        .await;
        self.listening.abort();
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        ensure!(heard.answered == all, "{}: sent {sent}, answered {:?}", self.name, heard.answered);
        ensure!(heard.pushed == all, "{}: sent {sent}, pushed {:?}", self.name, heard.pushed);
        Ok(())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn connect(transport: Transport, host: &str, port: u16) -> Result<Client> {
    Ok(match transport {
        Transport::WebSocket => Client::connect(&format!("ws://{host}:{port}")).await?,
        Transport::Tcp => Client::connect(&format!("tcp://{host}:{port}")).await?,
    })
}

/// Sends numbers until it is told to stop, and returns how many it has sent.
async fn speak(
    client: Arc<Client>,
    heard: Arc<Mutex<Heard>>,
    mut stop: watch::Receiver<bool>,
) -> Result<u64> {
    let mut every = tokio::time::interval(EVERY);
    let mut sent = 0;
    while !*stop.borrow_and_update() {
        tokio::select! {
            _ = every.tick() => {}
            _ = stop.changed() => break,
        }
        let body = json!({ "content": sent.to_string(), "target": "*" });
        let answer: Value = client.request("chat.chatHandler.send", &body).await?;
        ensure!(answer.get("code").is_none(), "message {sent} was answered with {answer}");
        heard.lock().unwrap_or_else(PoisonError::into_inner).answered.push(sent);
        sent += 1;
    }
    Ok(sent)
}

/// Counts its own messages among those of the room.
async fn listen(client: Arc<Client>, heard: Arc<Mutex<Heard>>, name: String) {
    while let Some(push) = client.next_push().await {
        if push.route != "onChat" {
            continue;
        }
        let Ok(said) = push.json::<Value>() else { continue };
        if said["from"] == *name
            && let Some(number) = said["msg"].as_str().and_then(|text| text.parse().ok())
        {
            heard.lock().unwrap_or_else(PoisonError::into_inner).pushed.push(number);
        }
    }
}
