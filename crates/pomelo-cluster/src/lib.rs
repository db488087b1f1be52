//! Who is there and who leads.
//!
//! * [`admin`]: connections of the admin protocol, for servers, masters and tools.
//! * [`cidr`]: ranges of addresses, for who is not let in.
//! * [`config`]: the files of a game's `config/` folder, typed.
//! * [`membership`]: the versioned list of servers. [`memory`]: what of it is kept for the next start.
//! * [`follower`], [`follow`]: whom to believe, and the links to all masters; [`messages`]: what masters tell.
//! * [`coordinator`]: where masters queue for leadership, embedded or ZooKeeper.
//! * [`election`], [`elector`]: what a master makes of its place in that queue, and the task that drives it.
//! * [`suspicion`]: when a standby takes the leader's place away, and why.
//! * [`guardian`]: the parent of a master, which knows first when it is dead, and takes its place in the queue away.
//! * [`status`]: what `pomelo master status` shows, and the record of a failover.
//! * [`once`]: orders that come twice are done once.
//! * [`ops`]: numbers by which a command is done once, however often it is sent.

pub mod admin;
pub mod cidr;
pub mod config;
pub mod coordinator;
pub mod election;
pub mod elector;
pub mod follow;
pub mod follower;
pub mod guardian;
pub mod membership;
pub mod memory;
pub mod messages;
pub mod once;
pub mod ops;
pub mod status;
pub mod suspicion;
