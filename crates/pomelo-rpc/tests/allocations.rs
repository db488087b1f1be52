//! What a call costs in allocations, counted. In a program of its own, because counting replaces the allocator.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::sync::Arc;
use std::time::Duration;

use allocation_counter::measure;
use bytes::Bytes;
use futures_util::future::join_all;
use pomelo_protocol::ServerId;
use pomelo_rpc::{Failure, Handled, Hello, Limits, Links, Service};
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::time::Instant;

/// Of this many calls. Both ends run in this thread and are counted together.
const CALLS: u64 = 2_000;

struct Echo;

impl Service for Echo {
    fn call(
        &self,
        _: &ServerId,
        method: &str,
        body: Bytes,
        _: Option<Instant>,
    ) -> Handled<Result<Bytes, Failure>> {
        match method {
            "at-once" => Handled::Done(Ok(body)),
            _ => Handled::Later(Box::pin(async move { Ok(body) })),
        }
    }

    fn one_way(&self, _: &ServerId, _: &str, _: Bytes) {}
}

fn links(id: &str, peer: Option<String>) -> Links {
    let hello = Hello { id: ServerId::new(id).unwrap(), incarnation: 1 };
    Links::new(hello, Arc::new(move |_| peer.clone()), Arc::new(Echo), Limits::default())
}

/// Allocations of [`CALLS`] calls, `in_flight` at once.
fn allocations(method: &'static str, in_flight: u64) -> u64 {
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    let (caller, _called) = runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap().to_string();
        let called = links("called", None);
        let serving = called.clone();
        tokio::spawn(async move { serving.serve(listener, std::future::pending()).await });
        (links("caller", Some(addr)), called)
    });
    let called = ServerId::new("called").unwrap();
    let body = Bytes::from_static(&[b'x'; 64]);
    let run = |calls: u64| {
        runtime.block_on(async {
            for _ in 0..calls / in_flight {
                let call = |_| caller.call(&called, method, body.clone(), Duration::from_secs(10));
                // Waiting for several together allocates once for all of them.
                assert!(join_all((0..in_flight).map(call)).await.iter().all(Result::is_ok));
            }
        });
    };
    run(2_000);
    measure(|| run(CALLS)).count_total
}

#[test]
fn a_link_allocates_nothing_for_a_call_of_its_own() {
    // One for the list of those that are waited for together, and what buffers take now and then.
    for in_flight in [1, 20] {
        let allocated = allocations("at-once", in_flight);
        let budget = 2 * CALLS / in_flight + CALLS / 20;
        assert!(allocated <= budget, "{allocated} for {CALLS} calls, {in_flight} at once");
    }
}

#[test]
fn a_call_that_is_handled_by_a_future_allocates_that_and_no_task() {
    let allocated = allocations("soon", 20);
    assert!(allocated <= CALLS + CALLS / 5, "{allocated} for {CALLS} calls");
}
