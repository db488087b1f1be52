//! Commands that end everything: whom they may end. A cluster that is started after one was answered, or after nobody is left
//! whom it was meant for, is another cluster.

use std::collections::BTreeMap;

use super::{Judge, Rule};
use crate::simulation::core::{Life, Micros, Node, SECOND};

/// Clocks of masters differ by a second here, and those under test take it for two more; so much later a process that begins may still
/// be taken for one of the cluster.
const SLACK: Micros = 4 * SECOND;
/// So long after somebody was ended in order the others may be, also if nobody of old lives any more: the order is under way.
const UNDERWAY: Micros = 12 * SECOND;

/// The commands, and the processes that live.
#[derive(Default)]
pub(super) struct Wholes {
    all: BTreeMap<String, Whole>,
    /// Masters and servers.
    living: BTreeMap<Life, Micros>,
    /// Everybody who ever lived.
    born: BTreeMap<Life, Micros>,
}

#[derive(Default)]
struct Whole {
    /// When it was last accepted.
    accepted: Option<Micros>,
    answered: Option<Micros>,
    /// When it last ended somebody who was meant.
    ended: Option<Micros>,
}

impl Judge {
    /// A process begins; `member` if it is a master or a server.
    pub(in crate::simulation) fn began(&mut self, life: Life, member: bool, now: Micros) {
        self.wholes.born.insert(life, now);
        if member {
            self.wholes.living.insert(life, now);
        }
    }

    pub(in crate::simulation) fn is_gone(&mut self, life: Life) {
        self.wholes.living.remove(&life);
    }

    /// A tool wants everything to end.
    pub(super) fn whole_asked(&mut self, op: &str) {
        self.wholes.all.entry(op.to_owned()).or_default();
    }

    /// Whether this is such a command, of which a master writes the record now.
    pub(in crate::simulation) fn whole_recorded(&mut self, op: &str, now: Micros) -> bool {
        let Some(whole) = self.wholes.all.get_mut(op) else { return false };
        whole.accepted = Some(now);
        true
    }

    pub(super) fn whole_answered(&mut self, op: &str, now: Micros) {
        self.count("everything ended");
        if let Some(whole) = self.wholes.all.get_mut(op) {
            whole.answered.get_or_insert(now);
        }
    }

    /// Whether there ever was one.
    pub(in crate::simulation) fn any_whole(&self) -> bool {
        !self.wholes.all.is_empty()
    }

    /// Whether a process began before a time.
    pub(in crate::simulation) fn is_born_before(&self, life: Life, when: Micros) -> bool {
        self.wholes.born.get(&life).is_some_and(|born| *born < when)
    }

    /// A process ends because everything is to end.
    pub(in crate::simulation) fn ends_with_everything(&mut self, me: (Node, Life), now: Micros) {
        let Wholes { all, living, born } = &mut self.wholes;
        let born = born.get(&me.1).copied().unwrap_or_default();
        let mut meant = false;
        for whole in all.values_mut() {
            let directly = match (whole.answered, whole.accepted) {
                (Some(answered), accepted) => born <= answered.max(accepted.unwrap_or_default() + SLACK),
                // Who was there then is meant, also if it is the last one.
                (None, Some(accepted)) => {
                    born <= accepted + SLACK || living.values().any(|born| *born <= accepted + SLACK)
                }
                (None, None) => true,
            };
            if directly && whole.answered.is_none() {
                whole.ended = Some(now);
            }
            meant |= directly || whole.ended.is_some_and(|ended| now - ended <= UNDERWAY);
        }
        if !meant {
            self.breaks(Rule::I6, || {
                format!("{me:?} is ended by an order that was meant for another cluster")
            });
        }
    }
}
