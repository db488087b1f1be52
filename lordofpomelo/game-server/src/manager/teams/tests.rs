//! Who is told what of teams. What may be done to a team is tested with the rules.

use std::time::Duration;

use lordofpomelo_world::{
    ids::{PlayerId, TeamId},
    team::{Member, MemberData},
};
use pomelo::{Peer, testing::Stage};
use serde::de::DeserializeOwned;
use tokio::time::advance;

use super::*;
use crate::messages::{chat::Scope, pushes::Said};

/// A manager.
struct Manager {
    stage: Stage,
    book: State<Book>,
}

impl Manager {
    fn new() -> Self {
        let stage = Stage::new("manager-server-1");
        for area in ["area-server-1", "area-server-2"] {
            stage.add_server(area, "area");
        }
        Self { stage, book: State::new(Book::new()) }
    }

    fn desk(&self) -> Desk {
        Desk { book: self.book.clone(), channels: self.stage.channels(), rpc: self.stage.rpc() }
    }

    /// A team of captain 1 and members 2 and 3.
    async fn trio(&self) -> TeamId {
        let new = NewTeam { name: "Dune Riders".into(), captain: member(1) };
        let created = create(self.desk(), new).await.unwrap();
        let team = created.team.unwrap();
        for id in [2, 3] {
            let new = NewMember { team, captain: PlayerId(1), member: member(id) };
            let joined = join(self.desk(), new).await.unwrap();
            assert_eq!((joined.result, joined.name.as_str()), (Join::Joined, "Dune Riders"));
        }
        team
    }

    /// To whom which messages were pushed, in order; users by number, as far as one frontend holds them.
    fn told<Msg: DeserializeOwned>(&self, push: Push<Msg>) -> Vec<(String, Vec<u32>, Msg)> {
        let number = |user: &UserId| user.as_str().parse().unwrap();
        let pushed = self.stage.pushed(push).into_iter();
        pushed.map(|p| (p.frontend.to_string(), p.users.iter().map(number).collect(), p.message)).collect()
    }

    /// Which area server was told of whom that it has no team.
    fn left(&self) -> Vec<(String, u32, Option<String>)> {
        let sent = self.stage.sent(LEAVE_TEAM).into_iter();
        sent.map(|(server, who)| (server.to_string(), who.player.0, who.instance)).collect()
    }
}

/// Player `id` of account `1000 + id`. The first is at a connector of its own.
fn member(id: u32) -> Member {
    Member {
        player_id: PlayerId(id),
        user_id: 1000 + id,
        server_id: if id == 1 { "connector-server-1" } else { "connector-server-2" }.into(),
        backend_server_id: "area-server-1".into(),
        player_info: MemberData {
            name: format!("p{id}").into(),
            kind_id: 210,
            hp: 10,
            mp: 5,
            max_hp: 10,
            max_mp: 5,
            level: 1,
            team_id: TeamId(0),
            is_captain: 0,
            instance_id: String::new(),
        },
    }
}

fn of(team: TeamId, player: u32) -> OfTeam {
    OfTeam { team, player: PlayerId(player) }
}

#[tokio::test]
async fn all_members_are_told_who_is_in_each_at_its_frontend() {
    let manager = Manager::new();
    manager.trio().await;
    let told: Vec<_> =
        manager.told(ON_UPDATE_TEAM).into_iter().map(|(f, to, all)| (f, to, all.len())).collect();
    let (one, two) = ("connector-server-1".to_owned(), "connector-server-2".to_owned());
    assert_eq!(
        told,
        [
            (one.clone(), vec![1001], 1),
            (one.clone(), vec![1001], 2),
            (two.clone(), vec![1002], 2),
            (one, vec![1001], 3),
            (two, vec![1002, 1003], 3),
        ]
    );
}

#[tokio::test]
async fn a_member_that_leaves_is_told_with_the_others_and_so_is_its_area_server() {
    let manager = Manager::new();
    let team = manager.trio().await;
    let mut moved = member(2);
    moved.backend_server_id = "area-server-2".into();
    moved.player_info.instance_id = "5_team1".into();
    assert!(update_member(manager.desk(), Update { team, member: moved }).await.unwrap());
    assert!(leave(manager.desk(), of(team, 2)).await.unwrap());
    assert!(!leave(manager.desk(), of(team, 2)).await.unwrap(), "it is out");
    let told: Vec<_> =
        manager.told(ON_TEAMMATE_LEAVE_TEAM).into_iter().map(|(_, to, who)| (to, who)).collect();
    let who = Player { player_id: PlayerId(2) };
    assert_eq!(told, [(vec![1001], who), (vec![1002, 1003], who)]);
    assert_eq!(manager.left(), [("area-server-2".to_owned(), 2, Some("5_team1".to_owned()))]);
    let (_, to, rest) = manager.told(ON_UPDATE_TEAM).pop().unwrap();
    assert_eq!((to, rest.len()), (vec![1003], 2));
}

