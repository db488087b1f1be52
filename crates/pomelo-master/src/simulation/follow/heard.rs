//! What masters say, and what the real state machine makes of it.

use super::*;

impl Follow {
    pub(super) fn message(&mut self, core: &mut Core, conn: ConnId, message: Rc<AdminMessage>) {
        let message = Rc::unwrap_or_clone(message);
        if let Some(master) = self.opening.get(&conn).copied() {
            let AdminMessage::Registered(reply) = message else { return };
            self.opening.remove(&conn);
            if !reply.is_ok() {
                core.close(conn, self.me.0, false);
                self.news.extend(reply.newer.map(News::Newer));
                return self.down(core, master, false, false);
            }
            self.up.insert(master, conn);
            self.dialled.insert(master, true);
            if !core.is(Flaw::F7LongPauses) {
                self.pauses.remove(&master);
            }
            if let Identity::Server(info) = &self.who {
                let body = json!({ "action": "record", "id": info.id });
                self.say(core, conn, Envelope::notify(MASTER_WATCHER, body));
            }
            self.news.push(News::Up);
            let up = LinkState {
                up: true,
                role: reply.cluster.as_ref().map(|state| state.role),
                ..LinkState::default()
            };
            self.states.insert(addr(master), up);
            if let Some(cluster) = &reply.cluster {
                core.judge.saw(self.me, cluster.view.epoch);
            }
            self.take(core, Event::Connected { addr: addr(master), state: reply.cluster });
            return;
        }
        let Some(master) = self.up.iter().find(|(_, up)| **up == conn).map(|(master, _)| *master) else {
            return;
        };
        let AdminMessage::Monitor(envelope) = message else { return };
        if self.deaf {
            return;
        }
        self.envelope(core, conn, master, envelope);
    }

    fn envelope(&mut self, core: &mut Core, conn: ConnId, master: Node, envelope: Envelope) {
        let epoch = envelope.epoch().unwrap_or(0);
        match envelope {
            Envelope::Response(response) => self.answered(core, master, response),
            Envelope::Request { req_id, module_id, body, .. } => {
                self.told(core, conn, master, epoch, Some(req_id), module_id, body);
            }
            Envelope::Notify { module_id, body, .. } => {
                self.told(core, conn, master, epoch, None, module_id, body);
            }
            Envelope::Command { .. } => {}
        }
    }

    fn answered(&mut self, core: &mut Core, master: Node, response: Response) {
        let Some(number) = response.resp_id.number() else { return };
        let Some((_, pending)) = self.pending.remove(&number) else { return };
        let result = response.into_result();
        match pending {
            Pending::Caller => {
                if let Err(Failure { leader: Some(leader), .. }) = &result {
                    core.judge.saw(self.me, leader.epoch);
                    self.take(core, Event::Moved { leader: Leader::from_wire(leader) });
                }
                self.news.push(News::Answer { number, result });
            }
            Pending::Snapshot => {
                let told = result.map_err(|failure| failure.message).and_then(|body| Told::snapshot(&body));
                match told {
                    Ok(told) => drop(self.news_of(core, master, told)),
                    Err(_) => drop(self.take(core, Event::NoSnapshot { addr: addr(master) })),
                }
            }
        }
    }

