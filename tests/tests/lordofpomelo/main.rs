//! What must be true of LordOfPomelo, played by scripted players on clusters of real processes: the acceptance scenarios of its
//! specification, by number in the files. `SCENARIO=travel` in the environment plays only those with the word in their names.

mod accounts;
mod belongings;
mod chat;
mod failures;
mod fighting;
mod load;
mod masters;
mod sessions;
mod sight;
mod skills;
mod tasks;
mod teams;
mod travel;
mod walking;

use anyhow::Result;
use serde_json::json;
use tests::{realm::Realm, scenarios};

/// How long an instance lives in which nobody is.
const INSTANCE_LIFE_MS: u64 = 6_000;

/// How often that is looked at.
const INSTANCE_INTERVAL_MS: u64 = 500;

#[tokio::test]
async fn players_play() -> Result<()> {
    let realm = Realm::start(|game| {
        let instances = json!({ "lifeTime": INSTANCE_LIFE_MS, "interval": INSTANCE_INTERVAL_MS });
        game.configure("instance.json", |file| *file = instances)
    })
    .await?;
    realm
        .play(scenarios![
            accounts::accounts_and_tokens_are_checked,
            accounts::a_hero_is_made_and_sees_its_scene,
            sight::two_players_see_each_other_come_walk_and_leave,
            sight::a_view_is_its_window_wherever_one_walks,
            walking::ways_that_no_client_shows_are_refused,
            walking::a_walker_is_told_where_it_is_every_second,
            fighting::a_monster_is_killed_blow_by_blow_and_lifts_its_killer,
            fighting::a_monster_notices_chases_strikes_and_gives_up,
            fighting::the_dead_do_nothing_until_they_come_back,
            belongings::things_are_picked_up_until_the_bag_is_full,
            belongings::things_are_eaten_worn_and_destroyed,
            belongings::a_full_bag_loses_nothing,
            skills::skills_are_learnt_and_raised_within_limits,
            skills::skills_cost_mana_and_time,
            travel::one_travels_through_all_scenes_and_back,
            travel::everybody_has_an_arena_of_its_own_until_it_is_over,
            travel::a_team_goes_into_the_cave_together,
            tasks::the_first_task_brings_its_reward,
            tasks::the_second_task_brings_its_reward,
            tasks::the_third_task_brings_its_reward,
            tasks::the_fourth_task_brings_its_reward,
            tasks::the_last_task_brings_its_reward,
            tasks::tasks_ask_for_their_level_and_order,
            teams::players_join_by_invitation_and_application,
            teams::members_travel_and_log_out,
            chat::a_line_is_heard_by_those_whom_it_is_for,
            chat::lines_are_harmless_and_few,
            sessions::who_signs_in_again_throws_itself_out,
            sessions::of_many_clients_of_a_user_one_stays,
        ])
        .await
}
