//! Faults to be switched on: what the simulation must be able to see. Most are the original's; each says how the fault, in the list
//! of the design (E: election, F: following, G: what masters do), maps to this system's parts. The others are faults that a system
//! like this one could have where the original has nothing (W: wishes of administrators, A: agents, S: ending everything,
//! M: what machines remember).

/// One fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Flaw {
    /// E1: numbers in the queue are compared as text, so that 10 comes before 9. Here: the recipe ranks them so.
    E1TextOrder,
    /// E2: the node before was gone between the list and the watch: only a line in the log. Here: the recipe does not look again.
    E2GoneBeforeWatch,
    /// E3: nobody reacts to the end of the session. Here: the recipe says nothing of an expired session or a deleted node.
    E3SilentExpiry,
    /// E4: there is no way back from being master. Here: a master that led is told neither of its new role nor of higher epochs.
    E4NoDemotion,
    /// E5, at the store: the leader's node is written without a look at anything. Here: the store skips the check of the place
    /// and of the epoch's version.
    E5UnguardedStore,
    /// E5, at the receivers: commands carry no epoch. Here: a server carries out what its follower would refuse.
    E5FramesWithoutEpoch,
    /// E6: after an error in the first look there is a handler and no watch. Here: a look that fails with its connection is never
    /// made again.
    E6NoWatchAfterError,
    /// E7: a promotion that fails is a line in the log. Here: the election's retry is not carried out.
    E7PromotionNotRepeated,
    /// E8: a node whose creation was not answered is made again, and the first one blocks the queue. Here: the recipe does not
    /// look for a node of its own session.
    E8GhostNode,
    /// F1: closing the dead link throws, and the server never follows anybody again. Here: a server that lost a link is deaf.
    F1DeadLinkThrows,
    /// F2: a server whose first connection fails ends with code 0. Here: it ends when a dial fails.
    F2ExitUnlessReached,
    /// F3: servers read the master's address from their files, once. Here: they know the first candidate only.
    F3StaticAddress,
    /// F4: what changes between the reading and the watch is missed. Here: a server misses what comes while it is busy with the
    /// notification before.
    F4LostNotification,
    /// F5: when the leader's node is deleted, watching ends for ever. Here: a master whose link ended is never dialled again.
    F5NeverAgain,
    /// F6: a server's session expires and it is deaf from then on. Here: it does not dial again after a cut.
    F6DeafAfterCut,
    /// F7: pauses of 1, 2, 4 .. 60 s between attempts, the same for everybody.
    F7LongPauses,
    /// F8: servers only add to what they know. Here: a list that is told as a whole does not replace the one before.
    F8OnlyAdds,
    /// F9: each registration is told to everybody, and all register with a new master. Here: a new leader tells each member to
    /// each peer.
    F9EverythingToEverybody,
    /// G1: a lost link is a crashed server, also for a master that leads no more: it is killed and started again. Here: a master
    /// that ever led kills the process behind a link that broke.
    G1LostLinkIsCrash,
    /// G3: which servers an administrator has stopped is known to one master only. Here: a new leader finds nothing of what is to last.
    G3WishesForgotten,
    /// G4: what was in flight is sent again, and done again. Here: a server does not know the numbers of operations.
    G4NoDedupe,
    /// E16: a master that is started starts every server, whether or not it leads. Here: an agent starts its servers whenever a
    /// master comes, and asks nobody.
    E16StartsEverything,
    /// W1: a server that comes is not told of jobs that were added and addresses that are not let in.
    W1NewcomersNotTold,
    /// W2: a new leader does not know which operations were done or begun.
    W2OperationsForgotten,
    /// A1: servers end with the agent that has started them.
    A1EndsWithItsAgent,
    /// A2: an agent that is started again begins the lives that its former life was granted, and asks nobody.
    A2OldGrants,
    /// S1: an order to end everything that a dead master has left is carried out by whoever leads next, whenever that is. Here: clocks of
    /// masters that are started again are so far behind that they take themselves for having been there.
    S1ClockBehind,
    /// S2: a standby does not end with the others, and is promoted.
    S2StandbyStays,
    /// M1: a process writes what it knows for the next start, also where another one has written more.
    M1WritesWhatItKnows,
    /// M2: a list that was remembered with an epoch that can't be is believed.
    M2AbsurdBelieved,
}

impl Flaw {
    pub(super) const ALL: [Self; 30] = [
        Self::E1TextOrder,
        Self::E2GoneBeforeWatch,
        Self::E3SilentExpiry,
        Self::E4NoDemotion,
        Self::E5UnguardedStore,
        Self::E5FramesWithoutEpoch,
        Self::E6NoWatchAfterError,
        Self::E7PromotionNotRepeated,
        Self::E8GhostNode,
        Self::F1DeadLinkThrows,
        Self::F2ExitUnlessReached,
        Self::F3StaticAddress,
        Self::F4LostNotification,
        Self::F5NeverAgain,
        Self::F6DeafAfterCut,
        Self::F7LongPauses,
        Self::F8OnlyAdds,
        Self::F9EverythingToEverybody,
        Self::G1LostLinkIsCrash,
        Self::G3WishesForgotten,
        Self::G4NoDedupe,
        Self::E16StartsEverything,
        Self::W1NewcomersNotTold,
        Self::W2OperationsForgotten,
        Self::A1EndsWithItsAgent,
        Self::A2OldGrants,
        Self::S1ClockBehind,
        Self::S2StandbyStays,
        Self::M1WritesWhatItKnows,
        Self::M2AbsurdBelieved,
    ];
}
