//! Checks of an application before anything is started: what does not fit together, in words, all of it at once.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use pomelo_cluster::config::Environment;
use pomelo_protocol::ServerType;

use crate::{Needs, Server, args::MASTER, lifecycle::Hooks, rpc::RouteFn};

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
        let jobs = env.crons.iter().find(|(name, _)| name.as_str() == server_type);
        let crons = server.crons.problems(jobs.map_or(&[], |(_, jobs)| jobs));
        problems.extend(crons.iter().map(|problem| format!("{server_type}: {problem}")));
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

/// The name of a function, and what it needs.
type Needing = (&'static str, fn(&mut Needs<'_>));

fn lacks(server_type: &str, server: &Server, problems: &mut Vec<String>) {
    let mut all: Vec<Needing> = Vec::new();
    all.extend(server.handlers.iter().map(|h| (h.name, h.needs)));
    all.extend(server.remotes.iter().map(|r| (r.name, r.needs)));
    all.extend(server.front_filters.iter().chain(&server.filters).map(|f| (f.name, f.needs)));
    all.extend(server.remote_filters.iter().map(|f| (f.name, f.needs)));
    all.extend(hooks(&server.hooks));
    all.extend(server.crons.needs());
    for (name, needs) in all {
        let mut collected =
            Needs { states: &server.states, frontend: server.connector.is_some(), missing: Vec::new() };
        needs(&mut collected);
        problems
            .extend(collected.missing.iter().map(|missing| format!("{server_type}: {name} needs {missing}")));
    }
    let of_sessions = [
        ("on_session_bound", server.hooks.session_bound.is_empty()),
        ("on_session_closed", server.hooks.session_closed.is_empty()),
    ];
    for (name, _) in of_sessions.iter().filter(|(_, none)| !none && server.connector.is_none()) {
        problems.push(format!("{server_type}: {name} needs a connector"));
    }
}

/// All hooks, by name and what they need.
fn hooks(hooks: &Hooks) -> impl Iterator<Item = Needing> {
    let Hooks { makes, begin, start, started, all_started, stop, drain, stopped, end, .. } = hooks;
    let Hooks { server_added, server_removed, session_bound, session_closed, members_left, .. } = hooks;
    let of_life = [begin, start, started, all_started, stop, drain, stopped, end].into_iter().flatten();
    let of_servers = [server_added, server_removed].into_iter().flatten();
    let made = makes.iter().map(|h| (h.name, h.needs));
    made.chain(of_life.map(|h| (h.name, h.needs)))
        .chain(of_servers.map(|h| (h.name, h.needs)))
        .chain(session_bound.iter().map(|h| (h.name, h.needs)))
        .chain(session_closed.iter().map(|h| (h.name, h.needs)))
        .chain(members_left.iter().map(|h| (h.name, h.needs)))
}

fn configuration(servers: &BTreeMap<String, Server>, env: &Environment, problems: &mut Vec<String>) {
    for server_type in env.crons.keys().filter(|name| !servers.contains_key(name.as_str())) {
        problems.push(format!(
            "crons.json has jobs for type {server_type:?}, which the application does not have"
        ));
    }
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
