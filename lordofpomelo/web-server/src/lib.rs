//! The web server of LordOfPomelo: accounts, tokens, and the page with the game. It is no part of the cluster, and any number of it
//! can run: what they share is the database and the secret of the tokens.
//!
//! | request | answer |
//! | --- | --- |
//! | `POST /login` `{username, password}` | `{"code":200,"token":…,"uid":…}`; 500: no such user, or a field is missing; 501: wrong password |
//! | `POST /register` `{name, password}` | the same; 501: the name is taken; 500: a field is missing or can't be used |
//! | `GET /config.json` | `{"gateHost":…,"gatePort":…}`, where the game begins; the host is `null` for the one of the page |
//! | `GET /cluster.json` | `{"leader":…,"epoch":…}`, the master that leads, both `null` where none does |
//! | `GET /…` | the files of the built web client |
//!
//! Bodies are forms or JSON. The codes stand in the body, the status is 200; other statuses say that the question was not heard:
//! 404, 405, 408, 413, 415, 429 (too many tries from one address) and 503, each with a line of text.
//!
//! [`Site`] answers, [`serve`] holds the connections; the program is [`cli`].
//!
//! Not here: TLS, compression and HTTP/2, which are for a proxy in front of it; signing in through other sites.

mod accounts;
pub mod cli;
mod files;
mod form;
mod gates;
mod leader;
mod passwords;
mod replies;
mod server;
mod site;
mod tries;

pub use files::{FILES_MAX, FilesError, TOTAL_BYTES_MAX};
pub use form::BODY_BYTES_MAX;
pub use gates::Gate;
pub use leader::{ANSWER_MAX, FRESH};
pub use passwords::{Cost, WAITING_MAX};
pub use server::{Limits, serve};
pub use site::{OpenError, Options, Site};
pub use tries::ADDRESSES_MAX;
