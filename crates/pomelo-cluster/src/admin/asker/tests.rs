//! Against masters that lead, lead no more, die and say nothing.

use std::sync::{Arc, Mutex};

use pomelo_protocol::admin::{
    AdminMessage, ClusterState, Envelope, Failure, Leader, MasterRole, Registered, Response, ViewStamp,
};
use serde_json::json;
use tokio::task::JoinHandle;

use super::*;
use crate::admin::{AdminListener, Link, LinkConfig};

const WITHIN: Duration = Duration::from_secs(20);

/// What a master does with a command.
#[derive(Clone)]
enum Does {
    /// Answers it.
    Answers,
    /// Ends the connection.
    Dies,
    /// Takes it, and nothing more is heard of it.
    Stops,
    /// Says so.
    Fails(Failure),
}

/// A master that hears commands.
struct Master {
    addr: MasterAddr,
    heard: Arc<Mutex<Vec<Value>>>,
    task: JoinHandle<()>,
}

impl Master {
    async fn new(role: MasterRole, epoch: u64, does: &[Does]) -> Self {
        let listener = AdminListener::bind("127.0.0.1", 0).await.unwrap();
        Self::on(listener, Some((role, epoch)), does)
    }

    fn on(listener: AdminListener, state: Option<(MasterRole, u64)>, does: &[Does]) -> Self {
        let at = listener.local_addr().unwrap();
        let addr = MasterAddr { host: at.ip().to_string(), port: at.port() };
        let heard = Arc::<Mutex<Vec<Value>>>::default();
        let told = Arc::clone(&heard);
        // The last one for ever.
        let does = does.to_vec();
        let task = tokio::spawn(async move {
            loop {
                let stream = listener.accept().await;
                let (told, does) = (Arc::clone(&told), does.clone());
                tokio::spawn(async move {
                    let mut link = Link::accept(stream, &LinkConfig::default()).await.unwrap();
                    link.registration().await.unwrap();
                    let cluster = state.map(|(role, epoch)| ClusterState {
                        role,
                        view: ViewStamp { epoch, rev: 1, digest: "00".into() },
                        leader: None,
                        coordinator: "test".into(),
                    });
                    link.sender().admit(Registered::ok(cluster)).unwrap();
                    while let Ok(AdminMessage::Client(Envelope::Request { req_id, body, .. })) =
                        link.recv().await
                    {
                        let n = told.lock().unwrap().len();
                        told.lock().unwrap().push(body["op"].clone());
                        let response = match &does[n.min(does.len() - 1)] {
                            Does::Answers => Response::ok(req_id, json!({ "op": body["op"] })),
                            Does::Fails(failure) => Response::failed(req_id, failure),
                            Does::Dies => return,
                            Does::Stops => std::future::pending().await,
                        };
                        link.send(&AdminMessage::Client(Envelope::Response(response))).unwrap();
                    }
                });
            }
        });
        Self { addr, heard, task }
    }

    fn heard(&self) -> Vec<Value> {
        self.heard.lock().unwrap().clone()
    }
}

fn asker(masters: &[&Master]) -> Asker {
    Asker::new(masters.iter().map(|master| master.addr.clone()), "admin", "admin")
}

fn stop() -> Value {
    json!({ "signal": "stop", "ids": ["chat-1"] })
}

#[tokio::test]
async fn a_command_is_asked_again_of_the_next_leader_under_the_same_number() {
    let first = Master::new(MasterRole::Active, 1, &[Does::Dies]).await;
    let next = Master::new(MasterRole::Active, 2, &[Does::Answers]).await;
    let mut asker = asker(&[&first]);
    asker.connect().await.unwrap();
    asker.masters.push(next.addr.clone());
    let answer = asker.mutate("__console__", stop(), WITHIN).await.unwrap();
    assert_eq!(first.heard(), next.heard());
    assert_eq!(next.heard(), [answer["op"].clone()]);
    assert!(answer["op"].is_string());

    let next = asker.mutate("__console__", stop(), WITHIN).await.unwrap();
    assert_ne!(next["op"], answer["op"], "another command has another number");
}

