//! What a guardian does, claim by claim, over a clock of its own.

use super::*;

/// A guardian and its clock, in ms.
struct Rig {
    state: GuardianState,
    now: Instant,
}

impl Rig {
    fn new(silence_ms: u64, auto_restart: bool) -> Self {
        Self { state: GuardianState::new(silence_ms, auto_restart), now: Instant::now() }
    }

    /// One whose master runs and has a place, with a standby beside it.
    fn watching(silence_ms: u64) -> Self {
        let mut rig = Self::new(silence_ms, false);
        rig.on(Event::Started { pid: 7 });
        rig.on(Event::Line(FromMaster::Place(Some(place()))));
        rig.on(Event::StandbyReady(true));
        rig
    }

    fn on(&mut self, event: Event) -> Vec<Action> {
        self.state.on(event, self.now)
    }

    /// Ticks as a driver does that is never late, until something is to be done or `ms` are over.
    fn ticks(&mut self, ms: u64) -> Vec<Action> {
        let end = self.now + Duration::from_millis(ms);
        while self.now < end {
            let actions = self.after(self.state.tick());
            if !actions.is_empty() {
                return actions;
            }
        }
        Vec::new()
    }

    /// One tick, so long after whatever was before.
    fn after(&mut self, time: Duration) -> Vec<Action> {
        self.now += time;
        self.on(Event::Tick)
    }

    fn ms_since(&self, then: Instant) -> u128 {
        (self.now - then).as_millis()
    }
}

fn place() -> Obituary {
    Obituary::ZooKeeper {
        servers: "127.0.0.1:2181".into(),
        node: "/pomelo/master/lock/master-server-1-0000000007".into(),
        auth: None,
        session_timeout_ms: 2000,
    }
}

fn kills(actions: &[Action]) -> bool {
    actions.contains(&Action::Kill)
}

fn restart(actions: &[Action]) -> Option<u128> {
    actions.iter().find_map(|action| match action {
        Action::Restart { after } => Some(after.as_millis()),
        _ => None,
    })
}

#[test]
fn the_place_of_a_dead_master_is_taken_away_at_once() {
    let mut rig = Rig::watching(500);
    assert_eq!(rig.on(Event::Exited { well: false }), [Action::Evict(place())]);
    assert!(!rig.state.is_over(), "the place is not free yet");
    let freed = Event::Evicted { place: place(), after: Duration::from_micros(2_140), result: Ok(true) };
    let [Action::Say(note)] = &rig.on(freed)[..] else { panic!("nothing is said") };
    assert_eq!(
        note.to_string(),
        "its place in zookeeper 127.0.0.1:2181/pomelo/master/lock/master-server-1-0000000007 was freed after 2.1 ms"
    );
    assert!(rig.state.is_over());
}

#[test]
fn the_place_of_a_master_that_is_ending_is_taken_away_once_and_its_end_is_waited_for() {
    let mut rig = Rig::watching(500);
    assert_eq!(rig.on(Event::Dying), [Action::Evict(place()), Action::Defer]);
    assert_eq!(rig.ticks(10_000), [], "there is nobody to be killed for silence");
    let freed = Event::Evicted { place: place(), after: Duration::from_millis(2), result: Ok(true) };
    assert_eq!(rig.on(freed).len(), 1);
    assert!(!rig.state.is_over(), "its process is there");
    assert_eq!(rig.on(Event::Exited { well: false }), []);
    assert!(rig.state.is_over());

    let mut rig = Rig::watching(500);
    rig.on(Event::Line(FromMaster::Place(None)));
    assert_eq!(rig.on(Event::Dying), [Action::Defer], "it has given its place back");
}

#[test]
fn a_place_that_was_given_back_or_is_the_kernels_is_left_alone() {
    let mut rig = Rig::watching(500);
    rig.on(Event::Line(FromMaster::Place(None)));
    assert_eq!(rig.on(Event::Exited { well: true }), []);
    assert!(rig.state.is_over());

    let mut rig = Rig::watching(500);
    rig.on(Event::Line(FromMaster::Place(Some(Obituary::Embedded { dir: "run/ha".into() }))));
    assert_eq!(rig.on(Event::Exited { well: false }), []);
}

