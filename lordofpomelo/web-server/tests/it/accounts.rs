//! Signing up and signing in: the codes, the tokens, and what is stored.

use lordofpomelo_store::Store;
use lordofpomelo_token::{LIFE_MS, TokenError, Tokens};
use serde_json::{Value, json};

use crate::running::{Game, Running};

fn now_ms() -> u64 {
    std::time::UNIX_EPOCH.elapsed().unwrap().as_millis() as u64
}

fn code(document: &Value) -> i64 {
    document["code"].as_i64().unwrap()
}

#[tokio::test]
async fn who_signs_up_gets_a_token_that_the_auth_server_takes_until_it_expires() {
    let game = Game::new();
    let web = Running::start(&game).await;
    let welcome = web.register("ann", "secret").await;
    let (uid, token) = (welcome["uid"].as_u64().unwrap() as u32, welcome["token"].as_str().unwrap());
    assert_eq!(code(&welcome), 200);

    let auth = Tokens::load(game.dir(), "development").unwrap();
    assert_eq!(auth.check(token, now_ms()), Ok(uid));
    assert_eq!(auth.check(token, now_ms() + LIFE_MS + 1), Err(TokenError::Expired));
    let last = if token.ends_with('A') { 'E' } else { 'A' };
    let tampered = format!("{}{last}", &token[..token.len() - 1]);
    assert_eq!(auth.check(&tampered, now_ms()), Err(TokenError::Invalid));

    let again = web.login("ann", "secret").await;
    assert_eq!((code(&again), again["uid"].as_u64()), (200, Some(u64::from(uid))));
    assert_eq!(auth.check(again["token"].as_str().unwrap(), now_ms()), Ok(uid));
}

#[tokio::test]
async fn the_codes_say_what_was_wrong() {
    let game = Game::new();
    let web = Running::start(&game).await;
    assert_eq!(web.login("ann", "secret").await, json!({ "code": 500 }), "no such user");
    assert_eq!(code(&web.register("ann", "secret").await), 200);
    assert_eq!(web.register("ann", "another").await, json!({ "code": 501 }), "the name is taken");
    assert_eq!(web.login("ann", "Secret").await, json!({ "code": 501 }), "wrong password");
    assert_eq!(web.login("ann", &"x".repeat(1_000)).await, json!({ "code": 501 }), "wrong and long");
    assert_eq!(web.login("ANN\u{202e}", "secret").await, json!({ "code": 500 }), "another name");

    for missing in
        [json!({}), json!({ "username": "ann" }), json!({ "password": "secret" }), json!([]), json!(7)]
    {
        assert_eq!(web.post("/login", &missing).await.document(), json!({ "code": 500 }), "{missing}");
    }
    for missing in [
        json!({ "name": "ben" }),
        json!({ "name": "ben", "password": "" }),
        json!({ "username": "ben", "password": "x" }),
    ] {
        assert_eq!(web.post("/register", &missing).await.document(), json!({ "code": 500 }), "{missing}");
    }
    for (name, password) in
        [("", "x"), (" ben", "x"), ("be\u{200b}n", "x"), (&*"b".repeat(51), "x"), ("ben", &*"x".repeat(129))]
    {
        assert_eq!(web.register(name, password).await, json!({ "code": 500 }), "{name:?} can't be used");
    }
}

#[tokio::test]
async fn the_originals_client_sends_forms() {
    let game = Game::new();
    let web = Running::start(&game).await;
    let form = "name=%C3%84nn+%26+Co&password=a%3Db";
    assert_eq!(code(&web.post_form("/register", form).await.document()), 200);
    let form = "username=%C3%84nn+%26+Co&password=a%3Db";
    assert_eq!(code(&web.post_form("/login", form).await.document()), 200);
    assert_eq!(code(&web.login("Änn & Co", "a=b").await), 200);
    assert_eq!(code(&web.post_form("/login", "username=%C3%84nn").await.document()), 500);
    let silent = web.ask("POST /login HTTP/1.1", "username=nobody&password=x").await;
    assert_eq!(code(&silent.document()), 500, "a body that says nothing of itself is a form");
}

#[tokio::test]
async fn a_password_is_stored_as_a_hash_and_a_login_is_counted() {
    let game = Game::new();
    let web = Running::start(&game).await;
    let before = now_ms();
    web.register("ann", "secret").await;
    for password in ["secret", "wrong", "secret"] {
        web.login("ann", password).await;
    }
    let store = Store::load(game.dir(), "development").unwrap();
    let ann = store.account_by_name("ann").await.unwrap().unwrap();
    assert!(ann.password.starts_with("$argon2id$v=19$") && !ann.password.contains("secret"), "{ann:?}");
    assert_eq!(ann.login_count, 2);
    assert!((before..=now_ms()).contains(&ann.last_login_ms), "{ann:?}");
}

#[tokio::test]
async fn an_account_without_a_password_lets_nobody_in() {
    let game = Game::new();
    let web = Running::start(&game).await;
    let store = Store::load(game.dir(), "development").unwrap();
    store.register("ann@elsewhere", "").await.unwrap();
    assert_eq!(code(&web.login("ann@elsewhere", "").await), 500);
    assert_eq!(code(&web.login("ann@elsewhere", "nobody").await), 501);
}

#[tokio::test]
async fn of_many_who_want_a_name_at_once_at_two_servers_one_gets_it() {
    let game = Game::new();
    let (one, other) = (Running::start(&game).await, Running::start(&game).await);
    let asked = (0..20).map(|n| {
        let web = if n % 2 == 0 { &one } else { &other };
        async move { code(&web.register("ann", &format!("password {n}")).await) }
    });
    let mut codes = futures_util::future::join_all(asked).await;
    codes.sort_unstable();
    let expected: Vec<i64> = [200].into_iter().chain([501; 19]).collect();
    assert_eq!(codes, expected);
}

#[tokio::test]
async fn what_one_server_registers_another_one_knows() {
    let game = Game::new();
    let (one, other) = (Running::start(&game).await, Running::start(&game).await);
    let uid = one.register("ann", "secret").await["uid"].clone();
    let welcome = other.login("ann", "secret").await;
    assert_eq!(welcome["uid"], uid);
    let tokens = Tokens::load(game.dir(), "development").unwrap();
    assert!(tokens.check(welcome["token"].as_str().unwrap(), now_ms()).is_ok());
    assert_eq!(code(&other.register("ann", "secret").await), 501);
}
