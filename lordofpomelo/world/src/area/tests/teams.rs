//! What an area knows of teams.

use super::*;
use crate::ids::TeamId;
use crate::team::Join;

#[test]
fn team_mates_are_not_attacked() {
    let mut play = Play::empty();
    play.join(1, p(650.0, 400.0));
    let bob = play.join(2, p(700.0, 400.0));
    let team = |is_captain| Some(Membership { id: TeamId(4), is_captain, name: "t".into() });
    play.area.attack(PlayerId(1), bob).unwrap();
    play.area.set_team(PlayerId(1), team(true)).unwrap();
    play.area.set_team(PlayerId(2), team(false)).unwrap();
    play.ticks(20);
    assert_eq!(play.stats(bob).hp, 220, "not even if the attack came first");
    assert_eq!(play.area.attack(PlayerId(1), bob), Err(Refused::Team));
}

#[test]
fn team_mates_hear_of_changed_figures_five_times_a_second_and_of_the_last() {
    let mut play = Play::empty();
    let ann = play.join(1, p(650.0, 400.0));
    play.area
        .set_team(PlayerId(1), Some(Membership { id: TeamId(4), is_captain: true, name: "t".into() }))
        .unwrap();
    let mut told = Vec::new();
    for hp in 1..=21 {
        play.area.player_mut(ann).unwrap().hero.stats.hp = hp;
        play.area.team_info_changed(ann);
        play.ticks(1);
        told.extend(play.area.take_member_changes(play.now_ms).into_iter().map(|change| change.data.hp));
    }
    play.ticks(2);
    told.extend(play.area.take_member_changes(play.now_ms).into_iter().map(|change| change.data.hp));
    assert_eq!(told, [1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21]);
}

#[test]
fn nobody_joins_a_team_without_being_asked() {
    let mut play = Play::empty();
    let ann = play.join(1, p(650.0, 400.0));
    let bob = play.join(2, p(700.0, 400.0));
    let (captain, other, team) = (PlayerId(1), PlayerId(2), TeamId(4));
    assert_eq!(play.area.ask_team(captain, TeamAsk::Create, 0), Ok(()));
    let name: Arc<str> = "Dune Riders".into();
    play.area.set_team(captain, Some(Membership { id: team, is_captain: true, name })).unwrap();
    assert_eq!(play.area.ask_team(captain, TeamAsk::Create, 0), Err(Refused::Team));

    let answer = TeamAsk::AnswerInvitation(team, captain);
    assert_eq!(play.area.ask_team(other, answer, 0), Err(Refused::Team), "not asked");
    assert_eq!(play.area.ask_team(captain, TeamAsk::AnswerApplication(team, other), 0), Err(Refused::Team));
    assert_eq!(play.area.ask_team(captain, TeamAsk::Invite(team, other), 0), Ok(()));
    assert_eq!(play.area.ask_team(captain, TeamAsk::Invite(team, PlayerId(9)), 0), Err(Refused::Target));
    assert_eq!(play.area.ask_team(other, TeamAsk::Invite(team, captain), 0), Err(Refused::Team));
    play.area.invite(captain, team, other, 0);
    play.hear();
    let heard = play.heard(bob);
    assert!(
        matches!(heard.last(), Some(Push::InviteJoinTeam(asked)) if asked.id == captain && asked.team_id == team)
    );
    assert_eq!(play.area.ask_team(other, answer, 60_000), Err(Refused::Team), "too late");
    assert_eq!(play.area.ask_team(other, answer, 59_999), Ok(()));
    assert_eq!(play.area.ask_team(other, answer, 59_999), Err(Refused::Team), "answered once");
    play.area.invitation_failed(captain, Some(Join::NoRoom));
    play.area.invitation_failed(captain, None);
    play.hear();
    let replies = play.heard(ann).split_off(2);
    assert_eq!(replies, [Push::InviteJoinTeamReply(-1), Push::InviteJoinTeamReply(0)]);

    assert_eq!(play.area.ask_team(other, TeamAsk::Apply(team, captain), 0), Ok(()));
    play.area.apply(other, team, captain, 0);
    assert_eq!(play.area.ask_team(captain, TeamAsk::AnswerApplication(team, other), 1), Ok(()));
    assert_eq!(play.area.ask_team(captain, TeamAsk::Kick(team, captain), 1), Err(Refused::Team));
    assert_eq!(play.area.ask_team(other, TeamAsk::Disband(team), 1), Err(Refused::Team));
    assert_eq!(play.area.ask_team(captain, TeamAsk::Disband(TeamId(5)), 1), Err(Refused::Team));
}

#[test]
fn experience_is_shared_with_mates_nearby_only_if_switched_on() {
    for (share_experience, expected) in [(false, [10, 0, 0]), (true, [6, 4, 0])] {
        let rules = Rules { share_experience, ..Rules::default() };
        let mut play = Play::new(vec![zone_at(202, 1, p(450.0, 400.0))], Vec::new(), rules);
        for (id, x) in [(1, 400.0), (2, 600.0), (3, 1900.0)] {
            play.join(id, p(x, 400.0));
            let membership = Membership { id: TeamId(4), is_captain: id == 1, name: "t".into() };
            play.area.set_team(PlayerId(id), Some(membership)).unwrap();
        }
        play.ticks(1);
        let mob = play.mob();
        play.area.attack(PlayerId(1), mob).unwrap();
        play.until("the harpy is dead", |play| play.area.entities.get(mob).is_none());
        assert_eq!([1, 2, 3].map(|id| play.area.hero(PlayerId(id)).unwrap().experience), expected);
    }
}