#[test]
fn a_master_of_an_earlier_life_leaves_no_place_to_the_next() {
    let mut rig = Rig::watching(500);
    rig.on(Event::Exited { well: false });
    rig.on(Event::Started { pid: 8 });
    assert_eq!(rig.on(Event::Exited { well: false }), []);
}

#[test]
fn a_silent_master_is_killed_first_and_its_place_goes_with_its_end() {
    let mut rig = Rig::watching(500);
    let heard = rig.now;
    let actions = rig.ticks(10_000);
    assert!(kills(&actions), "{actions:?}");
    assert!(!actions.iter().any(|action| matches!(action, Action::Evict(_))), "it may live: {actions:?}");
    assert_eq!(rig.ms_since(heard), 500, "with a guardian that is never late");
    assert_eq!(rig.ticks(10_000), [], "killed once");
    assert_eq!(rig.on(Event::Exited { well: false }), [Action::Evict(place())]);
}

#[test]
fn one_beat_is_enough() {
    let mut rig = Rig::watching(500);
    for _ in 0..100 {
        assert_eq!(rig.ticks(450), []);
        assert_eq!(rig.on(Event::Line(FromMaster::Beat)), []);
    }
}

#[test]
fn a_guardian_that_was_frozen_itself_gives_its_master_the_whole_time_again() {
    let mut rig = Rig::watching(500);
    rig.ticks(400);
    assert_eq!(rig.after(Duration::from_secs(10)), [], "the machine was paused");
    assert_eq!(rig.on(Event::Line(FromMaster::Beat)), []);
    assert_eq!(rig.ticks(450), []);
}

#[test]
fn a_guardian_that_is_always_late_waits_as_much_longer() {
    let mut rig = Rig::watching(500);
    let heard = rig.now;
    let late = rig.state.tick() * 3;
    let mut ticks = 0;
    while !kills(&rig.after(late)) {
        ticks += 1;
        assert!(ticks < 100, "never killed");
    }
    assert!(rig.ms_since(heard) >= 1500, "after {} ms", rig.ms_since(heard));
}

#[test]
fn nobody_is_killed_for_silence_where_nobody_else_could_lead() {
    let mut rig = Rig::watching(500);
    rig.on(Event::StandbyReady(false));
    let spared = rig.ticks(10_000);
    assert!(matches!(spared[..], [Action::Say(Note::Spared { .. })]), "{spared:?}");
    assert_eq!(rig.ticks(10_000), [], "said once");
    assert!(kills(&rig.on(Event::StandbyReady(true))), "now somebody could");
}

#[test]
fn a_master_that_was_spared_and_comes_back_is_said_to() {
    let mut rig = Rig::watching(500);
    rig.on(Event::StandbyReady(false));
    rig.ticks(2000);
    let back = rig.on(Event::Line(FromMaster::Beat));
    assert!(matches!(back[..], [Action::Say(Note::HeardAgain { .. })]), "{back:?}");
    rig.on(Event::StandbyReady(true));
    assert_eq!(rig.ticks(450), []);
}

#[test]
fn auto_restart_is_as_good_as_a_standby() {
    let mut rig = Rig::new(500, true);
    rig.on(Event::Started { pid: 7 });
    rig.on(Event::Line(FromMaster::Beat));
    assert!(kills(&rig.ticks(10_000)));
}

#[test]
fn silence_kills_nobody_who_never_spoke_nor_where_that_is_switched_off_nor_at_the_end() {
    let mut rig = Rig::new(500, true);
    rig.on(Event::Started { pid: 7 });
    assert_eq!(rig.ticks(60_000), [], "it knows no guardian");

    let mut rig = Rig::watching(0);
    assert_eq!(rig.ticks(60_000), [], "0 is never");

    let mut rig = Rig::watching(500);
    rig.on(Event::Unguarded);
    assert_eq!(rig.ticks(60_000), [], "it has closed the pipe");
    assert_eq!(rig.on(Event::Exited { well: false }), [Action::Evict(place())], "and yet is dead now");

    let mut rig = Rig::watching(500);
    rig.on(Event::Ending);
    assert_eq!(rig.ticks(60_000), [], "it has other things to do now");
}

