//! What a guardian makes of its master: a state machine for one master of the configuration, through all its lives.
//!
//! Pure: events and the time in, actions out; the driver is the supervisor's (`pomelo-cli`). Its rules:
//!
//! * The end of the process is proof: its place in the queue is taken away at once. So is the beginning of that end, when the kernel
//!   puts away what the process had open: none of its threads runs its program any more, and thousands of connections take their time.
//! * Silence is no proof, so it is made one: the process is killed first. Silence is counted in the guardian's own progress,
//!   at most one [`GuardianState::tick`] for each time it runs: a guardian that was frozen together with its master (a paused
//!   machine, a debugger of both) or that waits for a processor itself has heard nothing because it has not listened.
//! * Whoever waits for a processor or a disk has no chance to speak, and that time is not counted either, up to
//!   [`EXCUSED_TIMES`] of the silence that is allowed: beyond, it serves nobody any more.
//! * Whoever never said a word is not killed for silence: it may be a master that knows no guardian.

use std::{
    fmt,
    time::{Duration, Instant},
};

use super::{Backoff, FromMaster};
use crate::coordinator::Obituary;

/// The guardian looks so often within the time of silence that it allows: silence is counted from the look that still found a word, so
/// that up to a twentieth more passes before it kills ...
const LOOKS: u32 = 20;
/// ... and this often where nothing is killed for silence, to hear where the master stands.
const TICK_IDLE: Duration = Duration::from_millis(200);

/// A silence is excused for at most so many times what is allowed.
pub const EXCUSED_TIMES: u32 = 9;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The master's process was started.
    Started {
        /// Its process.
        pid: u32,
    },
    /// The master said something.
    Line(FromMaster),
    /// The master closed its end of the pipe and lives: it goes on without a guardian, who only waits for its end now.
    Unguarded,
    /// The process closed its end of the pipe because it ends: the kernel says that none of its threads will run its program again.
    /// Everything it had said before was taken. [`Event::Exited`] follows.
    Dying,
    /// The process has ended, or could not be started. Everything it had said before was taken.
    Exited {
        /// It ended by itself and well: it was asked to.
        well: bool,
    },
    /// For so much of the time since this was last said, or since the master was last heard, its process had no chance to speak:
    /// it waited for a processor or a disk.
    Excused(Duration),
    /// Nothing. To be said every [`GuardianState::tick`], while the process lives.
    Tick,
    /// Whether another master is linked, and leads or is ready to.
    StandbyReady(bool),
    /// What became of [`Action::Evict`].
    Evicted {
        /// Whose place.
        place: Obituary,
        /// Since the death.
        after: Duration,
        /// Whether it was still there; or why that is not known.
        result: Result<bool, String>,
    },
    /// The guardian ends its master, or everything is to end: nothing is started or killed for silence any more.
    Ending,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Kill the process, so that nobody can doubt that it is dead. [`Event::Exited`] follows.
    Kill,
    /// Take this place away, and answer with [`Event::Evicted`].
    Evict(Obituary),
    /// Let the kernel put away what the ended process still had open when nobody else wants a processor. Thousands of connections take
    /// it a while, which the next leader needs to tell that it leads.
    Defer,
    /// Start the master again after this time, unless [`Event::Ending`] comes before, and answer with [`Event::Started`].
    Restart {
        /// Counted from the end of the last process.
        after: Duration,
    },
    /// Tell the person at the terminal.
    Say(Note),
}

/// What a person is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    /// It is killed.
    Silent {
        /// Of the guardian's own time.
        silent: Duration,
    },
    /// It is silent, and not killed: nobody would lead then.
    Spared {
        /// Of the guardian's own time.
        silent: Duration,
    },
    /// One that was spared is heard again.
    HeardAgain {
        /// Of the guardian's own time.
        silent: Duration,
    },
    /// A dead master's place is free.
    Freed {
        /// Whose place.
        place: Obituary,
        /// Since the death.
        after: Duration,
        /// Whether it was this guardian who freed it.
        by_us: bool,
    },
    /// It is not known whether a dead master's place is free; the coordinator frees it by itself, later.
    NotFreed {
        /// Whose place.
        place: Obituary,
        /// Since the death.
        after: Duration,
        /// What the coordinator said.
        why: String,
    },
    /// It is started again.
    Again {
        /// After this pause.
        after: Duration,
    },
}

