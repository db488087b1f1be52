//! What must hold, whatever happens: I1 to I6 of the design, checked as things happen, the bound on messages, and I8, that what
//! administrators were told is true ([`wishes`]). I7, that all ends well, is [`super::world`]'s.

mod whole;
mod wishes;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use pomelo_cluster::messages::MONITOR_WATCHER;
use pomelo_protocol::{
    ServerId,
    admin::{AdminMessage, Envelope},
};

pub(super) use self::wishes::Has;
use self::{whole::Wholes, wishes::Wishes};
use super::core::{Life, MS, Micros, Node, SECOND};

/// A rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rule {
    /// No epoch has two owners; only the first in the queue is promoted.
    I1,
    /// Nobody obeys an epoch below one it has seen.
    I2,
    /// Epochs strictly increase.
    I3,
    /// An operation runs at most once in each life of its target.
    I4,
    /// Nothing is started or killed for an older claim; never two registered servers with one id.
    I5,
    /// No living server is removed or killed because the master changes.
    I6,
    /// When faults stop, all is well soon.
    I7,
    /// What an administrator was told that it is done lasts.
    I8,
    /// A change of master costs messages in proportion to the servers.
    Messages,
}

/// A rule that was broken, and how.
#[derive(Clone, Debug)]
pub(super) struct Broken {
    pub(super) rule: Rule,
    pub(super) how: String,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.rule, self.how)
    }
}

/// The beginning of a term, as long as messages are counted.
#[derive(Debug)]
struct Term {
    until: Micros,
    peers: usize,
    changes: usize,
    messages: usize,
    steps: usize,
}

/// When somebody has led for so long, nobody speaks of a dead server any more.
const FORGOTTEN: Micros = 16 * SECOND;
/// Who leads does something every tenth of a second.
const LED_MAX: Micros = 200 * MS;
/// How long messages are counted.
const COUNTED: Micros = SECOND;

#[derive(Default)]
pub(super) struct Judge {
    broken: Option<Broken>,
    owners: BTreeMap<u64, (Node, Life)>,
    epoch: u64,
    seen: BTreeMap<(Node, Life), u64>,
    /// Operations that each life has run.
    ran: BTreeSet<(Node, Life, String)>,
    terms: BTreeMap<(Node, Life), Term>,
    /// Servers that a tool has asked to be ended.
    to_end: BTreeSet<ServerId>,
    /// Processes that are on their way out for a reason that is in order.
    excused: BTreeSet<(Node, Life)>,
    counts: BTreeMap<&'static str, u64>,
    /// When servers' processes began or ended, and for how long somebody had led until then.
    changes: Vec<(Micros, Micros)>,
    /// For how long somebody has led, and when last. What happens when nobody leads is told later.
    led: Micros,
    led_last: Micros,
    wishes: Wishes,
    wholes: Wholes,
}

impl Judge {
    pub(super) fn verdict(&mut self) -> Result<(), Broken> {
        self.broken.take().map_or(Ok(()), Err)
    }

    pub(super) fn breaks(&mut self, rule: Rule, how: impl FnOnce() -> String) {
        if self.broken.is_none() {
            self.broken = Some(Broken { rule, how: how() });
        }
    }