#[test]
fn a_dead_master_is_started_again_only_where_that_was_asked_for() {
    let mut rig = Rig::watching(500);
    assert_eq!(restart(&rig.on(Event::Exited { well: false })), None);

    let mut rig = Rig::new(500, true);
    rig.on(Event::Started { pid: 7 });
    assert_eq!(restart(&rig.on(Event::Exited { well: false })), Some(100));
    assert!(!rig.state.is_over(), "it is started again");
    rig.on(Event::Started { pid: 8 });
    assert_eq!(restart(&rig.on(Event::Exited { well: true })), None, "it was asked to end");
    assert!(rig.state.is_over());
}

#[test]
fn one_that_could_not_be_started_is_tried_again() {
    let mut rig = Rig::new(500, true);
    rig.on(Event::Started { pid: 7 });
    rig.on(Event::Exited { well: false });
    assert_eq!(restart(&rig.on(Event::Exited { well: false })), Some(200));
}

#[test]
fn nothing_is_started_again_while_everything_ends() {
    let mut rig = Rig::new(500, true);
    rig.on(Event::Started { pid: 7 });
    rig.on(Event::Line(FromMaster::Place(Some(place()))));
    rig.on(Event::Ending);
    assert_eq!(rig.on(Event::Exited { well: false }), [Action::Evict(place())], "others go on elsewhere");

    let mut rig = Rig::new(500, true);
    rig.on(Event::Started { pid: 7 });
    rig.on(Event::Exited { well: false });
    rig.on(Event::Ending);
    assert!(rig.state.is_over(), "the restart is called off");
}

#[test]
fn a_place_that_could_not_be_freed_is_said_with_the_reason() {
    let mut rig = Rig::watching(500);
    rig.on(Event::Exited { well: false });
    let result = Err("coordinator unavailable: connection refused".to_owned());
    let actions = rig.on(Event::Evicted { place: place(), after: Duration::from_secs(2), result });
    let [Action::Say(note)] = &actions[..] else { panic!("{actions:?}") };
    assert!(note.to_string().contains("could not be freed within 2.0 s (coordinator unavailable"), "{note}");
    assert!(rig.state.is_over());
}

/// Ticks during each of which the process could do nothing.
fn starve(rig: &mut Rig, ticks: u32) -> Vec<Action> {
    for _ in 0..ticks {
        rig.now += rig.state.tick();
        let tick = rig.state.tick();
        rig.on(Event::Excused(tick));
        let actions = rig.on(Event::Tick);
        if !actions.is_empty() {
            return actions;
        }
    }
    Vec::new()
}

#[test]
fn time_without_a_chance_to_speak_is_no_silence() {
    let mut rig = Rig::watching(500);
    assert!(starve(&mut rig, 80).is_empty(), "two seconds without a processor");
    let then = rig.now;
    assert!(rig.ticks(10_000).contains(&Action::Kill));
    assert_eq!(rig.ms_since(then), 500, "what follows is counted in full");
}

#[test]
fn a_master_that_never_gets_a_processor_is_no_good_after_all() {
    let mut rig = Rig::watching(500);
    let then = rig.now;
    assert!(starve(&mut rig, 1_000).contains(&Action::Kill));
    assert_eq!(rig.ms_since(then), u128::from(500 * (EXCUSED_TIMES + 1)));
}

#[test]
fn no_more_is_excused_than_was_counted_since_and_patience_is_new_with_each_word() {
    let mut rig = Rig::watching(500);
    assert!(rig.ticks(450).is_empty());
    let hour = Duration::from_secs(3_600);
    rig.on(Event::Excused(hour));
    let then = rig.now;
    assert!(starve(&mut rig, 179).is_empty());
    assert!(starve(&mut rig, 200).contains(&Action::Kill));
    assert!(rig.ms_since(then) <= 5_000, "{}", rig.ms_since(then));

    let mut rig = Rig::watching(500);
    for _ in 0..10 {
        assert!(starve(&mut rig, 160).is_empty());
        rig.on(Event::Line(FromMaster::Beat));
    }
}
