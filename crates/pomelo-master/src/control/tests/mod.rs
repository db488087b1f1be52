//! A master's decisions, played without sockets or clocks.

mod away;
mod claims;
mod crons;
mod ending;
mod handover;
mod leading;
mod masters;
mod missing;
mod ops;
mod questions;

use std::{cell::RefCell, collections::BTreeSet, rc::Rc, time::Duration};

use pomelo_cluster::{
    config::{AdminUser, ServerTokens},
    coordinator::{MasterAddr, Record, StoreError, Term, Write},
    elector::Role,
    membership::Version,
};
use pomelo_protocol::{
    ServerInfo,
    admin::{
        AgentRegister, CandidateRegister, ClientRegister, Hello, MasterRole, MonitorRegister, Register,
        Registered,
    },
};
use serde_json::json;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// A coordinator's store: several masters may share one.
type Kept = Rc<RefCell<BTreeMap<String, Vec<u8>>>>;

/// What becomes of writes and reads.
#[derive(Clone, Copy, PartialEq)]
enum Store {
    /// Done at once.
    Up,
    /// Not done, and said so at once.
    Away,
    /// Neither done nor answered.
    Silent,
    /// Done, without an answer.
    Mute,
}

/// A master, its peers and a clock that only moves when told to.
struct Stage {
    control: Control,
    now: Instant,
    links: u64,
    kept: Kept,
    store: Store,
    probed: Vec<ServerId>,
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
        let (kept, probed) = (Kept::default(), Vec::new());
        Self { control, now: Instant::now(), links: 0, kept, store: Store::Up, probed }
    }

    /// Another master of the same cluster: what the first one has stored is there.
    fn next_to(other: &Self) -> Self {
        Self { kept: Rc::clone(&other.kept), now: other.now, ..Self::new(&[]) }
    }

    /// One that has led in epoch 1 from the start.
    fn active(configured: &[&str]) -> Self {
        let mut stage = Self::new(configured);
        stage.role(active(1));
        stage
    }

    /// What is done about an event, and about what the store says to that.
    fn on(&mut self, event: Event) -> Vec<Action> {
        let mut events = vec![event];
        let mut done = Vec::new();
        while !events.is_empty() {
            for action in self.control.on(events.remove(0), self.now) {
                match action {
                    Action::Store { id, writes, .. } => events.extend(self.write(id, writes)),
                    Action::Read { id, folder } => events.extend(self.read(id, folder)),
                    Action::Probe { server, .. } => self.probed.push(server),
                    Action::Announced(epoch) => events.push(Event::Announced { epoch }),
                    other => done.push(other),
                }
            }
        }
        done
    }

    fn write(&mut self, id: u64, writes: Vec<Write>) -> Option<Event> {
        if matches!(self.store, Store::Up | Store::Mute) {
            for write in writes {
                match write {
                    Write::Put { key, value } => self.kept.borrow_mut().insert(key, value),
                    Write::Delete { key } => self.kept.borrow_mut().remove(&key),
                };
            }
        }
        let result = self.answered()?;
        Some(Event::Stored { id, result })
    }

    fn read(&self, id: u64, folder: &'static str) -> Option<Event> {
        let kept = self.kept.borrow();
        let records = kept.iter().filter(|(key, _)| key.starts_with(&format!("{folder}/")));
        let records = records.map(|(key, value)| Record { key: key.clone(), value: value.clone() }).collect();
        let result = self.answered()?.map(|()| records);
        Some(Event::Read { id, folder, result })
    }

    fn answered(&self) -> Option<Result<(), StoreError>> {
        match self.store {
            Store::Up => Some(Ok(())),
            Store::Away => Some(Err(StoreError::Unavailable("no quorum".into()))),
            Store::Silent | Store::Mute => None,
        }
    }

    /// What is kept under a key.
    fn kept(&self, key: &str) -> Value {
        self.kept.borrow().get(key).map(|value| serde_json::from_slice(value).unwrap()).unwrap_or_default()
    }

    /// A server answers what it was asked last of all in these actions.
    fn obeys(&mut self, link: LinkId, actions: &[Action], answer: Value) -> Vec<Action> {
        let asked = sent(actions, link).into_iter().rev().find_map(|envelope| match envelope {
            Envelope::Request { req_id, .. } => Some(req_id),
            _ => None,
        });
        let response = Response::in_error(asked.expect("it was asked"), answer);
        self.monitor_says(link, Envelope::Response(response))
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
        self.candidate_at(3005)
    }

    fn candidate_at(&mut self, port: u16) -> LinkId {
        self.register(candidate(port)).0
    }

    /// Another master answers what it was asked last of all in these actions.
    fn answers(&mut self, link: LinkId, actions: &[Action], answer: Result<Value, &str>) -> Vec<Action> {
        let asked = sent(actions, link).into_iter().rev().find_map(|envelope| match envelope {
            Envelope::Request { req_id, .. } => Some(req_id),
            _ => None,
        });
        let req_id = asked.unwrap_or_else(|| panic!("nothing was asked: {actions:?}"));
        let response = match answer {
            Ok(answer) => Response::ok(req_id, answer),
            Err(why) => Response::failed(req_id, &Failure::new(why)),
        };
        self.monitor_says(link, Envelope::Response(response))
    }

    /// The link to the master at this port is as said.
    fn link_to(&mut self, port: u16, state: LinkState) -> Vec<Action> {
        let mut masters = BTreeMap::clone(&self.control.masters);
        masters.insert(MasterAddr { host: "127.0.0.1".into(), port }, state);
        self.on(Event::Masters(Arc::new(masters)))
    }

    /// The leader asks or tells this master something.
    fn asked(&mut self, epoch: u64, body: &Asked) -> Vec<Action> {
        self.on(Event::Asked { ask: Some(9), epoch, body: body.body() })
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

fn addr(port: u16) -> MasterAddr {
    MasterAddr { host: "127.0.0.1".into(), port }
}

/// A link that stands, to a master in this role.
fn linked(role: MasterRole) -> LinkState {
    LinkState { up: true, role: Some(role), ..LinkState::default() }
}

/// What this master has answered another one.
fn replied(actions: &[Action]) -> Option<Result<Value, Failure>> {
    actions.iter().find_map(|action| match action {
        Action::Reply { result, .. } => Some(result.clone()),
        _ => None,
    })
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
        Action::Send {
            to,
            message: AdminMessage::Monitor(envelope) | AdminMessage::Client(envelope),
            ..
        } if to.contains(&link) => Some(envelope.clone()),
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
