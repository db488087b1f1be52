//! What the processes of a machine remember of the cluster for their next start, as `pomelo_cluster::memory` and `follow` keep it: one file
//! for a machine, replaced by whoever knows more; old, torn, lost or somebody else's now and then. Not here: its format.

use std::collections::BTreeMap;

use pomelo_cluster::{
    follower::EPOCH_JUMP_MAX,
    membership::{Version, View},
    memory::Memory,
};

use super::{
    core::{Core, Node, machine},
    flaws::Flaw,
    judge::Rule,
};

/// What was in a file before.
const BEFORE_MAX: usize = 4;

/// The files.
#[derive(Default)]
pub(super) struct Memories(BTreeMap<Node, File>);

#[derive(Default)]
struct File {
    /// What it holds; nothing, if there is none or it is torn.
    now: Option<Memory>,
    before: Vec<Memory>,
    /// The highest epoch that was written since anybody had his hands in it.
    floor: u64,
}

/// What happens to a file.
#[derive(Clone, Copy, Debug)]
pub(super) enum Damage {
    /// It is gone, or half of it is.
    Lost,
    /// One that was there before is put back.
    Old,
    /// It holds an epoch that can't be.
    Absurd,
}

impl Core {
    /// What a process that begins finds.
    pub(super) fn remembered(&mut self, me: (Node, u64)) -> Memory {
        let Some(file) = self.memories.0.get(&machine(me.0)) else { return Memory::default() };
        let (memory, floor) = (file.now.clone().unwrap_or_default(), file.floor);
        if memory != Memory::default() {
            self.judge.count("began with memory");
        }
        self.judge.saw(me, floor);
        memory
    }

    /// A process writes what it knows, unless the file knows as much.
    pub(super) fn remember(&mut self, node: Node, memory: Memory) {
        let careless = self.is(Flaw::M1WritesWhatItKnows);
        let file = self.memories.0.entry(machine(node)).or_default();
        let age = |memory: &Memory| (memory.max_epoch, memory.view.version);
        let known = file.now.as_ref().map(age);
        let known = known.filter(|(epoch, _)| *epoch <= memory.max_epoch.saturating_add(EPOCH_JUMP_MAX));
        if known.is_some_and(|known| known >= age(&memory)) && !careless {
            return;
        }
        let (epoch, floor) = (memory.max_epoch, file.floor);
        file.before.extend(file.now.replace(memory));
        if file.before.len() > BEFORE_MAX {
            file.before.remove(0);
        }
        file.floor = epoch.max(floor);
        if epoch < floor {
            self.judge
                .breaks(Rule::I3, || format!("machine of {node} remembers epoch {epoch} after {floor}"));
        }
    }

    pub(super) fn damage(&mut self, node: Node, damage: Damage) {
        let pick = self.rng.usize(..BEFORE_MAX);
        let Some(file) = self.memories.0.get_mut(&machine(node)) else { return };
        file.floor = 0;
        match damage {
            Damage::Lost => file.now = None,
            Damage::Old => {
                if let Some(old) = file.before.get(pick) {
                    file.now = Some(old.clone());
                }
            }
            Damage::Absurd => {
                let epoch = u64::MAX - 1;
                let view = file.now.take().unwrap_or_default().view;
                let view = View { version: Version { epoch, rev: 0 }, ..view };
                file.now = Some(Memory { max_epoch: epoch, view });
            }
        }
    }
}
