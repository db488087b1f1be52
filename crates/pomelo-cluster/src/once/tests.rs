//! What happens to orders that come twice.

use serde_json::json;

use super::*;

fn key(op: &str) -> Key {
    Key::new(OpId::try_from(op.to_owned()).unwrap(), "__console__", &json!({ "signal": "stop" }))
}

fn ok(n: u64) -> Answer {
    Answer::of(|id| Response::ok(id, json!(n)))
}

fn table() -> (Once<u32>, Instant) {
    (Once::new(), Instant::now())
}

#[test]
fn an_order_is_done_once_and_its_answer_given_to_each_who_asks() {
    let (mut once, now) = table();
    assert_eq!(once.take(key("a"), Some(1), now), (Taken::First, vec![]));
    assert_eq!(once.take(key("a"), Some(2), now), (Taken::Waits, vec![]));
    assert_eq!(
        once.take(key("b"), Some(3), now),
        (Taken::First, vec![]),
        "another operation is another order"
    );
    assert_eq!(once.finish(&key("a"), &ok(7)), [1, 2]);
    assert_eq!(once.take(key("a"), Some(4), now).0, Taken::Answered(Some(4), ok(7)));
    assert!(once.finish(&key("a"), &ok(8)).is_empty(), "the first answer stands");
}

#[test]
fn one_operation_may_need_several_orders() {
    let (mut once, now) = table();
    let op = OpId::try_from("a".to_owned()).unwrap();
    let order = |signal: &str| Key::new(op.clone(), "__console__", &json!({ "signal": signal }));
    assert_eq!(once.take(order("stop"), None, now).0, Taken::First);
    assert_eq!(once.take(order("start"), None, now).0, Taken::First);
    assert_eq!(once.take(order("stop"), None, now).0, Taken::Waits);
}

#[test]
fn an_order_that_was_not_begun_can_come_again() {
    let (mut once, now) = table();
    once.take(key("a"), Some(1), now);
    assert_eq!(once.forget(&key("a")), [1]);
    assert_eq!(once.take(key("a"), Some(2), now).0, Taken::First);
    assert_eq!(once.ages.len(), 1);
}

#[test]
fn the_table_is_limited_in_number_and_age_and_tells_who_waited_in_vain() {
    let (mut once, now) = table();
    once.take(key("first"), Some(1), now);
    for n in 1..OPS_MAX {
        once.take(key(&format!("op-{n}")), None, now);
    }
    assert_eq!(once.take(key("more"), None, now), (Taken::First, vec![1]));
    assert_eq!((once.orders.len(), once.ages.len()), (OPS_MAX, OPS_MAX));
    assert!(once.finish(&key("first"), &ok(1)).is_empty());
    let (taken, given_up) = once.take(key("more"), Some(2), now + OPS_AGE);
    assert_eq!((taken, given_up.len(), once.orders.len()), (Taken::First, 0, 1));
}

#[test]
fn neither_waiters_nor_answers_grow_without_end() {
    let (mut once, now) = table();
    for n in 0..WAITERS_MAX {
        once.take(key("a"), Some(u32::try_from(n).unwrap()), now);
    }
    let (taken, _) = once.take(key("a"), Some(99), now);
    assert!(matches!(taken, Taken::Answered(Some(99), _)), "{taken:?}");
    let long = Answer::of(|id| Response::ok(id, json!("x".repeat(ANSWER_BYTES_MAX))));
    assert_eq!(once.finish(&key("a"), &long).len(), WAITERS_MAX);
    let (Taken::Answered(_, kept), _) = once.take(key("a"), None, now) else { panic!() };
    assert!(kept.to(ReqId::Number(1)).into_result().unwrap_err().message.starts_with("done before"));
}
