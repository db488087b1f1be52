//! The end of some schedules: a tool wants everything to end, one more thing goes wrong meanwhile, and everything must be gone.

use super::*;
use crate::simulation::faults::{Fault, Target};

/// Within this time nothing is there any more.
const CLOSE_MAX: Micros = 40 * SECOND;
/// And must stay so.
const CLOSED: Micros = SECOND;

impl World {
    /// Ends everything. Whoever is killed now is not started again, but for masters by their guardians: those come too late to count.
    pub(super) fn close(&mut self) -> Result<(), Broken> {
        self.closing = true;
        // Nobody comes any more who was to come later.
        self.core.forget_faults();
        self.core.judge.count("closing");
        let began = self.core.now;
        let (node, life) = (CLIENTS + 9, self.life());
        let client = Client::ending_all(&mut self.core, (node, life), &self.masters, &self.ids);
        self.insert(node, life, Body::Client(Box::new(client)));
        let fault = match self.core.rng.u32(..16) {
            0 | 1 => Some(Fault::Crash(Target::Leader)),
            2 => Some(Fault::Crash(Target::Standby)),
            3 => Some(Fault::Terminate(Target::Leader)),
            4 => Some(Fault::Reset(Target::Leader)),
            5 => Some(Fault::Reset(Target::Standby)),
            6 => Some(Fault::ResetStore(Target::Leader)),
            7 => Some(Fault::Expire(Target::Leader)),
            8 => Some(Fault::CrashAgent),
            9 => Some(Fault::CrashServer),
            10 => Some(Fault::RemoveFirst),
            _ => None,
        };
        let misses = matches!(fault, Some(Fault::Crash(_) | Fault::CrashAgent | Fault::Reset(_)));
        if let Some(fault) = fault {
            let soon = self.core.rng.u64(..600 * MS);
            self.core.after(soon, Ev::Fault(fault));
        }
        let mut gone_since = None;
        loop {
            self.run_until(self.core.now + LOOK)?;
            match self.remains(began, misses) {
                None => {
                    let since = *gone_since.get_or_insert(self.core.now);
                    if self.core.now - since >= CLOSED {
                        return Ok(());
                    }
                }
                Some(who) if self.core.now - began >= CLOSE_MAX => {
                    return Err(Broken {
                        rule: Rule::I7,
                        how: format!("everything was ended, and {who} is there"),
                    });
                }
                Some(_) => gone_since = None,
            }
        }
    }

    /// Who is there still.
    fn remains(&self, began: Micros, misses: bool) -> Option<String> {
        // Who dies as the last master, between its word to the others and its word to the agents, leaves these to whoever starts it: they
        // want their servers again then. So does one whose link to an agent breaks as it says it. It can't wait until agents have gone:
        // it may be the child of one that waits for it.
        if let Some((_, _, server)) =
            self.servers().find(|(_, life, _)| !misses || self.core.judge.is_born_before(*life, began))
        {
            return Some(format!("server {}", server.id));
        }
        let of_old = |proc: &&Proc| self.core.judge.is_born_before(proc.life, began);
        let mut masters = self.living_masters().filter(|(_, proc, _)| of_old(proc));
        if let Some((node, ..)) = masters.next() {
            return Some(format!("master {node}"));
        }
        let mut agents = self.procs.range(AGENTS..CLIENTS).map(|(node, _)| node);
        agents.next().filter(|_| !misses).map(|node| format!("agent {node}"))
    }
}
