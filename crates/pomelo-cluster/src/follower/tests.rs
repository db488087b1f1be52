//! Single rules by example, then the whole against masters that are promoted, deposed, cut off and delayed at random.

use std::collections::VecDeque;

use pomelo_protocol::{ServerId, ServerInfo};
use proptest::prelude::*;

use super::*;

fn addr(n: usize) -> MasterAddr {
    MasterAddr { host: "127.0.0.1".to_owned(), port: 3005 + u16::try_from(n).unwrap() }
}

fn server(n: usize, incarnation: u64) -> ServerInfo {
    serde_json::from_value(serde_json::json!({
        "id": format!("chat-server-{n}"), "serverType": "chat", "host": "127.0.0.1", "incarnation": incarnation
    }))
    .unwrap()
}

fn stamp(view: &View) -> ViewStamp {
    ViewStamp { epoch: view.version.epoch, rev: view.version.rev, digest: view.digest() }
}

fn state(role: MasterRole, view: &View, leader: Option<Leader>) -> ClusterState {
    let leader = leader.map(|leader| leader.to_wire());
    ClusterState { role, view: stamp(view), leader, coordinator: "a test".to_owned() }
}

fn v(epoch: u64, rev: u64) -> Version {
    Version { epoch, rev }
}

fn lead(n: usize, epoch: u64) -> Leader {
    Leader { addr: addr(n), epoch }
}

/// A follower of master 0 in epoch 2, with one server.
fn following() -> FollowerState {
    let mut follower = FollowerState::new();
    let view = View::new(v(2, 5), [server(1, 1)]);
    let actions = follower.on(Event::Connected {
        addr: addr(0),
        state: Some(state(MasterRole::Active, &view, Some(lead(0, 2)))),
    });
    assert_eq!(actions, [Action::Lead(Some(lead(0, 2))), Action::AskSnapshot { addr: addr(0) }]);
    let actions = follower.on(Event::Snapshot { addr: addr(0), view: view.clone() });
    assert_eq!(actions, [Action::Publish]);
    assert_eq!(**follower.view(), view);
    follower
}

fn standby_connects(follower: &mut FollowerState, n: usize, leader: Option<Leader>) -> Vec<Action> {
    let view = View::clone(follower.view());
    follower.on(Event::Connected { addr: addr(n), state: Some(state(MasterRole::Standby, &view, leader)) })
}

#[test]
fn a_promoted_standby_with_the_same_servers_takes_over_without_sending_them() {
    let mut follower = following();
    assert_eq!(standby_connects(&mut follower, 1, Some(lead(0, 2))), []);
    follower.on(Event::Disconnected { addr: addr(0) });
    assert_eq!(follower.leader(), Some(&lead(0, 2)), "silence is no reason to leave");
    let view = View::new(v(3, 0), [server(1, 1)]);
    let actions = follower.on(Event::Announce { addr: addr(1), view: stamp(&view) });
    assert_eq!(actions, [Action::Lead(Some(lead(1, 3))), Action::Publish]);
    assert_eq!(**follower.view(), view);
}

#[test]
fn a_leader_with_other_servers_is_asked_for_them_once() {
    let mut follower = following();
    standby_connects(&mut follower, 1, None);
    let view = View::new(v(3, 0), [server(2, 1)]);
    let actions = follower.on(Event::Announce { addr: addr(1), view: stamp(&view) });
    assert_eq!(actions, [Action::Lead(Some(lead(1, 3))), Action::AskSnapshot { addr: addr(1) }]);
    let step = Event::Step { addr: addr(1), version: v(3, 1), change: Change::Add(server(3, 1)) };
    assert_eq!(follower.on(step), [], "the list is on its way and holds the step");
    let view = View::new(v(3, 1), [server(2, 1), server(3, 1)]);
    assert_eq!(follower.on(Event::Snapshot { addr: addr(1), view: view.clone() }), [Action::Publish]);
    assert_eq!(**follower.view(), view);
}