#[tokio::test]
async fn the_end_of_a_team_is_told_to_all_members_and_their_area_servers() {
    for how in 0..3 {
        let manager = Manager::new();
        let team = manager.trio().await;
        let is_over = match how {
            0 => disband(manager.desk(), of(team, 1)).await.unwrap(),
            1 => leave(manager.desk(), of(team, 1)).await.unwrap(),
            _ => {
                assert!(!disband(manager.desk(), of(team, 2)).await.unwrap(), "it is no captain");
                let info =
                    serde_json::json!({ "id": "area-server-1", "serverType": "area", "host": "127.0.0.1" });
                let peer = Peer(serde_json::from_value::<pomelo::ServerInfo>(info).unwrap().into());
                server_removed(manager.desk(), peer).await.is_ok()
            }
        };
        assert!(is_over);
        let everybody = [1, 2, 3].map(PlayerId).to_vec();
        let told: Vec<_> = manager.told(ON_DISBAND_TEAM).into_iter().map(|(_, to, who)| (to, who)).collect();
        assert_eq!(told, [(vec![1001], everybody.clone()), (vec![1002, 1003], everybody)], "{how}");
        assert_eq!(manager.left().iter().map(|left| left.1).collect::<Vec<_>>(), [1, 2, 3], "{how}");
        assert!(!leave(manager.desk(), of(team, 2)).await.unwrap());
    }
}

#[tokio::test]
async fn the_captain_throws_out_whom_it_wants_and_answers_come_also_for_teams_that_are_gone() {
    let manager = Manager::new();
    let team = manager.trio().await;
    let kick = |team, captain, kicked| {
        kick_out(manager.desk(), KickOut { team, captain: PlayerId(captain), kicked: PlayerId(kicked) })
    };
    assert!(!kick(team, 2, 3).await.unwrap());
    assert!(kick(team, 1, 3).await.unwrap());
    assert!(!kick(TeamId(99), 1, 3).await.unwrap());
    assert_eq!(manager.left(), [("area-server-1".to_owned(), 3, None)]);
}

/// The frontend of these accounts says that their last session ended.
async fn end(manager: &Manager, team: TeamId, frontend: &str, users: &[u32]) {
    let channels = manager.stage.channels();
    let (channel, frontend) = (channels.channel(&channel_of(team)), server_id(frontend).unwrap());
    let users: Vec<_> = users.iter().map(|user| UserId::from(user.to_string())).collect();
    for user in &users {
        channel.leave(user, &frontend);
    }
    let leavers = Leavers { channel: channel.name().to_owned(), frontend, users };
    gone(manager.desk(), leavers).await.unwrap();
}

/// Between two areas it is in no area's channel: no area server would say that it is gone.
#[tokio::test]
async fn whose_client_is_gone_leaves_its_team_wherever_it_was() {
    let manager = Manager::new();
    let team = manager.trio().await;
    let members = || {
        let mut members = manager.stage.channels().channel(&channel_of(team)).members();
        members.sort_unstable();
        members.iter().map(|user| user.as_str().parse().unwrap()).collect::<Vec<u32>>()
    };
    assert_eq!(members(), [1001, 1002, 1003]);
    end(&manager, team, "connector-server-2", &[1003]).await;
    let told: Vec<_> =
        manager.told(ON_TEAMMATE_LEAVE_TEAM).into_iter().map(|(_, to, who)| (to, who.player_id.0)).collect();
    assert_eq!(told[0], (vec![1001], 3));
    let (_, to, rest) = manager.told(ON_UPDATE_TEAM).pop().unwrap();
    assert_eq!((to, rest.len()), (vec![1002], 2));
    assert!(leave(manager.desk(), of(team, 2)).await.unwrap());
    assert_eq!(members(), [1001], "who leaves the team is not watched any more");
    end(&manager, team, "connector-server-1", &[1001]).await;
    assert!(!may_apply(manager.book.clone(), of(team, 4)).await.unwrap(), "a captain takes it along");
    assert!(members().is_empty());
}

