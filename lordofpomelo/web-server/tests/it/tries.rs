//! How often one address may try.

use serde_json::json;

use crate::running::{Game, Running};

#[tokio::test]
async fn one_try_too_many_is_429_whatever_is_tried() {
    let game = Game::new();
    let web = Running::start_with(&game, |options| options.tries_per_minute = 3).await;
    assert_eq!(web.register("ann", "secret").await["code"], 200);
    assert_eq!(web.login("ann", "wrong").await["code"], 501);
    assert_eq!(web.login("ann", "secret").await["code"], 200);
    let ann = json!({ "username": "ann", "name": "ann", "password": "secret" });
    for path in ["/login", "/register"] {
        let refused = web.post(path, &ann).await;
        assert_eq!(refused.status, 429);
        let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=21).contains(&seconds), "{seconds}");
    }
    assert_eq!(web.get("/").await.status, 200, "the page is for everybody");
}

#[tokio::test]
async fn who_says_that_he_is_somebody_else_is_believed_behind_a_proxy_only() {
    async fn statuses(web: &Running, froms: &[&str]) -> Vec<u16> {
        let mut statuses = Vec::new();
        for from in froms {
            let head = format!("POST /login HTTP/1.1\r\nX-Forwarded-For: {from}");
            statuses.push(web.ask(&head, "username=ann&password=x").await.status);
        }
        statuses
    }
    let froms = ["192.0.2.1", "192.0.2.2", "192.0.2.3"];
    let game = Game::new();
    let open = Running::start_with(&game, |options| options.tries_per_minute = 1).await;
    assert_eq!(statuses(&open, &froms).await, [200, 429, 429]);

    let behind = Running::start_with(&game, |options| {
        options.tries_per_minute = 1;
        options.behind_proxy = true;
    });
    let behind = behind.await;
    assert_eq!(statuses(&behind, &froms).await, [200, 200, 200]);
    let invented = ["203.0.113.5, 192.0.2.1", "203.0.113.6, 192.0.2.2"];
    assert_eq!(statuses(&behind, &invented).await, [429, 429], "what a player wrote himself does not count");
}
