//! How time passes in an area, by how often.

use std::time::Duration;

use lordofpomelo_world::{Point, area::Farewell};
use tokio::time::sleep;

use super::Host;
use crate::area::tests::desert;

fn ticks(host: &Host) -> usize {
    host.lock().next_tick
}

#[tokio::test(start_paused = true)]
async fn time_passes_rarely_where_nobody_is_and_as_always_as_soon_as_somebody_comes() {
    let server = desert().await;
    let host = server.hosts.by_key("1").unwrap();
    sleep(Duration::from_secs(61)).await;
    assert_eq!(ticks(&host), 13);
    let zones = host.read(|area| area.map().zones.clone());
    let full = zones.iter().map(|zone| zone.number as usize).sum::<usize>();
    assert_eq!(host.read(|area| area.counts().mobs), full, "monsters wait for whoever comes");

    let (ann, id) = server.player("ann", Point::new(600.0, 250.0), server.desert()).await;
    server.enter(&ann).await.unwrap();
    // The database has a thread of its own, which knows nothing of the paused clock: meanwhile time has passed, too.
    let before = ticks(&host);
    sleep(Duration::from_secs(10)).await;
    assert!((99..=101).contains(&(ticks(&host) - before)), "{}", ticks(&host) - before);
    host.leave(id, Farewell::LoggedOut).unwrap();
    sleep(Duration::from_secs(1)).await;
    let before = ticks(&host);
    sleep(Duration::from_secs(10)).await;
    assert_eq!(ticks(&host) - before, 2, "every five seconds");
}