#[test]
fn nothing_of_a_lower_epoch_is_obeyed_and_its_sender_is_told() {
    let mut follower = following();
    standby_connects(&mut follower, 1, None);
    let view = View::new(v(3, 0), [server(1, 1)]);
    follower.on(Event::Announce { addr: addr(1), view: stamp(&view) });
    let refusal = [Action::Refuse { addr: addr(0), epoch: 3, leader: Some(lead(1, 3)) }];
    let before = Arc::clone(follower.view());
    assert_eq!(follower.on(Event::Frame { addr: addr(0), epoch: 2 }), refusal);
    assert_eq!(follower.on(Event::Announce { addr: addr(0), view: stamp(&View::new(v(2, 9), [])) }), refusal);
    assert_eq!(follower.on(Event::Snapshot { addr: addr(0), view: View::new(v(2, 9), []) }), refusal);
    let remove = Change::Remove { id: server(1, 1).id, incarnation: Some(1) };
    assert_eq!(follower.on(Event::Step { addr: addr(0), version: v(2, 6), change: remove }), refusal);
    assert_eq!(follower.view(), &before);
    assert_eq!(follower.on(Event::Frame { addr: addr(1), epoch: 3 }), [Action::Deliver]);
}

#[test]
fn a_lost_step_is_noticed() {
    let mut follower = following();
    let step = |rev| Event::Step { addr: addr(0), version: v(2, rev), change: Change::Add(server(3, 1)) };
    assert_eq!(follower.on(step(7)), [Action::AskSnapshot { addr: addr(0) }]);
    assert_eq!(follower.on(step(5)), [], "an old one is not");
}

#[test]
fn a_standby_shows_the_way_to_a_leader_without_a_link() {
    let mut follower = FollowerState::new();
    assert_eq!(standby_connects(&mut follower, 1, Some(lead(0, 4))), [Action::Lead(Some(lead(0, 4)))]);
    assert_eq!(follower.max_epoch(), 4);
    let refusal = Action::Refuse { addr: addr(2), epoch: 4, leader: Some(lead(0, 4)) };
    assert_eq!(follower.on(Event::Frame { addr: addr(2), epoch: 3 }), [refusal]);
}

#[test]
fn a_leader_that_a_standby_names_is_not_followed_if_the_standby_has_seen_a_later_epoch() {
    let mut follower = FollowerState::new();
    let seen = state(MasterRole::Joining, &View::new(v(3, 0), []), Some(lead(0, 2)));
    let actions = follower.on(Event::Connected { addr: addr(1), state: Some(seen) });
    assert_eq!((actions, follower.leader(), follower.max_epoch()), (vec![], None, 3));
}

#[test]
fn a_leader_that_says_it_is_a_standby_is_left_and_hearsay_does_not_bring_it_back() {
    let mut follower = following();
    assert_eq!(standby_connects(&mut follower, 0, None), [Action::Lead(None)]);
    assert_eq!(standby_connects(&mut follower, 1, Some(lead(0, 2))), []);
    assert_eq!(standby_connects(&mut follower, 1, Some(lead(2, 3))), [Action::Lead(Some(lead(2, 3)))]);
}

#[test]
fn a_leader_with_a_link_is_not_left_for_its_own_other_name() {
    let mut follower = following();
    let other_name = MasterAddr { host: "localhost".to_owned(), ..addr(0) };
    assert_eq!(standby_connects(&mut follower, 1, Some(Leader { addr: other_name, epoch: 2 })), []);
    assert_eq!(follower.leader(), Some(&lead(0, 2)));
}