#[tokio::test]
async fn a_number_that_was_given_is_kept() {
    let master = Master::new(MasterRole::Active, 1, &[Does::Answers]).await;
    let body = json!({ "signal": "stop", "op": "mine" });
    assert_eq!(asker(&[&master]).mutate("__console__", body, WITHIN).await.unwrap()["op"], "mine");
}

#[tokio::test]
async fn a_master_that_can_not_yet_is_asked_again_and_one_that_will_not_is_believed() {
    let not_yet = Does::Fails(Failure::again("not yet"));
    let never = Does::Fails(Failure::new("no server chat-1"));
    let master = Master::new(MasterRole::Active, 1, &[not_yet.clone(), not_yet, Does::Answers, never]).await;
    let mut asker = asker(&[&master]);
    asker.mutate("__console__", stop(), WITHIN).await.unwrap();
    let heard = master.heard();
    assert_eq!((heard.len(), &heard[0], &heard[1]), (3, &heard[2], &heard[2]));
    let error = asker.mutate("__console__", stop(), WITHIN).await.unwrap_err();
    assert!(matches!(&error, AdminError::Answer { why, .. } if why.message == "no server chat-1"), "{error}");
    assert_eq!(master.heard().len(), 4);
}

#[tokio::test]
async fn a_leader_that_hands_over_names_the_next_one_which_need_not_be_known() {
    let next = Master::new(MasterRole::Active, 2, &[Does::Answers]).await;
    let leader = Some(Leader { host: next.addr.host.clone(), port: next.addr.port, epoch: 2 });
    let moved = Does::Fails(Failure { leader, ..Failure::new("moved") });
    let first = Master::new(MasterRole::Active, 1, &[moved]).await;
    asker(&[&first]).mutate("__console__", stop(), WITHIN).await.unwrap();
    assert_eq!(first.heard(), next.heard());
}

#[tokio::test]
async fn a_master_that_was_stopped_is_not_waited_for_when_another_one_leads() {
    let frozen = Master::new(MasterRole::Active, 1, &[Does::Stops]).await;
    let mut asker = asker(&[&frozen]);
    asker.connect().await.unwrap();
    let next = Master::new(MasterRole::Active, 2, &[Does::Answers]).await;
    asker.masters.push(next.addr.clone());
    asker.mutate("__console__", stop(), WITHIN).await.unwrap();
    assert_eq!(frozen.heard(), next.heard());
}

#[tokio::test]
async fn a_question_is_asked_again_as_well() {
    let first = Master::new(MasterRole::Active, 1, &[Does::Dies]).await;
    let next = Master::new(MasterRole::Active, 2, &[Does::Answers]).await;
    let mut asker = asker(&[&first]);
    asker.connect().await.unwrap();
    asker.masters.push(next.addr.clone());
    assert!(asker.ask("__console__", json!({ "signal": "list" })).await.is_ok());
}

#[tokio::test]
async fn a_master_of_the_original_is_asked_once() {
    let listener = AdminListener::bind("127.0.0.1", 0).await.unwrap();
    let master = Master::on(listener, None, &[Does::Dies]);
    let error = asker(&[&master]).mutate("__console__", stop(), WITHIN).await.unwrap_err();
    assert!(matches!(error, AdminError::Closed { .. }), "{error}");
    assert_eq!(master.heard().len(), 1);
}

#[tokio::test]
async fn nobody_is_waited_for_where_no_master_runs_and_somebody_where_none_leads() {
    let gone = Master::new(MasterRole::Active, 1, &[Does::Answers]).await;
    gone.task.abort();
    _ = gone.task.await;
    let mut asker = Asker::new([gone.addr], "admin", "admin");
    let error = asker.mutate("__console__", stop(), WITHIN).await.unwrap_err();
    assert!(matches!(error, AdminError::Connect { .. }), "{error}");

    let standby = Master::new(MasterRole::Standby, 1, &[Does::Answers]).await;
    let mut asker = Asker::new([standby.addr.clone()], "admin", "admin").wait(Duration::from_millis(300));
    let since = Instant::now();
    let error = asker.mutate("__console__", stop(), WITHIN).await.unwrap_err();
    assert!(matches!(error, AdminError::NoActive { .. }), "{error}");
    assert!(since.elapsed() >= Duration::from_millis(300), "it waited for a leader");
    assert!(standby.heard().is_empty());
}
