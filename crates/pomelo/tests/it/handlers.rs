//! Filters, what clients are told of errors, and messages that overtake others: over real sockets, through connectors to
//! backends.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use pomelo::{
    App, Caller, Error, Next, Remote, RemoteCall, Request, Response, Result, Route, RouteError, Rpc, Session,
    State,
    filters::{Rate, RateLimit, RequestLog, Shed, Timeout},
};
use pomelo_client::Client;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::game::*;

const BUY: Route<u32, ()> = Route::new("chat.shopHandler.buy");
const BUY_HERE: Route<u32, ()> = Route::new("connector.shopHandler.buy");
const ASK_PRICE: Route<u32, u32> = Route::new("connector.shopHandler.price");
const WAIT: Route<(), ()> = Route::new("chat.waitHandler.wait");
const WAIT_BESIDE: Route<(), ()> = Route::new("chat.waitHandler.beside");
const OPEN: Route<u32, ()> = Route::new("connector.waitHandler.open");
const OPEN_BESIDE: Route<u32, ()> = Route::new("connector.waitHandler.openBeside");
const PRICE: Remote<u32, u32> = Remote::new("chat.shopRemote.price");

#[derive(Debug, thiserror::Error)]
enum ShopError {
    #[error("{missing} gold is missing")]
    NotEnoughGold { missing: u32 },
}

async fn buy(price: u32) -> Result<()> {
    match price {
        0 => Err(Error::msg("given away").with_code(1004)),
        1..10 => Ok(()),
        _ => Err(ShopError::NotEnoughGold { missing: price - 9 })?,
    }
}

async fn ask_price(session: Session, rpc: Rpc, item: u32) -> Result<u32> {
    Ok(rpc.call(PRICE, &session, &item).await?)
}

async fn price(item: u32) -> Result<u32> {
    if item == 7 { Err(Error::msg("not for sale").with_code(1005)) } else { Ok(item) }
}

/// Lets waiting handlers go on.
#[derive(Clone)]
struct Gate(Arc<Semaphore>);

async fn wait(gate: State<Gate>, _: ()) -> Result<()> {
    gate.0.acquire().await?.forget();
    Ok(())
}

async fn open(gate: State<Gate>, permits: u32) -> Result<()> {
    gate.0.add_permits(permits as usize);
    Ok(())
}

fn shop(app: App) -> App {
    let gate = Gate(Arc::new(Semaphore::new(0)));
    app.each_server(move |server_type, s| {
        let s = s.state(gate.clone());
        match server_type {
            "connector" => s
                .handler(BUY_HERE, buy)
                .handler(ASK_PRICE, ask_price)
                .handler(OPEN, open)
                .handler(OPEN_BESIDE, open)
                .concurrent(OPEN_BESIDE),
            "chat" => s
                .handler(BUY, buy)
                .remote(PRICE, price)
                .handler(WAIT, wait)
                .handler(WAIT_BESIDE, wait)
                .concurrent(WAIT_BESIDE),
            _ => s,
        }
    })
}

async fn raw(client: &Client, route: &str, body: Value) -> String {
    let answer = client.request_raw(route, body.to_string()).await.unwrap();
    String::from_utf8(answer.to_vec()).unwrap()
}

