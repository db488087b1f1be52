//! The path server: ways on the maps of all areas, for whoever has no map. Area servers of this game don't ask: each plans the ways of its
//! mobs and players on its own map, where it costs no message; the original's ask for every step of a mob. What stays is the service, with
//! the original's name and form, for other servers and tools.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use lordofpomelo_world::map::PathFinder;
use pomelo::{Result, Server, State};

use crate::{
    messages::remotes::{FIND_PATH, Path, PathEnds},
    resources::Resources,
};

/// The path server.
pub(crate) fn server(s: Server) -> Server {
    s.state_from(Resources::load).state_from(Ways::load).remote(FIND_PATH, find_path)
}

/// What finds ways, by area.
struct Ways(HashMap<u32, Mutex<PathFinder>>);

/// Why there is no way.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
enum NoWay {
    #[error("there is no area {0}")]
    NoArea(u32),
    #[error("there is no way between these points of area {0}")]
    NoPath(u32),
}

impl Ways {
    /// Reads all maps.
    async fn load(resources: State<Resources>) -> Result<Self> {
        let areas = resources.tables.area.iter().map(|row| row.id);
        let finder = |area| Ok((area, Mutex::new(PathFinder::new(resources.map(area)?.grid.clone()))));
        Ok(Self(areas.map(finder).collect::<Result<_>>()?))
    }
}

async fn find_path(ways: State<Ways>, PathEnds { area, start, end }: PathEnds) -> Result<Path> {
    let finder = ways.0.get(&area).ok_or(NoWay::NoArea(area))?;
    let found = finder.lock().unwrap_or_else(PoisonError::into_inner).find(start, end);
    let way = found.ok_or(NoWay::NoPath(area))?;
    Ok(Path { path: way.points, cost: way.cost })
}

#[cfg(test)]
mod tests {
    use lordofpomelo_world::Point;

    use super::*;
    use crate::testing::resources;

    async fn find(ways: &State<Ways>, area: u32, start: Point, end: Point) -> Result<Path> {
        find_path(ways.clone(), PathEnds { area, start, end }).await
    }

    async fn ways() -> State<Ways> {
        State::new(Ways::load(State::new(resources().await)).await.unwrap())
    }

    #[tokio::test]
    async fn every_area_has_ways_from_its_birth_zone_to_each_of_its_npcs() {
        let (resources, ways) = (resources().await, ways().await);
        for area in [1, 2, 3, 4, 5] {
            let map = resources.map(area).unwrap();
            let start = map.birth_point(&mut fastrand::Rng::with_seed(7));
            for npc in &map.npcs {
                let found = find(&ways, area, start, npc.at).await.unwrap();
                assert_eq!((found.path.first(), found.path.last()), (Some(&start), Some(&npc.at)), "{area}");
                assert!(found.cost >= start.distance(npc.at), "{area}");
            }
        }
    }

    #[tokio::test]
    async fn an_unknown_area_and_a_point_outside_are_errors() {
        let ways = ways().await;
        let (start, end) = (Point::new(400.0, 150.0), Point::new(-1.0, 150.0));
        let why = |found: Result<Path>| found.unwrap_err().to_string();
        assert_eq!(why(find(&ways, 6, start, start).await), "there is no area 6");
        for bad in [end, Point::new(f64::NAN, 0.0), Point::new(1e9, f64::INFINITY)] {
            assert!(why(find(&ways, 1, start, bad).await).starts_with("there is no way"));
            assert!(why(find(&ways, 1, bad, start).await).starts_with("there is no way"));
        }
    }
}
