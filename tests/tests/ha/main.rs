//! Faults of masters, one after the other, on clusters of real processes; after each of them the claims of [`tests::trial`] hold.

mod drill;
mod freeze;
mod kill;
mod many;
mod masterless;
mod partition;
mod planned;
mod zookeeper;