#[test]
fn masters_of_the_original_are_followed_as_long_as_no_epoch_was_seen() {
    let mut follower = FollowerState::new();
    let actions = follower.on(Event::Connected { addr: addr(0), state: None });
    assert_eq!(actions, [Action::Lead(Some(lead(0, 0))), Action::AskSnapshot { addr: addr(0) }]);
    let view = View::new(v(0, 1), [server(1, 1)]);
    assert_eq!(follower.on(Event::Snapshot { addr: addr(0), view: view.clone() }), [Action::Publish]);
    assert_eq!(**follower.view(), view);
    assert_eq!(follower.on(Event::Connected { addr: addr(1), state: None }), []);
    assert_eq!(
        follower.on(Event::Disconnected { addr: addr(0) }),
        [Action::Lead(Some(lead(1, 0))), Action::AskSnapshot { addr: addr(1) }]
    );
    let view = View::new(v(1, 0), []);
    let state = Some(state(MasterRole::Active, &view, Some(lead(2, 1))));
    let actions = follower.on(Event::Connected { addr: addr(2), state });
    assert_eq!(actions[0], Action::Lead(Some(lead(2, 1))));
    let refusal = Action::Refuse { addr: addr(1), epoch: 1, leader: Some(lead(2, 1)) };
    assert_eq!(follower.on(Event::Frame { addr: addr(1), epoch: 0 }), [refusal]);
}

#[test]
fn an_epoch_that_can_not_be_is_nobodys() {
    let mut follower = following();
    let far = 2 + EPOCH_JUMP_MAX;
    let absurd = [Action::Absurd { addr: addr(1), epoch: far + 1 }];
    let view = View::new(v(far + 1, 0), []);
    standby_connects(&mut follower, 1, Some(lead(1, far + 1)));
    assert_eq!(follower.on(Event::Announce { addr: addr(1), view: stamp(&view) }), absurd);
    assert_eq!(follower.on(Event::Snapshot { addr: addr(1), view: view.clone() }), absurd);
    assert_eq!(follower.on(Event::Frame { addr: addr(1), epoch: far + 1 }), absurd);
    follower.on(Event::State { addr: addr(1), state: state(MasterRole::Standby, &view, None) });
    follower.on(Event::Moved { leader: lead(1, u64::MAX) });
    assert_eq!((follower.max_epoch(), follower.leader()), (2, Some(&lead(0, 2))));
    assert_eq!(follower.on(Event::Frame { addr: addr(1), epoch: far }), [Action::Deliver]);
}

#[test]
fn what_was_remembered_holds_until_a_master_says_more_and_its_epoch_holds_for_ever() {
    let mut follower = FollowerState::new();
    assert_eq!(follower.on(Event::Remembered { epoch: 7, view: None }), []);
    let zombie = View::new(v(6, 0), []);
    let refusal = [Action::Refuse { addr: addr(0), epoch: 7, leader: None }];
    assert_eq!(follower.on(Event::Announce { addr: addr(0), view: stamp(&zombie) }), refusal);
    let remembered = View::new(v(7, 3), [server(1, 1)]);
    let event = Event::Remembered { epoch: 7, view: Some(remembered.clone()) };
    assert_eq!(follower.on(event.clone()), [Action::Publish]);
    assert_eq!(**follower.view(), remembered);
    let told = View::new(v(8, 0), [server(2, 1)]);
    follower.on(Event::Snapshot { addr: addr(0), view: told.clone() });
    assert_eq!(follower.on(event), [], "a master has said more since");
    assert_eq!(**follower.view(), told);
}

#[test]
fn a_registration_says_what_is_known() {
    assert_eq!(FollowerState::new().hello().view, None);
    let hello = following().hello();
    assert_eq!((hello.max_epoch, hello.view), (2, Some(stamp(&View::new(v(2, 5), [server(1, 1)])))));
}

const MASTERS: usize = 3;
const SERVERS: usize = 4;

/// What happens next. Masters and followers are at both ends of links that deliver in order, at any time.
#[derive(Clone, Debug)]
enum Happens {
    /// A master is promoted; it need not know that, nor whether, another was before it.
    Promote(usize),
    /// A master that believes it leads lets a server in, or out.
    Add(usize, usize, u64),
    Remove(usize, usize, u64),
    /// A master that believes it leads asks something of the follower.
    Ask(usize),
    /// The follower reads, or the master reads.
    FollowerReads(usize),
    MasterReads(usize),
    /// The link ends with all that was on it; or it is made again.
    Cut(usize),
    Join(usize),
    /// A deposed master learns that it leads no more.
    Depose(usize),
}

