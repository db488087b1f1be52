//! What the tests of both coordinators share: candidates in this process and in processes of their own.

use std::{process::Stdio, time::Duration};

use pomelo_cluster::{
    coordinator::{CandidateInfo, MasterAddr},
    elector::{Elector, Role},
};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

/// Ends a test that hangs. Nothing is expected to take a tenth of it.
const LIMIT: Duration = Duration::from_secs(40);

pub(crate) fn candidate(port: u16) -> CandidateInfo {
    let addr = MasterAddr { host: "127.0.0.1".into(), port };
    CandidateInfo { id: "master-server-1".parse().expect("a valid id"), addr, pid: std::process::id() }
}

/// Waits until the role is such.
pub(crate) async fn role(elector: &Elector, what: &str, such: impl Fn(&Role) -> bool) -> Role {
    let mut role = elector.role();
    let waited = timeout(LIMIT, role.wait_for(such)).await;
    match waited {
        Ok(role) => role.expect("the elector runs").clone(),
        Err(_) => panic!("waited in vain until the candidate {what}; it is {}", *elector.role().borrow()),
    }
}

/// Waits until it leads. Its epoch.
pub(crate) async fn active(elector: &Elector) -> u64 {
    role(elector, "leads", |role| role.authority().is_some()).await.authority().expect("it leads").epoch
}

pub(crate) async fn standby(elector: &Elector) {
    role(elector, "stands by", |role| matches!(role, Role::Standby { .. })).await;
}

pub(crate) async fn joining_because(elector: &Elector, why: &str) {
    let what = format!("says why it has not joined: {why}");
    role(elector, &what, |role| matches!(role, Role::Joining { why: Some(said) } if said.contains(why)))
        .await;
}

pub(crate) fn epoch(elector: &Elector) -> Option<u64> {
    elector.role().borrow().authority().map(|term| term.epoch)
}

/// `examples/candidate.rs` as a process, killed when this is dropped.
pub(crate) struct Process {
    pub(crate) child: Child,
    roles: Lines<BufReader<ChildStdout>>,
}

impl Process {
    pub(crate) fn start(args: &[&str]) -> Self {
        let test = std::env::current_exe().expect("a test knows its own file");
        let built = test.parent().and_then(|deps| deps.parent()).expect("tests are in deps/");
        let example = built.join("examples/candidate");
        assert!(example.exists(), "build it first: cargo build -p pomelo-cluster --example candidate");
        let mut child = Command::new(example)
            .args(args)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("it starts");
        let roles = BufReader::new(child.stdout.take().expect("it is piped")).lines();
        Self { child, roles }
    }

    /// Reads roles until one begins so.
    pub(crate) async fn becomes(&mut self, what: &str) -> String {
        let reading = async {
            while let Some(role) = self.roles.next_line().await.expect("its output is text") {
                if role.starts_with(what) {
                    return role;
                }
            }
            panic!("it ended before it became {what}");
        };
        timeout(LIMIT, reading).await.unwrap_or_else(|_| panic!("waited in vain until it became {what}"))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = self.child.id().and_then(|pid| Pid::from_raw(pid as i32)).expect("it runs");
        kill_process(pid, signal).expect("it can be signalled");
    }

    /// `kill -9`, and waits until the kernel has taken it away.
    pub(crate) async fn kill(mut self) {
        self.child.kill().await.expect("it can be killed");
    }
}
