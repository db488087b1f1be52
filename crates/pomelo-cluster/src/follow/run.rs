//! The one task that owns what a process knows: takes what comes from the links, asks [`crate::follower`] what to make of
//! it, and does that.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use pomelo_protocol::admin::{
    AdminMessage, ClusterState, Envelope, Failure, Hello, MasterRole, ReqId, Response,
};
use serde_json::{Value, json};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval},
};

use super::{
    FollowError, FollowerConfig, Identity, Leader, LinkState, Order, Reply,
    dial::{Dialler, stopped},
    order::answer,
};
use crate::{
    admin::LinkSender,
    coordinator::MasterAddr,
    follower::{Action, Event, FollowerState},
    membership::{Version, View},
    messages::{self, Told},
};

/// How many inputs wait for the task; then links stop reading.
pub(super) const INPUTS_MAX: usize = 256;
/// How many requests wait for answers of one master; a further one fails.
const REQUESTS_MAX: usize = 1024;
/// How long a master may take to say who is there, before its link is closed and made again.
const SNAPSHOT_TIMEOUT: Duration = Duration::from_secs(5);
/// How often that, and requests given up by who asked, are looked for.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);

/// What the task takes.
#[derive(Debug)]
pub(super) enum Input {
    /// Registered at a master.
    Up { addr: MasterAddr, sender: LinkSender, state: Option<ClusterState> },
    /// A master has said something.
    Message { addr: MasterAddr, envelope: Envelope },
    /// No link to a master, or no more.
    Down { addr: MasterAddr, why: String, refused: bool },
    /// This process asks the leader.
    Ask { module_id: String, body: Value, answer: oneshot::Sender<Result<Value, FollowError>> },
    /// This process tells a master, or all of them.
    Tell { to: Option<MasterAddr>, module_id: String, body: Value },
}

/// What the task tells to whoever listens.
#[derive(Debug, Default)]
pub(super) struct Publishers {
    pub(super) view: watch::Sender<Arc<View>>,
    pub(super) leader: watch::Sender<Option<Leader>>,
    pub(super) reach: watch::Sender<Option<Leader>>,
    pub(super) links: watch::Sender<Arc<BTreeMap<MasterAddr, LinkState>>>,
    pub(super) epoch: watch::Sender<u64>,
    pub(super) newer: watch::Sender<Option<u64>>,
    pub(super) done: watch::Sender<bool>,
}

/// The task.
pub(super) struct Runner {
    state: FollowerState,
    links: BTreeMap<MasterAddr, Linked>,
    states: BTreeMap<MasterAddr, LinkState>,
    last_req_id: u64,
    identity: Identity,
    orders: mpsc::Sender<Order>,
    publish: Publishers,
    hello: watch::Sender<Hello>,
    stop: watch::Receiver<bool>,
    diallers: JoinSet<()>,
}

/// A master at which this process is registered.
struct Linked {
    sender: LinkSender,
    /// A master of the original: no epochs, no versions.
    of_the_original: bool,
    pending: HashMap<u64, Pending>,
}

enum Pending {
    Caller(oneshot::Sender<Result<Value, FollowError>>),
    Snapshot { until: Instant },
}

/// What became of something a master said.
enum Verdict {
    Obeyed,
    Refused(Failure),
}

impl Runner {
    pub(super) fn new(
        config: FollowerConfig,
        inbox: mpsc::Sender<Input>,
        orders: mpsc::Sender<Order>,
        publish: Publishers,
        stop: watch::Receiver<bool>,
    ) -> Self {
        let state = FollowerState::new();
        let hello = watch::Sender::new(state.hello());
        let mut diallers = JoinSet::new();
        let mut states = BTreeMap::new();
        for addr in config.candidates {
            if matches!(&config.identity, Identity::Candidate(me) if me.addr == addr)
                || states.contains_key(&addr)
            {
                continue;
            }
            states.insert(addr.clone(), LinkState::default());
            let dialler = Dialler {
                addr,
                identity: config.identity.clone(),
                token: config.token.clone(),
                config: config.link.clone(),
                hello: hello.subscribe(),
                inbox: inbox.clone(),
                stop: stop.clone(),
            };
            diallers.spawn(dialler.run());
        }
        publish.links.send_replace(Arc::new(states.clone()));
        Self {
            state,
            links: BTreeMap::new(),
            states,
            last_req_id: 0,
            identity: config.identity,
            orders,
            publish,
            hello,
            stop,
            diallers,
        }
    }

