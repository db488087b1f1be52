//! The guardian of one master: the real [`GuardianState`], with a pipe, a clock and a session of its own at the store.

use pomelo_cluster::{
    coordinator::Obituary,
    guardian::{Action, Event, FromMaster, GuardianState},
};

use super::core::{Core, Ev, GUARDIANS, Life, MS, Micros, Node, STORE, Timer, What};

/// Silence after which it kills. Looks are a tenth of it, and cost time here.
const SILENCE_MS: u64 = 1_000;
const LOOK: Micros = SILENCE_MS * MS / 10;
/// After so many looks the session has ended by itself.
const EVICT_TRIES: u32 = 40;

pub(super) struct Guardian {
    me: (Node, Life),
    state: GuardianState,
    /// The life it guards.
    guards: Option<Life>,
    ready: bool,
    evicting: Vec<(String, u32)>,
}

impl Guardian {
    pub(super) fn new(core: &mut Core, me: (Node, Life)) -> Self {
        core.timer(me, LOOK, Timer::Guard);
        let state = GuardianState::new(SILENCE_MS, core.rng.bool());
        Self { me, state, guards: None, ready: false, evicting: Vec::new() }
    }

    fn master(&self) -> Node {
        self.me.0 - GUARDIANS
    }

    pub(super) fn started(&mut self, core: &mut Core, life: Life) {
        self.guards = Some(life);
        let pid = u32::try_from(life).unwrap_or_default();
        self.take(core, Event::Started { pid });
    }

    pub(super) fn on(&mut self, core: &mut Core, what: What) {
        match what {
            What::Timer(Timer::Guard) => {
                core.timer(self.me, LOOK, Timer::Guard);
                self.evict(core);
                // The master beats as long as it runs.
                let runs = core
                    .net
                    .alive
                    .get(&self.master())
                    .is_some_and(|(life, runs)| *runs && self.guards == Some(*life));
                if runs {
                    self.take(core, Event::Line(FromMaster::Beat));
                }
                self.take(core, Event::StandbyReady(self.ready));
                self.take(core, Event::Tick);
            }
            What::Place(place) => {
                let place = place.map(|node| Obituary::ZooKeeper {
                    servers: "model".to_owned(),
                    node,
                    auth: None,
                    session_timeout_ms: 2_000,
                });
                self.take(core, Event::Line(FromMaster::Place(place)));
            }
            What::Child { well, .. } => {
                self.guards = None;
                if core.rng.bool() {
                    // The end of the pipe comes before that of the process.
                    self.take(core, Event::Dying);
                }
                self.take(core, Event::Exited { well });
            }
            _ => {}
        }
    }

    /// What its own links to the masters say, at its next look.
    pub(super) fn sees_ready(&mut self, ready: bool) {
        self.ready = ready;
    }

    fn take(&mut self, core: &mut Core, event: Event) {
        let now = core.instant();
        for action in self.state.on(event, now) {
            match action {
                Action::Kill => {
                    if let Some(life) = self.guards {
                        core.judge.count("killed for silence");
                        core.trace(|| format!("guardian kills master {}", self.master()));
                        core.judge.killed_for_silence(
                            (self.master(), life),
                            core.net.alive.get(&self.master()) == Some(&(life, true)),
                        );
                        core.ends.push((self.master(), life));
                    }
                }
                Action::Evict(Obituary::ZooKeeper { node, .. }) => {
                    core.judge.count("place freed by a guardian");
                    self.evicting.push((node, 0));
                    self.evict(core);
                }
                Action::Restart { after } => {
                    let after = u64::try_from(after.as_micros()).unwrap_or_default();
                    core.after(after, Ev::StartMaster(self.master()));
                }
                Action::Evict(_) | Action::Defer | Action::Say(_) => {}
            }
        }
    }

    /// Its own session asks the store, which may not hear it.
    fn evict(&mut self, core: &mut Core) {
        let heard = core.store_is_up() && !core.net.is_cut(self.me.0, STORE);
        for (node, tries) in std::mem::take(&mut self.evicting) {
            if heard {
                let delay = core.delay();
                core.after(delay, Ev::Remove(node));
            } else if tries < EVICT_TRIES {
                self.evicting.push((node, tries + 1));
            }
        }
    }
}
