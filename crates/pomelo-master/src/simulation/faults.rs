//! What goes wrong in a schedule, and when: drawn from the seed before anything happens. Everything that is broken here is mended
//! when the schedule ends, so that what is left then is what the masters made of it.

use fastrand::Rng;

use super::{
    core::{AGENTS, MS, Micros, Node, SECOND, STORE},
    memory::Damage,
};

/// One thing.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    /// The process is killed.
    Crash(Target),
    /// It is started (again).
    Start(Node),
    /// It is asked to end.
    Terminate(Target),
    /// It stands still.
    Freeze(Target),
    Thaw(Node),
    /// Nothing gets from the first machine to the second.
    Cut(Vec<(Target, Target)>),
    Mend,
    /// All connections between two, or one of them.
    Reset(Target),
    /// The connections of a master to the store break.
    ResetStore(Target),
    StoreAway,
    StoreBack,
    /// The session of a master ends.
    Expire(Target),
    /// Somebody takes a node out of the queue.
    RemovePlace,
    /// The first one.
    RemoveFirst,
    /// All masters are killed, and none comes again before everything is mended.
    Dark,
    /// All machines but the store's are without power for a moment.
    PowerLoss,
    /// Somebody had his hands in what a machine remembers: a master's, or the servers'.
    Damage(Target, Damage),
    /// A guardian is killed.
    CrashGuardian,
    /// A master and its guardian stand still together.
    FreezeMachine(Target),
    /// A server, an agent or a tool stands still.
    FreezeOther,
    /// An agent is killed; the servers that it started go on. It is started again later.
    CrashAgent,
    /// A server's process is killed, or a new one comes.
    CrashServer,
    StartServer,
}

/// Whom it concerns: known when it happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Target {
    This(Node),
    /// The master that leads then.
    Leader,
    /// One that does not.
    Standby,
    /// The machine of the servers.
    Servers,
    Store,
}

/// How long faults go on, and which.
pub(super) fn draw(rng: &mut Rng, masters: usize) -> (Micros, Vec<(Micros, Fault)>) {
    let mut faults = Vec::new();
    let mut lasts = match rng.u32(..20) {
        0 => rng.u64(12 * SECOND..40 * SECOND),
        _ => rng.u64(2 * SECOND..8 * SECOND),
    };
    for _ in 0..rng.usize(1..8) {
        let at = rng.u64(200 * MS..lasts);
        draw_one(rng, at, lasts, masters, &mut faults);
    }
    // Long enough that whoever gives up, or waits ever longer, is found out.
    if let Some((at, _)) = faults.iter().find(|(_, fault)| matches!(fault, Fault::Dark)) {
        lasts = lasts.max(at + rng.u64(5 * SECOND..45 * SECOND));
    }
    (lasts, faults)
}

fn target(rng: &mut Rng, masters: usize) -> Target {
    match rng.u32(..10) {
        0..6 => Target::Leader,
        6..8 => Target::Standby,
        _ => Target::This(rng.usize(..masters)),
    }
}

fn draw_one(rng: &mut Rng, at: Micros, lasts: Micros, masters: usize, faults: &mut Vec<(Micros, Fault)>) {
    let whom = target(rng, masters);
    let after = |rng: &mut Rng| match rng.u32(..4) {
        0 => rng.u64(1..100 * MS),
        1 | 2 => rng.u64(50 * MS..3 * SECOND),
        _ => rng.u64(SECOND..lasts.max(2 * SECOND)),
    };
    let until = at + after(rng);
    let mut put = |at: Micros, fault: Fault| faults.push((at, fault));
    match rng.u32(..109) {
        0..16 => put(at, Fault::Crash(whom)),
        16..24 => put(at, Fault::Freeze(whom)),
        24..26 => put(at, Fault::FreezeMachine(whom)),
        26..28 => put(at, Fault::FreezeOther),
        28..30 => put(at, Fault::CrashGuardian),
        30..38 => {
            put(at, Fault::Cut(ways(rng, whom, Target::Store)));
            put(until, Fault::Mend);
        }
        38..46 => {
            put(at, Fault::Cut(ways(rng, whom, Target::Servers)));
            put(until, Fault::Mend);
            // Else links outlive short cuts.
            if rng.u32(..4) == 0 {
                put(at + rng.u64(..until - at), Fault::Reset(whom));
            }
        }
        46..51 => {
            put(at, Fault::Cut(ways(rng, Target::Leader, Target::Standby)));
            put(until, Fault::Mend);
        }
        51..59 => put(at, Fault::Reset(whom)),
        59..68 => put(at, Fault::ResetStore(whom)),
        68..73 => {
            put(at, Fault::StoreAway);
            put(until, Fault::StoreBack);
        }
        73..79 => put(at, Fault::Expire(whom)),
        79..82 => put(at, Fault::RemovePlace),
        82..86 => put(at, Fault::Terminate(whom)),
        86..91 => put(at, Fault::CrashServer),
        91..95 => put(at, Fault::StartServer),
        95..97 => {
            put(at, Fault::Dark);
            put(until, Fault::Cut(ways(rng, Target::Leader, Target::Servers)));
        }
        97..101 => put(at, Fault::CrashAgent),
        101..103 => put(at, Fault::PowerLoss),
        103..106 => {
            let whose = *rng.choice(&[whom, Target::Servers]).unwrap_or(&whom);
            let what = *rng.choice(&[Damage::Lost, Damage::Old, Damage::Absurd]).unwrap_or(&Damage::Lost);
            put(at, Fault::Damage(whose, what));
            match whose {
                Target::Servers => put(at + rng.u64(..SECOND), Fault::CrashServer),
                _ => put(at + rng.u64(..10 * MS), Fault::Crash(whose)),
            }
        }
        // Every master at once.
        _ => {
            for master in 0..masters {
                put(at + rng.u64(..50 * MS), Fault::Crash(Target::This(master)));
            }
        }
    }
    // Several things go wrong at the same moment more often than chance would have it.
    if rng.u32(..6) == 0 {
        let soon = at + rng.u64(..30 * MS);
        put(soon, Fault::ResetStore(target(rng, masters)));
    }
}

/// Both ways, or one.
fn ways(rng: &mut Rng, one: Target, other: Target) -> Vec<(Target, Target)> {
    match rng.u32(..4) {
        0 => vec![(one, other)],
        1 => vec![(other, one)],
        _ => vec![(one, other), (other, one)],
    }
}

impl Target {
    /// A node of the machine it stands for, if it is a fixed one.
    pub(super) fn fixed(self) -> Option<Node> {
        match self {
            Self::This(node) => Some(node),
            Self::Servers => Some(AGENTS),
            Self::Store => Some(STORE),
            Self::Leader | Self::Standby => None,
        }
    }
}
