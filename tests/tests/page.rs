//! The chat example's page in a real browser: two people chat, the active master is killed, they go on chatting.

use anyhow::Result;
use pomelo_testkit::game::signal;
use rustix::process::Signal;
use tests::{browser::Page, cluster::Cluster};

#[tokio::test]
async fn two_people_chat_in_a_browser_and_do_not_notice_that_the_master_was_killed() -> Result<()> {
    let cluster = Cluster::start(None).await?;
    let Some(mut page) = Page::open(&cluster.game).await? else { return Ok(()) };
    page.say("one").await?;
    signal(cluster.active().await?.pid, Signal::KILL)?;
    cluster.printed("now is promoted to master!").await;
    page.say("two").await?;
    page.close().await?;
    let port = cluster.active().await?.port;
    cluster.stop(port).await
}
