//! A link without a connection: what is taken into its buffer and its table, and what comes out.

use super::*;

fn link(limits: Limits) -> Arc<Link> {
    Link::new(ServerId::new("chat-server-1").unwrap(), 1, Arc::new(limits))
}

fn call(link: &Arc<Link>, wait_s: u64) -> Result<Calling, NotTaken> {
    let wait = Duration::from_secs(wait_s);
    link.call("m", b"", wait, Instant::now() + wait)
}

fn refusal<T>(result: Result<T, NotTaken>) -> RpcError {
    match result {
        Err(NotTaken::Refused(error)) => error,
        Err(NotTaken::Over) => panic!("the link is over"),
        Ok(_) => panic!("it was taken"),
    }
}

#[test]
fn taken_bytes_count_as_buffered_until_they_are_written() {
    let link = link(Limits { buffered_bytes_max: 300, ..Limits::default() });
    assert!(link.send("m", &[0; 200]).is_ok());
    let mut out = Vec::new();
    assert_eq!(link.take(&mut out), Taken::Open);
    let error = refusal(link.send("m", &[0; 200]));
    assert_eq!(error.kind, ErrorKind::Busy(Limit::BufferedBytes));
    assert!(error.retry);
    link.written(out.len());
    assert!(link.send("m", &[0; 200]).is_ok());
}

#[test]
fn a_full_buffer_still_takes_a_short_answer_and_shortens_a_long_one() {
    let link = link(Limits { buffered_bytes_max: 3000, ..Limits::default() });
    assert!(link.send("m", &[0; 2900]).is_ok());
    link.answer(1, Ok(vec![0; 2000].into()));
    link.answer(2, Ok(Bytes::from_static(b"yes")));
    let mut out = Vec::new();
    link.take(&mut out);
    let mut buffer = bytes::BytesMut::from(&out[..]);
    let mut next = || Frame::decode(&mut buffer, 1 << 20).unwrap().unwrap();
    assert!(matches!(next(), Frame::OneWay { .. }));
    assert!(matches!(next(), Frame::Fail { tag: 1, failure: Failure { code: 500, .. }, .. }));
    assert!(matches!(next(), Frame::Reply { tag: 2, .. }));
}

#[tokio::test]
async fn only_a_call_that_never_left_may_be_repeated_when_the_link_is_lost() {
    let link = link(Limits::default());
    let Ok(sent) = call(&link, 10) else { panic!("not taken") };
    link.take(&mut Vec::new());
    let Ok(unsent) = call(&link, 10) else { panic!("not taken") };
    assert!(link.send("m", b"").is_ok());
    assert_eq!(link.fail(Lost::Disconnected("gone".into())), 1);
    assert!(!sent.await.unwrap_err().retry);
    assert!(unsent.await.unwrap_err().retry);
    assert!(matches!(call(&link, 10), Err(NotTaken::Over)));
}

#[test]
fn a_dropped_call_leaves_the_table() {
    let link = link(Limits { pending_calls_max: 1, ..Limits::default() });
    let waiting = call(&link, 10);
    assert_eq!(refusal(call(&link, 10)).kind, ErrorKind::Busy(Limit::PendingCalls));
    drop(waiting);
    assert!(call(&link, 10).is_ok());
}

#[tokio::test(start_paused = true)]
async fn what_a_caller_still_waits_is_said_when_the_call_leaves_and_not_when_it_is_queued() {
    let link = link(Limits::default());
    let _calls = [10, 2].map(|wait_s| call(&link, wait_s));
    tokio::time::advance(Duration::from_millis(2500)).await;
    let mut out = Vec::new();
    link.take(&mut out);
    let mut buffer = bytes::BytesMut::from(&out[..]);
    let mut next = || match Frame::decode(&mut buffer, 1 << 20).unwrap().unwrap() {
        Frame::Call { wait_ms, .. } => wait_ms,
        other => panic!("{other:?}"),
    };
    assert_eq!([next(), next()], [7500, 0]);
}

#[tokio::test(start_paused = true)]
async fn calls_end_when_their_time_is_over_and_one_that_never_left_may_be_repeated() {
    let link = link(Limits::default());
    let (Ok(sent), Ok(late)) = (call(&link, 2), call(&link, 9)) else { panic!("not taken") };
    link.take(&mut Vec::new());
    let Ok(unsent) = call(&link, 1) else { panic!("not taken") };
    let start = Instant::now();
    assert_eq!(link.rest(Waker::noop(), false), Rest::Busy);
    assert_eq!(link.rest(Waker::noop(), true), Rest::Until(Some(start + Duration::from_secs(1))));
    tokio::time::advance(Duration::from_secs(2)).await;
    link.expire(Instant::now());
    assert_eq!(link.rest(Waker::noop(), true), Rest::Until(Some(start + Duration::from_secs(9))));
    let (sent, unsent) = (sent.await.unwrap_err(), unsent.await.unwrap_err());
    assert_eq!((sent.retry, &sent.kind), (false, &ErrorKind::Deadline { waited_ms: 2000 }));
    assert_eq!((unsent.retry, &unsent.kind), (true, &ErrorKind::Deadline { waited_ms: 1000 }));
    assert_eq!(link.calls_waiting(), 1);
    link.answered(2, Ok(Bytes::new()));
    assert_eq!(late.await, Ok(Bytes::new()));
    assert_eq!(link.calls_waiting(), 0);
}

#[test]
fn what_fits_no_frame_is_refused_here_and_cut_in_answers() {
    let link = link(Limits { frame_bytes_max: 100, ..Limits::default() });
    let error = refusal(link.send("m", &[0; 100]));
    assert_eq!(error.kind, ErrorKind::TooLarge { bytes: 103, bytes_max: 100 });
    assert!(!error.retry);
    let long = "é".repeat(Failure::MESSAGE_BYTES_MAX);
    assert_eq!(short(Failure::new(500, long)).message.len(), Failure::MESSAGE_BYTES_MAX);
}
