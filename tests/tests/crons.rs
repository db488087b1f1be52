//! Jobs that are added while a cluster runs, with the commands as an operator types them.

use std::time::Duration;

use anyhow::{Result, ensure};
use pomelo_client::Client;
use pomelo_testkit::{
    command::run,
    eventually,
    game::{GameDir, signal},
};
use rustix::process::Signal;
use serde_json::Value;
use tokio::sync::watch;

use tests::cluster::{Cluster, PATIENCE};

/// How often the clock speaks, in seconds.
const EVERY: u64 = 2;

/// The seconds of the day that the clock told a client.
struct Listening {
    heard: watch::Receiver<Vec<u64>>,
}

impl Listening {
    async fn start(port: u16) -> Result<Self> {
        let client = Client::connect(&format!("ws://127.0.0.1:{port}")).await?;
        let (told, heard) = watch::channel(Vec::new());
        tokio::spawn(async move {
            while let Some(push) = client.next_push().await {
                let Ok(said) = push.json::<Value>() else { continue };
                let Some(time) = said["msg"].as_str().and_then(seconds) else { continue };
                told.send_modify(|all| all.push(time));
            }
        });
        Ok(Self { heard })
    }

    async fn hears(&self, count: usize) {
        let what = format!("the clock has spoken {count} times");
        eventually(&what, PATIENCE, async || (self.heard.borrow().len() >= count).then_some(())).await;
    }

    /// Each time once, none left out.
    fn is_complete(&self) -> Result<usize> {
        let all = self.heard.borrow().clone();
        let next = |pair: &[u64]| pair[1] == (pair[0] + EVERY) % (24 * 3600);
        ensure!(all.windows(2).all(next), "a time is missing or came twice: {all:?}");
        Ok(all.len())
    }
}

/// `it is 10:00:02 UTC`.
fn seconds(text: &str) -> Option<u64> {
    let time = text.strip_prefix("it is ")?.strip_suffix(" UTC")?;
    time.split(':').try_fold(0, |sum, part| Some(sum * 60 + part.parse::<u64>().ok()?))
}

/// What `pomelo cron` says, and whether it succeeded.
async fn cron(game: &GameDir, arguments: &[&str]) -> Result<(bool, String)> {
    let out = run(game, "pomelo", &[&["cron"], arguments].concat()).await?;
    let said = [out.stdout, out.stderr].concat();
    Ok((out.status.success(), String::from_utf8_lossy(&said).into_owned()))
}

async fn jobs(game: &GameDir) -> Result<Vec<(String, String)>> {
    let (_, json) = cron(game, &["list", "--json"]).await?;
    let text = |job: &Value, field: &str| job[field].as_str().unwrap_or_default().to_owned();
    let jobs: Vec<Value> = serde_json::from_str(&json)?;
    Ok(jobs.iter().map(|job| (text(job, "serverId"), text(job, "id"))).collect())
}

#[tokio::test]
async fn a_job_once_per_cluster_is_done_once_each_time_also_while_its_master_is_killed() -> Result<()> {
    let cluster = Cluster::start(None).await?;
    let game = &cluster.game;
    let listening = Listening::start(game.connectors[0]).await?;
    let time = format!("*/{EVERY} * * * * *");
    let clock = ["add", "clock", &time, "chatCron.tellTime", "-t", "chat", "--once"];
    let (added, said) = cron(game, &clock).await?;
    ensure!(added && said == "added to chat-server-1, chat-server-2\n", "{said}");
    let of = |servers: &[&str]| {
        servers.iter().map(|id| ((*id).to_owned(), "clock".to_owned())).collect::<Vec<_>>()
    };
    ensure!(jobs(game).await? == of(&["chat-server-1", "chat-server-2"]), "{:?}", jobs(game).await);
    listening.hears(2).await;

    let master = cluster.active().await?;
    signal(master.pid, Signal::KILL)?;
    cluster.printed("now is promoted to master!").await;
    let before = listening.is_complete()?;
    listening.hears(before + 2).await;

    // The one that has done it last is ended: the other goes on, and so does its next life.
    let (ended, said) = cron(game, &clock).await?;
    ensure!(ended, "asked for a second time it is there: {said}");
    let out = run(game, "pomelo", &["restart", "chat-server-1"]).await?;
    ensure!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    eventually("its next life has the job", PATIENCE, async || {
        (jobs(game).await.ok()? == of(&["chat-server-1", "chat-server-2"])).then_some(())
    })
    .await;
    listening.hears(before + 4).await;
    listening.is_complete()?;

    let (removed, said) = cron(game, &["remove", "clock", "-t", "chat"]).await?;
    ensure!(removed && said == "removed from chat-server-1, chat-server-2\n", "{said}");
    let at_the_end = listening.heard.borrow().len();
    tokio::time::sleep(Duration::from_secs(2 * EVERY)).await;
    ensure!(listening.heard.borrow().len() <= at_the_end + 1, "it goes on");
    ensure!(jobs(game).await?.is_empty());
    let port = cluster.active().await?.port;
    cluster.stop(port).await
}

