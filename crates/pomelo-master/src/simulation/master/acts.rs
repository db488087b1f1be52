//! What a master decides, and how it is carried out: what `master`'s driver does.

use pomelo_cluster::coordinator::{Write, store};

use super::*;

impl Master {
    pub(super) fn decide(&mut self, core: &mut Core, event: Event) {
        if self.control.own_view().is_some() {
            let over = self.recipe.lease_is_over(core);
            if self.control.is_lapsed() != over {
                self.decide_now(core, Event::Lease { over });
            }
        }
        self.decide_now(core, event);
    }

    fn decide_now(&mut self, core: &mut Core, event: Event) {
        if self.exiting {
            return;
        }
        let now = core.instant();
        for action in self.control.on(event, now) {
            self.carry_out(core, action);
        }
    }

    fn carry_out(&mut self, core: &mut Core, action: Action) {
        match action {
            Action::Admit { link, reply } => {
                self.admitted.insert(ConnId::try_from(link.0).unwrap_or_default());
                self.send(core, &[link], AdminMessage::Registered(reply));
            }
            Action::Refuse { link, why, newer } => {
                core.trace(|| format!("master {}: link {} refused: {why}", self.me.0, link.0));
                self.send(core, &[link], AdminMessage::Registered(Registered::refused(why).newer(newer)));
                self.close(core, link);
            }
            Action::Send { to, message, .. } => self.send(core, &to, message),
            Action::Close { link } => self.close(core, link),
            Action::Superseded(epoch) => {
                if !core.is(Flaw::E4NoDemotion) {
                    self.wish(core, election::Event::Superseded { epoch });
                }
            }
            Action::Store { id, epoch, writes } => {
                for write in &writes {
                    if let Write::Put { key, .. } = write
                        && let Some((store::OPS, op)) = key.split_once('/')
                        && core.judge.whole_recorded(op, core.now)
                    {
                        core.aim(20, Fault::Dark);
                        core.aim(20, Fault::Crash(Target::This(self.me.0)));
                    }
                }
                let errand = self.errand(Errand::Store(id));
                self.recipe.errand(core, errand, |place| Ask::Write { place, epoch, writes });
            }
            Action::Read { id, folder } => {
                let errand = self.errand(Errand::Read(id, folder));
                self.recipe.errand(core, errand, |_| Ask::List(folder.to_owned()));
            }
            Action::Probe { server, incarnation, addr } => {
                let cut = core.net.is_cut(self.me.0, AGENTS) || core.net.is_cut(AGENTS, self.me.0);
                let listens = core.ports.get(&addr.port).is_some_and(|count| *count > 0);
                let delay = if cut { SECOND } else { core.delay() };
                let what = What::Probed { server, incarnation, refused: !cut && !listens };
                core.after(delay, Ev::To(self.me.0, self.me.1, what));
            }
            Action::Resign => self.wish(core, election::Event::Stop),
            Action::Announced(epoch) => self.decide(core, Event::Announced { epoch }),
            Action::HandOver => self.wish(core, election::Event::HandOver),
            Action::StepAside => {
                core.judge.count("stepped aside");
                self.wish(core, election::Event::StepAside);
            }
            Action::Evict { addr } => {
                core.judge.count("eviction");
                core.trace(|| format!("master {} evicts {addr}", self.me.0));
                let errand = self.errand(Errand::Evict(addr.clone()));
                self.recipe.errand(core, errand, |place| Ask::Evict { place, of: addr });
            }
            Action::Tell { to, body } => {
                if let Some(conn) = self.follow.link(node_of(&to)) {
                    self.follow.say(core, conn, Envelope::notify(CLUSTER, body));
                }
            }
            Action::Reply { ask, result } => {
                if let Some(reply) = self.asks.remove(&ask) {
                    self.follow.answer_as_master(core, reply, result);
                }
            }
            Action::Exit => self.exit(core),
            // The model's followers dial when their pause is over.
            Action::Dial { to } => core.timer(self.me, 0, Timer::Dial(node_of(&to))),
            Action::Print(_) => {}
        }
    }

