//! Connections to the store and sessions: who is heard, who is not, and what becomes of it.

use super::*;

impl Core {
    /// The whole ensemble is away, or back. Nothing expires while it is away: nobody is there who could expire it.
    pub(in crate::simulation) fn store_up(&mut self, up: bool) {
        self.store.up = up;
        let now = self.now;
        self.store.clients.values_mut().for_each(|client| client.heard = now);
    }

    /// Until when a session may be taken for granted: its client asks all the time, and counts from when it asked.
    pub(in crate::simulation) fn lease_until(&self, session: Session) -> Option<Micros> {
        self.store.clients.get(&session).map(|client| client.heard + LEASE)
    }

    pub(in crate::simulation) fn store_is_up(&self) -> bool {
        self.store.up
    }

    /// Takes a session, or a node, away, as a guardian or an administrator does.
    pub(in crate::simulation) fn store_remove(&mut self, name: &str) {
        let fired = self.store.remove(name);
        self.fire(fired);
    }

    /// Breaks the connections of a process to the store: what is on its way is done or not.
    pub(in crate::simulation) fn store_reset(&mut self, node: Node) {
        let of = |client: &Client| client.node == node && client.connected && !client.expired;
        let sessions: Vec<_> =
            self.store.clients.iter().filter(|(_, c)| of(c)).map(|(session, _)| *session).collect();
        for session in sessions {
            self.disconnect(session);
        }
    }

    fn disconnect(&mut self, session: Session) {
        let reached = self.store.up;
        let Some(client) = self.store.clients.get_mut(&session) else { return };
        let asked = std::mem::take(&mut client.asked);
        client.connected = false;
        let reached = reached && !self.net.is_cut(client.node, STORE);
        let done = if reached { self.rng.usize(..=asked.len()) } else { 0 };
        for (_, ask) in asked.into_iter().take(done) {
            self.execute(session, ask);
        }
        self.reply(session, |()| What::StoreDown(session));
    }

    pub(in crate::simulation) fn expire(&mut self, session: Session) {
        let Some(client) = self.store.clients.get_mut(&session) else { return };
        client.expired = true;
        let gone = |place: &&Place| place.session == session;
        let names: Vec<_> = self.store.head().places.iter().filter(gone).map(|p| p.name.clone()).collect();
        self.store.watches.retain(|(_, of, _)| *of != session);
        self.trace(|| format!("store: session {session} expires, nodes {names:?}"));
        for name in names {
            self.store_remove(&name);
        }
    }

    /// Ends the sessions of a process that does not know.
    pub(in crate::simulation) fn expire_of(&mut self, node: Node) {
        let of = |client: &Client| client.node == node && !client.expired;
        let mut sessions = Vec::new();
        sessions.extend(self.store.clients.iter().filter(|(_, c)| of(c)).map(|(session, _)| *session));
        for session in sessions {
            self.expire(session);
        }
    }

    /// Ends a session on its owner's wish.
    pub(in crate::simulation) fn end_session(&mut self, session: Session) {
        self.expire(session);
        self.store.clients.remove(&session);
    }

    /// Who has not been heard, and who is heard again.
    pub(in crate::simulation) fn sweep_sessions(&mut self) {
        let sessions: Vec<_> = self.store.clients.keys().copied().collect();
        for session in sessions {
            let Some(client) = self.store.clients.get(&session) else { continue };
            let (node, life, heard, connected) = (client.node, client.life, client.heard, client.connected);
            let reaches = self.reaches(node, life);
            let slack = self.rng.u64(..TICK);
            let runs = self.net.alive.get(&node) == Some(&(life, true));
            let Some(client) = self.store.clients.get_mut(&session) else { continue };
            if reaches && connected && !client.expired {
                client.heard = self.now;
            } else if connected && runs && (!self.store.up || self.now - heard > SUSPECT || client.expired) {
                self.disconnect(session);
            } else if reaches && !connected && self.rng.bool() {
                self.reconnect(session);
            }
            if self.store.up && self.now.saturating_sub(heard) > SESSION + slack {
                let expired = self.store.clients.get(&session).is_some_and(|client| client.expired);
                if !expired {
                    self.expire(session);
                }
            }
            let dead = self.net.alive.get(&node).is_none_or(|(living, _)| *living != life);
            if dead && self.store.clients.get(&session).is_some_and(|client| client.expired) {
                self.store.clients.remove(&session);
            }
        }
    }

    fn reconnect(&mut self, session: Session) {
        let zxid = self.store.zxid;
        let Some(client) = self.store.clients.get_mut(&session) else { return };
        if client.expired {
            self.reply(session, |()| What::StoreExpired(session));
            self.store.clients.remove(&session);
            return;
        }
        client.connected = true;
        client.heard = self.now;
        // The new server is asked by the leader, whose word comes behind everything done before.
        client.seen = zxid;
        client.serving = true;
        let delay = self.delay();
        self.reply(session, |()| What::StoreUp(session));
        self.after(delay, Ev::Serve(session));
    }
}