#[tokio::test]
async fn a_job_that_can_not_be_is_refused_by_name_and_remembered_by_nobody() -> Result<()> {
    let cluster = Cluster::start(None).await?;
    let game = &cluster.game;
    for (arguments, why) in [
        (
            &["add", "x", "* * * * *", "chatCron.tellTime", "-t", "chat"][..],
            "chat-server-2: time \"* * * * *\": expected six fields",
        ),
        (
            &["add", "x", "* * * * * *", "chatCron.tellTme", "-s", "chat-server-1"],
            "the application has: chatCron.tellTime",
        ),
        (&["add", "x", "* * * * * *", "chatCron.tellTime", "-t", "chta"], "no server of type \"chta\""),
        (&["add", "x", "* * * * * *", "chatCron.tellTime"], "--type <TYPE>|--server <ID>"),
        (&["remove", "x", "-t", "chat"], "chat-server-1: there is no job \"x\""),
    ] {
        let (done, said) = cron(game, arguments).await?;
        ensure!(!done && said.contains(why), "{arguments:?}: {said}");
    }
    let (_, said) = cron(game, &["list"]).await?;
    ensure!(said == "no server has a job\n", "{said}");
    let port = cluster.active().await?.port;
    cluster.stop(port).await
}

#[tokio::test]
async fn the_console_gives_and_takes_jobs_in_the_words_of_the_original() -> Result<()> {
    let cluster = Cluster::start(None).await?;
    let game = &cluster.game;
    let console = async |commands: &str| {
        let out = run(game, "pomelo-cli", &["-c", commands]).await?;
        let said = [out.stdout, out.stderr].concat();
        anyhow::Ok((out.status.success(), String::from_utf8_lossy(&said).into_owned()))
    };
    let (done, said) = console(
        "addCron id=8 serverType=chat 'time=0 30 10 * * *' action=chatCron.tellTime; \
         use chat-server-2; addCron id=9 'time=0 0 4 * * *' action=chatCron.tellTime; show crons",
    )
    .await?;
    ensure!(
        done && said.starts_with("added to chat-server-1, chat-server-2\nadded to chat-server-2\n"),
        "{said}"
    );
    ensure!(said.contains("chat-server-2 9") && said.contains("0 0 4 * * *"), "{said}");
    let pair = |server: &str, id: &str| (server.to_owned(), id.to_owned());
    let expected = [pair("chat-server-1", "8"), pair("chat-server-2", "8"), pair("chat-server-2", "9")];
    ensure!(jobs(game).await? == expected, "{:?}", jobs(game).await);

    let (done, said) =
        console("removeCron id=8 serverType=chat; removeCron id=9 serverId=chat-server-2").await?;
    ensure!(done && jobs(game).await?.is_empty(), "{said}");
    for (command, why) in [
        (
            "addCron id=8 time=* action=chatCron.tellTime",
            "whose job? serverType=chat, serverId=chat-server-1",
        ),
        ("addCron id=8 time=* action=chatCron.tellTime serverType=chta", "no server of type \"chta\""),
        ("addCron id=8 time=* action=chatCron.tellTime serverType=chat", "expected six fields"),
        ("removeCron id=8 serverType=chat", "there is no job \"8\""),
    ] {
        let (done, said) = console(command).await?;
        ensure!(!done && said.contains(why), "{command}: {said}");
    }
    let port = cluster.active().await?.port;
    cluster.stop(port).await
}