    /// The election runs beside the decisions, and hears of a wish a little later; now and then much later.
    fn wish(&mut self, core: &mut Core, event: election::Event) {
        let late = core.chance(15);
        let soon = if late { core.rng.u64(MS..20 * MS) } else { core.rng.u64(1..500) };
        core.after(soon, Ev::To(self.me.0, self.me.1, What::Elector(event)));
    }

    /// What the decisions want of the election.
    pub(super) fn wished(&mut self, core: &mut Core, event: election::Event) {
        let aside = match event {
            election::Event::Stop => {
                let idle = self.waiting.take().is_some();
                self.election(core, event);
                if idle {
                    // Before it was warm it has nothing to give back.
                    self.election(core, election::Event::Left);
                }
                return;
            }
            election::Event::HandOver => false,
            election::Event::StepAside => true,
            other => return self.election(core, other),
        };
        let moves = match &self.role {
            Role::Standby { .. } => aside && self.election.trouble().is_none(),
            Role::Active { .. } | Role::Suspended { .. } => !aside,
            Role::Joining { .. } | Role::Stopped => false,
        };
        if moves {
            self.moving.push(aside);
            self.election(core, event);
        } else {
            let result = Err(format!("it is {}", self.role));
            self.decide(core, Event::Moved { aside, result });
        }
    }

    fn errand(&mut self, errand: Errand) -> u64 {
        self.last_errand += 1;
        self.errands.insert(self.last_errand, errand);
        self.last_errand
    }

    pub(super) fn errand_done(
        &mut self,
        core: &mut Core,
        errand: u64,
        result: Result<Answer, pomelo_cluster::coordinator::StoreError>,
    ) {
        use pomelo_cluster::coordinator::StoreError;
        let Some(errand) = self.errands.remove(&errand) else { return };
        let lost = || StoreError::Unavailable("no answer".to_owned());
        let event = match (errand, result) {
            (Errand::Store(id), Ok(Answer::Done(_))) => Event::Stored { id, result: Ok(()) },
            (Errand::Store(id), Ok(Answer::Fenced)) => {
                Event::Stored { id, result: Err(StoreError::Fenced("not first".to_owned())) }
            }
            (Errand::Evict(addr), result) => Event::Evicted {
                addr,
                result: match result {
                    Ok(Answer::Done(was)) => Ok(was),
                    Ok(Answer::Fenced) => Err(StoreError::Fenced("no place".to_owned())),
                    Ok(_) => Err(lost()),
                    Err(why) => Err(why),
                },
            },
            (Errand::Store(id), Err(why)) => Event::Stored { id, result: Err(why) },
            (Errand::Store(id), Ok(_)) => Event::Stored { id, result: Err(lost()) },
            (Errand::Read(id, folder), Ok(Answer::Records(records))) => {
                let forgotten = (folder == store::DESIRED && core.is(Flaw::G3WishesForgotten))
                    || (folder == store::OPS && core.is(Flaw::W2OperationsForgotten));
                let records = if forgotten { Vec::new() } else { records };
                Event::Read { id, folder, result: Ok(records) }
            }
            (Errand::Read(id, folder), Err(why)) => Event::Read { id, folder, result: Err(why) },
            (Errand::Read(id, folder), Ok(_)) => Event::Read { id, folder, result: Err(lost()) },
        };
        self.decide(core, event);
    }

    pub(super) fn send(&mut self, core: &mut Core, to: &[LinkId], message: AdminMessage) {
        let message = Rc::new(message);
        for link in to {
            let conn = ConnId::try_from(link.0).unwrap_or_default();
            core.judge.sent(self.me, core.now, &message);
            core.send(conn, self.me.0, Rc::clone(&message));
        }
    }

    fn close(&mut self, core: &mut Core, link: LinkId) {
        let conn = ConnId::try_from(link.0).unwrap_or_default();
        core.close(conn, self.me.0, true);
        let what = What::Closed { conn, clean: false };
        core.after(1, Ev::To(self.me.0, self.me.1, what));
    }

    fn exit(&mut self, core: &mut Core) {
        self.exiting = true;
        for conn in self.links.iter().copied().chain(self.follow.links()) {
            core.close(conn, self.me.0, true);
        }
        core.timer(self.me, END_TIMEOUT, Timer::End);
    }
}
