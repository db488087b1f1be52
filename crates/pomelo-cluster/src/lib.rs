//! Who is there and who leads.
//!
//! * [`coordinator`]: where masters queue for leadership, embedded or ZooKeeper.

pub mod coordinator;
