//! Servers of a test: two or more in one process, each with its links, which answer a few methods.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use bytes::Bytes;
use pomelo_protocol::ServerId;
use pomelo_rpc::{DialError, ErrorKind, Failure, Handled, Hello, Limits, Links, RpcError, Service};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::Instant;

pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// Addresses of the servers of one test.
#[derive(Clone, Default)]
pub(crate) struct Addresses(Arc<Mutex<HashMap<ServerId, String>>>);

impl Addresses {
    pub(crate) fn set(&self, server: &ServerId, addr: impl Into<String>) {
        self.0.lock().unwrap().insert(server.clone(), addr.into());
    }

    pub(crate) fn of(&self, node: &Node) -> String {
        self.0.lock().unwrap()[node.id()].clone()
    }

    pub(crate) fn node(&self, id: &str, limits: Limits) -> Arc<Node> {
        self.life(id, 1, limits)
    }

    /// A server that does not listen yet.
    pub(crate) fn life(&self, id: &str, incarnation: u64, limits: Limits) -> Arc<Node> {
        let addresses = self.0.clone();
        let resolve = Arc::new(move |server: &ServerId| addresses.lock().unwrap().get(server).cloned());
        let me = Hello { id: ServerId::new(id).unwrap(), incarnation };
        Arc::new_cyclic(|node: &Weak<Node>| Node {
            links: Links::new(me, resolve, Arc::new(Handlers(node.clone())), limits),
            seen: Mutex::default(),
            gate: Arc::new(Semaphore::new(0)),
            started: Arc::new(Semaphore::new(0)),
        })
    }
}

/// A server of a test, which answers its methods as [`Handlers`] says.
pub(crate) struct Node {
    pub(crate) links: Links,
    /// What came, in order.
    pub(crate) seen: Mutex<Vec<String>>,
    /// `wait` calls end when they get a permit.
    pub(crate) gate: Arc<Semaphore>,
    /// A permit for each of those that has started.
    pub(crate) started: Arc<Semaphore>,
}

impl Node {
    pub(crate) fn id(&self) -> &ServerId {
        &self.links.me().id
    }

    /// Listens on a free port until the returned sender is dropped.
    pub(crate) async fn listen(&self, addresses: &Addresses) -> oneshot::Sender<()> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        addresses.set(self.id(), listener.local_addr().unwrap().to_string());
        let (stop, stopped) = oneshot::channel::<()>();
        let links = self.links.clone();
        tokio::spawn(async move { links.serve(listener, async { drop(stopped.await) }).await });
        stop
    }

    pub(crate) async fn call(&self, to: &Node, method: &str, body: &str) -> Result<String, RpcError> {
        let answer = self.links.call(to.id(), method, body.to_owned().into(), DEADLINE).await?;
        Ok(String::from_utf8(answer.into()).unwrap())
    }

    pub(crate) fn send(&self, to: &Node, method: &str, body: impl Into<String>) -> Result<(), RpcError> {
        self.links.send(to.id(), method, body.into().into())
    }

    pub(crate) fn notify(&self, to: &Node, method: &str, body: impl Into<String>) -> Result<(), RpcError> {
        self.links.notify(to.id(), method, body.into().into())
    }

    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

struct Handlers(Weak<Node>);

impl Service for Handlers {
    fn call(
        &self,
        from: &ServerId,
        method: &str,
        body: Bytes,
        _until: Option<Instant>,
    ) -> Handled<Result<Bytes, Failure>> {
        let (node, from, method) = (self.0.upgrade().unwrap(), from.clone(), method.to_owned());
        Handled::Later(Box::pin(async move {
            match method.as_str() {
                "echo" => Ok(body),
                "back" => {
                    let answer = node.links.call(&from, "echo", body, DEADLINE).await;
                    answer.map_err(|error| Failure::new(500, error.to_string()))
                }
                "push-then-answer" => {
                    let pushes: usize = std::str::from_utf8(&body).unwrap().parse().unwrap();
                    for n in 0..pushes {
                        node.links.send(&from, "note", n.to_string().into()).unwrap();
                    }
                    Ok("done".into())
                }
                "note" => {
                    node.seen.lock().unwrap().push(String::from_utf8(body.into()).unwrap());
                    Ok(Bytes::new())
                }
                "seen" => Ok(node.seen().len().to_string().into()),
                "wait" => {
                    node.started.add_permits(1);
                    node.gate.acquire().await.unwrap().forget();
                    Ok(body)
                }
                "large" => Ok(vec![0; std::str::from_utf8(&body).unwrap().parse().unwrap()].into()),
                "panic" => panic!("as the test asks"),
                other => Err(Failure::new(404, format!("no method {other}"))),
            }
        }))
    }

    fn one_way(&self, _from: &ServerId, method: &str, body: Bytes) {
        assert!(method != "panic", "as the test asks");
        let node = self.0.upgrade().unwrap();
        node.seen.lock().unwrap().push(String::from_utf8(body.into()).unwrap());
    }
}

pub(crate) async fn eventually(what: &str, condition: impl Fn() -> bool) {
    for _ in 0..2000 {
        if condition() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("not within 10 s: {what}");
}

/// Two servers, the first of which knows the address of the second.
pub(crate) async fn pair(limits: Limits) -> (Arc<Node>, Arc<Node>, oneshot::Sender<()>, Addresses) {
    let addresses = Addresses::default();
    let (caller, called) = (addresses.node("connector-1", limits.clone()), addresses.node("chat-1", limits));
    let serving = called.listen(&addresses).await;
    (caller, called, serving, addresses)
}

pub(crate) fn dial_error(error: &RpcError) -> &DialError {
    match &error.kind {
        ErrorKind::Dial(error) => error,
        other => panic!("not a failed dial: {other:?}"),
    }
}
