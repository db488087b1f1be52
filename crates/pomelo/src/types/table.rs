//! The table of an application's messages: collected from what is registered, listed and configured. What bodies look like
//! is in [`super::schemas`], how it is shown in [`super::list`] and [`super::typescript`].

use std::{any::type_name, collections::BTreeSet};

use serde::Serialize;

use super::{TypesError, schemas::Schemas};
use crate::{App, Args, Server};

/// A registered function: its name and the names of its types in Rust.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signature {
    pub(crate) kind: Kind,
    pub(crate) name: &'static str,
    pub(crate) req: &'static str,
    pub(crate) res: &'static str,
}

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    /// Of a client to a server.
    Route,
    /// Of a server to a server.
    Remote,
    /// Of a server to clients.
    Push,
}

/// One line of the table.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Row {
    pub(super) kind: Kind,
    pub(super) name: String,
    /// Type of the request, or of what is pushed; none if it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) req: Option<String>,
    /// Type of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) res: Option<String>,
}

/// Every message of an application, and what is known of the bodies.
pub(super) struct Table {
    /// Routes, remotes, pushes, each sorted by name.
    pub(super) rows: Vec<Row>,
    pub(super) schemas: Schemas,
}

impl Signature {
    pub(crate) fn handler<Req, Res>(name: &'static str) -> Self {
        Self { kind: Kind::Route, name, req: type_name::<Req>(), res: type_name::<Res>() }
    }

    pub(crate) fn remote<Req, Res>(name: &'static str) -> Self {
        Self { kind: Kind::Remote, ..Self::handler::<Req, Res>(name) }
    }
}

impl Table {
    pub(super) fn of(app: &App, args: &Args) -> Result<Self, TypesError> {
        let mut rows = Vec::new();
        for server in app.servers.values().map(|describe| describe(Server::default())) {
            rows.extend(server.signatures.iter().map(|signature| Row {
                kind: signature.kind,
                name: signature.name.to_owned(),
                req: Some(short(signature.req)),
                res: Some(short(signature.res)),
            }));
        }
        for push in &app.listed.pushes {
            let req = Some(short(push.type_name));
            rows.push(Row { kind: Kind::Push, name: push.name.to_owned(), req, res: None });
        }
        // A name of the dictionary that nobody handles is a push that somebody sends.
        let known: BTreeSet<String> = rows.iter().map(|row| row.name.clone()).collect();
        let (config, _) = app.config(args)?;
        let more = config.environment(args.env())?.dictionary;
        let more = more.into_iter().filter(|name| !known.contains(name));
        rows.extend(more.map(|name| Row { kind: Kind::Push, name, req: None, res: None }));
        rows.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
        rows.dedup_by(|a, b| (a.kind, &a.name) == (b.kind, &b.name));
        Ok(Self { rows, schemas: app.listed.schemas() })
    }

    pub(super) fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.kind == kind)
    }
}

/// A type's name without its modules: `alloc::vec::Vec<game::User>` is `Vec<User>`.
fn short(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut word = 0;
    for c in name.chars() {
        match c {
            // What came before was a module.
            ':' => out.truncate(word),
            c => {
                out.push(c);
                if !(c.is_alphanumeric() || c == '_') {
                    word = out.len();
                }
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_types_are_shown_without_their_modules() {
        let names = [
            ("()", "()"),
            ("alloc::string::String", "String"),
            ("alloc::vec::Vec<pomelo::user::UserId>", "Vec<UserId>"),
            ("(u8, core::option::Option<&str>)", "(u8, Option<&str>)"),
            ("std::collections::hash::map::HashMap<a::B, [c::D; 3]>", "HashMap<B, [D; 3]>"),
        ];
        for (name, expected) in names {
            assert_eq!(short(name), expected);
        }
    }
}