/// The guardian of one master.
#[derive(Clone, Debug)]
pub struct GuardianState {
    /// Zero is never.
    silence_max: Duration,
    auto_restart: bool,
    life: Option<Life>,
    standby_ready: bool,
    ending: bool,
    backoff: Backoff,
    /// Places that are being taken away.
    freeing: u32,
    /// A restart was asked for and has not happened.
    restarting: bool,
}

/// One process of the master.
#[derive(Clone, Debug)]
struct Life {
    started: Instant,
    /// Its place in the queue, as it said last.
    place: Option<Obituary>,
    /// When the guardian ran last.
    looked: Instant,
    /// For how long nothing was heard; `None` before the first word.
    silent: Option<Duration>,
    /// What of the silence can be excused, and for how long it was excused already.
    counted: Duration,
    excused: Duration,
    killed: bool,
    spared: bool,
}

impl GuardianState {
    /// Of a master that was not started yet. It is killed after `silence_ms` of silence (0 is never), and started again if
    /// its entry says `auto-restart`.
    pub fn new(silence_ms: u64, auto_restart: bool) -> Self {
        Self {
            silence_max: Duration::from_millis(silence_ms),
            auto_restart,
            life: None,
            standby_ready: false,
            ending: false,
            backoff: Backoff::default(),
            freeing: 0,
            restarting: false,
        }
    }

    /// How often the driver is to listen to the master, and to say [`Event::Tick`] then.
    pub fn tick(&self) -> Duration {
        if self.silence_max.is_zero() { TICK_IDLE } else { self.silence_max / LOOKS }
    }

    /// Whether it has nothing to do any more: the master is dead, its place free, and it is not started again.
    pub fn is_over(&self) -> bool {
        self.life.is_none() && self.freeing == 0 && !self.restarting
    }

    /// Takes one event. What is to be done, in this order.
    pub fn on(&mut self, event: Event, now: Instant) -> Vec<Action> {
        self.progress(now);
        match event {
            Event::Started { .. } => {
                self.restarting = false;
                self.life = Some(Life::new(now));
                Vec::new()
            }
            Event::Line(line) => self.heard(line),
            Event::Unguarded => {
                if let Some(life) = &mut self.life {
                    life.silent = None;
                }
                Vec::new()
            }
            Event::Dying => {
                let place = self.life.as_mut().and_then(|life| {
                    life.silent = None;
                    life.place.take()
                });
                let mut actions = self.free(place);
                actions.push(Action::Defer);
                actions
            }
            Event::Exited { well } => self.exited(well, now),
            Event::Excused(time) => {
                let most = self.silence_max * EXCUSED_TIMES;
                if let Some(life) = &mut self.life {
                    life.excuse(time, most);
                }
                Vec::new()
            }
            Event::Tick => self.look(),
            Event::StandbyReady(ready) => {
                self.standby_ready = ready;
                self.look()
            }
            Event::Evicted { place, after, result } => {
                self.freeing = self.freeing.saturating_sub(1);
                vec![Action::Say(match result {
                    Ok(by_us) => Note::Freed { place, after, by_us },
                    Err(why) => Note::NotFreed { place, after, why },
                })]
            }
            Event::Ending => {
                self.ending = true;
                self.restarting = false;
                Vec::new()
            }
        }
    }

    /// Counts the guardian's own time: what passed since it last ran, but never more than a tick.
    fn progress(&mut self, now: Instant) {
        let tick = self.tick();
        let Some(life) = &mut self.life else { return };
        let passed = now.saturating_duration_since(life.looked).min(tick);
        life.looked = now;
        life.counted += passed;
        life.silent = life.silent.map(|silent| silent + passed);
    }