fn happens() -> impl Strategy<Value = Happens> {
    let master = 0..MASTERS;
    let server = 0..SERVERS;
    prop_oneof![
        1 => master.clone().prop_map(Happens::Promote),
        3 => (master.clone(), server.clone(), 1..4_u64).prop_map(|(m, s, i)| Happens::Add(m, s, i)),
        2 => (master.clone(), server, 1..4_u64).prop_map(|(m, s, i)| Happens::Remove(m, s, i)),
        2 => master.clone().prop_map(Happens::Ask),
        8 => master.clone().prop_map(Happens::FollowerReads),
        4 => master.clone().prop_map(Happens::MasterReads),
        1 => master.clone().prop_map(Happens::Cut),
        3 => master.clone().prop_map(Happens::Join),
        1 => master.prop_map(Happens::Depose),
    ]
}

#[derive(Default)]
struct SimMaster {
    view: View,
    /// Believes it leads.
    leads: bool,
    linked: bool,
    to_follower: VecDeque<Event>,
    /// Questions for the list.
    to_master: usize,
}

/// Master, follower, and the links between them.
#[derive(Default)]
struct Sim {
    masters: [SimMaster; MASTERS],
    follower: FollowerState,
    epoch: u64,
    /// Epochs of the frames that were obeyed.
    obeyed: Vec<u64>,
}

impl Sim {
    fn step(&mut self, happens: &Happens) {
        match *happens {
            Happens::Promote(n) => self.promote(n),
            Happens::Add(n, id, life) => self.change(n, Change::Add(server(id, life))),
            Happens::Remove(n, id, life) => {
                self.change(n, Change::Remove { id: server(id, life).id, incarnation: Some(life) });
            }
            Happens::Ask(n) => {
                if self.masters[n].leads {
                    let epoch = self.masters[n].view.version.epoch;
                    self.send(n, Event::Frame { addr: addr(n), epoch });
                }
            }
            Happens::FollowerReads(n) => self.follower_reads(n),
            Happens::MasterReads(n) => self.master_reads(n),
            Happens::Cut(n) => {
                if self.masters[n].linked {
                    self.masters[n].linked = false;
                    self.masters[n].to_follower.clear();
                    self.masters[n].to_master = 0;
                    self.deliver(Event::Disconnected { addr: addr(n) });
                }
            }
            Happens::Join(n) => self.join(n),
            Happens::Depose(n) => {
                if self.masters[n].view.version.epoch < self.epoch {
                    self.masters[n].leads = false;
                }
            }
        }
    }

    fn promote(&mut self, n: usize) {
        self.epoch += 1;
        self.masters[n].leads = true;
        self.masters[n].view.version = v(self.epoch, 0);
        let view = stamp(&self.masters[n].view);
        self.send(n, Event::Announce { addr: addr(n), view });
    }

    fn change(&mut self, n: usize, change: Change) {
        if self.masters[n].leads
            && let Some(version) = self.masters[n].view.advance(change.clone())
        {
            self.send(n, Event::Step { addr: addr(n), version, change });
        }
    }

    fn join(&mut self, n: usize) {
        let master = &mut self.masters[n];
        if master.linked {
            return;
        }
        master.linked = true;
        let role = if master.leads { MasterRole::Active } else { MasterRole::Standby };
        let leader = master.leads.then(|| lead(n, master.view.version.epoch));
        let state = Some(state(role, &master.view, leader));
        self.send(n, Event::Connected { addr: addr(n), state });
    }

    fn send(&mut self, n: usize, event: Event) {
        if self.masters[n].linked {
            self.masters[n].to_follower.push_back(event);
        }
    }

