//! The one task that owns what a process knows: takes what comes from the links, asks [`crate::follower`] what to make of
//! it, and does that.
//!
//! Here are the task and its links; what masters say is read in [`super::heard`], what follows from it is done in
//! [`super::believing`], what masters are asked and told is in [`super::asking`] and [`super::telling`].

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use pomelo_protocol::admin::{AdminMessage, ClusterState, Envelope, Hello};
use serde_json::{Value, json};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};

use super::{
    FollowError, FollowerConfig, Identity, Leader, LinkState, Order,
    asking::Linked,
    dial::{Dialler, Down, stopped},
    keep::Keeper,
    order::Orders,
    telling::Telling,
};
use crate::{
    admin::LinkSender,
    coordinator::MasterAddr,
    follower::{Event, FollowerState},
    membership::{Version, View},
    memory::Memory,
    messages,
};

/// How many inputs wait for the task; then links stop reading. So many are also taken before the result is published.
pub(super) const INPUTS_MAX: usize = 256;
/// How often what is late is looked for: lists that do not come, requests given up by who asked.
const SWEEP_INTERVAL: Duration = Duration::from_secs(1);
/// A server that finds no master within this time begins with what was remembered; sooner if each has been dialled in vain.
const ALONE_AFTER: Duration = Duration::from_secs(1);

/// What the task takes.
#[derive(Debug)]
pub(super) enum Input {
    /// Registered at a master.
    Up { addr: MasterAddr, sender: LinkSender, state: Option<ClusterState> },
    /// A master has said something.
    Message { addr: MasterAddr, envelope: Envelope },
    /// No link to a master, or no more.
    Down { addr: MasterAddr, down: Down },
    /// This process asks the leader.
    Ask { module_id: String, body: Value, answer: oneshot::Sender<Result<Value, FollowError>> },
    /// This process tells a master, or all of them.
    Tell { to: Option<MasterAddr>, module_id: String, body: Value },
    /// This process knows that a master is there.
    Dial(MasterAddr),
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

/// What a handle gives to the task.
pub(super) struct Handles {
    pub(super) inbox: mpsc::Sender<Input>,
    pub(super) orders: mpsc::Sender<Order>,
    /// The membership that this process keeps itself, because it leads.
    pub(super) own: watch::Receiver<Arc<View>>,
    pub(super) stop: watch::Receiver<bool>,
}

/// The task.
pub(super) struct Runner {
    pub(super) state: FollowerState,
    pub(super) links: BTreeMap<MasterAddr, Linked>,
    pub(super) states: BTreeMap<MasterAddr, LinkState>,
    pub(super) last_req_id: u64,
    pub(super) identity: Identity,
    pub(super) orders: mpsc::Sender<Order>,
    pub(super) once: Arc<Orders>,
    pub(super) publish: Publishers,
    pub(super) telling: Telling,
    pub(super) hello: watch::Sender<Hello>,
    own: watch::Receiver<Arc<View>>,
    stop: watch::Receiver<bool>,
    diallers: JoinSet<()>,
    keeper: Option<Keeper>,
    /// The membership to begin with if no master says another, and when to wait no longer.
    remembered: Option<(View, Instant)>,
    /// The membership has changed and is not published yet.
    pub(super) unpublished: bool,
}

impl Runner {
    /// Begins to dial. Beside it: what was remembered.
    pub(super) fn new(config: FollowerConfig, handles: Handles, publish: Publishers) -> (Self, Memory) {
        let Handles { inbox, orders, own, stop } = handles;
        let keeper = config.memory.map(Keeper::new);
        let memory = keeper.as_ref().map(Keeper::load).unwrap_or_default();
        let mut state = FollowerState::new();
        state.on(Event::Remembered { epoch: memory.max_epoch, view: None });
        // Of an epoch that can't be: the membership is worth no more than that.
        let memory = if state.max_epoch() < memory.max_epoch { Memory::default() } else { memory };
        publish.epoch.send_replace(state.max_epoch());
        let hello = watch::Sender::new(state.hello());
        let mut diallers = JoinSet::new();
        let (mut states, mut wakes) = (BTreeMap::new(), BTreeMap::new());
        for addr in config.candidates {
            if matches!(&config.identity, Identity::Candidate(me) if me.addr == addr)
                || states.contains_key(&addr)
            {
                continue;
            }
            states.insert(addr.clone(), LinkState::default());
            let wake = watch::Sender::new(Duration::ZERO);
            let dialler = Dialler {
                addr: addr.clone(),
                identity: config.identity.clone(),
                token: config.token.clone(),
                config: config.link.clone(),
                hello: hello.subscribe(),
                wake: wake.subscribe(),
                pauses: config.pauses,
                inbox: inbox.clone(),
                stop: stop.clone(),
            };
            wakes.insert(addr, wake);
            diallers.spawn(dialler.run());
        }
        publish.links.send_replace(Arc::new(states.clone()));
        // Agents and masters decide by who is there; they are better off with no list than with an old one.
        let begins_with =
            matches!(config.identity, Identity::Server(_)) && memory.view.version != Version::default();
        let remembered = begins_with.then(|| (memory.view.clone(), Instant::now() + ALONE_AFTER));
        let runner = Self {
            state,
            links: BTreeMap::new(),
            states,
            last_req_id: 0,
            identity: config.identity,
            orders,
            once: Orders::new(),
            publish,
            telling: Telling::new(wakes),
            hello,
            own,
            stop,
            diallers,
            keeper,
            remembered,
            unpublished: false,
        };
        (runner, memory)
    }

