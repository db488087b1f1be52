//! Checks of an application before anything is started: what does not fit together, in words, all of it at once.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use pomelo_cluster::config::Environment;
use pomelo_protocol::ServerType;

use crate::{Needs, Server, args::MASTER, rpc::RouteFn};

/// Everything wrong with the application itself and with the configuration it is to run with.
pub(crate) fn problems(
    servers: &BTreeMap<String, Server>,
    routes: &HashMap<String, RouteFn>,
    env: &Environment,
) -> Vec<String> {
    let mut problems = Vec::new();
    for (server_type, server) in servers {
        if let Err(error) = ServerType::new(server_type.as_str()) {
            problems.push(format!("server type {server_type:?}: {error}"));
        }
        if server_type == MASTER {
            problems.push("server type \"master\": masters are built in".to_owned());
        }
        problems.extend(server.twice.iter().map(|twice| format!("{server_type}: {twice}")));
        let connector = server.connector.iter().flat_map(|hybrid| &hybrid.problems);
        problems.extend(connector.map(|problem| format!("{server_type}: {problem}")));
        names(server_type, "handler", server.handlers.iter().map(|h| h.name), &mut problems);
        names(server_type, "remote", server.remotes.iter().map(|r| r.name), &mut problems);
        for name in &server.concurrent {
            if !server.handlers.iter().any(|handler| handler.name == *name) {
                problems.push(format!("{server_type}: concurrent route {name:?} has no handler"));
            }
        }
        lacks(server_type, server, &mut problems);
    }
    for server_type in routes.keys().filter(|&t| !servers.contains_key(t)) {
        problems.push(format!(
            "a route function is given for type {server_type:?}, which the application does not have"
        ));
    }
    configuration(servers, env, &mut problems);
    problems.sort();
    problems
}

fn names<'a>(
    server_type: &str,
    what: &str,
    names: impl Iterator<Item = &'a str>,
    problems: &mut Vec<String>,
) {
    let mut seen = BTreeSet::new();
    for name in names {
        let first = name.split('.').next().unwrap_or_default();
        if first != server_type {
            problems.push(format!("{server_type}: {what} {name:?} belongs to servers of type {first:?}"));
        }
        if !seen.insert(name) {
            problems.push(format!("{server_type}: {what} {name:?} is registered twice"));
        }
    }
}

fn lacks(server_type: &str, server: &Server, problems: &mut Vec<String>) {
    let handlers = server.handlers.iter().map(|h| (h.name, h.needs));
    let remotes = server.remotes.iter().map(|r| (r.name, r.needs));
    let filters = server.front_filters.iter().chain(&server.filters).map(|f| (f.name, f.needs));
    let around_remotes = server.remote_filters.iter().map(|f| (f.name, f.needs));
    let hooks = server.closed.iter().map(|h| (h.name, h.needs));
    for (name, needs) in handlers.chain(remotes).chain(filters).chain(around_remotes).chain(hooks) {
        let mut collected =
            Needs { states: &server.states, frontend: server.connector.is_some(), missing: Vec::new() };
        needs(&mut collected);
        problems
            .extend(collected.missing.iter().map(|missing| format!("{server_type}: {name} needs {missing}")));
    }
    if server.connector.is_none() && !server.closed.is_empty() {
        problems.push(format!("{server_type}: on_session_closed needs a connector"));
    }
}

fn configuration(servers: &BTreeMap<String, Server>, env: &Environment, problems: &mut Vec<String>) {
    for info in &env.servers {
        let (id, server_type) = (&info.id, info.server_type.as_str());
        let Some(server) = servers.get(server_type) else {
            let known: Vec<_> = servers.keys().map(String::as_str).collect();
            let known = known.join(", ");
            problems.push(format!(
                "servers.json has {id} of type {server_type:?}, the application only has: {known}"
            ));
            continue;
        };
        match (&server.connector, info.client_port) {
            (None, Some(_)) => problems.push(format!(
                "servers.json gives {id} a clientPort, but type {server_type:?} has no connector in the application"
            )),
            (None, None) if info.frontend => problems.push(format!(
                "servers.json calls {id} a frontend, but type {server_type:?} has no connector in the application"
            )),
            (Some(_), None) => problems.push(format!(
                "type {server_type:?} has a connector in the application, but servers.json gives {id} no clientPort"
            )),
            (None, None) | (Some(_), Some(_)) => {}
        }
    }
}