    /// Takes news of the membership; false if its sender was refused.
    fn news_of(&mut self, core: &mut Core, master: Node, told: Told) -> Option<Failure> {
        let addr = addr(master);
        let event = match told {
            Told::Announce(view) => {
                core.judge.saw(self.me, view.epoch);
                if view.epoch >= self.state.max_epoch() {
                    self.note(master, MasterRole::Active);
                }
                Event::Announce { addr, view }
            }
            Told::State(state) => {
                core.judge.saw(self.me, state.view.epoch);
                self.note(master, state.role);
                Event::State { addr, state }
            }
            Told::Step { version, change } => {
                let version = version?;
                core.judge.saw(self.me, version.epoch);
                Event::Step { addr, version, change }
            }
            Told::Candidate(back) => {
                let spread = core.rng.u64(..MS);
                core.timer(self.me, spread, Timer::Dial(node_of(&back)));
                return None;
            }
            Told::Snapshot { version, servers } => {
                let version = version?;
                let mut servers = servers;
                core.judge.saw(self.me, version.epoch);
                if self.is_server() && core.is(Flaw::F8OnlyAdds) {
                    let told: Vec<_> = servers.iter().map(|info| info.id.clone()).collect();
                    let known = self.state.view().servers.values();
                    servers
                        .extend(known.filter(|info| !told.contains(&info.id)).map(|info| (**info).clone()));
                }
                let view = View::new(version, servers);
                Event::Snapshot { addr, view }
            }
        };
        self.take(core, event)
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one frame")]
    fn told(
        &mut self,
        core: &mut Core,
        conn: ConnId,
        master: Node,
        epoch: u64,
        req_id: Option<ReqId>,
        module_id: String,
        body: Value,
    ) {
        let told = match Told::read(&module_id, &body) {
            Ok(told) => told,
            Err(why) => panic!("a master said what is not understood: {why}: {body}"),
        };
        let failure = match told {
            Some(told) => {
                // While one notification is worked on, the next finds no watch.
                let missed = self.is_server()
                    && core.is(Flaw::F4LostNotification)
                    && !matches!(told, Told::Snapshot { .. })
                    && std::mem::replace(&mut self.busy_until, core.now + BUSY) > core.now;
                if missed { None } else { self.news_of(core, master, told) }
            }
            None => {
                core.judge.saw(self.me, epoch);
                let failure = self.take(core, Event::Frame { addr: addr(master), epoch });
                let obeyed = failure.is_none() || (self.is_server() && core.is(Flaw::E5FramesWithoutEpoch));
                if obeyed {
                    core.judge.obeyed(self.me, epoch);
                    if module_id != MONITOR_WATCHER {
                        return self.order(core, conn, epoch, req_id, module_id, body);
                    }
                    None
                } else {
                    failure
                }
            }
        };
        if let Some(req_id) = req_id {
            let response = match failure {
                None => Response::in_error(req_id, json!(1)),
                Some(failure) => Response::failed(req_id, &failure),
            };
            self.say(core, conn, Envelope::Response(response));
        }
    }

    /// Takes an event to the state machine and does what it says; the refusal, if it was one.
    pub(super) fn take(&mut self, core: &mut Core, event: Event) -> Option<Failure> {
        let mut refused = None;
        let max_epoch = self.state.max_epoch();
        let actions = self.state.on(event);
        if self.state.max_epoch() != max_epoch || actions.contains(&Action::Publish) {
            self.changed(core);
        }
        for action in actions {
            match action {
                Action::Lead(leader) => {
                    self.roles(leader.as_ref());
                    if let Some(leader) = &leader {
                        core.judge.obeyed(self.me, leader.epoch);
                    }
                    core.trace(|| format!("{} follows {leader:?}", self.me.0));
                    self.news.push(News::Leader(leader));
                }
                Action::Publish => {
                    let view = Arc::clone(self.state.view());
                    core.judge.obeyed(self.me, view.version.epoch);
                    self.news.push(News::View(view));
                }
                Action::AskSnapshot { addr } => {
                    let master = node_of(&addr);
                    if let Some(conn) = self.up.get(&master).copied() {
                        let number =
                            self.ask(core, master, CLUSTER, messages::ask_snapshot(), Pending::Snapshot);
                        core.timer(self.me, SNAPSHOT_TIMEOUT, Timer::SnapshotBy(conn, number));
                    }
                }
                Action::Refuse { addr, epoch, leader } => {
                    if let Some(conn) = self.up.get(&node_of(&addr)).copied() {
                        let body = messages::superseded(epoch, leader.as_ref());
                        self.say(core, conn, Envelope::notify(CLUSTER, body));
                    }
                    refused = Some(Failure {
                        leader: leader.map(|leader| leader.to_wire()),
                        superseded: Some(epoch),
                        ..Failure::new(format!("superseded by epoch {epoch}"))
                    });
                }
                Action::Absurd { epoch, .. } => {
                    refused = Some(Failure::new(format!("epoch {epoch} can't be")));
                }
                Action::Deliver => {}
            }
        }
        refused
    }
}
