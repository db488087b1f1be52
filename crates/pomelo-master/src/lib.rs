//! The control-plane process: registry, console, promotion.
//!
//! A [`Master`] accepts the admin protocol from servers, tools, agents and other masters, and stands for election among the
//! candidates. The one that leads keeps the versioned membership and tells everybody of changes; the others keep the same
//! links and follow it, so that each of them can take over at once. No client's message ever passes a master.
//!
//! * `registry`: which servers there are. `access`: who may register. Pure.
//! * `console`, `gather`, `documents`: what administrators ask, and the answers. Pure.
//! * `control`: all decisions, as a state machine: events and the time in, actions out. Pure.
//! * `errands`: the coordinator's store, and whether anybody listens at an address.
//! * `master`, `link`, `guarded`: sockets, timers, tasks.
//!
//! Not here: who is first in the queue ([`pomelo_cluster::coordinator`]) and what that means ([`pomelo_cluster::election`]);
//! spawning and killing processes, which is the agents' (`pomelo-cli`).

mod access;
mod console;
mod control;
mod cron_command;
mod documents;
mod errands;
mod gather;
mod guarded;
mod limits;
mod link;
mod master;
mod others;
mod process;
mod registry;
#[cfg(test)]
mod simulation;

pub use limits::Limits;
pub use master::{Master, MasterConfig, MasterError};