    fn master_reads(&mut self, n: usize) {
        if self.masters[n].to_master > 0 {
            self.masters[n].to_master -= 1;
            let event = if self.masters[n].leads {
                Event::Snapshot { addr: addr(n), view: self.masters[n].view.clone() }
            } else {
                Event::NoSnapshot { addr: addr(n) }
            };
            self.send(n, event);
        }
    }

    fn follower_reads(&mut self, n: usize) {
        if let Some(event) = self.masters[n].to_follower.pop_front() {
            self.deliver(event);
        }
    }

    fn deliver(&mut self, event: Event) {
        let (max_before, version_before) = (self.follower.max_epoch(), self.follower.view().version);
        let before = Arc::clone(self.follower.view());
        let is_snapshot = matches!(event, Event::Snapshot { .. });
        let frame_epoch = if let Event::Frame { epoch, .. } = event { Some(epoch) } else { None };
        for action in self.follower.on(event) {
            match action {
                Action::AskSnapshot { addr: of } => {
                    let n = usize::from(of.port - 3005);
                    assert!(self.masters[n].linked, "asked over a link that is not there");
                    self.masters[n].to_master += 1;
                }
                Action::Deliver => self.obeyed.extend(frame_epoch),
                Action::Refuse { epoch, .. } => assert_eq!(epoch, self.follower.max_epoch()),
                Action::Lead(leader) => {
                    assert!(leader.is_none_or(|leader| leader.epoch == self.follower.max_epoch()));
                }
                Action::Publish => assert!(self.follower.view().version > version_before),
                Action::Absurd { epoch, .. } => panic!("epoch {epoch} is not absurd"),
            }
        }
        assert!(self.follower.max_epoch() >= max_before, "the highest epoch fell");
        assert!(self.follower.view().version >= version_before, "the membership went back");
        if !is_snapshot {
            for (id, info) in &before.servers {
                let newer = |now: &Arc<ServerInfo>| now.incarnation >= info.incarnation;
                assert!(self.follower.view().server(id).is_none_or(newer), "a server's life went back");
            }
        }
    }

    /// No more faults: whoever was promoted last leads, everybody else knows, everything is delivered.
    fn settle(&mut self) {
        for n in 0..MASTERS {
            self.step(&Happens::Depose(n));
            self.join(n);
        }
        while self.masters.iter().any(|m| !m.to_follower.is_empty() || m.to_master > 0) {
            for n in 0..MASTERS {
                self.follower_reads(n);
                self.master_reads(n);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_interleaving_ends_with_the_view_of_the_highest_epoch(steps in prop::collection::vec(happens(), 1..120)) {
        let mut sim = Sim::default();
        for step in &steps {
            sim.step(step);
        }
        sim.settle();
        prop_assert!(sim.obeyed.is_sorted(), "a lower epoch was obeyed after a higher one: {:?}", sim.obeyed);
        if sim.epoch > 0 {
            let leader = sim.masters.iter().position(|m| m.leads).unwrap();
            prop_assert_eq!(sim.follower.leader(), Some(&lead(leader, sim.epoch)));
            prop_assert_eq!(&**sim.follower.view(), &sim.masters[leader].view);
        }
    }

    #[test]
    fn a_stale_leave_never_evicts(lives in prop::collection::vec((any::<bool>(), 1..6_u64), 1..40)) {
        let id = ServerId::new("chat-server-0").unwrap();
        let mut view = View::new(v(1, 0), []);
        for (rev, (leave, life)) in (1..).zip(lives) {
            let before = view.server(&id).and_then(|info| info.incarnation);
            let change = if leave {
                Change::Remove { id: id.clone(), incarnation: Some(life) }
            } else {
                Change::Add(server(0, life))
            };
            prop_assert_eq!(view.apply(v(1, rev), change), Applied::Done);
            let now = view.server(&id).and_then(|info| info.incarnation);
            match (leave, before) {
                (true, Some(before)) if before > life => prop_assert_eq!(now, Some(before)),
                (true, _) => prop_assert_eq!(now, None),
                (false, before) => prop_assert_eq!(now, before.max(Some(life))),
            }
        }
    }
}