#[tokio::test]
async fn one_function_says_what_clients_are_told_of_errors_here_and_on_backends() {
    let cluster = Cluster::start_with(|app| {
        shop(app).on_error(|error: &Error, request: &Request| {
            if let Some(ShopError::NotEnoughGold { missing }) = error.downcast_ref() {
                return json!({ "code": 1003, "missing": missing, "route": request.route() });
            }
            match error.downcast_ref() {
                Some(RouteError::NoHandler { .. }) => json!({ "code": 404 }),
                _ => json!({ "code": error.code() }),
            }
        })
    })
    .await;
    let client = cluster.entered(1, "alice", "room1").await;
    for (route, body, expected) in [
        (BUY.name(), json!(5), "{}"),
        (BUY.name(), json!(12), r#"{"code":1003,"missing":3,"route":"chat.shopHandler.buy"}"#),
        (BUY_HERE.name(), json!(10), r#"{"code":1003,"missing":1,"route":"connector.shopHandler.buy"}"#),
        (BUY.name(), json!(0), r#"{"code":1004}"#),
        (ASK_PRICE.name(), json!(3), "3"),
        (ASK_PRICE.name(), json!(7), r#"{"code":1005}"#),
        ("chat.shopHandler.nope", json!(1), r#"{"code":404}"#),
        ("nosuch.shopHandler.nope", json!(1), FAILED),
    ] {
        assert_eq!(raw(&client, route, body).await, expected, "{route}");
    }
}

/// What passed which filter, in order.
#[derive(Clone, Default)]
struct Passed(Arc<Mutex<Vec<String>>>);

impl Passed {
    fn note(&self, line: String) {
        self.0.lock().unwrap().push(line);
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    fn around(
        &self,
        what: &'static str,
    ) -> impl Fn(Request, Next) -> futures_util::future::BoxFuture<'static, Response> + use<> {
        let passed = self.clone();
        move |request, next| {
            let passed = passed.clone();
            Box::pin(async move {
                let route = request.route().to_owned();
                passed.note(format!("{what} {route}"));
                let response = next.run(request).await;
                let outcome = response.err().map_or(200, Error::code);
                passed.note(format!("{what} done {outcome}"));
                response
            })
        }
    }
}

#[tokio::test]
async fn a_message_passes_the_filters_of_the_application_once_and_those_of_the_type_that_handles_it() {
    let passed = Passed::default();
    let (outer, inner, calls) = (passed.clone(), passed.clone(), passed.clone());
    let cluster = Cluster::start_with(move |app| {
        let (types, around_calls) = (inner.clone(), calls.clone());
        shop(app)
            .filter(outer.around("app"))
            .filter(RequestLog::new())
            .remote_filter(move |caller: Caller, call: RemoteCall, next: Next<RemoteCall>| {
                let calls = around_calls.clone();
                async move {
                    calls.note(format!("call {} of {}", call.route(), caller.0));
                    next.run(call).await
                }
            })
            .each_server(move |server_type, s| match server_type {
                "connector" => s.filter(types.around("connector")),
                "chat" => s.filter(types.around("chat")).remote_filter(RequestLog::new()),
                _ => s,
            })
    })
    .await;
    let client = cluster.entered(1, "alice", "room1").await;
    passed.take();

    raw(&client, BUY.name(), json!(0)).await;
    let route = BUY.name();
    let expected =
        [format!("app {route}"), format!("chat {route}"), "chat done 1004".into(), "app done 1004".into()];
    assert_eq!(passed.take(), expected);

    raw(&client, ASK_PRICE.name(), json!(3)).await;
    let route = ASK_PRICE.name();
    let expected = [
        format!("app {route}"),
        format!("connector {route}"),
        format!("call {} of connector-server-1", PRICE.name()),
        "connector done 200".into(),
        "app done 200".into(),
    ];
    assert_eq!(passed.take(), expected);

    raw(&client, "no route", json!(3)).await;
    assert_eq!(passed.take(), ["app no route", "app done 500"]);
}

#[tokio::test]
async fn sessions_that_send_too_much_are_refused_and_the_others_are_not() {
    let cluster = Cluster::start_with(|app| {
        let limit = RateLimit::per_route().route(BUY, Rate::per_minute(1).burst(3));
        shop(app).filter(limit)
    })
    .await;
    let alice = cluster.entered(1, "alice", "room1").await;
    let bob = cluster.entered(1, "bob", "room1").await;
    let mut answers = Vec::new();
    for _ in 0..5 {
        answers.push(raw(&alice, BUY.name(), json!(5)).await);
    }
    assert_eq!(answers, ["{}", "{}", "{}", r#"{"code":429}"#, r#"{"code":429}"#]);
    assert_eq!(raw(&bob, BUY.name(), json!(5)).await, "{}");
    assert_eq!(raw(&alice, BUY_HERE.name(), json!(5)).await, "{}", "another route");
}

#[tokio::test]
async fn what_takes_too_long_is_ended_and_what_is_too_much_is_refused_at_once() {
    let cluster = Cluster::start_with(|app| {
        shop(app).each_server(|server_type, s| match server_type {
            "chat" => s
                .filter(Shed::new().in_progress_max(2).lag_max(Duration::ZERO))
                .filter(Timeout::new(Duration::from_secs(60)).route(WAIT, Duration::from_millis(50))),
            _ => s,
        })
    })
    .await;
    let alice = cluster.entered(1, "alice", "room1").await;
    let bob = cluster.entered(2, "bob", "room1").await;
    assert_eq!(raw(&alice, WAIT.name(), json!(null)).await, r#"{"code":504}"#);

    // Two wait, the third is told at once; then all go on.
    let waiting = async {
        tokio::join!(
            raw(&alice, WAIT_BESIDE.name(), json!(null)),
            raw(&alice, WAIT_BESIDE.name(), json!(null)),
            async {
                pomelo_testkit::eventually("the third is refused", LIMIT, async || {
                    (raw(&bob, BUY.name(), json!(5)).await == r#"{"code":503}"#).then_some(())
                })
                .await;
                raw(&bob, OPEN.name(), json!(2)).await;
            }
        )
    };
    let (first, second, ()) = waiting.await;
    assert_eq!((first.as_str(), second.as_str()), ("{}", "{}"));
    assert_eq!(raw(&bob, BUY.name(), json!(5)).await, "{}");
}

#[tokio::test]
async fn messages_to_concurrent_routes_overtake_and_the_others_keep_their_order() {
    let cluster = Cluster::start_with(shop).await;
    let client = cluster.entered(1, "alice", "room1").await;
    // They would wait for ever if what comes after them had to wait for them.
    let (beside, also, opened) = tokio::join!(
        raw(&client, WAIT_BESIDE.name(), json!(null)),
        raw(&client, WAIT_BESIDE.name(), json!(null)),
        raw(&client, OPEN.name(), json!(2)),
    );
    assert_eq!((beside.as_str(), also.as_str(), opened.as_str()), ("{}", "{}", "{}"));

    // One that comes behind a message that is being handled does not wait either: here it is what lets that one go on.
    let (serial, opened) =
        tokio::join!(raw(&client, WAIT.name(), json!(null)), raw(&client, OPEN_BESIDE.name(), json!(1)),);
    assert_eq!((serial.as_str(), opened.as_str()), ("{}", "{}"));
}

/// What was logged.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn each_request_is_a_line_in_the_log_with_route_session_time_and_outcome() {
    let lines = Lines::default();
    let written = lines.clone();
    let log = tracing_subscriber::fmt().with_env_filter("pomelo::requests=info").with_ansi(false);
    let _log = tracing::subscriber::set_default(log.with_writer(move || written.clone()).finish());
    let cluster = Cluster::start_with(|app| shop(app).filter(RequestLog::new())).await;
    let client = cluster.entered(1, "alice", "room1").await;
    raw(&client, BUY.name(), json!(0)).await;
    raw(&client, BUY_HERE.name(), json!(1)).await;
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    for (route, code) in [(ENTER.name(), 200), (BUY.name(), 1004), (BUY_HERE.name(), 200)] {
        let line = text.lines().filter(|line| line.contains("alice")).find(|line| line.contains(route));
        let line = line.unwrap_or_else(|| panic!("nothing of {route} in {text}"));
        assert!(line.contains(&format!("code={code}")) && line.contains(" ms="), "{line}");
    }
}