#[tokio::test]
async fn who_is_there_again_at_another_connector_stays_in_its_team() {
    let manager = Manager::new();
    let team = manager.trio().await;
    let channel = manager.stage.channels().channel(&channel_of(team));
    channel.add(UserId::from("1003"), server_id("connector-server-1").unwrap()).unwrap();
    end(&manager, team, "connector-server-2", &[1003]).await;
    assert!(leave(manager.desk(), of(team, 3)).await.unwrap());
}

#[tokio::test]
async fn who_signs_in_is_in_no_team() {
    let manager = Manager::new();
    let team = manager.trio().await;
    for player in [3, 3, 4] {
        leave_any(manager.desk(), OfPlayer { player: PlayerId(player) }).await.unwrap();
    }
    assert!(!leave(manager.desk(), of(team, 3)).await.unwrap());
    assert!(leave(manager.desk(), of(team, 2)).await.unwrap());
}

#[tokio::test]
async fn a_full_team_takes_nobody_and_room_is_told_to_who_asks_before() {
    let manager = Manager::new();
    let team = manager.trio().await;
    let asked = || async {
        let may_apply = may_apply(manager.book.clone(), of(team, 4)).await.unwrap();
        (may_invite(manager.book.clone(), of(team, 1)).await.unwrap(), may_apply)
    };
    assert_eq!(asked().await, (false, false));
    let new = NewMember { team, captain: PlayerId(1), member: member(4) };
    assert_eq!(join(manager.desk(), new).await.unwrap().result, Join::NoRoom);
    leave(manager.desk(), of(team, 3)).await.unwrap();
    assert_eq!(asked().await, (true, true));
}

#[tokio::test]
async fn figures_of_a_member_are_told_to_all_but_not_those_of_somebody_else() {
    let manager = Manager::new();
    let team = manager.trio().await;
    let mut hurt = member(2);
    hurt.player_info.hp = 3;
    assert!(update_member(manager.desk(), Update { team, member: hurt }).await.unwrap());
    let (_, to, members) = manager.told(ON_UPDATE_TEAM).pop().unwrap();
    assert_eq!((to, members[&PlayerId(2)].hp, members[&PlayerId(3)].hp), (vec![1002, 1003], 3, 10));
    let before = manager.told(ON_UPDATE_TEAM).len();
    assert!(!update_member(manager.desk(), Update { team, member: member(4) }).await.unwrap());
    assert_eq!(manager.told(ON_UPDATE_TEAM).len(), before);
}

#[tokio::test]
async fn a_member_is_heard_by_its_team_and_nobody_else_is() {
    let manager = Manager::new();
    let team = manager.trio().await;
    let line = |player| {
        let said = Said {
            player_id: PlayerId(player),
            uid: 1000 + player,
            content: "to me!".into(),
            scope: Scope::Team,
            kind: 0,
            from: format!("p{player}"),
        };
        chat(manager.desk(), Chat { team, said })
    };
    assert!(line(2).await.unwrap());
    assert!(!line(4).await.unwrap());
    let heard: Vec<_> = manager.told(ON_CHAT).into_iter().map(|(_, to, said)| (to, said.from)).collect();
    assert_eq!(heard, [(vec![1001], "p2".to_owned()), (vec![1002, 1003], "p2".to_owned())]);
}

#[tokio::test(start_paused = true)]
async fn members_follow_their_captain_for_a_minute() {
    let manager = Manager::new();
    let team = manager.trio().await;
    let to_cave = |player| Drag { team, player: PlayerId(player), target: 5 };
    drag(manager.desk(), to_cave(2)).await.unwrap();
    assert!(manager.told(ON_DRAG_MEMBER).is_empty(), "it is no captain");
    drag(manager.desk(), to_cave(1)).await.unwrap();
    assert_eq!(manager.told(ON_DRAG_MEMBER)[0].2, DragTo { team_id: team, target: 5 });
    assert!(is_dragged(manager.book.clone(), to_cave(3)).await.unwrap());
    assert!(!is_dragged(manager.book.clone(), to_cave(4)).await.unwrap());
    advance(Duration::from_secs(61)).await;
    assert!(!is_dragged(manager.book.clone(), to_cave(3)).await.unwrap());
}
