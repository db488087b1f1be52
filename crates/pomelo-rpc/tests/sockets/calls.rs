//! Calls and one-way messages over links that are up: answers, order, limits.

use std::time::Duration;

use pomelo_rpc::{ErrorKind, Limit, Limits, RpcError, Who};
use tokio::task::JoinSet;

use crate::rig::{Addresses, eventually, pair};

#[tokio::test]
async fn thousands_of_calls_at_once_each_get_their_own_answer() {
    let (caller, called, _serving, _) = pair(Limits::default()).await;
    let mut calls = JoinSet::new();
    for n in 0..5000 {
        let (caller, called) = (caller.clone(), called.clone());
        calls.spawn(async move {
            let body = format!("{n}");
            assert_eq!(caller.call(&called, "echo", &body).await.unwrap(), body);
        });
    }
    while let Some(done) = calls.join_next().await {
        done.unwrap();
    }
    assert_eq!(caller.links.linked(), [called.id().clone()]);
    assert_eq!(called.links.linked(), [caller.id().clone()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn the_same_holds_on_several_threads() {
    let (caller, called, _serving, _) = pair(Limits::default()).await;
    let mut calls = JoinSet::new();
    for n in 0..3000 {
        let (caller, called) = (caller.clone(), called.clone());
        calls.spawn(async move {
            let body = format!("{n}");
            let method = if n % 3 == 0 { "back" } else { "echo" };
            assert_eq!(caller.call(&called, method, &body).await.unwrap(), body);
        });
    }
    while let Some(done) = calls.join_next().await {
        done.unwrap();
    }
}

#[tokio::test]
async fn one_way_messages_arrive_in_order_from_before_the_dial_on() {
    let (caller, called, _serving, _) = pair(Limits::default()).await;
    for n in 0..20_000 {
        caller.send(&called, "note", n.to_string()).unwrap();
    }
    assert_eq!(caller.call(&called, "seen", "").await.unwrap(), "20000");
    let expected: Vec<_> = (0..20_000).map(|n| n.to_string()).collect();
    assert_eq!(called.seen(), expected);
}

#[tokio::test]
async fn a_push_sent_before_an_answer_is_handled_before_it() {
    let (caller, called, _serving, _) = pair(Limits::default()).await;
    for round in 1..=50 {
        assert_eq!(caller.call(&called, "push-then-answer", "20").await.unwrap(), "done");
        assert_eq!(caller.seen().len(), round * 20);
    }
}

#[tokio::test]
async fn calls_that_nobody_waits_for_begin_in_order_with_the_others() {
    let (caller, called, _serving, _) = pair(Limits::default()).await;
    for n in 0..3_000 {
        caller.notify(&called, "note", n.to_string()).unwrap();
    }
    assert_eq!(caller.call(&called, "seen", "").await.unwrap(), "3000");
    let expected: Vec<_> = (0..3_000).map(|n| n.to_string()).collect();
    assert_eq!(called.seen(), expected);
}

#[tokio::test]
async fn servers_that_flood_each_other_with_work_nobody_waits_for_still_get_their_answers() {
    let limits = Limits { notices_max: 100, ..Limits::default() };
    let (a, b, _serving, _) = pair(limits).await;
    assert_eq!(a.call(&b, "echo", "up").await.unwrap(), "up");
    // Each of these takes until the test lets it end.
    for (from, to) in [(&a, &b), (&b, &a)] {
        for _ in 0..100 {
            from.notify(to, "wait", "").unwrap();
        }
        to.started.acquire_many(100).await.unwrap().forget();
        let error = from.notify(to, "wait", "").unwrap_err();
        assert_eq!((error.who, error.retry), (Who::Local, true));
        assert_eq!(error.kind, ErrorKind::Busy(Limit::Notices));
    }
    for _ in 0..50 {
        assert_eq!(a.call(&b, "back", "x").await.unwrap(), "x");
        assert_eq!(b.call(&a, "back", "y").await.unwrap(), "y");
    }
    b.gate.add_permits(1);
    eventually("one that is done makes room", || a.notify(&b, "wait", "").is_ok()).await;
}

#[tokio::test]
async fn a_server_that_is_busy_with_calls_nobody_waits_for_has_room_for_others() {
    let limits = Limits { notices_max: 10, calls_in_progress_max: 11, ..Limits::default() };
    let (caller, called, _serving, _) = pair(limits).await;
    for _ in 0..10 {
        caller.notify(&called, "wait", "").unwrap();
    }
    assert_eq!(caller.call(&called, "echo", "x").await.unwrap(), "x");
}

#[tokio::test]
async fn a_server_without_a_port_is_called_back_over_the_link_it_opened() {
    let (gate, chat, _serving, _) = pair(Limits::default()).await;
    let error = chat.call(&gate, "echo", "x").await.unwrap_err();
    assert_eq!((error.who, error.retry, &error.kind), (Who::Local, true, &ErrorKind::UnknownServer));
    assert_eq!(gate.call(&chat, "back", "hello").await.unwrap(), "hello");
    assert_eq!(chat.call(&gate, "echo", "again").await.unwrap(), "again");
}

#[tokio::test]
async fn servers_that_dial_each_other_at_once_share_one_link() {
    dial_each_other().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn they_do_so_on_several_threads_too() {
    dial_each_other().await;
}

async fn dial_each_other() {
    for round in 0..30 {
        let addresses = Addresses::default();
        let a = addresses.node("a", Limits::default());
        let b = addresses.node("b", Limits::default());
        let _serving = (a.listen(&addresses).await, b.listen(&addresses).await);
        for n in 0..10 {
            a.send(&b, "note", n.to_string()).unwrap();
            b.send(&a, "note", n.to_string()).unwrap();
        }
        let (ab, ba) = tokio::join!(a.call(&b, "back", "x"), b.call(&a, "back", "y"));
        assert_eq!((ab.unwrap().as_str(), ba.unwrap().as_str()), ("x", "y"), "round {round}");
        let expected: Vec<_> = (0..10).map(|n| n.to_string()).collect();
        assert_eq!((a.seen(), b.seen()), (expected.clone(), expected), "round {round}");
        // Still the same link: nothing replaced it, so nothing was lost with it.
        for _ in 0..20 {
            assert_eq!(a.call(&b, "push-then-answer", "1").await.unwrap(), "done");
        }
        assert_eq!(a.seen().len(), 30, "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn every_call_ends_soon_however_often_links_are_cut_from_either_side() {
    let addresses = Addresses::default();
    let a = addresses.node("a", Limits::default());
    let b = addresses.node("b", Limits::default());
    let _serving = (a.listen(&addresses).await, b.listen(&addresses).await);
    let mut callers = JoinSet::new();
    for n in 0..40 {
        let (from, to) = if n % 2 == 0 { (a.clone(), b.clone()) } else { (b.clone(), a.clone()) };
        callers.spawn(async move {
            let mut answered = 0;
            for round in 0..100 {
                let body = format!("{n} {round}");
                match from.call(&to, if n % 4 < 2 { "echo" } else { "back" }, &body).await {
                    Ok(answer) => {
                        assert_eq!(answer, body);
                        answered += 1;
                    }
                    Err(error) => {
                        assert!(!matches!(error.kind, ErrorKind::Deadline { .. }), "{error}");
                    }
                }
            }
            answered
        });
    }
    let cutting = tokio::spawn({
        let (a, b) = (a.clone(), b.clone());
        async move {
            loop {
                a.links.forget(b.id());
                tokio::time::sleep(Duration::from_millis(3)).await;
                b.links.forget(a.id());
                tokio::time::sleep(Duration::from_millis(3)).await;
            }
        }
    });
    let mut answered = 0;
    while let Some(caller) = callers.join_next().await {
        answered += caller.unwrap();
    }
    cutting.abort();
    assert!(answered > 0, "no call got through");
    a.links.forget(b.id());
    b.links.forget(a.id());
    assert_eq!(a.call(&b, "back", "in peace").await.unwrap(), "in peace");
}

#[tokio::test]
async fn a_failure_of_the_called_server_says_so_and_does_no_harm_to_the_link() {
    let (caller, called, _serving, _) = pair(Limits { frame_bytes_max: 1000, ..Limits::default() }).await;
    let failed = |error: RpcError| {
        assert_eq!((error.who, error.retry), (Who::Remote, false));
        error.to_string()
    };
    let error = failed(caller.call(&called, "nothing", "").await.unwrap_err());
    assert_eq!(error, "chat-1: failed with code 404: no method nothing");
    let error = failed(caller.call(&called, "panic", "").await.unwrap_err());
    assert_eq!(error, "chat-1: failed with code 500: the handling of the call panicked");
    let error = failed(caller.call(&called, "large", "2000").await.unwrap_err());
    assert!(error.contains("answer of 2002 bytes is too large, the limit is 1000"), "{error}");
    caller.send(&called, "panic", "").unwrap();
    caller.notify(&called, "panic", "").unwrap();
    assert_eq!(caller.call(&called, "echo", "still here").await.unwrap(), "still here");
}

#[tokio::test]
async fn a_message_too_large_for_a_frame_never_leaves() {
    let (caller, called, _serving, _) = pair(Limits { frame_bytes_max: 1000, ..Limits::default() }).await;
    let error = caller.call(&called, "echo", &"x".repeat(1000)).await.unwrap_err();
    assert_eq!((error.who, error.retry), (Who::Local, false));
    assert!(matches!(error.kind, ErrorKind::TooLarge { bytes: 1011, bytes_max: 1000 }), "{error:?}");
    let error = caller.send(&called, &"m".repeat(300), "x").unwrap_err();
    assert!(matches!(error.kind, ErrorKind::TooLarge { bytes: 300, bytes_max: 255 }), "{error:?}");
}

#[tokio::test]
async fn large_bodies_pass_both_ways() {
    let (caller, called, _serving, _) = pair(Limits::default()).await;
    let body = "x".repeat(1 << 20);
    for _ in 0..5 {
        assert_eq!(caller.call(&called, "echo", &body).await.unwrap().len(), body.len());
    }
}

#[tokio::test]
async fn a_caller_beyond_the_limits_is_told_busy() {
    let limits = Limits { pending_calls_max: 3, calls_in_progress_max: 2, ..Limits::default() };
    let (caller, called, _serving, _) = pair(limits).await;
    let mut calls = JoinSet::new();
    for _ in 0..2 {
        let (caller, called) = (caller.clone(), called.clone());
        calls.spawn(async move { caller.call(&called, "wait", "x").await });
    }
    called.started.acquire_many(2).await.unwrap().forget();

    let there = caller.call(&called, "echo", "x").await.unwrap_err();
    assert_eq!((there.who, there.retry), (Who::Remote, true));
    assert_eq!(there.kind, ErrorKind::Busy(Limit::CallsInProgress));

    let third = caller.call(&called, "echo", "x");
    let fourth = caller.call(&called, "echo", "x");
    let (_, here) = tokio::join!(third, fourth);
    let here = here.unwrap_err();
    assert_eq!((here.who, here.retry), (Who::Local, true));
    assert_eq!(here.kind, ErrorKind::Busy(Limit::PendingCalls));

    called.gate.add_permits(2);
    while let Some(done) = calls.join_next().await {
        assert_eq!(done.unwrap().unwrap(), "x");
    }
    assert_eq!(caller.call(&called, "echo", "x").await.unwrap(), "x");
}
