//! When everything that was asked for runs, and what is missing until then.

use anyhow::Result;
use pomelo_cluster::{coordinator::MasterAddr, follow::LinkState};
use pomelo_protocol::{ServerId, admin::MasterRole};

use super::{Phase, Supervisor};
use crate::{say, style::Style};

impl Supervisor {
    /// Says once that everything of the plan runs, and lets go of the terminal if that was asked for.
    pub(super) fn check_ready(&mut self) -> Result<()> {
        if self.phase != Phase::Starting || self.agent.is_waiting() || !self.missing().is_empty() {
            return Ok(());
        }
        self.phase = Phase::Watching;
        let mut what: Vec<String> = self.masters.iter().map(|addr| self.describe(addr)).collect();
        if !self.wanted.is_empty() {
            what.push(format!("{} servers", self.wanted.len()));
        }
        let seconds = self.started.elapsed().as_secs_f64();
        let style = Style::for_stdout();
        say(style.green(format!("ready: {} in {seconds:.1} s", what.join(", "))));
        if !self.game.is_development() {
            say(format_args!("output goes to {}", self.game.logs().display()));
        }
        match self.detach.take() {
            Some(detach) => detach.finish(),
            None => Ok(()),
        }
    }

    /// What of the plan is not there yet, in words.
    pub(super) fn missing(&self) -> Vec<String> {
        let (view, links) = (self.follower.view(), self.follower.links());
        let (view, links) = (view.borrow(), links.borrow());
        let elected = |role| matches!(role, Some(MasterRole::Active | MasterRole::Standby));
        let masters = self.masters.iter().filter_map(|addr| match links.get(addr) {
            Some(link) if link.up && elected(link.role) => None,
            Some(LinkState { up: true, coordinator, .. }) => {
                Some(format!("master {addr} (it waits for its coordinator: {coordinator})"))
            }
            Some(LinkState { why: Some(why), .. }) => Some(format!("master {addr} ({why})")),
            _ => Some(format!("master {addr}")),
        });
        // The list may be a remembered one, with an earlier life of a server that was just started.
        let listed = |id: &&ServerId| {
            let life = self.agent.life(id);
            view.servers.get(*id).is_some_and(|info| life.is_none_or(|life| info.incarnation == Some(life)))
        };
        let servers = self.wanted.iter().filter(|id| !listed(id)).map(ToString::to_string);
        let leaderless = (self.follower.linked_leader().borrow().is_none() && !self.wanted.is_empty())
            .then(|| "an active master".to_owned());
        masters.chain(leaderless).chain(servers).collect()
    }

    fn describe(&self, addr: &MasterAddr) -> String {
        let links = self.follower.links();
        match links.borrow().get(addr).and_then(|link| link.role) {
            Some(role) => format!("{} master {addr}", role.as_str()),
            None => format!("master {addr}"),
        }
    }
}
