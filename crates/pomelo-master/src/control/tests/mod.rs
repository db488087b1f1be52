//! A master's decisions, played without sockets or clocks.

mod ending;
mod leading;
mod questions;

use std::{collections::BTreeSet, time::Duration};

use pomelo_cluster::{
    config::{AdminUser, ServerTokens},
    coordinator::{MasterAddr, Term},
    membership::Version,
};
use pomelo_protocol::{
    ServerInfo,
    admin::{AgentRegister, CandidateRegister, ClientRegister, Hello, MasterRole, MonitorRegister},
};
use serde_json::json;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// A master, its peers and a clock that only moves when told to.
struct Stage {
    control: Control,
    now: Instant,
    links: u64,
}

impl Stage {
    /// A master that has not joined the election, for a configuration of these servers.
    fn new(configured: &[&str]) -> Self {
        let addr = MasterAddr { host: "127.0.0.1".into(), port: 3007 };
        let me = CandidateInfo { id: id("master-server-1"), addr, pid: 77 };
        let user = |username: &str, level| AdminUser {
            id: "user".into(),
            username: username.into(),
            password: username.into(),
            level,
        };
        let users = vec![user("admin", 1), user("monitor", 2)];
        let access = Access::of(users, ServerTokens::default(), vec!["chat".into()]);
        let configured: BTreeSet<_> = configured.iter().map(|name| id(name)).collect();
        let usage = || Usage { resident_mb: 13.39, uptime_min: 0.39 };
        let limits = Limits { clients_max: 4, ..Limits::default() };
        let control = Control::new(me, access, configured, limits, "test".into(), usage);
        Self { control, now: Instant::now(), links: 0 }
    }

    /// One that has led in epoch 1 from the start.
    fn active(configured: &[&str]) -> Self {
        let mut stage = Self::new(configured);
        stage.role(active(1));
        stage
    }

    fn on(&mut self, event: Event) -> Vec<Action> {
        self.control.on(event, self.now)
    }

    fn role(&mut self, role: Role) -> Vec<Action> {
        self.on(Event::Role(role))
    }

    /// Lets time pass, as the driver does it.
    fn after(&mut self, time: Duration) -> Vec<Action> {
        self.now += time;
        self.on(Event::Tick)
    }

    fn register(&mut self, register: Register) -> (LinkId, Vec<Action>) {
        self.links += 1;
        let link = LinkId(self.links);
        (link, self.on(Event::Register { link, register }))
    }

    fn server(&mut self, name: &str, incarnation: u64) -> LinkId {
        let (link, actions) = self.register(server(name, incarnation));
        assert!(admitted(&actions).is_some(), "{name}: {actions:?}");
        link
    }

    fn client(&mut self, username: &str) -> LinkId {
        let (link, actions) = self.register(client(username, username));
        assert!(admitted(&actions).is_some(), "{actions:?}");
        link
    }

    fn candidate(&mut self) -> LinkId {
        self.register(candidate(3005)).0
    }

    fn agent(&mut self, name: &str) -> LinkId {
        self.register(agent(name)).0
    }

    fn closed(&mut self, link: LinkId, clean: bool) -> Vec<Action> {
        self.on(Event::Closed { link, clean })
    }

    fn monitor_says(&mut self, link: LinkId, envelope: Envelope) -> Vec<Action> {
        self.on(Event::Message { link, message: AdminMessage::Monitor(envelope) })
    }

    fn client_asks(&mut self, link: LinkId, module_id: &str, body: Value) -> Vec<Action> {
        let message = AdminMessage::Client(Envelope::request(1, module_id, body));
        self.on(Event::Message { link, message })
    }

    fn ready(&mut self, link: LinkId) -> Vec<Action> {
        self.monitor_says(
            link,
            Envelope::notify("__masterwatcher__", json!({ "action": "record", "id": "any" })),
        )
    }
}

fn id(name: &str) -> ServerId {
    ServerId::new(name).unwrap()
}

fn info(name: &str, incarnation: u64) -> ServerInfo {
    let record = json!({
        "id": name, "serverType": "chat", "host": "127.0.0.1", "port": 6050, "pid": 1000, "incarnation": incarnation,
    });
    serde_json::from_value(record).unwrap()
}

fn server(name: &str, incarnation: u64) -> Register {
    Register::Monitor(MonitorRegister::of(&info(name, incarnation), None, Hello::new()))
}

fn candidate(port: u16) -> Register {
    Register::Candidate(CandidateRegister {
        id: id("master-server-1"),
        host: "127.0.0.1".into(),
        port,
        pid: 78,
        token: None,
        hello: Some(Hello::new()),
    })
}

fn agent(name: &str) -> Register {
    Register::Agent(AgentRegister {
        id: name.into(),
        host: "127.0.0.1".into(),
        pid: 79,
        token: None,
        hello: Some(Hello::new()),
    })
}

fn client(username: &str, password: &str) -> Register {
    Register::Client(ClientRegister {
        id: "pomelo_cli_1".into(),
        username: username.into(),
        password: password.into(),
        md5: false,
        hello: Some(Hello::new()),
    })
}

fn active(epoch: u64) -> Role {
    Role::Active { term: Term { epoch } }
}

fn suspended(epoch: u64) -> Role {
    Role::Suspended { term: Term { epoch }, why: "not heard".into() }
}

fn leader(port: u16, epoch: u64) -> Leader {
    Leader { host: "127.0.0.1".into(), port, epoch }
}

fn view(epoch: u64, servers: &[ServerInfo]) -> Arc<View> {
    Arc::new(View::new(version(epoch, 3), servers.iter().cloned()))
}

fn version(epoch: u64, rev: u64) -> Version {
    Version { epoch, rev }
}

fn admitted(actions: &[Action]) -> Option<&Registered> {
    actions.iter().find_map(|action| match action {
        Action::Admit { reply, .. } => Some(reply),
        _ => None,
    })
}

fn refusal(actions: &[Action]) -> Option<&str> {
    actions.iter().find_map(|action| match action {
        Action::Refuse { why, .. } => Some(why.as_str()),
        _ => None,
    })
}

/// Everything a link was sent, as envelopes.
fn sent(actions: &[Action], link: LinkId) -> Vec<Envelope> {
    let to_link = |action: &Action| match action {
        Action::Send { to, message: AdminMessage::Monitor(envelope) | AdminMessage::Client(envelope) }
            if to.contains(&link) =>
        {
            Some(envelope.clone())
        }
        _ => None,
    };
    actions.iter().filter_map(to_link).collect()
}

/// Bodies of what a link was asked or told.
fn told(actions: &[Action], link: LinkId) -> Vec<Value> {
    let body = |envelope: Envelope| match envelope {
        Envelope::Request { body, .. } | Envelope::Notify { body, .. } => Some(body),
        Envelope::Response(_) | Envelope::Command { .. } => None,
    };
    sent(actions, link).into_iter().filter_map(body).collect()
}

/// The one answer a link got.
fn answer(actions: &[Action], link: LinkId) -> Result<Value, Failure> {
    let response = |envelope: Envelope| match envelope {
        Envelope::Response(response) => Some(response.into_result()),
        _ => None,
    };
    let mut answers: Vec<_> = sent(actions, link).into_iter().filter_map(response).collect();
    assert_eq!(answers.len(), 1, "{actions:?}");
    answers.remove(0)
}

fn printed(actions: &[Action]) -> Vec<&str> {
    actions
        .iter()
        .filter_map(|action| match action {
            Action::Print(line) => Some(line.as_str()),
            _ => None,
        })
        .collect()
}
