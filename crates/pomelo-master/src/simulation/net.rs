//! The network: connections with first-in-first-out delivery in each direction, refused dials, resets, silence, and cuts of
//! one direction between two machines. A cut loses nothing by itself (TCP repeats); what is lost is lost with its connection.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    rc::Rc,
};

use pomelo_protocol::admin::AdminMessage;

use super::core::{Core, Ev, Life, MS, Micros, Node, SECOND, What, machine};

pub(super) type ConnId = usize;

/// Silence after which an end gives a connection up: what followers and masters use.
const SILENCE_MAX: Micros = 10 * SECOND;
/// How long a dial into nothing takes.
const DIAL_TIMEOUT: Micros = 5 * SECOND;
/// What arrives while a direction is cut is tried again so much later.
const CUT_RETRY: Micros = 40 * MS;

/// What travels.
#[derive(Clone, Debug)]
enum Packet {
    Message(Rc<AdminMessage>),
    /// The end of the stream.
    Fin {
        clean: bool,
    },
}

/// One end of a connection.
#[derive(Debug)]
struct End {
    node: Node,
    life: Life,
    open: bool,
    /// On its way to this end.
    coming: VecDeque<Packet>,
    pumping: bool,
    /// When something, a ping included, last came.
    heard: Micros,
}

#[derive(Debug)]
struct Conn {
    /// Who dialled, who was dialled.
    ends: [End; 2],
}

#[derive(Default)]
pub(super) struct Net {
    conns: BTreeMap<ConnId, Conn>,
    last: ConnId,
    /// From, to: machines.
    cut: BTreeSet<(Node, Node)>,
    /// Who is there, and whether it runs: `None` is dead.
    pub(super) alive: BTreeMap<Node, (Life, bool)>,
    connected: BTreeMap<(Node, Node), Micros>,
}

impl Net {
    pub(super) fn cut(&mut self, from: Node, to: Node) {
        self.cut.insert((machine(from), machine(to)));
    }

    pub(super) fn mend_all(&mut self) {
        self.cut.clear();
    }

    pub(super) fn is_cut(&self, from: Node, to: Node) -> bool {
        self.cut.contains(&(machine(from), machine(to)))
    }

    /// The process at the other end.
    pub(super) fn peer(&self, conn: ConnId, node: Node) -> Option<(Node, Life)> {
        let ends = &self.conns.get(&conn)?.ends;
        let peer = if ends[0].node == node { &ends[1] } else { &ends[0] };
        Some((peer.node, peer.life))
    }

    /// Whether one end is there.
    pub(super) fn has(&self, conn: ConnId, node: Node) -> bool {
        self.conns.get(&conn).is_some_and(|conn| conn.ends.iter().any(|end| end.node == node))
    }

    /// Whether this end is open.
    pub(super) fn is_open(&self, conn: ConnId, node: Node) -> bool {
        self.conns.get(&conn).is_some_and(|conn| conn.ends.iter().any(|end| end.node == node && end.open))
    }

    /// When this end last heard the other one.
    pub(super) fn heard(&self, conn: ConnId, node: Node) -> Option<Micros> {
        let ends = &self.conns.get(&conn)?.ends;
        ends.iter().find(|end| end.node == node).map(|end| end.heard)
    }

    /// The process at the other end, if both ends are open.
    pub(super) fn open_peer(&self, conn: ConnId, node: Node) -> Option<(Node, Life)> {
        let ends = &self.conns.get(&conn)?.ends;
        ends.iter().all(|end| end.open).then(|| self.peer(conn, node))?
    }

    /// When two nodes last had a connection with both ends open.
    pub(super) fn last_connected(&self, a: Node, b: Node) -> Option<Micros> {
        self.connected.get(&(a.min(b), a.max(b))).copied()
    }

    pub(super) fn open_conns(&self) -> Vec<ConnId> {
        self.conns.keys().copied().collect()
    }
}

impl Core {
    pub(super) fn dial(&mut self, me: (Node, Life), to: Node) {
        let delay = self.delay();
        self.after(delay, Ev::Dial { from: me.0, life: me.1, to });
    }

    /// The first packet of a dial arrives.
    pub(super) fn dialled(&mut self, from: Node, life: Life, to: Node) {
        let back = self.delay();
        if self.net.is_cut(from, to) || self.net.is_cut(to, from) {
            return self.after(DIAL_TIMEOUT, Ev::To(from, life, What::NotOpened { to, refused: false }));
        }
        let Some(&(to_life, _)) = self.net.alive.get(&to) else {
            return self.after(back, Ev::To(from, life, What::NotOpened { to, refused: true }));
        };
        let end = |node, life, heard| End {
            node,
            life,
            open: true,
            coming: VecDeque::new(),
            pumping: false,
            heard,
        };
        self.net.last += 1;
        let conn = self.net.last;
        self.net.conns.insert(conn, Conn { ends: [end(from, life, self.now), end(to, to_life, self.now)] });
        self.after(back, Ev::To(from, life, What::Opened { to, conn }));
    }

    /// Sends on a connection; nothing happens if it has ended.
    pub(super) fn send(&mut self, conn: ConnId, from: Node, message: Rc<AdminMessage>) {
        self.put(conn, from, Packet::Message(message));
    }

