//! The page: what is sent, how, and what is not.

use std::{fs, os::unix::fs::symlink};

use crate::running::{Game, Running};

#[tokio::test]
async fn files_come_with_their_types_and_how_long_they_are_good() {
    let game = Game::new();
    let web = Running::start(&game).await;
    let year = "public, max-age=31536000, immutable";
    for (path, file, content_type, cache) in [
        ("/", "index.html", "text/html; charset=utf-8", "no-cache"),
        ("/index.html", "index.html", "text/html; charset=utf-8", "no-cache"),
        ("/?test=1", "index.html", "text/html; charset=utf-8", "no-cache"),
        ("/assets/app-1a2b.js", "assets/app-1a2b.js", "text/javascript; charset=utf-8", year),
        ("/assets/app%2D1a2b.js", "assets/app-1a2b.js", "text/javascript; charset=utf-8", year),
        ("/assets/app-3c4d.css", "assets/app-3c4d.css", "text/css; charset=utf-8", year),
        ("/assets/font-5e6f.woff2", "assets/font-5e6f.woff2", "font/woff2", year),
        ("/notes", "notes", "application/octet-stream", "no-cache"),
        ("http://game/notes", "notes", "application/octet-stream", "no-cache"),
    ] {
        let answer = web.get(path).await;
        assert_eq!((answer.status, &*answer.body), (200, &*format!("this is {file}")), "{path}");
        assert_eq!(answer.header("content-type"), Some(content_type), "{path}");
        assert_eq!(answer.header("cache-control"), Some(cache), "{path}");
    }
}

#[tokio::test]
async fn a_browser_that_has_a_file_is_not_sent_it_again() {
    let game = Game::new();
    let web = Running::start(&game).await;
    let etag = web.get("/").await.header("etag").unwrap().to_owned();
    let again = web.ask(&format!("GET / HTTP/1.1\r\nIf-None-Match: {etag}"), "").await;
    assert_eq!((again.status, &*again.body, again.header("etag")), (304, "", Some(&*etag)));

    fs::write(game.client().join("index.html"), "a new page").unwrap();
    let web = Running::start(&game).await;
    let changed = web.ask(&format!("GET / HTTP/1.1\r\nIf-None-Match: {etag}"), "").await;
    assert_eq!((changed.status, &*changed.body), (200, "a new page"));
}

#[tokio::test]
async fn head_tells_everything_but_the_body() {
    let game = Game::new();
    let web = Running::start(&game).await;
    for path in ["/", "/config.json"] {
        let (get, head) = (web.get(path).await, web.ask(&format!("HEAD {path} HTTP/1.1"), "").await);
        assert_eq!((head.status, &*head.body), (200, ""));
        for name in ["content-type", "content-length", "cache-control", "etag"] {
            assert_eq!(head.header(name), get.header(name), "{path} {name}");
        }
        assert_eq!(head.header("content-length"), Some(&*get.body.len().to_string()));
    }
}

#[tokio::test]
async fn nothing_outside_of_the_page_is_ever_sent() {
    let game = Game::new();
    fs::write(game.dir().join("secret.txt"), "not for you").unwrap();
    fs::write(game.client().join(".hidden"), "not for you").unwrap();
    fs::create_dir(game.client().join(".git")).unwrap();
    fs::write(game.client().join(".git/config"), "not for you").unwrap();
    symlink(game.dir().join("secret.txt"), game.client().join("link.txt")).unwrap();
    symlink(game.dir(), game.client().join("out")).unwrap();
    let web = Running::start(&game).await;
    let absolute = game.dir().join("secret.txt");
    for path in [
        "/../secret.txt",
        "/assets/../../secret.txt",
        "/assets/../index.html",
        "/%2e%2e/secret.txt",
        "/%2e%2e%2fsecret.txt",
        "/..%2fsecret.txt",
        "/..%5csecret.txt",
        "/..\\secret.txt",
        "/%252e%252e/secret.txt",
        "/%c0%ae%c0%ae/secret.txt",
        &absolute.display().to_string(),
        &format!("/{}", absolute.display()),
        "/index.html%00",
        "/index.html%00.js",
        "/%ff",
        "/link.txt",
        "/out/secret.txt",
        "/.hidden",
        "/.git/config",
        "/assets",
        "/assets/",
        "//index.html",
        "/./index.html",
        "/auth_success",
    ] {
        let answer = web.get(path).await;
        assert_eq!((answer.status, &*answer.body), (404, "There is nothing here."), "{path}");
    }
    for wrong in ["GET /index.html\0 HTTP/1.1", "GET /in dex.html HTTP/1.1", "GET /"] {
        assert_eq!(web.ask(wrong, "").await.status, 400, "{wrong:?}");
    }
}

#[tokio::test]
async fn every_answer_says_what_a_page_may_do_and_lets_no_other_site_read_it() {
    let game = Game::new();
    let web = Running::start(&game).await;
    let mut answers = Vec::new();
    for path in ["/", "/assets/app-1a2b.js", "/config.json", "/nothing", "/login"] {
        let head = format!("GET {path} HTTP/1.1\r\nOrigin: http://elsewhere.example");
        answers.push(web.ask(&head, "").await);
    }
    answers.push(web.post_form("/login", "").await);
    for answer in answers {
        let policy = answer.header("content-security-policy").unwrap();
        for part in [
            "default-src 'none'",
            "script-src 'self';",
            "connect-src 'self' ws: wss:",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(answer.header("cross-origin-opener-policy"), Some("same-origin"));
        assert_eq!(answer.header("cross-origin-resource-policy"), Some("same-origin"));
        assert!(answer.header("permissions-policy").is_some());
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
}

#[tokio::test]
async fn other_methods_are_told_which_ones_there_are() {
    let game = Game::new();
    let web = Running::start(&game).await;
    for (request, allowed) in [
        ("GET /login", "POST"),
        ("HEAD /register", "POST"),
        ("OPTIONS /login", "POST"),
        ("POST /", "GET, HEAD"),
        ("PUT /index.html", "GET, HEAD"),
        ("DELETE /config.json", "GET, HEAD"),
        ("POST /cluster.json", "GET, HEAD"),
    ] {
        let answer = web.ask(&format!("{request} HTTP/1.1"), "").await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some(allowed)), "{request}");
    }
}

#[tokio::test]
async fn the_page_learns_where_the_game_begins() {
    let game = Game::new();
    let web = Running::start(&game).await;
    let config = web.get("/config.json").await;
    assert_eq!(
        config.body, r#"{"gateHost":null,"gatePort":3014}"#,
        "as the configuration says; null is the page's host"
    );
    assert_eq!(config.header("cache-control"), Some("no-store"));

    let named = Running::start_with(&game, |options| {
        options.gates = vec!["play.example.org:4014".parse().unwrap(), ":5014".parse().unwrap()];
    });
    let named = named.await;
    for expected in [
        r#"{"gateHost":"play.example.org","gatePort":4014}"#,
        r#"{"gateHost":null,"gatePort":5014}"#,
        r#"{"gateHost":"play.example.org","gatePort":4014}"#,
    ] {
        assert_eq!(named.get("/config.json").await.body, expected);
    }
}