    fn heard(&mut self, line: FromMaster) -> Vec<Action> {
        let Some(life) = &mut self.life else { return Vec::new() };
        let silent = life.silent.replace(Duration::ZERO).unwrap_or_default();
        (life.counted, life.excused) = (Duration::ZERO, Duration::ZERO);
        if let FromMaster::Place(place) = line {
            life.place = place;
        }
        let spared = std::mem::take(&mut life.spared);
        if spared { vec![Action::Say(Note::HeardAgain { silent })] } else { Vec::new() }
    }

    fn look(&mut self) -> Vec<Action> {
        let may_kill = self.standby_ready || self.auto_restart;
        let silence_max = self.silence_max;
        let Some(life) = &mut self.life else { return Vec::new() };
        let Some(silent) = life.silent.filter(|silent| *silent >= silence_max) else { return Vec::new() };
        if silence_max.is_zero() || self.ending || life.killed {
            return Vec::new();
        }
        if may_kill {
            life.killed = true;
            return vec![Action::Kill, Action::Say(Note::Silent { silent })];
        }
        if std::mem::replace(&mut life.spared, true) {
            return Vec::new();
        }
        vec![Action::Say(Note::Spared { silent })]
    }

    /// Nobody has this place any more.
    fn free(&mut self, place: Option<Obituary>) -> Vec<Action> {
        match place {
            // The kernel frees it.
            None | Some(Obituary::Embedded { .. }) => Vec::new(),
            Some(place) => {
                self.freeing += 1;
                vec![Action::Evict(place)]
            }
        }
    }

    fn exited(&mut self, well: bool, now: Instant) -> Vec<Action> {
        let life = self.life.take();
        let mut actions = self.free(life.as_ref().and_then(|life| life.place.clone()));
        // Whoever ended well was asked to.
        if self.auto_restart && !self.ending && !well {
            let lived = life.map_or(Duration::ZERO, |life| now.saturating_duration_since(life.started));
            let after = self.backoff.pause(lived);
            self.restarting = true;
            actions.extend([Action::Restart { after }, Action::Say(Note::Again { after })]);
        }
        actions
    }
}

impl Life {
    fn new(now: Instant) -> Self {
        let (counted, excused) = (Duration::ZERO, Duration::ZERO);
        Self {
            started: now,
            place: None,
            looked: now,
            silent: None,
            counted,
            excused,
            killed: false,
            spared: false,
        }
    }

    /// Takes a part of what was counted since the last time off the silence, as long as there is patience.
    fn excuse(&mut self, time: Duration, most: Duration) {
        let Some(silent) = &mut self.silent else { return };
        let time =
            time.min(std::mem::take(&mut self.counted)).min(*silent).min(most.saturating_sub(self.excused));
        self.excused += time;
        *silent -= time;
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silent { silent } => write!(f, "was silent for {}: killing it", Figure(*silent)),
            Self::Spared { silent } => write!(
                f,
                "was silent for {}; it is left alone, because no other master is ready to lead",
                Figure(*silent)
            ),
            Self::HeardAgain { silent } => write!(f, "is heard again after {}", Figure(*silent)),
            Self::Freed { place, after, by_us: true } => {
                write!(f, "its place in {place:?} was freed after {}", Figure(*after))
            }
            Self::Freed { place, after, by_us: false } => {
                write!(f, "its place in {place:?} was free already after {}", Figure(*after))
            }
            Self::NotFreed { place, after, why } => write!(
                f,
                "its place in {place:?} could not be freed within {} ({why}); the coordinator frees it when the session ends",
                Figure(*after)
            ),
            Self::Again { after } => write!(f, "starting it again in {}", Figure(*after)),
        }
    }
}

/// A time as people read it: `2.1 ms`, `450 ms`, `1.5 s`.
struct Figure(Duration);

impl fmt::Display for Figure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.as_secs_f64() * 1000.0;
        match ms {
            ms if ms < 100.0 => write!(f, "{ms:.1} ms"),
            ms if ms < 1000.0 => write!(f, "{ms:.0} ms"),
            ms => write!(f, "{:.1} s", ms / 1000.0),
        }
    }
}

#[cfg(test)]
mod tests;