    /// Something worth counting has happened: what no schedule reaches is not tested.
    pub(super) fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    pub(super) fn counts(&self) -> &BTreeMap<&'static str, u64> {
        &self.counts
    }

    /// The store has granted an epoch.
    pub(super) fn promoted(&mut self, owner: (Node, Life), epoch: u64, lowest: bool) {
        self.count("promotion");
        if let Some(other) = self.owners.insert(epoch, owner) {
            self.breaks(Rule::I1, || format!("epoch {epoch} was granted to {other:?} and to {owner:?}"));
        }
        if !lowest {
            self.breaks(Rule::I1, || format!("{owner:?} was promoted and is not the first in the queue"));
        }
        let before = std::mem::replace(&mut self.epoch, epoch);
        if epoch <= before {
            self.breaks(Rule::I3, || format!("epoch {epoch} was granted after {before}"));
        }
    }

    /// A master acts in an epoch.
    pub(super) fn claims(&mut self, me: (Node, Life), epoch: u64, now: Micros) {
        self.led += (now - self.led_last).min(LED_MAX);
        self.led_last = now;
        let owner = self.owners.get(&epoch).copied();
        if owner != Some(me) {
            self.breaks(Rule::I1, || format!("epoch {epoch} belongs to {owner:?} and is claimed by {me:?}"));
        }
    }

    /// A process was shown an epoch.
    pub(super) fn saw(&mut self, me: (Node, Life), epoch: u64) {
        let seen = self.seen.entry(me).or_default();
        *seen = epoch.max(*seen);
    }

    /// A process does something because of a master in that epoch.
    pub(super) fn obeyed(&mut self, me: (Node, Life), epoch: u64) {
        let seen = self.seen.get(&me).copied().unwrap_or(0);
        if epoch < seen {
            self.breaks(Rule::I2, || format!("{me:?} obeys epoch {epoch} and has seen {seen}"));
        }
        self.saw(me, epoch);
    }

    /// A process executes an operation.
    pub(super) fn ran(&mut self, me: (Node, Life), op: &str) {
        self.count("operation run");
        if !self.ran.insert((me.0, me.1, op.to_owned())) {
            self.breaks(Rule::I4, || format!("{me:?} runs operation {op} again"));
        }
        self.look_whether_refused(me, op);
    }

    /// A server was told to end.
    pub(super) fn told_to_end(&mut self, me: (Node, Life), id: &ServerId) {
        self.excused.insert(me);
        if !self.to_end.contains(id) {
            self.breaks(Rule::I6, || format!("server {id} {me:?} is ended and nobody has asked for that"));
        }
    }

    /// A process ends for a reason that is in order: a later life of its server has registered.
    pub(super) fn excused(&mut self, me: (Node, Life)) {
        self.excused.insert(me);
    }

    /// A server's process is gone; `fault` if the schedule killed it.
    pub(super) fn ended(&mut self, me: (Node, Life), fault: bool, now: Micros) {
        if !fault && !self.excused.contains(&me) {
            self.breaks(Rule::I6, || format!("the living server {me:?} ended for no reason of its own"));
        }
        self.server_changed(now);
    }

    /// A guardian kills its master because that is silent.
    pub(super) fn killed_for_silence(&mut self, master: (Node, Life), runs: bool) {
        if runs {
            self.breaks(Rule::I6, || format!("the guardian of {master:?} kills it, and it runs"));
        }
    }

    /// An agent ends a life to begin another.
    pub(super) fn replaced(&mut self, id: &ServerId, old: u64, new: u64) {
        self.count("restart");
        if new <= old {
            self.breaks(Rule::I5, || format!("life {old} of server {id} is ended for the older claim {new}"));
        }
    }

    /// A process is started for a server, of which `newest` is the last registered life. Without an incarnation nobody has agreed.
    pub(super) fn spawned(&mut self, id: &ServerId, incarnation: Option<u64>, newest: Option<u64>) {
        self.look_whether_stopped(id);
        let incarnation = incarnation.unwrap_or_default();
        if let Some(newest) = newest.filter(|newest| *newest >= incarnation) {
            self.breaks(Rule::I5, || {
                format!("server {id} is started as life {incarnation}, and life {newest} is registered")
            });
        }
    }

    /// A server's process has begun or ended.
    pub(super) fn server_changed(&mut self, now: Micros) {
        self.changes.push((now, self.led));
        for term in self.terms.values_mut() {
            term.changes += 1;
        }
    }

    /// A master begins to lead; it knew the membership at the time `current`.
    pub(super) fn begins(&mut self, me: (Node, Life), now: Micros, current: Micros, peers: usize) {
        // Who went not long ago may be found missing, and removed, only now; and whoever was cut off has more to tell.
        let news = |(at, led): &&(Micros, Micros)| self.led - led < FORGOTTEN || at + FORGOTTEN > current;
        let changes = self.changes.iter().filter(news).count();
        let term = Term { until: now + COUNTED, peers, changes, messages: 0, steps: 0 };
        self.terms.insert(me, term);
    }

    pub(super) fn ends(&mut self, me: (Node, Life)) {
        self.terms.remove(&me);
    }

    /// Somebody came to this master or left it.
    pub(super) fn changed(&mut self, me: (Node, Life)) {
        if let Some(term) = self.terms.get_mut(&me) {
            term.changes += 1;
            term.peers += 1;
        }
    }

    /// A master sends one message to one peer.
    pub(super) fn sent(&mut self, me: (Node, Life), now: Micros, message: &AdminMessage) {
        let Some(term) = self.terms.get_mut(&me) else { return };
        if now > term.until {
            self.terms.remove(&me);
            return;
        }
        let AdminMessage::Monitor(envelope) = message else { return };
        term.messages += 1;
        if let Envelope::Request { module_id, body, .. } | Envelope::Notify { module_id, body, .. } = envelope
            && module_id == MONITOR_WATCHER
            && body["action"] != "startOver"
        {
            term.steps += 1;
        }
        let Term { peers, changes, messages, steps, .. } = *term;
        if steps > changes * peers || messages > (6 + 4 * changes) * peers + 10 {
            self.breaks(Rule::Messages, || {
                format!("{me:?} began to lead and has sent {messages} messages, {steps} of them about the membership, to {peers} peers, for {changes} changes, the last: {envelope:?}")
            });
        }
    }
}
