//! How faults are carried out.

use super::*;
use crate::simulation::faults::{Fault, Target};

impl World {
    fn resolve(&mut self, target: Target) -> Option<Node> {
        if let Some(node) = target.fixed() {
            return Some(node);
        }
        let leader = self.leader();
        if target == Target::Leader {
            return leader;
        }
        let others: Vec<_> = self.masters.iter().copied().filter(|master| Some(*master) != leader).collect();
        self.core.rng.choice(&others).copied()
    }

    pub(super) fn fault(&mut self, fault: Fault) {
        self.core.trace(|| format!("FAULT {fault:?}"));
        match fault {
            Fault::Crash(target) => self.on_process(target, |world, node, life| {
                world.end(node, life, true);
                world.start_later(node);
            }),
            Fault::Terminate(target) => self.on_process(target, |world, node, life| {
                world.core.at(world.core.now, Ev::To(node, life, What::Terminate));
                world.start_later(node);
            }),
            Fault::Start(_) if self.dark => {}
            Fault::Start(node) if self.procs.contains_key(&node) => self.start_later(node),
            Fault::Start(node) if node >= AGENTS => self.start_agent(node),
            Fault::Start(node) => self.start_master(node),
            Fault::Freeze(target) => self.on_process(target, |world, node, _| world.pause(node)),
            Fault::Thaw(node) => self.freeze(node, false),
            Fault::Cut(ways) => {
                let mut known: Vec<(Target, Option<Node>)> = Vec::new();
                for (from, to) in ways {
                    for target in [from, to] {
                        if !known.iter().any(|(of, _)| *of == target) {
                            let node = self.resolve(target);
                            known.push((target, node));
                        }
                    }
                    let one = |target| known.iter().find(|(of, _)| *of == target).and_then(|(_, node)| *node);
                    if let (Some(from), Some(to)) = (one(from), one(to)) {
                        self.core.trace(|| format!("cut from {from} to {to}"));
                        self.core.net.cut(from, to);
                    }
                }
            }
            Fault::Mend => self.core.net.mend_all(),
            Fault::Reset(target) => {
                if let Some(node) = self.resolve(target) {
                    let all = self.core.rng.bool();
                    for conn in self.core.net.open_conns() {
                        if self.core.net.has(conn, node) && (all || self.core.rng.bool()) {
                            self.core.reset(conn);
                        }
                    }
                }
            }
            Fault::ResetStore(target) => {
                if let Some(node) = self.resolve(target) {
                    self.core.store_reset(node);
                }
            }
            Fault::StoreAway => self.core.store_up(false),
            Fault::StoreBack => self.core.store_up(true),
            Fault::Expire(target) => {
                if let Some(node) = self.resolve(target) {
                    self.core.expire_of(node);
                }
            }
            Fault::RemovePlace => {
                let names: Vec<_> = self.core.store.head().places.iter().map(|p| p.name.clone()).collect();
                if let Some(name) = self.core.rng.choice(&names).cloned() {
                    self.core.store_remove(&name);
                }
            }
            Fault::RemoveFirst => {
                let first = self.core.store.head().places.iter().min_by_key(|place| place.sequence);
                if let Some(name) = first.map(|place| place.name.clone()) {
                    self.core.store_remove(&name);
                }
            }
            Fault::Dark => {
                self.dark = true;
                for node in self.masters.clone() {
                    if let Some(life) = self.procs.get(&node).map(|proc| proc.life) {
                        self.end(node, life, true);
                    }
                }
            }
            Fault::PowerLoss => {
                self.core.judge.count("power lost");
                self.agent_died = true;
                let all: Vec<_> = self.procs.iter().map(|(node, proc)| (*node, proc.life)).collect();
                for (node, life) in all {
                    if (CLIENTS..SERVERS).contains(&node) {
                        continue;
                    }
                    self.end(node, life, true);
                    if !(GUARDIANS..AGENTS).contains(&node) && node < CLIENTS {
                        self.start_later(node);
                    }
                }
            }
            Fault::Damage(target, damage) => {
                if let Some(node) = self.resolve(target) {
                    self.core.damage(node, damage);
                }
            }
            Fault::CrashGuardian => {
                let all: Vec<_> =
                    self.procs.range(GUARDIANS..AGENTS).map(|(n, proc)| (*n, proc.life)).collect();
                if let Some((node, life)) = self.core.rng.choice(&all).copied() {
                    self.end(node, life, true);
                }
            }
            Fault::CrashAgent => {
                let node = AGENTS + self.core.rng.usize(..self.agents);
                self.fault(Fault::Crash(Target::This(node)));
            }
            // A machine stands still, or some process on it.
            Fault::FreezeMachine(target) => {
                if let Some(master) = self.resolve(target) {
                    self.pause(master);
                    self.pause(GUARDIANS + master);
                }
            }
            Fault::FreezeOther => {
                let others: Vec<_> = self.procs.range(AGENTS..).map(|(node, _)| *node).collect();
                if let Some(node) = self.core.rng.choice(&others).copied() {
                    self.pause(node);
                }
            }
            Fault::CrashServer => {
                let all: Vec<_> = self.servers().map(|(node, life, _)| (node, life)).collect();
                if let Some((node, life)) = self.core.rng.choice(&all).copied() {
                    self.end(node, life, true);
                }
            }
            Fault::StartServer => {
                let n = self.core.rng.usize(..self.ids.len());
                let agent = self.agent_of(n);
                if let Some(life) = self.procs.get(&agent).map(|proc| proc.life) {
                    let want = What::Want(self.ids[n].clone());
                    self.core.at(self.core.now, Ev::To(agent, life, want));
                }
            }
        }
    }

    fn on_process(&mut self, target: Target, what: impl FnOnce(&mut Self, Node, Life)) {
        if let Some(node) = self.resolve(target)
            && let Some(proc) = self.procs.get(&node)
        {
            let life = proc.life;
            what(self, node, life);
        }
    }

    pub(super) fn start_later(&mut self, node: Node) {
        if self.closing {
            return;
        }
        let pause = match self.core.rng.u32(..3) {
            0 => self.core.rng.u64(MS..300 * MS),
            1 => self.core.rng.u64(300 * MS..5 * SECOND),
            _ => self.core.rng.u64(2 * SECOND..30 * SECOND),
        };
        self.core.after(pause, Ev::Fault(Fault::Start(node)));
    }

    pub(super) fn freeze(&mut self, node: Node, frozen: bool) {
        let Some(proc) = self.procs.get_mut(&node) else { return };
        proc.frozen = frozen;
        let life = proc.life;
        self.core.net.alive.insert(node, (life, !frozen));
        if !frozen {
            for what in std::mem::take(&mut proc.deferred) {
                self.core.at(self.core.now, Ev::To(node, life, what));
            }
        }
    }

    fn pause(&mut self, node: Node) {
        self.freeze(node, true);
        let pause = match self.core.rng.u32(..3) {
            0 => self.core.rng.u64(10 * MS..900 * MS),
            _ => self.core.rng.u64(500 * MS..7 * SECOND),
        };
        self.core.after(pause, Ev::Fault(Fault::Thaw(node)));
    }
}
