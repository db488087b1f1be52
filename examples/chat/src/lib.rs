//! A chat with rooms, as the smallest useful game: read this file, then [`gate`], [`connector`] and [`chat`].
//!
//! A client asks a **gate** for a connector, connects there and enters a room; the **connector** holds its connection and
//! knows who it is; **chat** servers hold the rooms. Routes, ports and behaviour are those of the well-known chat of
//! Node's Pomelo, so that its clients work here.

pub mod chat;
pub mod connector;
pub mod crons;
pub mod gate;

use std::time::Duration;

use pomelo::{App, Config, Hybrid, ServerId, Servers, Session, types::Messages};

/// Most bytes of what one may say at once.
const CONTENT_BYTES_MAX: usize = 2000;

/// The page to chat from; the gate answers browsers with it.
const PAGE: [(&str, &str, &[u8]); 3] = [
    ("/", "text/html; charset=utf-8", include_bytes!("../page/index.html")),
    ("/pomelo.js", "text/javascript; charset=utf-8", include_bytes!("../page/pomelo.js")),
    ("/chat.js", "text/javascript; charset=utf-8", include_bytes!("../page/chat.js")),
];

/// Everything this game is made of: its server types, what each answers, and how a session finds its chat server.
pub fn app(config: Config) -> App {
    App::new(config)
        .server("gate", |s| s.connector(with_page(clients())).handler(gate::QUERY_ENTRY, gate::query_entry))
        .server("connector", |s| {
            s.connector(clients())
                .state(connector::Notified::default())
                .handler(connector::ENTER, connector::enter)
                .handler(connector::ECHO, connector::echo)
                .handler(connector::COUNT, connector::count)
                .handler(connector::COUNTED, connector::counted)
                .handler(connector::FAIL, connector::fail)
                .handler(connector::KICK_ME, connector::kick_me)
        })
        .server("chat", |s| {
            s.state(chat::Limits { content_bytes_max: CONTENT_BYTES_MAX })
                .state(chat::Sequence::default())
                .handler(chat::SEND, chat::send)
                .handler(chat::ECHO, chat::echo)
                .handler(chat::SCORE, chat::score)
                .handler(chat::BENCH, chat::bench)
                .handler(chat::MARK, chat::mark)
                .handler(chat::KICK_UID, chat::kick_uid)
                .remote(chat::ADD, chat::add)
                .cron(crons::TELL_TIME, crons::tell_time)
                .on_members_left(chat::left)
        })
        .route("chat", chat_server)
        .messages(messages)
}

/// What clients are told the types of: `pomelo types -o client/messages.ts` writes it down for them.
fn messages(list: Messages) -> Messages {
    list.route(gate::QUERY_ENTRY)
        .route(connector::ENTER)
        .route(connector::ECHO)
        .route(connector::COUNT)
        .route(connector::COUNTED)
        .route(connector::FAIL)
        .route(connector::KICK_ME)
        .route(chat::SEND)
        .route(chat::ECHO)
        .route(chat::SCORE)
        .route(chat::BENCH)
        .route(chat::MARK)
        .route(chat::KICK_UID)
        .push(chat::ON_CHAT)
        .push(chat::ON_ADD)
        .push(chat::ON_LEAVE)
        .push(chat::ON_BENCH)
}

/// How clients are served. Bodies are protobuf as soon as `config` has definitions of them.
fn clients() -> Hybrid {
    Hybrid::new().dictionary().protobuf().heartbeat(Duration::from_secs(30))
}

/// The same, with the page for browsers.
fn with_page(hybrid: Hybrid) -> Hybrid {
    PAGE.into_iter().fold(hybrid, |hybrid, (path, content_type, body)| hybrid.page(path, content_type, body))
}

/// A session goes to the chat server that was chosen when it entered its room; before that any one will do.
fn chat_server(session: &Session, chats: &Servers) -> Option<ServerId> {
    match session.get(connector::CHAT) {
        Some(id) => chats.get(&id).map(|server| server.id.clone()),
        None => chats.by_hash(&session.id().to_string()),
    }
}