    pub(super) async fn run(mut self, mut inputs: mpsc::Receiver<Input>) {
        let mut stop = self.stop.clone();
        let mut own = self.own.clone();
        let mut sweeps = interval(SWEEP_INTERVAL);
        sweeps.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.settle();
        loop {
            let due = self.due();
            tokio::select! {
                biased;
                () = stopped(&mut stop) => break,
                () = due => self.on_time().await,
                input = inputs.recv() => match input {
                    Some(input) => {
                        self.take(input);
                        for _ in 1..INPUTS_MAX {
                            let Ok(input) = inputs.try_recv() else { break };
                            self.take(input);
                        }
                    }
                    None => break,
                },
                Ok(()) = own.changed() => self.changed(),
                _ = sweeps.tick() => self.sweep(),
            }
            self.settle();
        }
        inputs.close();
        while inputs.try_recv().is_ok() {}
        while self.diallers.join_next().await.is_some() {}
        if let Some(keeper) = self.keeper.take() {
            let memory = self.memory();
            keeper.end(memory).await;
        }
        self.publish.done.send_replace(true);
    }

    fn take(&mut self, input: Input) {
        match input {
            Input::Up { addr, sender, state } => self.up(addr, sender, state),
            Input::Down { addr, down } => self.down(addr, down),
            Input::Message { addr, envelope } => self.message(&addr, envelope),
            Input::Dial(addr) => self.wake(&addr, Duration::ZERO),
            Input::Ask { module_id, body, answer } => self.ask_leader(module_id, body, answer),
            Input::Tell { to, module_id, body } => {
                let envelope = Envelope::notify(module_id, body);
                let meant = |addr: &MasterAddr| to.as_ref().is_none_or(|to| to == addr);
                for (_, linked) in self.links.iter().filter(|(addr, _)| meant(addr)) {
                    tell(&linked.sender, envelope.clone());
                }
            }
        }
    }

    /// After a batch of inputs: what it came to is made known, first to this process and then to the masters.
    fn settle(&mut self) {
        self.publish_view();
        self.publish_reach();
        self.tell_following();
        self.watch_leader();
    }

    /// The first thing that has its time.
    fn due(&self) -> impl Future<Output = ()> + use<> {
        let keeper = self.keeper.as_ref().and_then(Keeper::due);
        let alone = self.remembered.as_ref().map(|(_, until)| *until);
        let first = [keeper, alone, self.telling.due()].into_iter().flatten().min();
        async move {
            match first {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        }
    }

    async fn on_time(&mut self) {
        let now = Instant::now();
        let is_due = |at: Instant| at <= now;
        if self.remembered.as_ref().is_some_and(|(_, until)| is_due(*until)) {
            self.begin_with_memory();
        }
        if self.telling.due().is_some_and(is_due) {
            self.tell_unreachable();
        }
        if self.keeper.as_ref().and_then(Keeper::due).is_some_and(is_due) {
            let memory = self.memory();
            if let Some(keeper) = &mut self.keeper {
                keeper.write(memory).await;
            }
        }
    }

    /// What is worth remembering now.
    fn memory(&self) -> Memory {
        let (followed, own) = (self.state.view(), self.own.borrow());
        let view = if own.version > followed.version { &own } else { followed };
        Memory { max_epoch: self.state.max_epoch().max(view.version.epoch), view: View::clone(view) }
    }

    /// There is something to write, unless it is of masters without epochs.
    pub(super) fn changed(&mut self) {
        let known = self.state.max_epoch() > 0 || self.own.borrow().version.epoch > 0;
        if let Some(keeper) = self.keeper.as_mut().filter(|_| known) {
            keeper.changed();
        }
    }

    fn begin_with_memory(&mut self) {
        let Some((view, _)) = self.remembered.take() else { return };
        let epoch = self.state.max_epoch();
        if self.state.view().version == Version::default() {
            let servers = view.servers.len();
            tracing::warn!(target: "pomelo::follow", servers, "no master is there: beginning with the membership remembered");
        }
        self.on(Event::Remembered { epoch, view: Some(view) });
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

    fn down(&mut self, addr: MasterAddr, down: Down) {
        let Down { why, refused, newer, gone } = down;
        let was = self.states.remove(&addr).unwrap_or_default();
        // Said once, not at each of the attempts that follow.
        if was.up || (refused && was.why.as_ref() != Some(&why)) {
            tracing::warn!(target: "pomelo::follow", "link to master {addr}: {why}; trying again");
        } else if was.why.is_none() {
            tracing::info!(target: "pomelo::follow", "no link to master {addr} yet: {why}; trying again");
        } else {
            tracing::debug!(target: "pomelo::follow", %addr, why, "still no link");
        }
        // It is gone until it is there again, whatever the next attempts fail of.
        let gone = was.gone.or_else(|| gone.then(Instant::now));
        let now = LinkState { why: Some(why), refused, gone, ..LinkState::default() };
        self.states.insert(addr.clone(), now);
        self.replaced(newer);
        self.telling.unlinked(&addr);
        if let Some(linked) = self.links.remove(&addr) {
            linked.end();
            self.on(Event::Disconnected { addr });
        }
        self.publish_links();
        let dialled = |link: &LinkState| !link.up && link.why.is_some();
        if self.states.values().all(dialled) {
            self.begin_with_memory();
        }
    }

    /// A master knows a later life of this server.
    fn replaced(&self, newer: Option<u64>) {
        let Identity::Server(info) = &self.identity else { return };
        if newer.is_some() && newer > info.incarnation {
            self.publish.newer.send_if_modified(|known| {
                let higher = newer > *known;
                if higher {
                    *known = newer;
                }
                higher
            });
        }
    }
}

/// Sends. A link that has ended meanwhile says so itself.
pub(super) fn tell(link: &LinkSender, envelope: Envelope) {
    let _ = link.send(&AdminMessage::Monitor(envelope));
}