    pub(super) async fn run(mut self, mut inputs: mpsc::Receiver<Input>) {
        let mut stop = self.stop.clone();
        let mut sweeps = interval(SWEEP_INTERVAL);
        sweeps.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stopped(&mut stop) => break,
                input = inputs.recv() => match input {
                    Some(input) => self.take(input),
                    None => break,
                },
                _ = sweeps.tick() => self.sweep(),
            }
        }
        inputs.close();
        while inputs.try_recv().is_ok() {}
        while self.diallers.join_next().await.is_some() {}
        self.publish.done.send_replace(true);
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Up { addr, sender, state } => self.up(addr, sender, state),
            Input::Down { addr, why, refused } => self.down(addr, why, refused),
            Input::Message { addr, envelope } => self.message(&addr, envelope),
            Input::Ask { module_id, body, answer } => self.ask_leader(module_id, body, answer),
            Input::Tell { to, module_id, body } => {
                let to = |addr: &MasterAddr| to.as_ref().is_none_or(|to| to == addr);
                for (_, linked) in self.links.iter().filter(|(addr, _)| to(addr)) {
                    tell(&linked.sender, Envelope::notify(module_id.clone(), body.clone()));
                }
            }
        }
        self.publish_reach();
    }

    fn up(&mut self, addr: MasterAddr, sender: LinkSender, state: Option<ClusterState>) {
        tracing::debug!(target: "pomelo::follow", %addr, role = state.as_ref().map(|s| s.role.as_str()), "registered");
        if let Identity::Server(info) = &self.identity {
            let body = json!({ "action": "record", "id": info.id });
            tell(&sender, Envelope::notify(messages::MASTER_WATCHER, body));
        }
        let of_the_original = state.is_none();
        self.links.insert(addr.clone(), Linked { sender, of_the_original, pending: HashMap::new() });
        let up = LinkState {
            up: true,
            role: state.as_ref().map(|state| state.role),
            coordinator: state.as_ref().map(|state| state.coordinator.clone()).unwrap_or_default(),
            ..LinkState::default()
        };
        self.states.insert(addr.clone(), up);
        self.on(Event::Connected { addr, state });
        self.publish_links();
    }

    fn down(&mut self, addr: MasterAddr, why: String, refused: bool) {
        let was = self
            .states
            .insert(addr.clone(), LinkState { why: Some(why.clone()), refused, ..LinkState::default() });
        let was = was.unwrap_or_default();
        // Said once, not at each of the attempts that follow.
        if was.up || (refused && was.why.as_ref() != Some(&why)) {
            tracing::warn!(target: "pomelo::follow", "link to master {addr}: {why}; trying again");
        } else if was.why.is_none() {
            tracing::info!(target: "pomelo::follow", "no link to master {addr} yet: {why}; trying again");
        } else {
            tracing::debug!(target: "pomelo::follow", %addr, why, "still no link");
        }
        if let Some(linked) = self.links.remove(&addr) {
            for pending in linked.pending.into_values() {
                if let Pending::Caller(answer) = pending {
                    // Who has given up waiting needs no answer.
                    let _ = answer.send(Err(FollowError::Disconnected));
                }
            }
            self.on(Event::Disconnected { addr });
        }
        self.publish_links();
    }

    fn message(&mut self, addr: &MasterAddr, envelope: Envelope) {
        let epoch = envelope.epoch().unwrap_or(0);
        match envelope {
            Envelope::Response(response) => self.answered(addr, response),
            Envelope::Request { req_id, module_id, body, .. } => {
                self.told(addr, epoch, Some(req_id), module_id, body);
            }
            Envelope::Notify { module_id, body, .. } => self.told(addr, epoch, None, module_id, body),
            Envelope::Command { req_id, .. } => {
                let why = Failure::new("modules can't be listed or switched here");
                self.respond(addr, req_id, |id| Response::failed(id, &why));
            }
        }
    }

    /// A master asks or tells something.
    fn told(&mut self, addr: &MasterAddr, epoch: u64, req_id: Option<ReqId>, module_id: String, body: Value) {
        let verdict = match Told::read(&module_id, &body).and_then(|told| self.event(addr, told)) {
            Err(why) => {
                tracing::warn!(target: "pomelo::follow", %addr, module_id, "not understood: {why}");
                Verdict::Refused(Failure::new(why))
            }
            Ok(Some(event)) => {
                self.note(&event);
                self.on(event)
            }
            Ok(None) => match self.on(Event::Frame { addr: addr.clone(), epoch }) {
                Verdict::Obeyed if module_id == messages::MONITOR_WATCHER => {
                    // `startOver`: every server has started. News, and answered like all others of its module.
                    self.order(addr, epoch, None, module_id, body);
                    Verdict::Obeyed
                }
                Verdict::Obeyed => return self.order(addr, epoch, req_id, module_id, body),
                refused @ Verdict::Refused(_) => refused,
            },
        };
        self.respond(addr, req_id, |id| match verdict {
            Verdict::Obeyed => Response::in_error(id, json!(1)),
            Verdict::Refused(why) => Response::failed(id, &why),
        });
    }

    /// Keeps what a master says of its role, for [`super::Follower::links`].
    fn note(&mut self, event: &Event) {
        let (addr, role, coordinator) = match event {
            Event::State { addr, state } => (addr, state.role, Some(&state.coordinator)),
            Event::Announce { addr, view } if view.epoch >= self.state.max_epoch() => {
                (addr, MasterRole::Active, None)
            }
            _ => return,
        };
        if let Some(known) = self.states.get_mut(addr) {
            known.role = Some(role);
            if let Some(coordinator) = coordinator {
                known.coordinator.clone_from(coordinator);
            }
            self.publish_links();
        }
    }

    /// Membership news as an event. A master of the original numbers nothing, so it is numbered here.
    fn event(&self, addr: &MasterAddr, told: Option<Told>) -> Result<Option<Event>, String> {
        let Some(told) = told else { return Ok(None) };
        let addr = addr.clone();
        Ok(Some(match told {
            Told::Announce(view) => Event::Announce { addr, view },
            Told::State(state) => Event::State { addr, state },
            // Not of the membership: the links are looked at.
            Told::Candidate(_) => return Ok(None),
            Told::Step { version, change } => {
                Event::Step { version: self.version(&addr, version)?, addr, change }
            }
            Told::Snapshot { version, servers } => {
                let view = View::new(self.version(&addr, version)?, servers);
                Event::Snapshot { addr, view }
            }
        }))
    }

    fn version(&self, addr: &MasterAddr, given: Option<Version>) -> Result<Version, String> {
        let of_the_original = self.links.get(addr).is_some_and(|linked| linked.of_the_original);
        match given {
            Some(version) => Ok(version),
            None if of_the_original => {
                let last = self.state.view().version;
                Ok(Version { epoch: 0, rev: if last.epoch == 0 { last.rev + 1 } else { 0 } })
            }
            None => Err("membership without epoch and rev".to_owned()),
        }
    }

    fn order(
        &mut self,
        addr: &MasterAddr,
        epoch: u64,
        req_id: Option<ReqId>,
        module_id: String,
        body: Value,
    ) {
        let Some(linked) = self.links.get(addr) else { return };
        let reply = req_id.map(|req_id| Reply::new(req_id, linked.sender.clone()));
        let order = Order { from: addr.clone(), epoch, module_id, body, reply };
        if let Err(refused) = self.orders.try_send(order) {
            let (why, order) = match refused {
                mpsc::error::TrySendError::Full(order) => ("too many orders wait here", order),
                mpsc::error::TrySendError::Closed(order) => ("nobody takes orders here", order),
            };
            tracing::warn!(target: "pomelo::follow", %addr, module_id = order.module_id, "order refused: {why}");
            if let Some(reply) = order.reply {
                reply.fail(why);
            }
        }
    }

    fn ask_leader(
        &mut self,
        module_id: String,
        body: Value,
        answer: oneshot::Sender<Result<Value, FollowError>>,
    ) {
        let leader = self.state.leader().map(|leader| leader.addr.clone());
        let error = match leader.and_then(|addr| self.links.get_mut(&addr)) {
            None => FollowError::NoLeader { after: Duration::ZERO },
            Some(linked) if linked.pending.len() >= REQUESTS_MAX => {
                FollowError::Busy { waiting: linked.pending.len() }
            }
            Some(linked) => {
                self.last_req_id += 1;
                linked.pending.insert(self.last_req_id, Pending::Caller(answer));
                tell(&linked.sender, Envelope::request(self.last_req_id, module_id, body));
                return;
            }
        };
        // Who has given up waiting needs no answer.
        let _ = answer.send(Err(error));
    }

    /// A master answers.
    fn answered(&mut self, addr: &MasterAddr, response: Response) {
        let Some(linked) = self.links.get_mut(addr) else { return };
        let of_the_original = linked.of_the_original;
        // An unknown number is an answer that came after its caller had given up.
        let number = response.resp_id.number();
        let Some(pending) = number.and_then(|number| linked.pending.remove(&number)) else { return };
        let result = response.into_result();
        match pending {
            Pending::Caller(answer) => {
                if let Err(Failure { leader: Some(leader), .. }) = &result {
                    self.on(Event::Moved { leader: Leader::from_wire(leader) });
                }
                // Who has given up waiting needs no answer.
                let _ = answer.send(result.map_err(FollowError::Failed));
            }
            Pending::Snapshot { .. } => {
                let told = result.map_err(|failure| failure.message).and_then(|body| {
                    if of_the_original {
                        Ok(Told::Snapshot { version: None, servers: messages::servers(&body)? })
                    } else {
                        Told::snapshot(&body)
                    }
                });
                match told.and_then(|told| self.event(addr, Some(told))) {
                    Ok(event) => event.into_iter().for_each(|event| drop(self.on(event))),
                    Err(why) => {
                        tracing::warn!(target: "pomelo::follow", "master {addr} did not say who is there: {why}");
                        self.on(Event::NoSnapshot { addr: addr.clone() });
                    }
                }
            }
        }
    }

    /// Takes an event to the state machine and does what it says.
    fn on(&mut self, event: Event) -> Verdict {
        let mut verdict = Verdict::Obeyed;
        let max_epoch = self.state.max_epoch();
        let mut changed = false;
        for action in self.state.on(event) {
            match action {
                Action::Deliver => {}
                Action::Lead(leader) => self.lead(leader),
                Action::Publish => {
                    changed = true;
                    self.publish.view.send_replace(Arc::clone(self.state.view()));
                }
                Action::Absurd { addr, epoch } => {
                    let max = self.state.max_epoch();
                    tracing::warn!(target: "pomelo::follow", "refused what master {addr} says: no epoch can be {epoch} after {max}");
                    verdict = Verdict::Refused(Failure::new(format!(
                        "epoch {epoch} can't be: the last one was {max}"
                    )));
                }
                Action::AskSnapshot { addr } => self.ask_snapshot(&addr),
                Action::Refuse { addr, epoch, leader } => {
                    tracing::warn!(target: "pomelo::follow", "refused what master {addr} says: epoch {epoch} has begun");
                    if let Some(linked) = self.links.get(&addr) {
                        let body = messages::superseded(epoch, leader.as_ref());
                        tell(&linked.sender, Envelope::notify(messages::CLUSTER, body));
                    }
                    verdict = Verdict::Refused(Failure {
                        message: format!("superseded by epoch {epoch}"),
                        leader: leader.map(|leader| leader.to_wire()),
                        superseded: Some(epoch),
                    });
                }
            }
        }
        if changed || self.state.max_epoch() != max_epoch {
            self.hello.send_replace(self.state.hello());
            self.publish.epoch.send_replace(self.state.max_epoch());
        }
        verdict
    }

    fn lead(&mut self, leader: Option<Leader>) {
        self.look_for_two_leaders(leader.as_ref());
        match &leader {
            Some(Leader { addr, epoch }) => {
                tracing::info!(target: "pomelo::follow", "following master {addr} epoch={epoch}");
            }
            None => tracing::info!(target: "pomelo::follow", "no master leads"),
        }
        for (addr, state) in self.states.iter_mut().filter(|(_, state)| state.role.is_some()) {
            if leader.as_ref().is_some_and(|leader| leader.addr == *addr) {
                // What it says of itself, at its registration, is more exact.
                if !matches!(state.role, Some(MasterRole::Suspended)) {
                    state.role = Some(MasterRole::Active);
                }
            } else if matches!(state.role, Some(MasterRole::Active | MasterRole::Suspended)) {
                state.role = Some(MasterRole::Standby);
            }
        }
        self.publish.leader.send_replace(leader);
        self.publish_links();
    }

    /// An epoch has one leader. Two with a link that claim it is what a cluster without a common coordinator looks like.
    fn look_for_two_leaders(&self, leader: Option<&Leader>) {
        let before = self.publish.leader.borrow();
        if let (Some(before), Some(leader)) = (before.as_ref(), leader)
            && before.epoch == leader.epoch
            && leader.epoch > 0
            && self.links.contains_key(&before.addr)
            && self.links.contains_key(&leader.addr)
        {
            let (epoch, one, other) = (leader.epoch, &before.addr, &leader.addr);
            tracing::error!(
                target: "pomelo::follow",
                "masters {one} and {other} both lead in epoch {epoch}: they do not share one coordinator"
            );
        }
    }

    fn ask_snapshot(&mut self, addr: &MasterAddr) {
        let Some(linked) = self.links.get_mut(addr) else { return };
        self.last_req_id += 1;
        let until = Instant::now() + SNAPSHOT_TIMEOUT;
        linked.pending.insert(self.last_req_id, Pending::Snapshot { until });
        let envelope = if linked.of_the_original {
            let id = match &self.identity {
                Identity::Server(info) => info.id.as_str(),
                Identity::Agent { id, .. } => id,
                Identity::Candidate(me) => me.id.as_str(),
            };
            let body = json!({ "action": "subscribe", "id": id });
            Envelope::request(self.last_req_id, messages::MASTER_WATCHER, body)
        } else {
            Envelope::request(self.last_req_id, messages::CLUSTER, messages::ask_snapshot())
        };
        tell(&linked.sender, envelope);
    }

    fn sweep(&mut self) {
        let now = Instant::now();
        for (addr, linked) in &mut self.links {
            linked
                .pending
                .retain(|_, pending| !matches!(pending, Pending::Caller(answer) if answer.is_closed()));
            let late = |pending: &Pending| matches!(pending, Pending::Snapshot { until } if *until <= now);
            if !linked.sender.is_closed() && linked.pending.values().any(late) {
                tracing::warn!(target: "pomelo::follow", "master {addr} does not say who is there; linking again");
                linked.sender.close();
            }
        }
    }

    fn respond(&self, addr: &MasterAddr, req_id: Option<ReqId>, response: impl FnOnce(ReqId) -> Response) {
        if let (Some(req_id), Some(linked)) = (req_id, self.links.get(addr)) {
            answer(&linked.sender, response(req_id));
        }
    }

    fn publish_links(&self) {
        self.publish.links.send_if_modified(|links| {
            let changed = **links != self.states;
            if changed {
                *links = Arc::new(self.states.clone());
            }
            changed
        });
    }

    fn publish_reach(&self) {
        let reach = self.state.leader().filter(|leader| self.links.contains_key(&leader.addr));
        self.publish.reach.send_if_modified(|now| {
            let changed = now.as_ref() != reach;
            if changed {
                *now = reach.cloned();
            }
            changed
        });
    }
}

/// Sends. A link that has ended meanwhile says so itself.
fn tell(link: &LinkSender, envelope: Envelope) {
    let _ = link.send(&AdminMessage::Monitor(envelope));
}