    /// Closes this end, after what was sent before.
    pub(super) fn close(&mut self, conn: ConnId, from: Node, clean: bool) {
        self.put(conn, from, Packet::Fin { clean });
        let Some(conn) = self.net.conns.get_mut(&conn) else { return };
        if let Some(end) = conn.ends.iter_mut().find(|end| end.node == from) {
            end.open = false;
            end.coming.clear();
        }
    }

    fn put(&mut self, id: ConnId, from: Node, packet: Packet) {
        let Some(conn) = self.net.conns.get_mut(&id) else { return };
        let (mine, theirs) = if conn.ends[0].node == from { (0, 1) } else { (1, 0) };
        if !conn.ends[mine].open || !conn.ends[theirs].open {
            return;
        }
        conn.ends[theirs].coming.push_back(packet);
        if !std::mem::replace(&mut conn.ends[theirs].pumping, true) {
            let delay = self.delay();
            self.after(delay, Ev::Pump(id, theirs));
        }
    }

    /// The next packet to one end of a connection arrives, unless the way there is cut.
    pub(super) fn pump(&mut self, id: ConnId, to: usize) {
        let Some(conn) = self.net.conns.get_mut(&id) else { return };
        let from = conn.ends[1 - to].node;
        let end = &mut conn.ends[to];
        if self.net.cut.contains(&(machine(from), machine(end.node))) && end.open {
            return self.after(CUT_RETRY, Ev::Pump(id, to));
        }
        let Some(packet) = end.coming.pop_front().filter(|_| end.open) else {
            end.pumping = false;
            return;
        };
        end.heard = self.now;
        let more = !end.coming.is_empty();
        end.pumping = more;
        let (node, life) = (end.node, end.life);
        let what = match packet {
            Packet::Message(message) => What::Message { conn: id, message },
            Packet::Fin { clean } => {
                end.open = false;
                What::Closed { conn: id, clean }
            }
        };
        self.at(self.now, Ev::To(node, life, what));
        if more {
            let delay = if self.chance(80) { self.rng.u64(1..100) } else { self.delay() };
            self.after(delay, Ev::Pump(id, to));
        }
    }

    /// Both ends hear that the connection broke; what was on its way may be lost.
    pub(super) fn reset(&mut self, id: ConnId) {
        let keep = self.rng.bool();
        let Some(conn) = self.net.conns.get_mut(&id) else { return };
        for end in conn.ends.iter_mut().filter(|end| end.open) {
            if !keep {
                end.coming.clear();
            }
            end.coming.push_back(Packet::Fin { clean: false });
        }
        for to in 0..2 {
            self.start_pump(id, to);
        }
    }

    fn start_pump(&mut self, id: ConnId, to: usize) {
        let Some(conn) = self.net.conns.get_mut(&id) else { return };
        let end = &mut conn.ends[to];
        if !end.coming.is_empty() && !std::mem::replace(&mut end.pumping, true) {
            let delay = self.delay();
            self.after(delay, Ev::Pump(id, to));
        }
    }

    /// The kernel closes what a dead process had. What it had sent still arrives, or not; but for connections that it had closed
    /// itself: who ends in order has waited until everything was read.
    pub(super) fn process_gone(&mut self, node: Node, life: Life) {
        let flushed = self.chance(70);
        for id in self.net.open_conns() {
            let Some(conn) = self.net.conns.get_mut(&id) else { continue };
            let Some(mine) = conn.ends.iter().position(|end| (end.node, end.life) == (node, life)) else {
                continue;
            };
            let closed = !std::mem::replace(&mut conn.ends[mine].open, false);
            conn.ends[mine].coming.clear();
            let other = &mut conn.ends[1 - mine];
            if other.open && !closed {
                if !flushed {
                    other.coming.clear();
                }
                other.coming.push_back(Packet::Fin { clean: false });
                self.start_pump(id, 1 - mine);
            }
        }
    }

    /// Pings arrive where nothing is in the way; where none came for long, the connection is given up.
    pub(super) fn sweep_conns(&mut self) {
        let mut silent = Vec::new();
        let Net { conns, cut, alive, connected, .. } = &mut self.net;
        conns.retain(|_, conn| conn.ends.iter().any(|end| end.open));
        for (id, conn) in conns {
            let [one, other] = &conn.ends;
            if one.open && other.open {
                connected.insert((one.node.min(other.node), one.node.max(other.node)), self.now);
            }
            for to in 0..2 {
                let runs = |end: &End| alive.get(&end.node) == Some(&(end.life, true));
                let (from, end) = (&conn.ends[1 - to], &conn.ends[to]);
                if !end.open || !runs(end) {
                    continue;
                }
                let way = (machine(from.node), machine(end.node));
                if from.open && runs(from) && !cut.contains(&way) {
                    conn.ends[to].heard = self.now;
                } else if self.now.saturating_sub(end.heard) > SILENCE_MAX {
                    silent.push((*id, to));
                }
            }
        }
        for (id, to) in silent {
            let Some(conn) = self.net.conns.get(&id) else { continue };
            let (node, life) = (conn.ends[to].node, conn.ends[to].life);
            self.close(id, node, false);
            self.at(self.now, Ev::To(node, life, What::Closed { conn: id, clean: false }));
        }
    }
}
