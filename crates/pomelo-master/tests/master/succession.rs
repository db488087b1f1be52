//! Masters that hand over, are watched by a guardian, and start with what was remembered.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    os::unix::net::UnixStream,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use pomelo_cluster::{
    guardian::{FromGuardian, FromMaster},
    status::Masters as Status,
};
use pomelo_testkit::eventually;
use serde_json::{Value, json};

use crate::support::*;

async fn status(masters: &Masters, n: usize) -> Status {
    let admin = masters.admin(n).await.unwrap();
    let answer = admin.request("__console__", json!({ "signal": "masters" })).await.unwrap();
    serde_json::from_value(answer).unwrap()
}

/// Whether a link was ever down since this was asked for.
fn watch_links(server: &Server) -> Arc<AtomicBool> {
    let (down, mut links) = (Arc::new(AtomicBool::new(false)), server.follower.links());
    links.mark_unchanged();
    let seen = Arc::clone(&down);
    tokio::spawn(async move {
        while links.changed().await.is_ok() {
            if links.borrow_and_update().values().any(|link| !link.up) {
                seen.store(true, Ordering::Relaxed);
            }
        }
    });
    down
}

#[tokio::test]
async fn leadership_goes_to_the_chosen_master_and_no_link_is_lost() {
    let masters = Masters::start(3).await;
    let server = masters.server("chat-1");
    server.linked(3).await;
    server.sees(&["chat-1"]).await;
    let down = watch_links(&server);
    let admin = masters.admin(0).await.unwrap();
    let to = masters.addrs[2].to_string();
    // The others have their places and the membership a moment later.
    let wish =
        || async { admin.request("__console__", json!({ "signal": "handover", "to": to })).await.ok() };
    let answer = eventually("leadership is given away", LIMIT, wish).await;
    assert_eq!(answer["to"]["port"], masters.addrs[2].port);
    assert_eq!(answer["epoch"], 2);
    server.follows(2).await;
    masters.until_active(2).await;
    assert_eq!(masters.show_servers(2).await.len(), 2, "the master and the server, at once");
    assert!(!down.load(Ordering::Relaxed), "a link was lost");

    // The former leader's word may come after the place it gave away.
    let all_follow = || async {
        let status = status(&masters, 2).await;
        let over = status.failovers.get(1).is_some_and(|last| last.why == "handed over");
        (over && status.candidates.iter().all(|one| one.link)).then_some(status)
    };
    let status = eventually("the handover is on record", LIMIT, all_follow).await;
    let leader = status.leader.unwrap();
    assert_eq!((leader.addr, leader.following, leader.linked), (masters.addrs[2].clone(), 1, 1));
    let last = &status.failovers[1];
    assert_eq!((status.failovers.len(), last.from.as_ref()), (2, Some(&masters.addrs[0])));
    let kept = || async { masters.keep("handed over").then_some(()) };
    eventually("the store has it, too", LIMIT, kept).await;
}

#[tokio::test]
async fn nothing_that_is_asked_during_handovers_is_left_without_an_answer() {
    let masters = Masters::start(2).await;
    let mut server = masters.server("chat-1");
    server.linked(2).await;
    server.sees(&["chat-1"]).await;
    for round in 0_usize..4 {
        let leads = round % 2;
        masters.until_active(leads).await;
        let (admin, asking) = (masters.admin(leads).await.unwrap(), masters.admin(leads).await.unwrap());
        let wish = || async { admin.request("__console__", json!({ "signal": "handover" })).await.ok() };
        eventually("leadership is given away", LIMIT, wish).await;
        let refused = asking.request("watchServer", json!({ "comd": "servers", "context": "all" })).await;
        let words = refused.unwrap_err().to_string();
        assert!(words.contains(&masters.addrs[1 - leads].to_string()), "{words}");
    }
    server.follows(5).await;
    drop(server.orders.try_recv());
}

#[tokio::test]
async fn a_guardian_hears_that_its_master_lives_and_where_it_stands_in_the_queue() {
    let mut masters = Masters::prepare(1).await;
    let (here, there) = UnixStream::pair().unwrap();
    masters.run_with(0, Some(here), None).await;
    let here = FromGuardian::Here { pid: 4711, silence_ms: 500, coordinator: "connected".into() };
    writeln!(&there, "{}", serde_json::to_string(&here).unwrap()).unwrap();
    let heard = tokio::task::spawn_blocking(move || {
        there.set_read_timeout(Some(LIMIT)).unwrap();
        let mut lines = BufReader::new(&there).lines();
        let (mut beats, mut place) = (0, false);
        while beats < 10 || !place {
            match serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() {
                FromMaster::Beat => beats += 1,
                FromMaster::Place(told) => place |= told.is_some(),
            }
        }
        there
    });
    let there = within("beats and a place are heard", heard).await.unwrap();
    let shown = || async {
        let guardian = status(&masters, 0).await.candidates.remove(0).guardian?;
        (guardian.pid == 4711 && guardian.silence_ms == 500).then_some(())
    };
    eventually("its guardian is shown", LIMIT, shown).await;
    drop(there);
    let gone = || async { status(&masters, 0).await.candidates.remove(0).guardian.is_none().then_some(()) };
    eventually("it goes on without", LIMIT, gone).await;
}

#[tokio::test]
async fn a_master_that_starts_alone_lists_whoever_was_there_when_the_last_one_died() {
    let mut masters = Masters::prepare(1).await;
    let memory = masters.dir().join("run");
    masters.run_with(0, None, Some(memory.clone())).await;
    let server = masters.server("chat-1");
    server.sees(&["chat-1"]).await;
    let remembered = || async {
        let text = std::fs::read_to_string(memory.join("membership.json")).unwrap_or_default();
        text.contains("chat-1").then_some(())
    };
    eventually("the membership is remembered", LIMIT, remembered).await;
    masters.kill(0).await;
    server.follower.shutdown().await;
    masters.run_with(0, None, Some(memory)).await;
    masters.until_active(0).await;
    let ids: Vec<_> = masters.show_servers(0).await.into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, ["master-server-1", "chat-1"]);
}

#[tokio::test]
async fn tools_of_a_standby_are_told_about_the_masters() {
    let masters = Masters::start(2).await;
    let (addr, timeout) = (&masters.addrs[1], Duration::from_secs(15));
    let connect = || async {
        let admin = pomelo_cluster::admin::AdminClient::connect_in_any_role(addr, "admin", "admin", timeout);
        let answer: Value =
            admin.await.ok()?.request("__console__", json!({ "signal": "masters" })).await.ok()?;
        let status: Status = serde_json::from_value(answer).ok()?;
        (status.leader?.addr == masters.addrs[0]).then_some(())
    };
    eventually("the standby says who leads", LIMIT, connect).await;
}
